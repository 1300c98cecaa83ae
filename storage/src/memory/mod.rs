//! The model: a store in memory that keeps every promise but that of outliving the process. Nodes that forget run on
//! it, tests measure other engines by it.
//!
//! [`room`] holds one room's records and how a batch changes them, [`read`] and [`page`] its answers, [`retention`] what it lets go;
//! [`log`], [`keys`] and [`rows`] are what it is made of. [`budget`] bounds all rooms together, [`feed`] is the tail.

mod budget;
mod feed;
mod keys;
mod log;
mod page;
mod read;
mod retention;
mod room;
mod rows;
#[cfg(test)]
mod tests;

use crate::answer::{Completion, Failure, Outcome, Replay, RoomState, RoomsPage, Run, ScanPage, Trimmed};
use crate::ask::{Ask, Keep, PageAsk, ReplayAsk};
use crate::batch::Batch;
use crate::limits::{PAGE_RECORDS, SCAN_ROWS};
use crate::store::{Store, Ticket};
use crate::table::Table;
use crate::{AckLevel, Millis, Place, RoomKey};
use budget::Budget;
use bytes::Bytes;
use feed::Feed;
use foldhash::fast::FixedState;
use hashbrown::HashTable;
use room::Room;
use std::hash::BuildHasher;

/// The bounds of a memory store. What passes them lets go of the oldest records; rows and rooms are never let go of,
/// so batches that pass theirs are refused as full.
#[derive(Clone, Debug)]
pub struct MemoryOptions {
    /// Kept of every room without being asked to trim: at most so much, and up to 64 records less, because letting go
    /// of several at a time is cheaper. Ages are not looked at here: there is no clock.
    pub keep: Keep,
    /// Records of all rooms together, by [`crate::Record::cost`].
    pub record_bytes: usize,
    /// Rows of all rooms together, by [`crate::RowWrite::cost`].
    pub row_bytes: usize,
    /// Rooms, those included that were removed: the place of a removed one is remembered.
    pub rooms: usize,
    /// Batches kept for [`Ask::Tail`]; 0 keeps none and costs nothing.
    pub feed_bytes: usize,
    /// Makes hashes unforeseeable to those who choose names and keys.
    pub seed: u64,
}

impl Default for MemoryOptions {
    fn default() -> MemoryOptions {
        MemoryOptions {
            keep: Keep { messages: 65_536, changes: 65_536, bytes: 64 << 20, ..Keep::ALL },
            record_bytes: 1 << 30,
            row_bytes: 256 << 20,
            rooms: 1 << 20,
            feed_bytes: 0,
            seed: 0,
        }
    }
}

/// What a memory store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryStats {
    pub rooms: usize,
    pub record_bytes: usize,
    pub row_bytes: usize,
}

#[derive(Debug)]
pub struct Memory {
    options: MemoryOptions,
    /// What a room is trimmed to when it passes `options.keep`.
    trimmed_to: Keep,
    hasher: FixedState,
    rooms: Vec<Room>,
    /// Places in `rooms`, by key.
    index: HashTable<u32>,
    record_bytes: usize,
    row_bytes: usize,
    budget: Budget,
    feed: Feed,
    done: Vec<Completion>,
}

impl Memory {
    pub fn new(options: MemoryOptions) -> Memory {
        Memory {
            hasher: FixedState::with_seed(options.seed),
            feed: Feed::new(options.feed_bytes),
            trimmed_to: less(&options.keep),
            options,
            rooms: Vec::new(),
            index: HashTable::new(),
            record_bytes: 0,
            row_bytes: 0,
            budget: Budget::default(),
            done: Vec::new(),
        }
    }

    pub fn stats(&self) -> MemoryStats {
        MemoryStats { rooms: self.rooms.len(), record_bytes: self.record_bytes, row_bytes: self.row_bytes }
    }

    fn write(&mut self, batch: Batch) -> Result<(), Failure> {
        batch.check()?;
        let rows: usize = batch.rows.iter().filter(|row| row.value.is_some()).map(|row| row.cost()).sum();
        if self.row_bytes.saturating_add(rows) > self.options.row_bytes {
            return Err(Failure::Full);
        }
        let hash = self.hasher.hash_one(&batch.room);
        let id = match self.index.find(hash, |id| self.rooms[*id as usize].key == batch.room) {
            Some(id) => *id,
            None => self.create(hash, &batch)?,
        };
        let room = &mut self.rooms[id as usize];
        let plan = room.plan(&batch)?;

        let copy = self.feed.keeps().then(|| batch.clone());
        let (record_bytes, row_bytes) = (room.bytes, room.rows.bytes());
        let first = batch.events.first().map(|record| record.place.seq);
        let appended = batch.events.iter().map(|record| record.cost()).sum();
        room.apply(plan, batch, &self.hasher);
        if room.is_over(&self.options.keep) {
            room.trim(&self.trimmed_to, &self.hasher);
        }
        self.budget.settle(id, room, first, appended);
        self.record_bytes = self.record_bytes - record_bytes + room.bytes;
        self.row_bytes = self.row_bytes - row_bytes + room.rows.bytes();
        self.feed.commit(copy);
        self.evict();
        Ok(())
    }

    /// Makes room for a key that was never written, unless the batch would be refused anyway.
    fn create(&mut self, hash: u64, batch: &Batch) -> Result<u32, Failure> {
        let room = Room::new(batch.room.clone());
        room.plan(batch)?;
        let id = u32::try_from(self.rooms.len()).map_err(|_| Failure::Full)?;
        if self.rooms.len() >= self.options.rooms {
            return Err(Failure::Full);
        }
        self.rooms.push(room);
        let (rooms, hasher) = (&self.rooms, &self.hasher);
        self.index.insert_unique(hash, id, |id| hasher.hash_one(&rooms[*id as usize].key));
        Ok(id)
    }

    fn evict(&mut self) {
        while self.record_bytes > self.options.record_bytes {
            if !self.budget.evict(&mut self.rooms, &mut self.record_bytes, &self.hasher) {
                debug_assert!(false, "every record lies in a segment");
                break;
            }
        }
        self.budget.tidy(&self.rooms);
    }

    fn room(&self, key: &RoomKey) -> Option<&Room> {
        let hash = self.hasher.hash_one(key);
        let id = self.index.find(hash, |id| self.rooms[*id as usize].key == *key)?;
        self.rooms.get(*id as usize)
    }

    fn answer(&mut self, ask: Ask) -> Outcome {
        match ask {
            Ask::Load { room } => {
                Outcome::Loaded(Box::new(self.room(&room).map_or_else(RoomState::default, Room::state)))
            }
            Ask::Fetch { room, places, now } => {
                let room = self.room(&room);
                Outcome::Fetched(places.iter().map(|place| room?.fetch(*place, now)).collect())
            }
            Ask::Page(ask) => Outcome::Page(Box::new(self.page(&ask))),
            Ask::Replay(ask) => Outcome::Replay(Box::new(self.replay(&ask))),
            Ask::Count { room, after, fence } => {
                Outcome::Counted(self.room(&room).map_or(0, |room| room.count(after, fence)))
            }
            Ask::Lookup { room, key } => {
                Outcome::Found(self.room(&room).and_then(|room| room.lookup(&key, &self.hasher)))
            }
            Ask::Row { room, table, key } => {
                Outcome::Row(self.room(&room).and_then(|room| room.rows.get(table, &key).cloned()))
            }
            Ask::Expired { room, now, limit } => {
                let expired = self.room(&room).map(|room| room.expired(now, limit.min(PAGE_RECORDS)));
                Outcome::Expired(expired.unwrap_or_default())
            }
            Ask::Scan { table, after, limit } => Outcome::Scanned(Box::new(self.scan(table, after, limit))),
            Ask::Rest { .. } => Outcome::Rested(false),
            Ask::Rooms { after, limit } => Outcome::Rooms(Box::new(self.list(after, limit))),
            Ask::Tail { after, limit } => Outcome::Tail(Box::new(self.feed.tail(after, limit))),
            Ask::Trim { room, keep, now } => Outcome::Trimmed(self.trim(&room, &keep, now)),
        }
    }

    fn page(&self, ask: &PageAsk) -> crate::answer::Page {
        self.room(&ask.room).map(|room| room.page(ask)).unwrap_or_default()
    }

    fn replay(&self, ask: &ReplayAsk) -> Replay {
        let nothing = || Run {
            retract: (ask.after != Place::START).then_some(Place::START),
            items: Vec::new(),
            reached: Place::START,
            more: false,
        };
        self.room(&ask.room).map_or_else(|| Replay::Run(nothing()), |room| room.replay(ask))
    }

    fn trim(&mut self, key: &RoomKey, keep: &Keep, now: Millis) -> Trimmed {
        let hash = self.hasher.hash_one(key);
        let Some(id) = self.index.find(hash, |id| self.rooms[*id as usize].key == *key) else {
            return Trimmed::default();
        };
        let room = &mut self.rooms[*id as usize];
        let (record_bytes, row_bytes) = (room.bytes, room.rows.bytes());
        let expired = room.expire_all(now);
        let trimmed = Trimmed { expired, ..room.trim(keep, &self.hasher) };
        self.budget.settle(*id, room, None, 0);
        self.record_bytes = self.record_bytes - record_bytes + room.bytes;
        self.row_bytes = self.row_bytes - row_bytes + room.rows.bytes();
        trimmed
    }

    /// Looks at every room: this is asked when a node starts, and by nobody in a hurry.
    fn scan(&self, table: Table, after: Option<(RoomKey, Bytes)>, limit: usize) -> ScanPage {
        let limit = limit.min(SCAN_ROWS);
        let first = after.as_ref().map(|(room, _)| room);
        let mut rooms: Vec<&Room> =
            self.rooms.iter().filter(|room| first.is_none_or(|first| room.key >= *first)).collect();
        rooms.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let mut rows = rooms.into_iter().flat_map(|room| {
            let after = after.as_ref().filter(|(key, _)| *key == room.key).map(|(_, row)| &row[..]);
            room.rows.of_table(table, after).map(|row| (room.key.clone(), row))
        });
        let page = rows.by_ref().take(limit).collect();
        ScanPage { rows: page, more: rows.next().is_some() }
    }

    /// As a scan: looks at every room.
    fn list(&self, after: Option<RoomKey>, limit: usize) -> RoomsPage {
        let keys = self.rooms.iter().map(|room| &room.key);
        let mut keys: Vec<&RoomKey> = keys.filter(|key| after.as_ref().is_none_or(|after| *key > after)).collect();
        keys.sort_unstable();
        let limit = limit.min(SCAN_ROWS);
        let more = keys.len() > limit;
        RoomsPage { rooms: keys.into_iter().take(limit).cloned().collect(), more }
    }
}

/// A sixteenth less than is kept, and at most 64 records.
fn less(keep: &Keep) -> Keep {
    let fewer = |n: u64| n - (n / 16).min(64);
    let (messages, changes) = (fewer(keep.messages), fewer(keep.changes));
    Keep { messages, changes, bytes: keep.bytes - (keep.bytes / 16).min(64 * 1024), ..*keep }
}

impl Store for Memory {
    fn reach(&self) -> AckLevel {
        AckLevel::Accepted
    }

    fn window(&self) -> usize {
        usize::MAX
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let outcome = match self.write(batch) {
            Ok(()) => Outcome::Stored(AckLevel::Accepted),
            Err(failure) => Outcome::Failed(failure),
        };
        self.done.push(Completion { ticket, outcome });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        let outcome = self.answer(ask);
        self.done.push(Completion { ticket, outcome });
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        out.append(&mut self.done);
    }
}
