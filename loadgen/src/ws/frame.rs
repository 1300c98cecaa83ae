//! WebSocket frames as bytes: reading a header, writing one, masking.

pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Nobody we measure sends more in one frame; a larger length is a broken stream, not a reason to wait.
pub const PAYLOAD_MAX: usize = 16 << 20;

/// The longest header: two bytes, eight of length, four of mask.
pub const HEADER_MAX: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub fin: bool,
    pub opcode: u8,
    pub mask: Option<[u8; 4]>,
    pub header_len: usize,
    pub payload_len: usize,
}

impl Header {
    pub fn frame_len(&self) -> usize {
        self.header_len + self.payload_len
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Reads the header at the start of `bytes`; `None` means that more bytes are needed.
#[inline]
pub fn read_header(bytes: &[u8]) -> Result<Option<Header>, TooLong> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let (length_len, payload_len) = match second & 0x7F {
        126 => match rest.first_chunk() {
            Some(length) => (2, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (8, usize::try_from(u64::from_be_bytes(*length)).map_err(|_| TooLong)?),
            None => return Ok(None),
        },
        short => (0, usize::from(short)),
    };
    if payload_len > PAYLOAD_MAX {
        return Err(TooLong);
    }
    let (mask, mask_len) = if second & MASKED == 0 {
        (None, 0)
    } else {
        match rest[length_len..].first_chunk::<4>() {
            Some(key) => (Some(*key), 4),
            None => return Ok(None),
        }
    };
    Ok(Some(Header {
        fin: first & FIN != 0,
        opcode: first & 0x0F,
        mask,
        header_len: 2 + length_len + mask_len,
        payload_len,
    }))
}

/// The lengths of an unfragmented, unmasked frame of this opcode with the header of a small message;
/// `None` for everything else, whole or not: ask [`read_header`].
#[inline]
pub fn read_plain_header(bytes: &[u8], opcode: u8) -> Option<(usize, usize)> {
    match bytes {
        [first, length @ 0..=125, ..] if *first == FIN | opcode => Some((2, usize::from(*length))),
        [first, 126, high, low, ..] if *first == FIN | opcode => {
            Some((4, usize::from(u16::from_be_bytes([*high, *low]))))
        }
        _ => None,
    }
}

/// Appends the header of an unfragmented frame.
pub fn write_header(out: &mut Vec<u8>, opcode: u8, payload_len: usize, mask: Option<[u8; 4]>) {
    let masked = if mask.is_some() { MASKED } else { 0 };
    out.push(FIN | opcode);
    if let Ok(short @ 0..=125) = u8::try_from(payload_len) {
        out.push(masked | short);
    } else if let Ok(medium) = u16::try_from(payload_len) {
        out.push(masked | 126);
        out.extend_from_slice(&medium.to_be_bytes());
    } else {
        out.push(masked | 127);
        out.extend_from_slice(&(payload_len as u64).to_be_bytes());
    }
    if let Some(key) = mask {
        out.extend_from_slice(&key);
    }
}

/// Appends a whole frame as a server sends it: unmasked.
pub fn write_plain(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    write_header(out, opcode, payload.len(), None);
    out.extend_from_slice(payload);
}

/// Appends a whole frame as a client must send it: masked.
pub fn write_masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8], key: [u8; 4]) {
    write_header(out, opcode, payload.len(), Some(key));
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key);
}

/// Masks or unmasks in place; `bytes` starts at the payload's first byte.
pub fn apply_mask(bytes: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let mut words = bytes.chunks_exact_mut(8);
    for word in &mut words {
        let mut value = [0u8; 8];
        value.copy_from_slice(word);
        word.copy_from_slice(&(u64::from_ne_bytes(value) ^ wide).to_ne_bytes());
    }
    for (byte, key) in words.into_remainder().iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_sizes_follow_the_three_length_forms() {
        for (payload_len, header_len) in [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let mut out = Vec::new();
                write_header(&mut out, BINARY, payload_len, mask);
                let expected = header_len + if mask.is_some() { 4 } else { 0 };
                assert_eq!(out.len(), expected, "payload of {payload_len}");
                let header = read_header(&out).unwrap().unwrap();
                let plain = (mask.is_none() && payload_len <= 65_535).then_some((header_len, payload_len));
                assert_eq!(read_plain_header(&out, BINARY), plain);
                assert_eq!(read_plain_header(&out, TEXT), None);
                assert_eq!(header, Header { fin: true, opcode: BINARY, mask, header_len: expected, payload_len });
                assert_eq!(header.frame_len(), expected + payload_len);
                for cut in 0..out.len() {
                    assert_eq!(read_header(&out[..cut]), Ok(None), "cut at {cut}");
                }
            }
        }
    }

    #[test]
    fn an_absurd_length_is_refused_on_the_header_alone() {
        let mut out = vec![FIN | BINARY, 127];
        out.extend_from_slice(&u64::MAX.to_be_bytes());
        assert_eq!(read_header(&out), Err(TooLong));
    }

    #[test]
    fn masking_agrees_with_the_byte_by_byte_definition_and_undoes_itself() {
        let key = [0xA1, 0x5C, 0x00, 0x7F];
        for len in 0..70usize {
            let plain: Vec<u8> = (0..len).map(|i| (i * 37) as u8).collect();
            let mut frame = Vec::new();
            write_masked(&mut frame, TEXT, &plain, key);
            let header = read_header(&frame).unwrap().unwrap();
            let body = &mut frame[header.header_len..];
            let expected: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
            assert_eq!(body, expected, "length {len}");
            apply_mask(body, key);
            assert_eq!(body, plain, "length {len}");
        }
    }

    #[test]
    fn the_example_of_rfc_6455_section_5_7_comes_out() {
        let mut out = Vec::new();
        write_masked(&mut out, TEXT, b"Hello", [0x37, 0xfa, 0x21, 0x3d]);
        assert_eq!(out, [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]);
        out.clear();
        write_plain(&mut out, TEXT, b"Hello");
        assert_eq!(out, [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
    }
}
