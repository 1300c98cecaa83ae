//! NATS: lines, and deliveries that have their payload behind the line that tells its size.

use std::io;

use memchr::memchr;

use super::{Divide, Offset, What};
use crate::ws::frame::PAYLOAD_MAX;

/// No line is longer: INFO, which lists a cluster, is the longest.
const LINE_MAX: usize = 64 << 10;

#[derive(Clone, Copy)]
pub struct Nats;

impl Divide for Nats {
    type At = Offset;

    #[inline(always)]
    fn plain(self, bytes: &[u8], Offset(at): Offset) -> Option<(&[u8], Offset)> {
        let from = &bytes[at..];
        if !from.starts_with(b"MSG ") {
            return None;
        }
        // The line's own end comes first: a payload is never searched.
        let line = memchr(b'\n', from)? + 1;
        let whole = from.get(..line + size(&from[..line])? + 2)?;
        if !whole.ends_with(b"\r\n") {
            return None;
        }
        Some((whole, Offset(at + whole.len())))
    }

    fn any(self, bytes: &[u8], Offset(at): Offset) -> io::Result<Option<(What<'_>, Offset)>> {
        let from = &bytes[at..];
        let Some(line) = memchr(b'\n', &from[..from.len().min(LINE_MAX)]).map(|end| end + 1) else {
            return if from.len() < LINE_MAX { Ok(None) } else { Err(broken(from, "a line without an end")) };
        };
        let end = if from.starts_with(b"MSG") || from.starts_with(b"HMSG") {
            let size = size(&from[..line]).ok_or_else(|| broken(from, "a message without a size"))?;
            line + size + 2
        } else {
            line
        };
        let Some(whole) = from.get(..end) else { return Ok(None) };
        if !whole.ends_with(b"\r\n") {
            return Err(broken(from, "a message that does not end where it said"));
        }
        Ok(Some((What::Message(whole), Offset(at + end))))
    }
}

/// The size of the payload behind a line: its last word.
#[inline]
fn size(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n")?;
    let (mut size, mut scale) = (0, 1);
    for byte in line.iter().rev() {
        match byte {
            b'0'..=b'9' if scale <= PAYLOAD_MAX => {
                size += usize::from(byte - b'0') * scale;
                scale *= 10;
            }
            b' ' | b'\t' if scale > 1 && size <= PAYLOAD_MAX => return Some(size),
            _ => return None,
        }
    }
    None
}

fn broken(from: &[u8], what: &str) -> io::Error {
    let quoted = String::from_utf8_lossy(&from[..from.len().min(60)]).into_owned();
    io::Error::other(format!("{what}, at {quoted:?}"))
}
