//! Builds client frames, good and broken ones.

/// The mask of the vectors. None of its bytes is zero, so an unmasked payload never passes for a masked one.
pub const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

pub const CONTINUATION: u8 = 0x0;
pub const TEXT: u8 = 0x1;
pub const BINARY: u8 = 0x2;
pub const CLOSE: u8 = 0x8;
pub const PING: u8 = 0x9;
pub const PONG: u8 = 0xA;

pub const FIN: u8 = 0x80;

/// How the length is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Shortest,
    /// In the first length byte, cut to seven bits.
    Seven,
    Sixteen,
    SixtyFour,
}

/// A frame as a client would build it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    raw(first, payload.len() as u64, Form::Shortest, Some(MASK), payload)
}

/// A whole message in one frame.
pub fn message(opcode: u8, payload: &[u8]) -> Vec<u8> {
    frame(FIN | opcode, payload)
}

/// A close frame with a code and a reason.
pub fn close(code: u16, reason: &[u8]) -> Vec<u8> {
    message(CLOSE, &[&code.to_be_bytes(), reason].concat())
}

/// A frame in which everything may be wrong.
pub fn raw(first: u8, announced: u64, form: Form, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let bit = if mask.is_some() { 0x80 } else { 0 };
    let mut out = vec![first];
    let form = match (form, announced) {
        (Form::Shortest, 0..=125) => Form::Seven,
        (Form::Shortest, 126..=0xFFFF) => Form::Sixteen,
        (Form::Shortest, _) => Form::SixtyFour,
        (form, _) => form,
    };
    match form {
        Form::Shortest | Form::SixtyFour => {
            out.push(bit | 127);
            out.extend_from_slice(&announced.to_be_bytes());
        }
        Form::Sixteen => {
            out.push(bit | 126);
            out.extend_from_slice(&(announced as u16).to_be_bytes());
        }
        Form::Seven => out.push(bit | (announced as u8 & 0x7F)),
    }
    match mask {
        Some(mask) => {
            out.extend_from_slice(&mask);
            out.extend(payload.iter().enumerate().map(|(i, byte)| byte ^ mask[i % 4]));
        }
        None => out.extend_from_slice(payload),
    }
    out
}

/// The parts one after another.
pub fn join(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}
