//! Run numbers of a node. A write that failed takes a new one: what is placed after it stands in epochs of its own.

use rookery_protocol::ids::Epoch;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Shared by all shards of a node. Touched at failures only.
#[derive(Clone, Debug)]
pub struct Runs(Arc<AtomicU64>);

impl Runs {
    /// `run`: the number of this start, which is durable already.
    pub fn after(run: Epoch) -> Runs {
        Runs(Arc::new(AtomicU64::new(run.0)))
    }

    /// Higher than every one before. Not made durable here: with a store that forgets, nothing that this run numbers
    /// survives the process, and the next start takes the time in seconds, which rises faster than failures do.
    pub fn next(&self) -> Epoch {
        Epoch(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
