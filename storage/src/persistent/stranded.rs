//! What this node's disk brings back after others went on without it: its places were given again meanwhile, so it settles
//! no more. It was acked as being on this disk, so it is kept until whoever owns the store has proposed it again.

use crate::answer::RoomState;
use crate::ask::Position;
use crate::batch::Batch;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::time::Duration;

/// Entries that cannot settle, by position. The journal keeps them, and everything behind them.
#[derive(Default)]
pub(crate) struct Stranded {
    entries: Mutex<BTreeMap<Position, Batch>>,
    came: Condvar,
}

impl Stranded {
    pub fn add(&self, position: Position, batch: Batch) {
        let mut entries = self.entries.lock();
        if entries.insert(position, batch).is_none() {
            self.came.notify_all();
        }
    }

    /// Some that are there. Waits for some, but no longer than this.
    pub fn some(&self, most: usize, patience: Duration) -> Vec<(Position, Batch)> {
        let mut entries = self.entries.lock();
        if entries.is_empty() {
            self.came.wait_for(&mut entries, patience);
        }
        entries.iter().take(most).map(|(position, batch)| (*position, batch.clone())).collect()
    }

    /// It was proposed again, and that is as safe as it was.
    pub fn done(&self, position: Position) {
        self.entries.lock().remove(&position);
    }

    /// What has settled, if everything but these has.
    pub fn below(&self, watermark: Position) -> Position {
        let first = self.entries.lock().keys().next().map_or(u64::MAX, |position| position.0 - 1);
        watermark.min(Position(first))
    }

    /// For whoever waits here and is to look at something else.
    pub fn wake(&self) {
        drop(self.entries.lock());
        self.came.notify_all();
    }
}

/// Whether the room went on in an epoch above all that this batch says.
pub(crate) fn is_overtaken(state: &RoomState, batch: &Batch) -> bool {
    batch.events.last().is_some_and(|last| last.place.epoch < state.newest.epoch)
}
