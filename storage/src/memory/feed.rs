//! The last committed batches, for those who follow the store in the order of its commits. Bounded in bytes.

use crate::answer::TailPage;
use crate::ask::Position;
use crate::batch::Batch;
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Feed {
    /// Neighbours in position.
    batches: VecDeque<Batch>,
    bytes: usize,
    most_bytes: usize,
    end: Position,
}

impl Feed {
    pub fn new(most_bytes: usize) -> Feed {
        Feed { most_bytes, ..Feed::default() }
    }

    /// Whether batches need to be shown to [`Feed::commit`] at all.
    pub fn keeps(&self) -> bool {
        self.most_bytes > 0
    }

    /// Counts a commit; keeps its batch if there is one.
    pub fn commit(&mut self, batch: Option<Batch>) {
        self.end.0 += 1;
        let Some(batch) = batch else { return };
        self.bytes += batch.cost();
        self.batches.push_back(batch);
        while self.bytes > self.most_bytes {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes -= oldest.cost();
        }
    }

    pub fn tail(&self, after: Position, limit: usize) -> TailPage {
        let kept_after = self.end.0 - self.batches.len() as u64;
        let skip = usize::try_from(after.0.saturating_sub(kept_after)).unwrap_or(usize::MAX);
        let mut room = PAGE_BYTES;
        let batches = (kept_after + 1..)
            .map(Position)
            .zip(&self.batches)
            .skip(skip)
            .take(limit.min(PAGE_RECORDS))
            .enumerate()
            .take_while(|(i, (_, batch))| {
                let fits = batch.cost() <= room;
                room = room.saturating_sub(batch.cost());
                fits || *i == 0
            })
            .map(|(_, (position, batch))| (position, batch.clone()))
            .collect();
        let gap = (after.0 < kept_after).then_some(Position(kept_after));
        TailPage { gap, batches, end: self.end }
    }
}
