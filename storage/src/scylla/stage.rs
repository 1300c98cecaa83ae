//! Gathers what batches do to one room, and commits it as one.
//!
//! First what nobody sees yet: records above the newest place, and what leads to them. Then the commit: one write of
//! where the room stands, with everything else that must follow from it as data. Then that is carried out; after a
//! crash, whoever reads the room first carries it out again.

use super::Inner;
use super::fetch::Room;
use super::pending;
use super::rooms::Standing;
use super::statements::Verb;
use super::write::{MARK, SCAN_PARTS, Write, moment};
use crate::ask::Position;
use crate::embedded::keys::RoomBytes;
use crate::meta::RoomMeta;
use crate::record::{Kind, Record, State};
use crate::sealed::seal_row;
use crate::settled::Fault;
use crate::table::Table;
use crate::{Place, RoomKey, Seq};
use bytes::Bytes;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Above this the stage is committed before more is added.
const FULL_BYTES: usize = 1024 * 1024;
const FULL_ITEMS: usize = 1024;

/// Rows are removed at a room's moment and written one later, so that a removal of a whole range spares them.
pub const PUT_AFTER: i64 = 1;
/// A room's next moment.
const STEP: i64 = 2;

pub struct Stage<'a> {
    inner: &'a Inner,
    pub key: &'a RoomKey,
    committed: Arc<Standing>,
    pub meta: RoomMeta,
    applied: Option<Position>,
    /// Records above the committed end, as they are by now.
    fresh: BTreeMap<Seq, Record>,
    /// Messages below it in their new form, each with its moment and the expiry that they were found by.
    rewritten: BTreeMap<Seq, (Record, i64, Option<u64>)>,
    rows: BTreeMap<(Table, Bytes), Option<Bytes>>,
    /// The next number of each thread that was written to.
    threads: HashMap<Place, u64, RandomState>,
    /// The batch took records away: what it puts in their place must not be seen before that.
    pub is_replacing: bool,
    late: Vec<Write>,
    bytes: usize,
}

impl<'a> Stage<'a> {
    pub fn new(inner: &'a Inner, key: &'a RoomKey, committed: Arc<Standing>) -> Stage<'a> {
        Stage {
            inner,
            key,
            meta: committed.meta.clone(),
            committed,
            applied: None,
            fresh: BTreeMap::new(),
            rewritten: BTreeMap::new(),
            rows: BTreeMap::new(),
            threads: HashMap::default(),
            is_replacing: false,
            late: Vec::new(),
            bytes: 0,
        }
    }

    /// The room as it is committed.
    pub fn room(&self) -> Room<'a> {
        Room { link: &self.inner.link, key: self.key, standing: self.committed.clone() }
    }

    pub fn applied(&self) -> Position {
        self.applied.unwrap_or_else(|| self.committed.applied(self.inner.journal))
    }

    pub fn set_applied(&mut self, position: Position) {
        self.applied = Some(position);
    }

    pub fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES || self.fresh.len() + self.rewritten.len() + self.rows.len() >= FULL_ITEMS
    }

    /// The moment of the commit that is being gathered.
    pub fn stamp(&self) -> i64 {
        self.inner.stamp().max(self.committed.stamp.saturating_add(STEP))
    }

    pub fn append(&mut self, record: Record) {
        self.bytes += record.cost();
        self.fresh.insert(record.place.seq, record);
    }

    /// The message at this place as it will be.
    pub async fn message(&self, place: Place) -> Result<Option<Record>, Fault> {
        let standing = self.fresh.get(&place.seq);
        let standing = standing.or_else(|| self.rewritten.get(&place.seq).map(|(record, _, _)| record));
        match standing {
            Some(record) => Ok(Some(record.clone()).filter(|record| record.place == place && record.is_message())),
            // Of what is dropped nothing is read.
            None if self.meta.place_at(place.seq) != place || place.seq <= self.meta.message_floor.seq => Ok(None),
            None => self.room().message(place).await,
        }
    }

    /// Puts a message in the place of its older self.
    pub fn replace(&mut self, old: &Record, message: Record, at: i64) {
        let (before, after) = (old.cost() as u64, message.cost() as u64);
        self.meta.bytes = self.meta.bytes.saturating_sub(before).saturating_add(after);
        self.bytes += message.cost();
        let seq = message.place.seq;
        if let Some(fresh) = self.fresh.get_mut(&seq) {
            *fresh = message;
            return;
        }
        let found_by = self.rewritten.get(&seq).map_or_else(|| old.expires(), |(_, _, expires)| *expires);
        self.rewritten.insert(seq, (message, at, found_by));
    }

    pub fn put_row(&mut self, table: Table, key: Bytes, value: Option<Bytes>) {
        if value.is_some() {
            self.meta.has_rows(table);
        }
        self.bytes += key.len() + value.as_ref().map_or(0, Bytes::len);
        self.rows.insert((table, key), value);
    }

    /// Removes rows of messages from one place up to another, that one not included; those of this stage come after.
    pub fn drop_rows(&mut self, from: Place, to: Place) {
        let at = self.stamp();
        let tables: Vec<Table> = self.meta.tables().filter(|table| table.of_message()).collect();
        self.late.extend(tables.into_iter().map(|table| Write::drop_rows(table, from, to, at)));
    }

    /// Removes every row. Those that starts look for are known by their keys, too.
    pub async fn clear_rows(&mut self) -> Result<(), Fault> {
        let at = self.stamp();
        for row in self.room().rows_of(Table::PendingEffects, None, usize::MAX).await? {
            let part = scan_part(self.key);
            self.late.push(Write::unlist(Table::PendingEffects as u8, part, &row.key, at));
        }
        self.late.push(Write::new(Verb::DropRoomRows, at, &[]));
        Ok(())
    }

    pub fn later(&mut self, write: Write) {
        self.late.push(write);
    }

    /// The number that the next message of a thread gets.
    async fn thread(&mut self, root: Place, end: Seq) -> Result<u64, Fault> {
        let next = match self.threads.get(&root) {
            Some(next) => *next,
            None => {
                // Those of messages that this stage drops do not count.
                let room = self.room();
                let mut from = u64::MAX;
                loop {
                    let last = room.thread(root, from, false, 64).await?;
                    match last.iter().find(|(_, place)| place.seq <= end) {
                        Some((number, _)) => break number.saturating_add(1),
                        None => match last.last() {
                            Some((number, _)) if *number > 1 => from = number - 1,
                            Some(_) | None => break 1,
                        },
                    }
                }
            }
        };
        self.threads.insert(root, next + 1);
        Ok(next)
    }

    /// The highest seq that is left of what is committed.
    fn kept_end(&self) -> Seq {
        let first = self.fresh.keys().next();
        let left = first.map_or(self.meta.newest.seq, |first| Seq(first.0.saturating_sub(1)));
        left.min(self.committed.meta.newest.seq)
    }

    fn is_empty(&self) -> bool {
        self.applied.is_none()
            && self.fresh.is_empty()
            && self.rewritten.is_empty()
            && self.rows.is_empty()
            && self.late.is_empty()
            && self.meta == self.committed.meta
    }

    /// Writes everything that was gathered, so that it is there as a whole or not at all.
    pub async fn commit(&mut self) -> Result<(), Fault> {
        if self.is_empty() {
            return Ok(());
        }
        let (stamp, end) = (self.stamp(), self.kept_end());
        let mut early = Vec::new();
        let mut late = std::mem::take(&mut self.late);
        for record in std::mem::take(&mut self.fresh).into_values() {
            self.put_fresh(&record, end, &mut early, &mut late).await?;
        }
        for (message, at, found_by) in std::mem::take(&mut self.rewritten).into_values() {
            if found_by != message.expires() {
                let place = message.place;
                let drop = found_by.map(|time| Write::expiring(Verb::DropExpiring, time, place, at));
                let put = message.expires().map(|time| Write::expiring(Verb::PutExpiring, time, place, at));
                late.extend(drop.into_iter().chain(put));
            }
            late.push(Write::record(&message, at));
        }
        if self.committed.stamp == 0 {
            early.push(Write::list(ALL_ROOMS, scan_part(self.key), &[], stamp));
        }
        self.put_rows(stamp, &mut early, &mut late);
        let mut standing = Standing { meta: self.meta.clone(), stamp, ..(*self.committed).clone() };
        if let Some(position) = self.applied.take() {
            standing.apply(self.inner.journal, position);
        }
        let link = &self.inner.link;
        link.write_all(self.key, &early).await?;
        self.inner.rooms.commit(link, self.key, &standing, pending::encode(&late)).await?;
        link.write_all(self.key, &late).await?;
        self.committed = Arc::new(standing);
        self.inner.rooms.keep(self.key, self.committed.clone());
        self.threads.clear();
        (self.is_replacing, self.bytes) = (false, 0);
        Ok(())
    }

    async fn put_fresh(
        &mut self,
        record: &Record,
        end: Seq,
        early: &mut Vec<Write>,
        late: &mut Vec<Write>,
    ) -> Result<(), Fault> {
        let place = record.place;
        let at = match record.kind {
            Kind::Message { version, .. } => moment(version).max(moment(place)),
            Kind::Change { .. } | Kind::Void => moment(place),
        };
        early.push(Write::record(record, at));
        if let Some(key) = &record.key {
            early.push(Write::duplicate(Verb::PutDuplicate, record, key));
        }
        if let Some(time) = record.expires() {
            early.push(Write::expiring(Verb::PutExpiring, time, place, at));
        }
        // These have keys that a dropped message may still be found by.
        let shared = if self.is_replacing { late } else { early };
        if let Some(ordinal) = record.ordinal().filter(|ordinal| ordinal.is_multiple_of(MARK)) {
            shared.push(Write::mark(ordinal, place));
        }
        if let Some(root) = record.thread() {
            let number = self.thread(root, end).await?;
            shared.push(Write::in_thread(root, number, place));
        }
        Ok(())
    }

    fn put_rows(&mut self, stamp: i64, early: &mut Vec<Write>, late: &mut Vec<Write>) {
        let (bytes, part) = (RoomBytes::new(self.key), scan_part(self.key));
        let at = stamp + PUT_AFTER;
        let known: Vec<Table> = self.committed.meta.tables().collect();
        let mut listed = Vec::new();
        for ((table, key), value) in std::mem::take(&mut self.rows) {
            let by_row = is_listed_by_row(table);
            match value {
                Some(value) => {
                    late.push(Write::of_row(Verb::PutRow, table, &key, seal_row(&bytes.row(table, &key), &value), at));
                    // A list may say too much, never too little.
                    if by_row {
                        early.push(Write::list(table as u8, part, &key, at));
                    } else if !known.contains(&table) && !listed.contains(&table) {
                        listed.push(table);
                        early.push(Write::list(table as u8, part, &[], at));
                    }
                }
                None => {
                    late.push(Write::of_row(Verb::DropRow, table, &key, Vec::new(), at));
                    if by_row {
                        late.push(Write::unlist(table as u8, part, &key, at));
                    }
                }
            }
        }
    }
}

/// The list of all rooms stands where that of a table would: no table has this number.
pub const ALL_ROOMS: u8 = 0;

/// Of most tables it is listed which rooms have rows. Of what a start looks for, which rows there are.
pub fn is_listed_by_row(table: Table) -> bool {
    table == Table::PendingEffects
}

pub fn scan_part(room: &RoomKey) -> u8 {
    (crc32c::crc32c(RoomBytes::new(room).bytes()) % u32::from(SCAN_PARTS)) as u8
}

/// The moment of a message that was emptied: nothing that was placed so far comes behind it.
pub fn last_moment(message: &Record, newest: Place) -> i64 {
    let version = match message.kind {
        Kind::Message { version, state: State::Present | State::Deleted | State::Expired, .. } => version,
        Kind::Change { .. } | Kind::Void => message.place,
    };
    moment(version).max(moment(newest)).saturating_add(1)
}
