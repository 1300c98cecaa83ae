//! Which records go first when the whole store is over its bound: the oldest segments, whatever room they are in.
//!
//! A segment is what a room appended in a row, some 64 KiB of it. Segments stand in one queue in the order in which
//! they were begun, so a quiet room's history goes when everything younger elsewhere is all that is left.

use super::room::Room;
use crate::Seq;
use std::collections::VecDeque;
use std::hash::BuildHasher;

const SEGMENT_BYTES: usize = 64 * 1024;

#[derive(Debug, Default)]
pub(super) struct Budget {
    /// Room and first seq of a segment. Entries that their room no longer lists are stale.
    queue: VecDeque<(u32, Seq)>,
    stale: usize,
}

impl Budget {
    /// After a batch whose first event stands at `first`: begins a segment where one is due, forgets those whose records
    /// are gone.
    pub fn settle(&mut self, id: u32, room: &mut Room, first: Option<Seq>, appended: usize) {
        let end = first.unwrap_or(room.newest.seq);
        while room.segments.back().is_some_and(|start| *start > end) {
            room.segments.pop_back();
            room.segment_bytes = SEGMENT_BYTES;
            self.stale += 1;
        }
        while room.segments.get(1).is_some_and(|next| next.0 <= room.floor.seq.0 + 1) {
            room.segments.pop_front();
            self.stale += 1;
        }
        let Some(first) = first else { return };
        if room.segments.is_empty() || room.segment_bytes >= SEGMENT_BYTES {
            if room.segments.back() != Some(&first) {
                room.segments.push_back(first);
                self.queue.push_back((id, first));
            }
            room.segment_bytes = 0;
        }
        room.segment_bytes += appended;
    }

    /// Drops the oldest segment. False: there is none.
    pub fn evict(&mut self, rooms: &mut [Room], bytes: &mut usize, hasher: &impl BuildHasher) -> bool {
        let Some((id, start)) = self.queue.pop_front() else { return false };
        let Some(room) = rooms.get_mut(id as usize) else { return true };
        if room.segments.front() != Some(&start) {
            self.stale = self.stale.saturating_sub(1);
            return true;
        }
        room.segments.pop_front();
        let before = room.bytes;
        let next = room.segments.front().copied().unwrap_or(Seq(room.newest.seq.0 + 1));
        room.drop_below(next, hasher);
        *bytes -= before - room.bytes;
        true
    }

    /// Keeps the queue in proportion to the segments that are there.
    pub fn tidy(&mut self, rooms: &[Room]) {
        if self.stale > 64 + self.queue.len() / 2 {
            self.queue.retain(|(id, start)| {
                rooms.get(*id as usize).is_some_and(|room| room.segments.binary_search(start).is_ok())
            });
            self.stale = 0;
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
