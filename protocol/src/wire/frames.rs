//! Outgoing frames: payloads with the header of their transport in front, appended to one growing buffer.

/// Bytes ready for the wire. A payload is written in place and its header is fitted around it, so nothing is copied
/// unless the payload is very short or very long.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Frames {
    bytes: Vec<u8>,
}

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// Header of a server frame of 126 to 65535 bytes: nearly every chat message. Others are fitted afterwards.
const USUAL_HEADER: usize = 4;

impl Frames {
    pub fn new() -> Frames {
        Frames::default()
    }

    pub fn with_capacity(bytes: usize) -> Frames {
        Frames { bytes: Vec::with_capacity(bytes) }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Bytes that are complete already.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.frame(TEXT, write);
    }

    pub fn binary(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.frame(BINARY, write);
    }

    pub fn ping(&mut self) {
        self.bytes.extend_from_slice(&[PING, 0]);
    }

    /// `payload` is at most 125 bytes, as the ping that it answers was.
    pub fn pong(&mut self, payload: &[u8]) {
        let payload = &payload[..payload.len().min(125)];
        self.bytes.extend_from_slice(&[PONG, payload.len() as u8]);
        self.bytes.extend_from_slice(payload);
    }

    /// A close frame; the reason is cut at a character boundary so that the frame stays within 125 bytes.
    pub fn close(&mut self, code: u16, reason: &str) {
        let mut end = reason.len().min(123);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        self.bytes.extend_from_slice(&[CLOSE, 2 + end as u8]);
        self.bytes.extend_from_slice(&code.to_be_bytes());
        self.bytes.extend_from_slice(&reason.as_bytes()[..end]);
    }

    /// The answer to a close frame that had no code.
    pub fn close_without_code(&mut self) {
        self.bytes.extend_from_slice(&[CLOSE, 0]);
    }

    fn frame(&mut self, first: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[first, 126, 0, 0]);
        write(&mut self.bytes);
        let payload = self.bytes.len() - at - USUAL_HEADER;
        match payload {
            0..=125 => {
                self.bytes.copy_within(at + USUAL_HEADER.., at + 2);
                self.bytes.truncate(at + 2 + payload);
                self.bytes[at + 1] = payload as u8;
            }
            126..=0xffff => self.bytes[at + 2..at + 4].copy_from_slice(&(payload as u16).to_be_bytes()),
            _ => {
                self.bytes.resize(self.bytes.len() + 6, 0);
                self.bytes.copy_within(at + USUAL_HEADER..at + USUAL_HEADER + payload, at + 10);
                self.bytes[at + 1] = 127;
                self.bytes[at + 2..at + 10].copy_from_slice(&(payload as u64).to_be_bytes());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_fit_every_size() {
        for (len, header) in [(0usize, 2usize), (1, 2), (125, 2), (126, 4), (65535, 4), (65536, 10), (70000, 10)] {
            let mut frames = Frames::new();
            frames.raw(b"before");
            let payload: Vec<u8> = (0..len).map(|i| i as u8).collect();
            frames.binary(|out| out.extend_from_slice(&payload));
            frames.text(|out| out.extend_from_slice(b"after"));
            let bytes = &frames.as_bytes()[6..];
            assert_eq!(bytes[0], 0x82);
            let told = match bytes[1] {
                126 => u64::from(u16::from_be_bytes([bytes[2], bytes[3]])),
                127 => u64::from_be_bytes(bytes[2..10].try_into().unwrap()),
                n => u64::from(n),
            };
            assert_eq!(told, len as u64);
            assert_eq!(&bytes[header..header + len], &payload[..]);
            assert_eq!(&bytes[header + len..], b"\x81\x05after");
        }
    }

    #[test]
    fn a_close_reason_is_cut_between_characters() {
        let mut frames = Frames::new();
        frames.close(4000, &"é".repeat(100));
        assert_eq!(frames.as_bytes()[1], 2 + 122);
        assert!(std::str::from_utf8(&frames.as_bytes()[4..]).is_ok());
    }
}
