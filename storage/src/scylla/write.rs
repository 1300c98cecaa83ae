//! One statement that changes something, as data: so it can be grouped, and kept until it is known to be done.
//!
//! Every one of them may run again: it says what is, and from when.

use super::statements::Verb;
use crate::record::Record;
use crate::table::{Table, place_key};
use crate::{Ordinal, Place, RoomKey, Seq};
use bytes::Bytes;
use scylla::value::CqlValue;

/// Seqs of one partition of records: with messages of a few hundred bytes it is a few MiB, and never too many.
pub const BUCKET: u64 = 4096;
/// Ordinals of one partition of marks, of which there is one in 64.
const MARK_BUCKET: u64 = 1 << 20;
/// Every so many messages, it is known where an ordinal stands.
pub const MARK: u64 = 64;
/// Partitions of each table's list of rooms.
pub const SCAN_PARTS: u8 = 16;

pub fn bucket(seq: Seq) -> u64 {
    seq.0 / BUCKET
}

pub fn mark_bucket(ordinal: Ordinal) -> u64 {
    ordinal / MARK_BUCKET
}

/// Of an epoch: the run, in seconds. Above them stands how often the room was removed and made anew. That does not count
/// as time: seqs go on over a removal, so what comes after it within one run is later all the same.
const RUN_BITS: u32 = 36;

/// The moment of a place, as the database orders what was written to one key: later places win, whoever writes them
/// and whenever. An epoch is a run, counted in seconds, so this reads as microseconds of nearly its own time.
pub fn moment(place: Place) -> i64 {
    let run = place.epoch.0 & ((1 << RUN_BITS) - 1);
    let moment = run.saturating_mul(1_000_000).saturating_add(place.seq.0);
    i64::try_from(moment).unwrap_or(i64::MAX).min(i64::MAX - 8)
}

/// The database's numbers have a sign: what is larger than they go is the largest of them, in bounds of reads. Nothing
/// of the kind is ever written.
pub fn number(n: u64) -> CqlValue {
    CqlValue::BigInt(i64::try_from(n).unwrap_or(i64::MAX))
}

pub fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

pub fn small(n: u8) -> CqlValue {
    CqlValue::TinyInt(i8::try_from(n).unwrap_or(i8::MAX))
}

pub fn blob(bytes: &[u8]) -> CqlValue {
    CqlValue::Blob(bytes.to_vec())
}

/// A room as the beginning of a partition key.
pub fn room_values(room: &RoomKey) -> Vec<CqlValue> {
    let text = |name: &str| CqlValue::Text(name.to_owned());
    vec![text(room.realm.as_str()), small(room.kind as u8), text(room.name.as_str())]
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub verb: Verb,
    /// USING TIMESTAMP.
    pub at: i64,
    /// In the order of the statement's columns, as many as the verb has.
    pub numbers: [u64; 5],
    pub key: Bytes,
    pub value: Bytes,
}

impl Write {
    pub fn new(verb: Verb, at: i64, numbers: &[u64]) -> Write {
        let mut all = [0; 5];
        all.iter_mut().zip(numbers).for_each(|(to, from)| *to = *from);
        Write { verb, at, numbers: all, key: Bytes::new(), value: Bytes::new() }
    }

    pub fn record(record: &Record, at: i64) -> Write {
        let (verb, mut value) = (if record.is_message() { Verb::PutMessage } else { Verb::PutChange }, Vec::new());
        record.encode(&mut value);
        let Place { epoch, seq } = record.place;
        Write { value: value.into(), ..Write::new(verb, at, &[bucket(seq), seq.0, epoch.0]) }
    }

    pub fn duplicate(verb: Verb, record: &Record, key: &Bytes) -> Write {
        let Place { epoch, seq } = record.place;
        let numbers = [seq.0, epoch.0, record.ordinal().unwrap_or(0)];
        Write { key: key.clone(), ..Write::new(verb, moment(record.place), &numbers) }
    }

    pub fn expiring(verb: Verb, time: u64, place: Place, at: i64) -> Write {
        Write::new(verb, at, &[time, place.seq.0, place.epoch.0])
    }

    pub fn in_thread(root: Place, of: u64, place: Place) -> Write {
        let numbers = [root.epoch.0, root.seq.0, of, place.epoch.0, place.seq.0];
        Write::new(Verb::PutThread, moment(place), &numbers)
    }

    pub fn mark(ordinal: Ordinal, place: Place) -> Write {
        Write::new(Verb::PutMark, moment(place), &[mark_bucket(ordinal), ordinal, place.epoch.0, place.seq.0])
    }

    pub fn of_row(verb: Verb, table: Table, key: &[u8], value: Vec<u8>, at: i64) -> Write {
        let key = Bytes::copy_from_slice(key);
        Write { key, value: value.into(), ..Write::new(verb, at, &[u64::from(table as u8)]) }
    }

    /// Rows of one table whose messages lie from one place up to another, that one not included.
    pub fn drop_rows(table: Table, from: Place, to: Place, at: i64) -> Write {
        let (from, to) = (place_key(from).to_vec(), place_key(to).to_vec());
        let key = Bytes::from(from);
        Write { key, value: to.into(), ..Write::new(Verb::DropRows, at, &[u64::from(table as u8)]) }
    }

    /// An entry of a list of rooms, or of their rows; lists have the numbers of tables.
    pub fn list(list: u8, part: u8, key: &[u8], at: i64) -> Write {
        let key = Bytes::copy_from_slice(key);
        Write { key, ..Write::new(Verb::PutScan, at, &[u64::from(list), u64::from(part)]) }
    }

    pub fn unlist(list: u8, part: u8, key: &[u8], at: i64) -> Write {
        Write { verb: Verb::DropScan, ..Write::list(list, part, key, at) }
    }

    pub fn size(&self) -> usize {
        self.key.len() + self.value.len() + 128
    }

    /// What goes into the statement's marks, in order.
    pub fn values(&self, room: &RoomKey) -> Vec<CqlValue> {
        let [a, b, c, d, e] = self.numbers;
        let of_room = |rest: Vec<CqlValue>| room_values(room).into_iter().chain(rest).collect::<Vec<_>>();
        let tiny = |n: u64| small(u8::try_from(n).unwrap_or(u8::MAX));
        let at = CqlValue::BigInt(self.at);
        match self.verb {
            Verb::PutMessage | Verb::PutChange => of_room(vec![number(a), number(b), number(c), blob(&self.value), at]),
            Verb::PutDuplicate => of_room(vec![blob(&self.key), number(a), number(b), number(c), at]),
            Verb::PutThread => of_room(vec![number(a), number(b), number(c), number(d), number(e), at]),
            Verb::PutMark => of_room(vec![number(a), number(b), number(c), number(d), at]),
            Verb::PutExpiring => of_room(vec![number(a), number(b), number(c), at]),
            Verb::PutRow => of_room(vec![tiny(a), blob(&self.key), blob(&self.value), at]),
            Verb::PutScan => [tiny(a), tiny(b)].into_iter().chain(of_room(vec![blob(&self.key), at])).collect(),
            // Deletes have their moment first, as CQL has it.
            Verb::DropMessages | Verb::DropChanges | Verb::DropMarks => {
                [at].into_iter().chain(of_room(vec![number(a), number(b), number(c)])).collect()
            }
            Verb::DropDuplicate => {
                [at].into_iter().chain(of_room(vec![blob(&self.key), number(a), number(b)])).collect()
            }
            Verb::DropThread => {
                [at].into_iter().chain(of_room(vec![number(a), number(b), number(c), number(d)])).collect()
            }
            Verb::DropExpiring => [at].into_iter().chain(of_room(vec![number(a), number(b), number(c)])).collect(),
            Verb::DropRow => [at].into_iter().chain(of_room(vec![tiny(a), blob(&self.key)])).collect(),
            Verb::DropRows => {
                [at].into_iter().chain(of_room(vec![tiny(a), blob(&self.key), blob(&self.value)])).collect()
            }
            Verb::DropRoomRows => [at].into_iter().chain(room_values(room)).collect(),
            Verb::DropScan => [at, tiny(a), tiny(b)].into_iter().chain(of_room(vec![blob(&self.key)])).collect(),
        }
    }

    /// Writes of one room with the same answer go to the same partition. None: it has one of its own, or nearly.
    pub fn partition(&self) -> Option<(Verb, u64)> {
        match self.verb {
            Verb::PutMessage | Verb::PutChange | Verb::PutMark => Some((self.verb, self.numbers[0])),
            Verb::PutRow | Verb::DropRow | Verb::DropRows | Verb::DropRoomRows => Some((Verb::PutRow, 0)),
            Verb::PutExpiring | Verb::DropExpiring => Some((Verb::PutExpiring, 0)),
            Verb::PutDuplicate
            | Verb::PutThread
            | Verb::PutScan
            | Verb::DropMessages
            | Verb::DropChanges
            | Verb::DropDuplicate
            | Verb::DropThread
            | Verb::DropMarks
            | Verb::DropScan => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_places_have_later_moments() {
        let places = [(1, 1), (1, 2), (1, 999_999), (2, 3), (2, 5_000_000), (8, 1), ((1 << RUN_BITS) - 1, 4)];
        for pair in places.map(|(epoch, seq)| Place::new(epoch, seq)).windows(2) {
            assert!(moment(pair[0]) < moment(pair[1]), "{pair:?}");
        }
        // ScyllaDB takes nothing from more than three days ahead: an epoch of today with a thousand million events.
        let today = 1_800_000_000;
        let tomorrow = (today as i64 + 86_400) * 1_000_000;
        assert!(moment(Place::new(today, 1_000_000_000)) < tomorrow);
        // A room that was removed and made anew is not in the year 4147.
        let anew = Place::new((3 << RUN_BITS) | today, 1_000_001);
        assert!(moment(anew) < tomorrow && moment(anew) > moment(Place::new(today, 1_000_000)));
    }
}
