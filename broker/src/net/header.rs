//! The header of a client's frame, read and judged byte by byte as it arrives.
//!
//! ```text
//!  byte 0            byte 1            bytes 2..          then
//!  F R R R  opcode   M  length         length, longer     mask    payload
//!  1 1 1 1  4 bits   1  7 bits         0, 2 or 8 bytes    4       length bytes
//! ```
//!
//! fastwebsockets reads headers too, but keeps the mask private and lets through what a server must refuse (unmasked
//! frames, long control frames). So the guard reads the header first and hands on whole frames only.
//!
//! The rules are checked in the order of the bytes they need. So a broken frame is refused at its first wrong byte,
//! with the same verdict however the bytes were cut into reads.

use super::violation::Violation;

/// What a frame is (RFC 6455 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    const fn from_bits(bits: u8) -> Option<Opcode> {
        match bits {
            0x0 => Some(Opcode::Continuation),
            0x1 => Some(Opcode::Text),
            0x2 => Some(Opcode::Binary),
            0x8 => Some(Opcode::Close),
            0x9 => Some(Opcode::Ping),
            0xA => Some(Opcode::Pong),
            _ => None,
        }
    }

    pub(super) const fn bits(self) -> u8 {
        match self {
            Opcode::Continuation => 0x0,
            Opcode::Text => 0x1,
            Opcode::Binary => 0x2,
            Opcode::Close => 0x8,
            Opcode::Ping => 0x9,
            Opcode::Pong => 0xA,
        }
    }

    const fn is_control(self) -> bool {
        matches!(self, Opcode::Close | Opcode::Ping | Opcode::Pong)
    }
}

/// A header that kept all rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub fin: bool,
    pub opcode: Opcode,
    /// Bytes of the whole frame, header included.
    pub total: usize,
}

/// What the first bytes of a frame tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The header is not complete; this many bytes from the frame's start are needed to know more.
    Partial(usize),
    Header(Header),
}

/// What the header is judged against.
#[derive(Debug, Clone, Copy)]
pub struct Expect {
    /// A fragmented message is open.
    pub open: bool,
    /// Fragments that the open message may still have.
    pub fragments: u32,
    /// Payload bytes that the message may still have.
    pub bytes: usize,
}

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
const MASK_BYTES: usize = 4;
/// The most a control frame may carry (RFC 6455 section 5.5).
pub(super) const CONTROL_MAX: u8 = 125;

/// Reads as much of a header as `bytes` holds. `bytes` starts at the frame's start and may go on beyond it.
#[inline]
pub fn look(bytes: &[u8], expect: Expect) -> Result<Seen, Violation> {
    let Some(&first) = bytes.first() else {
        return Ok(Seen::Partial(2));
    };
    let (fin, opcode) = check_first(first, expect)?;

    let Some(&second) = bytes.get(1) else {
        return Ok(Seen::Partial(2));
    };
    // RFC 6455 section 5.1: a server MUST close the connection upon receiving a frame that is not masked.
    if second & MASKED == 0 {
        return Err(Violation::Unmasked);
    }
    let short = second & !MASKED;
    if opcode.is_control() && short > CONTROL_MAX {
        return Err(Violation::LongControl);
    }

    let (length, head) = match short {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (u64::from(u16::from_be_bytes([a, b])), 4),
            _ => return Ok(Seen::Partial(4)),
        },
        127 => match bytes.get(2..10) {
            Some(&[a, b, c, d, e, f, g, h]) => (u64::from_be_bytes([a, b, c, d, e, f, g, h]), 10),
            _ => return Ok(Seen::Partial(10)),
        },
        short => (u64::from(short), 2),
    };
    // Section 5.2: the shortest form MUST be used, and the highest bit of the 64-bit form is zero.
    let least = match head {
        4 => 126,
        10 => 1 << 16,
        _ => 0,
    };
    if length < least || length > i64::MAX as u64 {
        return Err(Violation::BadLength);
    }
    // Judged by what is announced, so nothing has to be received, let alone reserved, to be refused.
    let length = usize::try_from(length).map_err(|_| Violation::MessageTooBig)?;
    if !opcode.is_control() && length > expect.bytes {
        return Err(Violation::MessageTooBig);
    }
    Ok(Seen::Header(Header { fin, opcode, total: head + MASK_BYTES + length }))
}

/// The rules that need only the first byte.
#[inline]
fn check_first(first: u8, expect: Expect) -> Result<(bool, Opcode), Violation> {
    if first & RESERVED != 0 {
        return Err(Violation::ReservedBits);
    }
    let fin = first & FIN != 0;
    let opcode = Opcode::from_bits(first & 0x0F).ok_or(Violation::UnknownOpcode)?;
    match opcode {
        Opcode::Close | Opcode::Ping | Opcode::Pong if !fin => Err(Violation::FragmentedControl),
        Opcode::Close | Opcode::Ping | Opcode::Pong => Ok((fin, opcode)),
        Opcode::Continuation if !expect.open => Err(Violation::StrayContinuation),
        Opcode::Continuation if expect.fragments == 0 => Err(Violation::TooManyFragments),
        Opcode::Text | Opcode::Binary if expect.open => Err(Violation::InterruptedMessage),
        Opcode::Continuation | Opcode::Text | Opcode::Binary => Ok((fin, opcode)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: Expect = Expect { open: false, fragments: 4, bytes: 70_000 };
    const OPEN: Expect = Expect { open: true, ..CLOSED };

    fn header(fin: bool, opcode: Opcode, total: usize) -> Result<Seen, Violation> {
        Ok(Seen::Header(Header { fin, opcode, total }))
    }

    #[test]
    fn a_header_says_how_many_bytes_it_still_needs() {
        let long = [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4];
        for cut in 0..long.len() {
            let want = match cut {
                0 | 1 => Ok(Seen::Partial(2)),
                2..=9 => Ok(Seen::Partial(10)),
                _ => header(true, Opcode::Binary, 65_536 + 14),
            };
            assert_eq!(look(&long[..cut], CLOSED), want, "cut at {cut}");
        }
        assert_eq!(look(&[0x81, 0xFE, 0], CLOSED), Ok(Seen::Partial(4)));
        assert_eq!(look(&[0x81, 0x85], CLOSED), header(true, Opcode::Text, 11));
    }

    #[test]
    fn the_first_wrong_byte_decides() {
        // Reserved bit, unknown opcode, unmasked and too long at once: the first byte's first rule wins.
        assert_eq!(look(&[0xF3, 0x7F], CLOSED), Err(Violation::ReservedBits));
        assert_eq!(look(&[0x83], CLOSED), Err(Violation::UnknownOpcode));
        assert_eq!(look(&[0x09], CLOSED), Err(Violation::FragmentedControl));
        assert_eq!(look(&[0x80], CLOSED), Err(Violation::StrayContinuation));
        assert_eq!(look(&[0x81], OPEN), Err(Violation::InterruptedMessage));
        assert_eq!(look(&[0x00], Expect { fragments: 0, ..OPEN }), Err(Violation::TooManyFragments));
        assert_eq!(look(&[0x89, 0x7E], CLOSED), Err(Violation::Unmasked));
        assert_eq!(look(&[0x89, 0xFE], CLOSED), Err(Violation::LongControl));
    }

    #[test]
    fn lengths_must_be_shortest_and_within_the_limit() {
        assert_eq!(look(&[0x82, 0xFE, 0, 125], CLOSED), Err(Violation::BadLength));
        assert_eq!(look(&[0x82, 0xFE, 0, 126], CLOSED), header(true, Opcode::Binary, 126 + 8));
        let wide = |n: u64| [&[0x82, 0xFF][..], &n.to_be_bytes()].concat();
        assert_eq!(look(&wide(65_535), CLOSED), Err(Violation::BadLength));
        assert_eq!(look(&wide(1 << 63), CLOSED), Err(Violation::BadLength));
        assert_eq!(look(&wide(70_000), CLOSED), header(true, Opcode::Binary, 70_014));
        assert_eq!(look(&wide(70_001), CLOSED), Err(Violation::MessageTooBig));
        assert_eq!(look(&wide(i64::MAX as u64), CLOSED), Err(Violation::MessageTooBig));
    }

    #[test]
    fn a_control_frame_passes_whatever_the_message_limit_says() {
        let full = Expect { open: true, fragments: 0, bytes: 0 };
        assert_eq!(look(&[0x89, 0xFD], full), header(true, Opcode::Ping, 131));
    }
}
