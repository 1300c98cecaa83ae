//! Frames that the shell itself sends: pings, pongs, closes. Events and replies carry their own headers already.

use super::header::Opcode;

/// The most a control frame may carry (RFC 6455 section 5.5).
pub const CONTROL_MAX: usize = 125;

/// Appends the header of an unfragmented, unmasked frame.
pub fn head(out: &mut Vec<u8>, opcode: Opcode, length: usize) {
    out.push(0x80 | opcode.bits());
    match length {
        0..=125 => out.push(length as u8),
        126..=0xFFFF => {
            out.push(126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Appends a pong with a ping's payload, at most [`CONTROL_MAX`] bytes of it.
pub fn pong(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, Opcode::Pong, payload);
}

/// Appends a ping.
pub fn ping(out: &mut Vec<u8>, payload: &[u8]) {
    control(out, Opcode::Ping, payload);
}

/// Appends a close frame. The reason is cut at a character's end where it is longer than a control frame allows.
pub fn close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let reason = &reason[..reason.floor_char_boundary(CONTROL_MAX - 2)];
    head(out, Opcode::Close, 2 + reason.len());
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// Appends the answer to a client's close frame: its code without its reason, or nothing for nothing
/// (RFC 6455 section 5.5.1).
pub fn close_answer(out: &mut Vec<u8>, code: Option<u16>) {
    match code {
        Some(code) => close(out, code, ""),
        None => head(out, Opcode::Close, 0),
    }
}

fn control(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    head(out, opcode, payload.len());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(build: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        build(&mut out);
        out
    }

    #[test]
    fn heads_use_the_shortest_form() {
        for (length, want) in [
            (0, vec![0x82, 0]),
            (125, vec![0x82, 125]),
            (126, vec![0x82, 126, 0, 126]),
            (65_535, vec![0x82, 126, 0xFF, 0xFF]),
            (65_536, vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            assert_eq!(built(|out| head(out, Opcode::Binary, length)), want);
        }
    }

    #[test]
    fn control_frames_never_grow_past_their_limit() {
        assert_eq!(built(|out| pong(out, b"hi")), [0x8A, 2, b'h', b'i']);
        assert_eq!(built(|out| ping(out, &[7; 200])).len(), 2 + 125);
        assert_eq!(built(|out| close(out, 1002, "no")), [0x88, 4, 0x03, 0xEA, b'n', b'o']);
        let long = built(|out| close(out, 1002, &"é".repeat(100)));
        assert_eq!(long.len(), 2 + 2 + 122);
        assert!(std::str::from_utf8(&long[4..]).is_ok());
        assert_eq!(built(|out| close_answer(out, None)), [0x88, 0]);
        assert_eq!(built(|out| close_answer(out, Some(4000))), [0x88, 2, 0x0F, 0xA0]);
    }
}
