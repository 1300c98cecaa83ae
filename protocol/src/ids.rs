//! Names, places and keys: the small values that the whole vocabulary is made of.

use compact_str::CompactString;
use std::fmt;

/// A checked name: 1 to 255 bytes of UTF-8 without control characters.
///
/// Realms, rooms and users are all named by it; up to 24 bytes are kept without an allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(CompactString);

/// Why a string is no [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    Empty,
    TooLong,
    ControlCharacter,
}

impl Name {
    pub const MAX_BYTES: usize = 255;

    pub fn new(text: &str) -> Result<Name, BadName> {
        if text.is_empty() {
            return Err(BadName::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(BadName::TooLong);
        }
        // Nearly all names need one pass over bytes; only others are decoded.
        let plain = text.bytes().fold(true, |plain, b| plain & matches!(b, b' '..=b'~'));
        if !plain && text.chars().any(char::is_control) {
            return Err(BadName::ControlCharacter);
        }
        Ok(Name(CompactString::new(text)))
    }

    /// For names written in our own source. Checked at compile time when used in a `const` context of literals.
    pub const fn literal(text: &'static str) -> Name {
        assert!(!text.is_empty() && text.len() <= Self::MAX_BYTES);
        Name(CompactString::const_new(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadName::Empty => "a name needs at least one byte",
            BadName::TooLong => "a name has at most 255 bytes",
            BadName::ControlCharacter => "a name has no control characters",
        })
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A world of names, identities, secret and policy.
pub type Realm = Name;
/// Who, within a realm.
pub type UserId = Name;

/// What kind of room a key names. It never comes from a client's string, so no name can reach an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RoomKind {
    /// An ordinary room.
    Room = 0,
    /// The room of two users; named by a number that the directory hands out.
    Direct = 1,
    /// One user's own room; named by the user.
    Inbox = 2,
    /// Presence of a realm or organisation.
    Lobby = 3,
    /// What must be unique or counted in a realm or organisation.
    Directory = 4,
}

impl RoomKind {
    pub const ALL: [RoomKind; 5] =
        [RoomKind::Room, RoomKind::Direct, RoomKind::Inbox, RoomKind::Lobby, RoomKind::Directory];

    pub fn from_number(n: u64) -> Option<RoomKind> {
        Self::ALL.into_iter().find(|k| *k as u64 == n)
    }

    pub const fn word(self) -> &'static str {
        match self {
            RoomKind::Room => "room",
            RoomKind::Direct => "direct",
            RoomKind::Inbox => "inbox",
            RoomKind::Lobby => "lobby",
            RoomKind::Directory => "directory",
        }
    }

    pub fn from_word(word: &str) -> Option<RoomKind> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }
}

/// The whole name of a room on this planet of nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey {
    pub realm: Realm,
    pub kind: RoomKind,
    pub name: Name,
}

/// The small integer that stands for a room on this node's wires while the node runs. Never given twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomHandle(pub u32);

/// The numbering that a room began in a run; it is the number of that run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// Number of an event in a room, from 1, without holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Where an event stands: never given twice. Ordered by epoch, then seq.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub epoch: Epoch,
    pub seq: Seq,
}

impl Place {
    /// Before the first event of a room.
    pub const START: Place = Place { epoch: Epoch(0), seq: Seq(0) };

    pub const fn new(epoch: u64, seq: u64) -> Place {
        Place { epoch: Epoch(epoch), seq: Seq(seq) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.epoch.0, self.seq.0)
    }
}

/// Number among the messages of a room, from 1; changes and voids have none.
pub type Ordinal = u64;

/// Unix time in milliseconds, from the node's wall clock. Never used to order anything.
pub type Millis = u64;

/// Any 16 bytes. Ours are made from the place; imported ones are kept as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub [u8; 16]);

/// The sender's own name for a message. Belongs to its principal: two users may use the same key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DuplicateKey {
    /// `n` rises with every new message of one sender instance in one room.
    Stream { stream: u64, n: u64 },
    /// Any 1 to 64 bytes; always looked up.
    Free(CompactString),
}

impl DuplicateKey {
    pub const FREE_MAX_BYTES: usize = 64;
}

/// What an ack says about the message's safety.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AckLevel {
    /// It has its place.
    Accepted = 0,
    /// An fdatasync of this node's journal returned.
    Local = 1,
    /// What the store promises.
    Durable = 2,
}

impl AckLevel {
    pub const ALL: [AckLevel; 3] = [AckLevel::Accepted, AckLevel::Local, AckLevel::Durable];

    pub const fn word(self) -> &'static str {
        match self {
            AckLevel::Accepted => "accepted",
            AckLevel::Local => "local",
            AckLevel::Durable => "durable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        assert_eq!(Name::new("").unwrap_err(), BadName::Empty);
        assert_eq!(Name::new(&"x".repeat(256)).unwrap_err(), BadName::TooLong);
        assert_eq!(Name::new("a\nb").unwrap_err(), BadName::ControlCharacter);
        assert_eq!(Name::new("a\u{85}b").unwrap_err(), BadName::ControlCharacter);
        assert_eq!(Name::new("Küche 🐦").unwrap().as_str(), "Küche 🐦");
        assert!(Name::new(&"x".repeat(255)).is_ok());
    }

    #[test]
    fn places_order_by_epoch_first() {
        assert!(Place::new(1, 9) < Place::new(2, 1));
        assert!(Place::new(2, 1) < Place::new(2, 2));
    }
}
