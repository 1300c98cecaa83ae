//! Several messages in each frame, with a byte between them.

use std::io;

use memchr::memchr;

use super::{Divide, Place, What, meaning, whole_frame};
use crate::ws::frame;

#[derive(Clone, Copy)]
pub struct Separated {
    /// Frames of another one are read off the fast path.
    pub opcode: u8,
    pub separator: u8,
}

impl Separated {
    /// The next part of a frame, all of which is there.
    #[inline]
    fn part(self, bytes: &[u8], Place { offset, rest }: Place) -> Option<(&[u8], Place)> {
        let frame = bytes.get(offset..offset + rest)?;
        match memchr(self.separator, frame) {
            Some(length) => Some((&frame[..length], Place { offset: offset + length + 1, rest: rest - length - 1 })),
            None => Some((frame, Place { offset: offset + rest, rest: 0 })),
        }
    }
}

impl Divide for Separated {
    type At = Place;

    #[inline(always)]
    fn plain(self, bytes: &[u8], at: Place) -> Option<(&[u8], Place)> {
        if at.rest > 0 {
            return self.part(bytes, at);
        }
        let (header_len, payload_len) = frame::read_plain_header(&bytes[at.offset..], self.opcode)?;
        self.part(bytes, Place { offset: at.offset + header_len, rest: payload_len })
    }

    fn any(self, bytes: &[u8], mut at: Place) -> io::Result<Option<(What<'_>, Place)>> {
        if at.rest == 0 {
            let Some((header, payload)) = whole_frame(bytes, at.offset)? else { return Ok(None) };
            match meaning(header, payload)? {
                What::Message(_) => at = Place { offset: at.offset + header.header_len, rest: header.payload_len },
                what @ (What::Ping(_) | What::Pong | What::Close(_)) => {
                    return Ok(Some((what, Place { offset: at.offset + header.frame_len(), rest: 0 })));
                }
            }
        }
        Ok(self.part(bytes, at).map(|(message, next)| (What::Message(message), next)))
    }
}
