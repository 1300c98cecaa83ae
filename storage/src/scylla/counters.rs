//! What the store has done, for metrics to read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Rising numbers since the store was opened.
#[derive(Debug, Default)]
pub struct Counters {
    pub reads: Count,
    /// Statements, those of batches included.
    pub writes: Count,
    /// Requests that carried more than one of them.
    pub batches: Count,
    /// Requests that were made again.
    pub retries: Count,
    /// Requests that were not answered in time.
    pub timeouts: Count,
    /// Asks that got the answer of an equal one that was under way.
    pub coalesced: Count,
    /// Rooms whose standing was read from the database.
    pub loads: Count,
    /// Rooms whose last commit was completed because nobody knew whether it had been.
    pub completed: Count,
}

#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}
