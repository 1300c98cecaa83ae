//! What every stored layout is made of: numbers, names, texts, places. Written to the end of a vector, read off the
//! front of a slice.

use rookery_protocol::ids::{Epoch, Name, Place, RoomKey, RoomKind, Seq};
use rookery_protocol::wire::varint;
use std::fmt;

/// The layout of values and payloads that is written.
pub const VERSION: u8 = 1;

/// Why a stored value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Its layout is newer than this program.
    Newer(u8),
    /// It says something impossible: written by a program with a fault.
    Impossible,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Newer(version) => write!(f, "layout {version} is newer than this program"),
            Unreadable::Impossible => f.write_str("it says something impossible"),
        }
    }
}

pub fn put_number(out: &mut Vec<u8>, n: u64) {
    varint::put(n, out);
}

pub fn put_place(out: &mut Vec<u8>, place: Place) {
    put_number(out, place.epoch.0);
    put_number(out, place.seq.0);
}

/// A name has 1 to 255 bytes: one byte says how many.
pub fn put_name(out: &mut Vec<u8>, name: &Name) {
    out.push(name.as_str().len() as u8);
    out.extend_from_slice(name.as_str().as_bytes());
}

pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub fn put_room(out: &mut Vec<u8>, room: &RoomKey) {
    put_name(out, &room.realm);
    out.push(room.kind as u8);
    put_name(out, &room.name);
}

/// Takes from the front. `None` is [`Unreadable::Impossible`].
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// Reads a whole value that begins with its version.
    pub fn value<T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Option<T>) -> Result<T, Unreadable> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => {
                let mut reader = Reader(rest);
                read(&mut reader).filter(|_| reader.0.is_empty()).ok_or(Unreadable::Impossible)
            }
            None | Some((0, _)) => Err(Unreadable::Impossible),
            Some((&newer, _)) => Err(Unreadable::Newer(newer)),
        }
    }

    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub fn number(&mut self) -> Option<u64> {
        let (n, taken) = varint::take(self.0).ok()?;
        self.0 = self.0.get(taken..)?;
        Some(n)
    }

    pub fn place(&mut self) -> Option<Place> {
        Some(Place { epoch: Epoch(self.number()?), seq: Seq(self.number()?) })
    }

    pub fn name(&mut self) -> Option<Name> {
        let count = self.byte()?;
        name_of(self.bytes(usize::from(count))?)
    }

    pub fn text(&mut self) -> Option<String> {
        let count = usize::try_from(self.number()?).ok()?;
        std::str::from_utf8(self.bytes(count)?).ok().map(str::to_owned)
    }

    pub fn room(&mut self) -> Option<RoomKey> {
        let realm = self.name()?;
        let kind = RoomKind::from_number(u64::from(self.byte()?))?;
        Some(RoomKey { realm, kind, name: self.name()? })
    }

    /// A list whose length stands before it. Nothing is reserved on its word.
    pub fn list<T>(&mut self, mut one: impl FnMut(&mut Reader<'a>) -> Option<T>) -> Option<Vec<T>> {
        let count = self.number()?;
        (0..count).map(|_| one(self)).collect()
    }
}

pub fn name_of(bytes: &[u8]) -> Option<Name> {
    Name::new(std::str::from_utf8(bytes).ok()?).ok()
}
