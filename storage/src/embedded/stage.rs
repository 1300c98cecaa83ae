//! Writes of one call, gathered until they are committed together: what was written is read back before that.

use super::archive::{Archive, Count};
use super::disk::Disk;
use super::keys::RoomBytes;
use super::marks;
use super::messages::{self, Found};
use super::runs::Run;
use super::space::Space;
use super::view::{View, open_record};
use crate::ask::Position;
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::sealed::number_value;
use crate::settled::Fault;
use crate::{Place, RoomKey};
use bytes::Bytes;
use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use std::sync::MutexGuard;

/// More than this is not held back: between two batches the stage is committed.
const FULL_BYTES: usize = 16 * 1024 * 1024;

type Writes = HashMap<Vec<u8>, Option<Bytes>, RandomState>;

pub struct Stage<'a> {
    disk: &'a Disk,
    view: View<'a>,
    writes: [Writes; 7],
    /// Rooms with runs among the writes, which are not looked for there.
    with_runs: HashSet<RoomBytes, RandomState>,
    /// How many runs more or fewer lie in a segment.
    segments: HashMap<u64, i64>,
    bytes: usize,
    /// Of what was applied since the last commit.
    highest: Position,
    metas: HashMap<RoomBytes, (RoomKey, RoomMeta), RandomState>,
    /// The next number of each thread that was written to.
    threads: HashMap<Vec<u8>, u64, RandomState>,
    /// The number of each thread's message that was dropped last.
    thread_ends: HashMap<Vec<u8>, u64, RandomState>,
    /// Whoever writes is alone with that.
    _alone: MutexGuard<'a, ()>,
}

impl<'a> Stage<'a> {
    pub fn new(disk: &'a Disk, alone: MutexGuard<'a, ()>) -> Stage<'a> {
        Stage {
            view: disk.view(),
            disk,
            writes: Default::default(),
            with_runs: HashSet::default(),
            segments: HashMap::new(),
            bytes: 0,
            highest: Position(0),
            metas: HashMap::default(),
            threads: HashMap::default(),
            thread_ends: HashMap::default(),
            _alone: alone,
        }
    }

    pub fn put(&mut self, space: Space, key: Vec<u8>, value: impl Into<Bytes>) {
        let value = value.into();
        self.bytes += key.len() + value.len() + 64;
        self.writes[space as usize].insert(key, Some(value));
    }

    pub fn remove(&mut self, space: Space, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.bytes += key.len() + 64;
        self.writes[space as usize].insert(key, None);
    }

    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        match self.writes[space as usize].get(key) {
            Some(written) => Ok(written.clone()),
            None => self.view.get(space, key),
        }
    }

    pub fn is_removed(&self, space: Space, key: &[u8]) -> bool {
        matches!(self.writes[space as usize].get(key), Some(None))
    }

    pub fn meta(&self, room: &RoomKey, bytes: &RoomBytes) -> Result<RoomMeta, Fault> {
        match self.metas.get(bytes) {
            Some((_, meta)) => Ok(meta.clone()),
            None => Ok(self.view.meta(room, bytes)?.unwrap_or_default()),
        }
    }

    /// A room has taken this position.
    pub fn reach(&mut self, position: Position) {
        self.highest = self.highest.max(position);
    }

    pub fn put_meta(&mut self, room: &RoomKey, bytes: &RoomBytes, meta: RoomMeta) {
        self.metas.insert(bytes.clone(), (room.clone(), meta));
    }

    pub fn put_record(&mut self, room: &RoomBytes, record: &Record) {
        let mut value = Vec::with_capacity(record.encoded_size());
        record.encode(&mut value);
        let space = if record.is_message() { Space::Messages } else { Space::Changes };
        self.put(space, room.seq(record.place.seq), value);
    }

    pub fn put_run(&mut self, room: &RoomBytes, run: &Run) {
        self.put(Space::Runs, room.seq(run.first), run.encode());
        *self.segments.entry(run.segment).or_default() += 1;
        self.with_runs.insert(room.clone());
    }

    pub fn remove_run(&mut self, room: &RoomBytes, run: &Run) {
        self.remove(Space::Runs, room.seq(run.first));
        *self.segments.entry(run.segment).or_default() -= 1;
    }

    /// Drops a message.
    pub fn remove_message(&mut self, room: &RoomBytes, found: &Found) {
        if found.is_single {
            self.remove(Space::Messages, room.seq(found.record.place.seq));
        }
    }

    /// Commits what was gathered if there is a run of this room among it. Between batches only: each is one commit.
    pub fn commit_runs(&mut self, room: &RoomBytes) -> Result<(), Fault> {
        if self.with_runs.contains(room) { self.commit() } else { Ok(()) }
    }

    /// The message at this place, as written last. Runs that are not committed are not looked into.
    pub fn message(
        &self,
        key: &RoomKey,
        room: &RoomBytes,
        meta: &RoomMeta,
        place: Place,
    ) -> Result<Option<Record>, Fault> {
        let at = room.seq(place.seq);
        if let Some(written) = self.writes[Space::Messages as usize].get(&at).filter(|_| messages::may_lie(meta, place))
        {
            return written.as_ref().map(|value| open_record(key, meta, &at, value)).transpose();
        }
        messages::message(&self.view, key, room, meta, place)
    }

    /// The number that the next message of a thread gets.
    pub fn thread(&mut self, room: &RoomBytes, root: Place) -> Result<u64, Fault> {
        let thread = room.thread(root);
        if let Some(next) = self.threads.get_mut(&thread) {
            *next += 1;
            return Ok(*next - 1);
        }
        let mut next = 1;
        for pair in self.view.prefix(Space::Index, &thread).rev() {
            let (key, _) = pair?;
            if !self.is_removed(Space::Index, &key) {
                next = super::keys::last_number(&key).unwrap_or(0).saturating_add(1);
                break;
            }
        }
        self.threads.insert(thread, next + 1);
        Ok(next)
    }

    /// The number of a thread's first or last message, which is dropped: the next call gives its neighbour's.
    fn thread_end(&mut self, room: &RoomBytes, root: Place, oldest: bool) -> Result<Option<u64>, Fault> {
        let thread = room.thread(root);
        if let Some(number) = self.thread_ends.get_mut(&thread) {
            *number = if oldest { number.saturating_add(1) } else { number.saturating_sub(1) };
            return Ok(Some(*number));
        }
        let mut pairs = self.view.prefix(Space::Index, &thread);
        let end = if oldest { pairs.next() } else { pairs.next_back() };
        let Some((key, _)) = end.transpose()? else { return Ok(None) };
        let number = super::keys::last_number(&key);
        self.thread_ends.extend(number.map(|number| (thread, number)));
        Ok(number)
    }

    pub fn least_run(&self) -> usize {
        self.disk.least_run
    }

    pub fn archive(&self) -> &'a Archive {
        self.disk.archive()
    }

    /// What is committed, without what is gathered here.
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    pub fn is_full(&self) -> bool {
        self.bytes >= FULL_BYTES
    }

    pub fn is_empty(&self) -> bool {
        self.bytes == 0 && self.metas.is_empty()
    }

    /// Writes everything that was gathered, as one.
    pub fn commit(&mut self) -> Result<(), Fault> {
        if self.is_empty() {
            return Ok(());
        }
        for (bytes, (_, meta)) in std::mem::take(&mut self.metas) {
            self.put(Space::Rooms, bytes.bytes().to_vec(), meta.encode());
        }
        if self.highest > Position(0) {
            let highest = self.highest.max(self.disk.highest());
            self.put(Space::Rooms, marks::highest_key(), number_value(highest.0));
        }
        let archive = self.disk.archive();
        let segments = std::mem::take(&mut self.segments).into_iter();
        let segments: Vec<(u64, Count)> =
            segments.map(|(segment, more)| (segment, archive.with(segment, more))).collect();
        for (segment, count) in &segments {
            let key = segment.to_be_bytes();
            if count.left > 0 {
                self.put(Space::Segments, key.into(), count.encode());
            } else {
                self.remove(Space::Segments, key);
            }
        }
        let writes = std::mem::take(&mut self.writes);
        let commit = self.disk.commit(Space::ALL.into_iter().zip(writes).flat_map(|(space, writes)| {
            // Neighbours in the tree are written one after the other.
            let mut writes: Vec<_> = writes.into_iter().collect();
            writes.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            writes.into_iter().map(move |(key, value)| (space, key, value))
        }))?;
        segments.into_iter().for_each(|(segment, count)| archive.set(segment, count, commit));
        self.disk.reach(self.highest);
        self.with_runs.clear();
        self.highest = Position(0);
        self.bytes = 0;
        self.threads.clear();
        self.thread_ends.clear();
        self.view = self.disk.view();
        Ok(())
    }
}

/// A record's own entries in the index.
pub fn index_record(stage: &mut Stage<'_>, room: &RoomBytes, record: &Record) -> Result<(), Fault> {
    let seq = record.place.seq;
    if let Some(key) = &record.key {
        let mut value = record.place.epoch.0.to_be_bytes().to_vec();
        value.extend_from_slice(&record.ordinal().unwrap_or(0).to_be_bytes());
        stage.put(Space::Index, room.duplicate(key, seq), value);
    }
    if let Some(time) = record.expires() {
        stage.put(Space::Index, room.expiring(time, seq), Bytes::new());
    }
    if let Some(ordinal) = record.ordinal().filter(|ordinal| is_marked(*ordinal)) {
        stage.put(Space::Index, room.mark(ordinal), seq.0.to_be_bytes().to_vec());
    }
    if let Some(root) = record.thread() {
        let number = stage.thread(room, root)?;
        stage.put(Space::Index, room.in_thread(root, number), seq.0.to_be_bytes().to_vec());
    }
    Ok(())
}

/// Takes a dropped record out of the index; of its thread it is the first, or the last.
pub fn unindex_record(stage: &mut Stage<'_>, room: &RoomBytes, record: &Record, oldest: bool) -> Result<(), Fault> {
    let seq = record.place.seq;
    if let Some(key) = &record.key {
        stage.remove(Space::Index, room.duplicate(key, seq));
    }
    if let Some(time) = record.expires() {
        stage.remove(Space::Index, room.expiring(time, seq));
    }
    if let Some(ordinal) = record.ordinal().filter(|ordinal| is_marked(*ordinal)) {
        stage.remove(Space::Index, room.mark(ordinal));
    }
    if let Some(root) = record.thread()
        && let Some(number) = stage.thread_end(room, root, oldest)?
    {
        stage.remove(Space::Index, room.in_thread(root, number));
    }
    Ok(())
}

pub fn number_of(value: &[u8]) -> Option<u64> {
    value.first_chunk::<8>().map(|bytes| u64::from_be_bytes(*bytes))
}

/// Every so many messages, the index knows where an ordinal stands.
pub const MARK: u64 = 64;

pub fn is_marked(ordinal: u64) -> bool {
    ordinal.is_multiple_of(MARK)
}
