//! One number for all that is kept of a room: two stores that keep the same say the same, whatever they are made of.
//!
//! It is the XXH3-128 (seed 0) of what follows, one behind the other. A number is eight bytes, little-endian; bytes are
//! their length as a number, then themselves; a place is its epoch and its seq.
//!
//! ```text
//! room      realm (bytes), kind (number), name (bytes)
//! stand     newest place, next ordinal, messages kept, the sealed epoch or 0
//! epochs    how many (number), each: epoch, first seq
//! records   in the order of seqs, each: 1, place, time, key (its length + 1 and itself; 0 for none), payload (bytes),
//!           then of a message: 1, ordinal, version, state, expiry + 1 or 0, thread or the place (0, 0);
//!           of a change: 2, what it touches (0 nothing, 1 marks, 2 rewrites), the message or the place (0, 0);
//!           of a void: 3
//! rows      in the order of tables and keys, each: 2, table (number), key (bytes), value (bytes)
//! end       3
//! ```
//!
//! What an index holds, and where retention has got to, are no part of it. Expiry is not applied: both sides trim first.

use crate::answer::RoomState;
use crate::batch::Row;
use crate::record::{Kind, Record, Touches};
use crate::settled::Fault;
use crate::walk::{self, Asker};
use crate::{Place, RoomKey};
use xxhash_rust::xxh3::Xxh3Default;

/// What is kept of a room, in one number, and how much that is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RoomSum {
    pub sum: u128,
    pub messages: u64,
    /// Voids included.
    pub changes: u64,
    pub rows: u64,
}

/// Sums up a room as it stands at the fence; above it there should be nothing, or the ordinal and the rows do not fit.
pub fn room_sum(ask: &mut Asker<'_>, room: &RoomKey, fence: Place) -> Result<RoomSum, Fault> {
    let state = walk::state(ask, room)?;
    let mut summing = Summing::begin(room, &state);
    walk::records(ask, room, &state, fence, &mut |record| {
        summing.record(&record);
        Ok::<_, Fault>(())
    })?;
    state.rows.iter().for_each(|row| summing.row(row));
    Ok(summing.end())
}

struct Summing {
    hash: Xxh3Default,
    done: RoomSum,
}

impl Summing {
    fn begin(room: &RoomKey, state: &RoomState) -> Summing {
        let mut summing = Summing { hash: Xxh3Default::new(), done: RoomSum::default() };
        summing.bytes(room.realm.as_str().as_bytes());
        summing.number(room.kind as u64);
        summing.bytes(room.name.as_str().as_bytes());
        summing.place(state.newest);
        summing.number(state.next_ordinal);
        summing.number(state.messages);
        summing.number(state.sealed.map_or(0, |epoch| epoch.0));
        summing.number(state.epochs.len() as u64);
        for (epoch, seq) in &state.epochs {
            summing.place(Place { epoch: *epoch, seq: *seq });
        }
        summing
    }

    fn number(&mut self, n: u64) {
        self.hash.update(&n.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.hash.update(bytes);
    }

    fn place(&mut self, place: Place) {
        self.number(place.epoch.0);
        self.number(place.seq.0);
    }

    fn record(&mut self, record: &Record) {
        self.number(1);
        self.place(record.place);
        self.number(record.time);
        match &record.key {
            Some(key) => {
                self.number(key.len() as u64 + 1);
                self.hash.update(key);
            }
            None => self.number(0),
        }
        self.bytes(&record.payload);
        match record.kind {
            Kind::Message { ordinal, version, state, expires, thread } => {
                self.number(1);
                self.number(ordinal);
                self.place(version);
                self.number(state as u64);
                self.number(expires.map_or(0, |time| time.saturating_add(1)));
                self.place(thread.unwrap_or(Place::START));
                self.done.messages += 1;
            }
            Kind::Change { touches } => {
                let (number, of) = match touches {
                    Touches::Nothing => (0, Place::START),
                    Touches::Marks(of) => (1, of),
                    Touches::Rewrites(of) => (2, of),
                };
                self.number(2);
                self.number(number);
                self.place(of);
                self.done.changes += 1;
            }
            Kind::Void => {
                self.number(3);
                self.done.changes += 1;
            }
        }
    }

    fn row(&mut self, row: &Row) {
        self.number(2);
        self.number(row.table as u64);
        self.bytes(&row.key);
        self.bytes(&row.value);
        self.done.rows += 1;
    }

    fn end(mut self) -> RoomSum {
        self.number(3);
        RoomSum { sum: self.hash.digest128(), ..self.done }
    }
}
