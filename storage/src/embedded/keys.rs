//! Keys of the embedded store. All but a few begin with the room, in the order of rooms; then come big-endian numbers.

use crate::table::{Table, place_key};
use crate::{Millis, Name, Ordinal, Place, RoomKey, RoomKind, Seq};

/// Ends a name: no name holds a control character.
const END: u8 = 0;
/// Before every key of a room: rooms begin with a character.
pub const OWN: u8 = 0;

/// Of the keyspace `index`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Index {
    /// Duplicate keys.
    Keys = 1,
    /// Messages of a thread.
    Threads = 2,
    /// Messages with an expiry that say something.
    Expiring = 3,
    /// Every 64th message.
    Marks = 4,
    /// The rows of a room that rests, in one value.
    Rest = 5,
}

impl Index {
    pub const ALL: [Index; 5] = [Index::Keys, Index::Threads, Index::Expiring, Index::Marks, Index::Rest];
}

/// A room as the beginning of keys. What begins with it belongs to that room alone.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RoomBytes(Vec<u8>);

impl RoomBytes {
    pub fn new(room: &RoomKey) -> RoomBytes {
        let (realm, name) = (room.realm.as_str().as_bytes(), room.name.as_str().as_bytes());
        let mut bytes = Vec::with_capacity(realm.len() + name.len() + 3);
        bytes.extend_from_slice(realm);
        bytes.extend_from_slice(&[END, room.kind as u8]);
        bytes.extend_from_slice(name);
        bytes.push(END);
        RoomBytes(bytes)
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Of a record, in `messages` and `changes`.
    pub fn seq(&self, seq: Seq) -> Vec<u8> {
        join(&[&self.0, &seq.0.to_be_bytes()])
    }

    /// Of a row, in `rows`.
    pub fn row(&self, table: Table, key: &[u8]) -> Vec<u8> {
        join(&[&[table as u8], &self.0, key])
    }

    pub fn index(&self, index: Index) -> Vec<u8> {
        join(&[&[index as u8], &self.0])
    }

    pub fn rest(&self) -> Vec<u8> {
        self.index(Index::Rest)
    }

    /// Of all records with this duplicate key.
    pub fn duplicates(&self, key: &[u8]) -> Vec<u8> {
        // A longer one is refused when it is written.
        let length = (key.len() as u64).to_be_bytes();
        join(&[&[Index::Keys as u8], &self.0, &length[6..], key])
    }

    pub fn duplicate(&self, key: &[u8], seq: Seq) -> Vec<u8> {
        join(&[&self.duplicates(key), &seq.0.to_be_bytes()])
    }

    /// Of all messages of a thread.
    pub fn thread(&self, root: Place) -> Vec<u8> {
        join(&[&[Index::Threads as u8], &self.0, &place_key(root)])
    }

    pub fn in_thread(&self, root: Place, number: u64) -> Vec<u8> {
        join(&[&self.thread(root), &number.to_be_bytes()])
    }

    pub fn expiring(&self, time: Millis, seq: Seq) -> Vec<u8> {
        join(&[&[Index::Expiring as u8], &self.0, &time.to_be_bytes(), &seq.0.to_be_bytes()])
    }

    pub fn mark(&self, ordinal: Ordinal) -> Vec<u8> {
        join(&[&[Index::Marks as u8], &self.0, &ordinal.to_be_bytes()])
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The room at the beginning of some bytes, and what follows it.
pub fn split_room(bytes: &[u8]) -> Option<(RoomKey, &[u8])> {
    let (realm, rest) = split_name(bytes)?;
    let (kind, rest) = rest.split_first()?;
    let (name, rest) = split_name(rest)?;
    Some((RoomKey { realm, kind: RoomKind::from_number(u64::from(*kind))?, name }, rest))
}

fn split_name(bytes: &[u8]) -> Option<(Name, &[u8])> {
    let end = bytes.iter().position(|b| *b == END)?;
    let name = Name::new(std::str::from_utf8(bytes.get(..end)?).ok()?).ok()?;
    Some((name, bytes.get(end + 1..)?))
}

/// The number that a key ends with.
pub fn last_number(key: &[u8]) -> Option<u64> {
    key.last_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// The first key above everything that begins so.
pub fn after_prefix(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(realm: &str, kind: RoomKind, name: &str) -> RoomKey {
        RoomKey { realm: Name::new(realm).unwrap(), kind, name: Name::new(name).unwrap() }
    }

    #[test]
    fn rooms_order_as_their_keys_do_and_lead_back() {
        let mut rooms = Vec::new();
        for realm in ["a", "aa", "a b", "b", "é", "\u{10ffff}"] {
            for kind in RoomKind::ALL {
                rooms.extend(["a", "aa", "!", "é", "\u{10ffff}"].map(|name| room(realm, kind, name)));
            }
        }
        for one in &rooms {
            let bytes = RoomBytes::new(one);
            assert_eq!(split_room(&bytes.seq(Seq(7))), Some((one.clone(), &7u64.to_be_bytes()[..])));
            for other in &rooms {
                let other_bytes = RoomBytes::new(other);
                assert_eq!(bytes.bytes().cmp(other_bytes.bytes()), one.cmp(other));
                assert_eq!(other_bytes.bytes().starts_with(bytes.bytes()), one == other);
            }
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_above_all_of_it() {
        assert_eq!(after_prefix(b"ab\0"), b"ab\x01");
        assert_eq!(after_prefix(b"a\xff\xff"), b"b");
        assert!(split_room(b"").is_none() && split_room(b"a\0\x09b\0").is_none() && split_room(b"a\0\0b").is_none());
    }
}
