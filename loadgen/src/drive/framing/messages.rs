//! One message in each frame.

use std::io;

use super::{Divide, Piece, meaning, whole_frame};
use crate::ws::frame;

#[derive(Clone, Copy)]
pub struct Messages {
    /// Frames of another one are read off the fast path.
    pub opcode: u8,
}

impl Divide for Messages {
    #[inline]
    fn plain(self, bytes: &[u8], at: usize, _: usize) -> Option<(&[u8], usize, usize)> {
        let (header_len, payload_len) = frame::read_plain_header(&bytes[at..], self.opcode)?;
        let from = at + header_len;
        let payload = bytes.get(from..from + payload_len)?;
        Some((payload, from + payload_len, 0))
    }

    fn any(self, bytes: &[u8], at: usize, _: usize) -> io::Result<Option<Piece<'_>>> {
        let Some((header, payload)) = whole_frame(bytes, at)? else { return Ok(None) };
        Ok(Some(Piece { what: meaning(header, payload)?, end: at + header.frame_len(), rest: 0 }))
    }
}
