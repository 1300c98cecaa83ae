//! A chunk: events of one room, one lane, one turn (or one page of replay) as immutable bytes.

use crate::message::{Address, Lane};
use rookery_protocol::ids::{Place, RoomHandle};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Each event carries its own transport header, so any run of entries is valid on a wire.
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
        Chunk { room, lane, before, last, bytes, entries, pinned: pinned.clone() }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn entries(&self) -> &[ChunkEntry] {
        &self.entries
    }

    /// Byte range of entry `i`.
    pub fn range(&self, i: usize) -> std::ops::Range<usize> {
        let start = self.entries[i].offset as usize;
        let end = self.entries.get(i + 1).map_or(self.bytes.len(), |e| e.offset as usize);
        start..end
    }

    /// Offset of the first byte that belongs to what lies above a place; the chunk's length if nothing does.
    /// Signals before that event are left out with the events they stood among.
    pub fn offset_above(&self, place: Place) -> usize {
        if place.seq < self.before.seq || (place.seq == self.before.seq && self.before.seq.0 == 0) {
            return 0;
        }
        if place.seq == self.before.seq {
            return 0;
        }
        let first = self.entries.iter().position(|e| e.seq > place.seq.0);
        first.map_or(self.bytes.len(), |i| self.entries[i].offset as usize)
    }

    pub fn has_signals(&self) -> bool {
        self.entries.iter().any(|e| e.seq == 0)
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.pinned.0.fetch_sub(self.bytes.capacity(), Ordering::Relaxed);
    }
}
