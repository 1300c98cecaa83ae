//! A client's end of a socket: bytes come in any portions, whole WebSocket messages come out.

/// What the server sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Binary(Vec<u8>),
    Ping,
    Close { code: u16, reason: String },
}

#[derive(Default)]
pub struct Socket {
    bytes: Vec<u8>,
}

impl Socket {
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame. What is not whole stays, or is lost with the connection.
    pub fn next(&mut self) -> Result<Option<Frame>, String> {
        let bytes = &self.bytes;
        let [first, second, ..] = bytes[..] else { return Ok(None) };
        if second & 0x80 != 0 {
            return Err("a server's frame is masked".to_owned());
        }
        let (header, len) = match second {
            126 if bytes.len() >= 4 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
            127 if bytes.len() >= 10 => {
                (10, u64::from_be_bytes(bytes[2..10].try_into().expect("eight bytes")) as usize)
            }
            126 | 127 => return Ok(None),
            len => (2, usize::from(len)),
        };
        if len > 1 << 20 {
            return Err(format!("a frame of {len} bytes"));
        }
        if bytes.len() < header + len {
            return Ok(None);
        }
        let payload: Vec<u8> = bytes[header..header + len].to_vec();
        self.bytes.drain(..header + len);
        let frame = match first {
            0x81 => Frame::Text(String::from_utf8(payload).map_err(|e| format!("a text frame: {e}"))?),
            0x82 => Frame::Binary(payload),
            0x89 => Frame::Ping,
            0x88 if len >= 2 => Frame::Close {
                code: u16::from_be_bytes([payload[0], payload[1]]),
                reason: String::from_utf8_lossy(&payload[2..]).into_owned(),
            },
            other => return Err(format!("a frame begins with {other:#x}")),
        };
        Ok(Some(frame))
    }

    /// Bytes of a frame that is not whole.
    pub fn rest(&self) -> usize {
        self.bytes.len()
    }
}
