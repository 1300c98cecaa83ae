//! What a room of the memory store lets go, from its old end.

use super::room::Room;
use crate::answer::Trimmed;
use crate::ask::Keep;
use crate::record::Record;
use crate::{Millis, Place, Seq};
use std::hash::BuildHasher;

impl Room {
    /// Whether there is more than so many, or so much. Ages are for [`Room::trim`].
    pub fn is_over(&self, keep: &Keep) -> bool {
        self.bytes > keep.bytes
            || self.messages.len() as u64 > keep.messages
            || self.changes.len() as u64 > keep.changes
    }

    /// Drops what `keep` does not keep.
    pub fn trim(&mut self, keep: &Keep, hasher: &impl BuildHasher) -> Trimmed {
        let mut trimmed = Trimmed::default();
        while self.messages.first().is_some_and(|first| keep.too_old(first))
            || self.messages.len() as u64 > keep.messages
        {
            trimmed.messages += self.drop_message(hasher);
        }
        while self.changes.first().is_some_and(|first| keep.too_old(first)) || self.changes.len() as u64 > keep.changes
        {
            trimmed.changes += self.drop_change(hasher);
        }
        while self.bytes > keep.bytes && self.messages.len() + self.changes.len() > 0 {
            if self.message_is_oldest() {
                trimmed.messages += self.drop_message(hasher);
            } else {
                trimmed.changes += self.drop_change(hasher);
            }
        }
        if trimmed.messages > 0 {
            trimmed.changes += self.settle_floor(hasher);
        }
        trimmed
    }

    /// Drops every record below this seq.
    pub fn drop_below(&mut self, seq: Seq, hasher: &impl BuildHasher) {
        while self.messages.first().is_some_and(|record| record.place.seq < seq) {
            self.drop_message(hasher);
        }
        while self.changes.first().is_some_and(|record| record.place.seq < seq) {
            self.drop_change(hasher);
        }
        self.settle_floor(hasher);
    }

    /// Empties every message whose time has come.
    pub fn expire_all(&mut self, now: Millis) -> u64 {
        let mut expired = 0;
        while let Some((time, place)) = self.expiring.first().copied()
            && time <= now
        {
            self.expiring.pop_first();
            self.expire(place);
            expired += 1;
        }
        expired
    }

    fn message_is_oldest(&self) -> bool {
        let oldest = |first: Option<&Record>| first.map_or(Seq(u64::MAX), |record| record.place.seq);
        oldest(self.messages.first()) < oldest(self.changes.first())
    }

    fn drop_message(&mut self, hasher: &impl BuildHasher) -> u64 {
        let record = self.messages.pop_first();
        self.message_floor = record.as_ref().map_or(self.message_floor, |record| record.place);
        self.floor = self.floor.max(self.message_floor);
        self.forget(record, hasher);
        1
    }

    fn drop_change(&mut self, hasher: &impl BuildHasher) -> u64 {
        let record = self.changes.pop_first();
        self.floor = self.floor.max(record.as_ref().map_or(Place::START, |record| record.place));
        self.forget(record, hasher);
        1
    }

    /// What belongs to dropped messages goes with them: their rows, and the changes placed below them.
    fn settle_floor(&mut self, hasher: &impl BuildHasher) -> u64 {
        let mut dropped = 0;
        while self.changes.first().is_some_and(|record| record.place < self.message_floor) {
            dropped += self.drop_change(hasher);
        }
        self.rows.drop_to(self.message_floor);
        dropped
    }
}
