//! The mark in every body: which room and which message, readable in any wire form that leaves ASCII letters alone.
//!
//! `lg-mark:` and sixteen letters `a`–`p`, four bits each: 16 bits of room, 48 of number.
//! The judge compares the sixteen letters with the ones it expects; only a mismatch is ever decoded.

pub const MAGIC: &[u8; 8] = b"lg-mark:";

/// The letters that follow the magic.
pub type Code = [u8; 16];

/// Shortest body that holds a mark.
pub const BODY_MIN: usize = MAGIC.len() + size_of::<Code>();

const NUMBER_BITS: u32 = 48;

/// Rooms that a mark can tell apart.
pub const ROOMS_MAX: u32 = 1 << (64 - NUMBER_BITS);

/// Which message of which room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub room: u16,
    pub number: u64,
}

impl Mark {
    pub fn encode(self) -> Code {
        let value = u64::from(self.room) << NUMBER_BITS | self.number & ((1 << NUMBER_BITS) - 1);
        std::array::from_fn(|i| b'a' + (value >> (60 - 4 * i) & 0xF) as u8)
    }

    pub fn decode(code: &Code) -> Option<Mark> {
        let value = code.iter().try_fold(0u64, |value, letter| match letter {
            b'a'..=b'p' => Some(value << 4 | u64::from(letter - b'a')),
            _ => None,
        })?;
        Some(Mark { room: (value >> NUMBER_BITS) as u16, number: value & ((1 << NUMBER_BITS) - 1) })
    }
}

/// Offset of the first mark's code at or behind `from`.
pub fn find(payload: &[u8], from: usize) -> Option<usize> {
    let at = payload.get(from..)?.windows(MAGIC.len()).position(|window| window == MAGIC)?;
    let code = from + at + MAGIC.len();
    (code + size_of::<Code>() <= payload.len()).then_some(code)
}

/// The mark of a body.
pub fn in_body(body: &[u8]) -> Option<Mark> {
    body.strip_prefix(MAGIC)?.first_chunk().and_then(Mark::decode)
}

/// A body of `len` bytes (at least [`BODY_MIN`]) whose mark is still to be filled in by [`stamp`].
pub fn template(len: usize) -> Vec<u8> {
    let mut body = MAGIC.to_vec();
    body.extend((0..len.saturating_sub(MAGIC.len())).map(|i| b"0123456789 abcdefghijklmnopqrstuvwxyz"[i % 37]));
    body
}

pub fn stamp(body: &mut [u8], code: &Code) {
    body[MAGIC.len()..BODY_MIN].copy_from_slice(code);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_survive_and_contain_nothing_that_json_escapes() {
        for mark in [
            Mark { room: 0, number: 0 },
            Mark { room: u16::MAX, number: (1 << 48) - 1 },
            Mark { room: 7, number: 123_456 },
        ] {
            let code = mark.encode();
            assert!(code.iter().all(u8::is_ascii_lowercase));
            assert_eq!(Mark::decode(&code), Some(mark));
        }
        assert_eq!(Mark::decode(b"aaaaaaaaaaaaaaaz"), None);
    }

    #[test]
    fn a_stamped_body_is_found_wherever_it_lies() {
        let mut body = template(128);
        assert_eq!(body.len(), 128);
        let mark = Mark { room: 3, number: 99 };
        stamp(&mut body, &mark.encode());
        let mut payload = b"{\"body\":\"".to_vec();
        payload.extend_from_slice(&body);
        let at = find(&payload, 0).unwrap();
        assert_eq!(payload[at..].first_chunk().and_then(Mark::decode), Some(mark));
        assert_eq!(find(&payload, at), None);
        assert_eq!(find(&payload[..at + 15], 0), None);
    }
}
