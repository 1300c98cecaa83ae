//! What a failed write means to the engine: the room goes on in a new run, and everything of it that was submitted
//! before anybody knew has failed with it.

use super::Map;
use super::runs::Runs;
use rookery_engine::ports::Stored;
use rookery_protocol::ids::{Epoch, RoomHandle};
use rookery_storage::Failure;

pub struct Failures {
    runs: Runs,
    broken: Map<RoomHandle, Broken>,
    /// The last write failed for a reason that may pass.
    down: bool,
    back: bool,
}

struct Broken {
    run: Epoch,
    /// Batches with a lower number were submitted before the engine was told.
    next: u64,
}

impl Failures {
    pub fn new(runs: Runs) -> Failures {
        Failures { runs, broken: Map::default(), down: false, back: false }
    }

    /// Nothing has failed that a success would mend.
    pub fn none(&self) -> bool {
        self.broken.is_empty() && !self.down
    }

    /// Once after each time that writes failed and work again.
    pub fn take_back(&mut self) -> bool {
        std::mem::take(&mut self.back)
    }

    /// `number`: of the batch, among all that were submitted.
    pub fn stored(&mut self, room: RoomHandle, number: u64) {
        if self.broken.get(&room).is_some_and(|broken| number >= broken.next) {
            self.broken.remove(&room);
        }
        self.back |= std::mem::take(&mut self.down);
    }

    /// `next`: the number of the batch that is submitted next.
    pub fn failed(&mut self, room: RoomHandle, number: u64, next: u64, failure: Failure) -> Stored {
        self.down |= failure.may_pass();
        if let Some(broken) = self.broken.get(&room).filter(|broken| number < broken.next) {
            return Stored::Failed { run: broken.run };
        }
        tracing::error!(event = "batch_not_stored", room = room.0, %failure);
        let run = self.runs.next();
        self.broken.insert(room, Broken { run, next });
        Stored::Failed { run }
    }
}
