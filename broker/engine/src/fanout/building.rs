//! A chunk under construction: frames of one lane, and the table of where each begins.

use super::{Chunk, ChunkEntry, Pinned};
use crate::message::{Address, Lane};
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::dialect::registry;
use rookery_protocol::event::{Event, Signal};
use rookery_protocol::ids::Place;
use rookery_protocol::limits;
use rookery_protocol::wire::frames::Frames;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Building {
    lane: Lane,
    frames: Frames,
    entries: Vec<ChunkEntry>,
    before: Place,
    last: Place,
    /// Sizes of the one before: the next is often like it.
    bytes_hint: usize,
    entries_hint: usize,
}

impl Building {
    pub fn new(lane: Lane) -> Building {
        Building {
            lane,
            frames: Frames::new(),
            entries: Vec::new(),
            before: Place::START,
            last: Place::START,
            bytes_hint: 0,
            entries_hint: 0,
        }
    }

    fn begin(&mut self, before: Place) {
        if self.entries.is_empty() {
            self.before = before;
            self.last = before;
            self.frames = Frames::with_capacity(self.bytes_hint);
            self.entries.reserve(self.entries_hint);
        }
    }

    /// Writes an event; `before` is the room's place before it. Answers what was there, if both are too much for one.
    pub fn event(
        &mut self,
        room: RoomOnWire<'_>,
        event: &Event,
        before: Place,
        origin: Option<Address>,
        pinned: &Arc<Pinned>,
    ) -> Option<Chunk> {
        // All events of a chunk are of one epoch.
        let opens_epoch = before.epoch != event.place.epoch;
        let older = if opens_epoch { self.seal(room, pinned) } else { None };
        self.begin(before);
        let offset = self.frames.len();
        let dialect = registry::get(self.lane.encoding.dialect);
        // What a dialect cannot say is an entry without bytes: the place passes, unseen.
        if dialect.profile().says & event.body.kind().bit() != 0 {
            dialect.event(self.lane.encoding.variant, room, event, opens_epoch, &mut self.frames);
        }
        let full = if self.frames.len() > limits::CHUNK_BYTES as usize && offset > 0 {
            self.split(room, offset, before, pinned)
        } else {
            None
        };
        let offset = if full.is_some() { 0 } else { offset };
        self.entries.push(ChunkEntry { offset: offset as u32, seq: event.place.seq.0, origin });
        self.last = event.place;
        older.or(full)
    }

    /// Closes what stands before an offset; what stands behind it begins the next chunk.
    fn split(&mut self, room: RoomOnWire<'_>, offset: usize, before: Place, pinned: &Arc<Pinned>) -> Option<Chunk> {
        let mut bytes = std::mem::take(&mut self.frames).into_bytes();
        let behind = bytes.split_off(offset);
        self.frames.raw(&bytes);
        let full = self.seal(room, pinned);
        self.before = before;
        self.frames = Frames::with_capacity(behind.len());
        self.frames.raw(&behind);
        full
    }

    /// Writes a signal; `at` is the room's place now.
    pub fn signal(&mut self, room: RoomOnWire<'_>, signal: &Signal, at: Place, origin: Option<Address>) {
        self.begin(at);
        self.entries.push(ChunkEntry { offset: self.frames.len() as u32, seq: 0, origin });
        let dialect = registry::get(self.lane.encoding.dialect);
        if dialect.profile().says & signal.kind().bit() != 0 {
            dialect.signal(self.lane.encoding.variant, room, signal, &mut self.frames);
        }
    }

    /// The place above which nothing stands any more, after a retract.
    pub fn go_back(&mut self, above: Place) {
        self.last = above;
    }

    pub fn seal(&mut self, room: RoomOnWire<'_>, pinned: &Arc<Pinned>) -> Option<Chunk> {
        if self.entries.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.frames).into_bytes();
        let entries = std::mem::take(&mut self.entries);
        (self.bytes_hint, self.entries_hint) = (bytes.len(), entries.len());
        Some(Chunk::new(room.handle, self.lane, self.before, self.last, bytes, entries, pinned))
    }
}
