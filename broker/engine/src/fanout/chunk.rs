//! A chunk: events of one room, one lane, one turn (or one page of replay) as immutable bytes.

use crate::message::{Address, Lane};
use rookery_protocol::ids::{Place, RoomHandle};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each event carries its own transport header, so any run of entries is valid on a wire.
///
/// Seqs rise from entry to entry, signals (0) left out, and all events are of one epoch, that of `last`: a chunk is
/// sealed before an epoch opens, and a page ends there. Therefore a retract is a chunk of its own: one entry with seq 0,
/// `before` the place that is taken back from, `last` the place above which nothing stands any more.
#[derive(Debug)]
pub struct Chunk {
    pub room: RoomHandle,
    pub lane: Lane,
    /// The room's place before the first event.
    pub before: Place,
    /// The place of the last event; `before` when there are only signals.
    pub last: Place,
    bytes: Vec<u8>,
    entries: Vec<ChunkEntry>,
    events: u32,
    signals: bool,
    origins: bool,
    pinned: Arc<Pinned>,
}

/// Where an event begins; it ends where the next one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkEntry {
    pub offset: u32,
    /// 0: a signal.
    pub seq: u64,
    /// The connection whose command it was, for dialects that do not echo.
    pub origin: Option<Address>,
}

/// Bytes that chunks of one shard hold, wherever their last reader is.
#[derive(Debug, Default)]
pub struct Pinned(AtomicUsize);

impl Pinned {
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Chunk {
    pub fn new(
        room: RoomHandle,
        lane: Lane,
        before: Place,
        last: Place,
        bytes: Vec<u8>,
        entries: Vec<ChunkEntry>,
        pinned: &Arc<Pinned>,
    ) -> Chunk {
        pinned.0.fetch_add(bytes.capacity(), Ordering::Relaxed);
        // Asked once per receiver otherwise.
        let signals = last >= before && entries.iter().any(|e| e.seq == 0);
        let events = entries.iter().filter(|e| e.seq != 0).count() as u32;
        let origins = entries.iter().any(|e| e.origin.is_some());
        Chunk { room, lane, before, last, bytes, entries, events, signals, origins, pinned: pinned.clone() }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn entries(&self) -> &[ChunkEntry] {
        &self.entries
    }

    /// Byte range of entry `i`.
    pub fn range(&self, i: usize) -> Range<usize> {
        let start = self.entries[i].offset as usize;
        start..self.offset_of(i + 1)
    }

    /// Offset of the first byte that belongs to what lies above a place; the chunk's length if nothing does.
    /// Signals before that event are left out with the events they stood among.
    /// The place must be one of this chunk's history: only its seq is looked at.
    pub fn offset_above(&self, place: Place) -> usize {
        if place.seq <= self.before.seq {
            return 0;
        }
        let first = self.entries.iter().position(|e| e.seq > place.seq.0);
        first.map_or(self.bytes.len(), |i| self.offset_of(i))
    }

    /// How many of the entries are no signals.
    pub fn events(&self) -> u64 {
        u64::from(self.events)
    }

    /// How many of them lie in a part of the bytes that begins and ends between entries.
    pub fn events_within(&self, range: &Range<usize>) -> u64 {
        if range.len() == self.bytes.len() {
            return self.events();
        }
        let within = |entry: &&ChunkEntry| entry.seq != 0 && range.contains(&(entry.offset as usize));
        self.entries.iter().filter(within).count() as u64
    }

    /// Takes part in shedding: has signals, and is no retract (which is never left out).
    pub fn has_signals(&self) -> bool {
        self.signals
    }

    pub fn has_origins(&self) -> bool {
        self.origins
    }

    pub fn is_retract(&self) -> bool {
        self.last < self.before
    }

    /// The first end of an entry at or behind an offset: where a run that was begun may stop.
    pub fn boundary_at(&self, offset: usize) -> usize {
        let next = self.entries.partition_point(|e| (e.offset as usize) < offset);
        self.offset_of(next)
    }

    /// Bytes that the chunks of this chunk's shard hold together.
    pub fn pinned_bytes(&self) -> usize {
        self.pinned.bytes()
    }

    fn offset_of(&self, i: usize) -> usize {
        self.entries.get(i).map_or(self.bytes.len(), |e| e.offset as usize)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pinned.0.fetch_sub(self.bytes.capacity(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::command::Wants;
    use rookery_protocol::dialect::contract::{DialectId, Encoding};

    fn chunk(before: Place, last: Place, seqs: &[u64], pinned: &Arc<Pinned>) -> Chunk {
        let entries =
            seqs.iter().enumerate().map(|(i, seq)| ChunkEntry { offset: i as u32 * 2, seq: *seq, origin: None });
        let lane = Lane { encoding: Encoding { dialect: DialectId(0), variant: 0 }, wants: Wants::default() };
        Chunk::new(RoomHandle(1), lane, before, last, vec![0; seqs.len() * 2], entries.collect(), pinned)
    }

    #[test]
    fn what_lies_above_a_place_is_found_behind_signals() {
        let pinned = Arc::new(Pinned::default());
        let chunk = chunk(Place::new(1, 4), Place::new(2, 7), &[0, 5, 0, 6, 7], &pinned);
        assert_eq!(chunk.offset_above(Place::new(1, 3)), 0);
        assert_eq!(chunk.offset_above(Place::new(1, 4)), 0);
        assert_eq!(chunk.offset_above(Place::new(1, 5)), 6);
        assert_eq!(chunk.offset_above(Place::new(2, 6)), 8);
        assert_eq!(chunk.offset_above(Place::new(2, 7)), 10);
        assert!(chunk.has_signals() && !chunk.is_retract());
    }

    #[test]
    fn a_begun_run_stops_at_an_entry() {
        let pinned = Arc::new(Pinned::default());
        let chunk = chunk(Place::new(1, 0), Place::new(1, 3), &[1, 2, 3], &pinned);
        assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|o| chunk.boundary_at(o)), [0, 2, 2, 4, 4, 6, 6]);
        assert_eq!(chunk.range(2), 4..6);
    }

    #[test]
    fn a_retract_goes_back_and_is_not_shed() {
        let pinned = Arc::new(Pinned::default());
        let chunk = chunk(Place::new(1, 9), Place::new(1, 5), &[0], &pinned);
        assert!(chunk.is_retract() && !chunk.has_signals());
    }

    #[test]
    fn pinned_bytes_return() {
        let pinned = Arc::new(Pinned::default());
        let chunk = chunk(Place::new(1, 0), Place::new(1, 1), &[1], &pinned);
        assert_eq!(pinned.bytes(), 2);
        drop(chunk);
        assert_eq!(pinned.bytes(), 0);
    }
}
