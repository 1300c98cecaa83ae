//! Several messages in each frame, with a byte between them.

use std::io;

use memchr::memchr;

use super::{Divide, Piece, What, meaning, whole_frame};
use crate::ws::frame;

#[derive(Clone, Copy)]
pub struct Separated {
    /// Frames of another one are read off the fast path.
    pub opcode: u8,
    pub separator: u8,
}

impl Separated {
    /// The next part of the `rest` bytes at `at`, all of which are there.
    #[inline]
    fn part(self, bytes: &[u8], at: usize, rest: usize) -> Option<(&[u8], usize, usize)> {
        let frame = bytes.get(at..at + rest)?;
        match memchr(self.separator, frame) {
            Some(length) => Some((&frame[..length], at + length + 1, rest - length - 1)),
            None => Some((frame, at + rest, 0)),
        }
    }
}

impl Divide for Separated {
    #[inline]
    fn plain(self, bytes: &[u8], at: usize, rest: usize) -> Option<(&[u8], usize, usize)> {
        if rest > 0 {
            return self.part(bytes, at, rest);
        }
        let (header_len, payload_len) = frame::read_plain_header(&bytes[at..], self.opcode)?;
        self.part(bytes, at + header_len, payload_len)
    }

    fn any(self, bytes: &[u8], at: usize, rest: usize) -> io::Result<Option<Piece<'_>>> {
        let (mut at, mut rest) = (at, rest);
        if rest == 0 {
            let Some((header, payload)) = whole_frame(bytes, at)? else { return Ok(None) };
            match meaning(header, payload)? {
                What::Message(_) => (at, rest) = (at + header.header_len, header.payload_len),
                what @ (What::Ping(_) | What::Pong | What::Close(_)) => {
                    return Ok(Some(Piece { what, end: at + header.frame_len(), rest: 0 }));
                }
            }
        }
        let part = self.part(bytes, at, rest);
        Ok(part.map(|(message, end, rest)| Piece { what: What::Message(message), end, rest }))
    }
}
