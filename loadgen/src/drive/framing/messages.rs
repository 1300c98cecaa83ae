//! One message in each frame.

use std::io;

use super::{Divide, Offset, What, meaning, whole_frame};
use crate::ws::frame;

#[derive(Clone, Copy)]
pub struct Messages {
    /// Frames of another one are read off the fast path.
    pub opcode: u8,
}

impl Divide for Messages {
    type At = Offset;

    #[inline(always)]
    fn plain(self, bytes: &[u8], Offset(at): Offset) -> Option<(&[u8], Offset)> {
        let (header_len, payload_len) = frame::read_plain_header(&bytes[at..], self.opcode)?;
        let from = at + header_len;
        let payload = bytes.get(from..from + payload_len)?;
        Some((payload, Offset(from + payload_len)))
    }

    fn any(self, bytes: &[u8], Offset(at): Offset) -> io::Result<Option<(What<'_>, Offset)>> {
        let Some((header, payload)) = whole_frame(bytes, at)? else { return Ok(None) };
        Ok(Some((meaning(header, payload)?, Offset(at + header.frame_len()))))
    }
}
