//! What holds for a command whatever encoding it came in: sizes, text where text is due, opaque JSON that is JSON.

use super::bad::Bad;
use super::scan::Scan;
use crate::command::Command;
use crate::ids::{BadName, DuplicateKey, Name};
use crate::limits;
use crate::message::BodyKind;

/// The largest integer on the wire (stream ids excepted): what JavaScript holds exactly.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

pub fn integer(n: u64) -> Result<u64, Bad> {
    if n <= MAX_INTEGER { Ok(n) } else { Err(not_an_integer()) }
}

#[cold]
pub fn not_an_integer() -> Bad {
    Bad::malformed("not an integer from 0 to 9007199254740991")
}

pub fn small(n: u64) -> Result<u32, Bad> {
    u32::try_from(n).map_err(|_| Bad::malformed("not an integer from 0 to 4294967295"))
}

pub fn name(text: &str) -> Result<Name, Bad> {
    Name::new(text).map_err(|bad| match bad {
        BadName::TooLong => Bad::too_large(Name::MAX_BYTES as u64, "bytes"),
        BadName::Empty | BadName::ControlCharacter => Bad::malformed(bad.to_string()),
    })
}

pub fn sized(text: &str, limit: u64) -> Result<&str, Bad> {
    if text.len() as u64 <= limit { Ok(text) } else { Err(Bad::too_large(limit, "bytes")) }
}

pub fn free_key(text: &str) -> Result<DuplicateKey, Bad> {
    if text.is_empty() {
        return Err(Bad::malformed("a key has at least one byte"));
    }
    let text = sized(text, DuplicateKey::FREE_MAX_BYTES as u64)?;
    Ok(DuplicateKey::Free(text.into()))
}

/// `kind` None: an edit that keeps the message's kind, which is one of the text kinds unless it says otherwise.
pub fn body(kind: Option<BodyKind>, body: &[u8]) -> Result<(), Bad> {
    if body.len() as u64 > limits::BODY_BYTES {
        return Err(Bad::too_large(limits::BODY_BYTES, "bytes"));
    }
    if kind.is_none_or(BodyKind::is_text) && std::str::from_utf8(body).is_err() {
        return Err(Bad::malformed("not UTF-8, and the kind is not `binary`"));
    }
    Ok(())
}

/// Opaque JSON: one value, small and flat enough. `null` is the same as nothing.
pub fn metadata(text: &str) -> Result<&str, Bad> {
    if text.is_empty() {
        return Ok(text);
    }
    sized(text, limits::METADATA_BYTES)?;
    // Two levels stand around it in a command: the array of a batch, and the command.
    let mut scan = Scan::new(text, limits::JSON_DEPTH as usize - 2);
    let value = scan.value().and_then(|value| scan.end().map(|()| value))?;
    Ok(if value == "null" { "" } else { value })
}

/// What one command's fields must be together.
pub fn command(command: &Command) -> Result<(), Bad> {
    // One reply per room: a list of none would get no reply at all.
    let silent = matches!(command, Command::Resume { token: None, rooms } | Command::Subscribe { rooms } if rooms.is_empty())
        || matches!(command, Command::Unsubscribe { rooms } | Command::Broadcast { rooms, .. } if rooms.is_empty());
    if silent { Err(Bad::malformed("is empty").at("rooms")) } else { Ok(()) }
}
