//! Run numbers of a node. A write that failed takes a new one: what is placed after it stands in epochs of its own.

use crate::data::DataFolder;
use rookery_protocol::ids::Epoch;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Shared by all shards of a node. Touched at failures only.
#[derive(Clone)]
pub struct Runs(Arc<Inner>);

struct Inner {
    last: Mutex<u64>,
    /// Where runs are remembered. None: nothing that this process numbers survives it.
    folder: Option<Arc<DataFolder>>,
    /// Where nodes share runs: how many this one may take alone, and how it gets more.
    shared: OnceLock<Shared>,
}

struct Shared {
    alone: u64,
    until: Mutex<u64>,
    more: Box<dyn Fn(u64) -> Option<u64> + Send + Sync>,
}

impl Runs {
    /// `run`: the number of this start, which is durable already.
    pub fn after(run: Epoch, folder: Option<Arc<DataFolder>>) -> Runs {
        Runs(Arc::new(Inner { last: Mutex::new(run.0), folder, shared: OnceLock::new() }))
    }

    /// From now on nodes share them: so many above the last one are this node's; then `more` gives the next such number.
    pub fn share(&self, alone: u64, more: impl Fn(u64) -> Option<u64> + Send + Sync + 'static) {
        let until = Mutex::new(self.last().saturating_add(alone));
        // They are shared once, and for good.
        let _ = self.0.shared.set(Shared { alone, until, more: Box::new(more) });
    }

    /// The number that was taken last.
    pub fn last(&self) -> u64 {
        *self.0.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Higher than every one before, and durable before anything is numbered by it. A folder that cannot be written now
    /// is one whose journal takes nothing either; should it be written again before the next number is, then the next
    /// start is above it all the same unless the clock was set back, because it takes the time in seconds.
    pub fn next(&self) -> Epoch {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = self.0.shared.get() {
            shared.reach(&mut last);
        }
        let kept = self.0.folder.as_ref().map(|folder| folder.next_run(last.saturating_add(1)));
        *last = match kept {
            Some(Ok(run)) => run,
            Some(Err(error)) => {
                tracing::error!(event = "run_not_kept", %error);
                last.saturating_add(1)
            }
            None => last.saturating_add(1),
        };
        Epoch(*last)
    }
}

impl Shared {
    /// Sees to it that the number after the last is this node's.
    fn reach(&self, last: &mut u64) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if *last < *until {
            return;
        }
        match (self.more)(*last + 1) {
            Some(first) => {
                *last = first - 1;
                *until = first + self.alone;
            }
            None => tracing::error!(event = "run_not_shared", last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn runs_that_nodes_share_are_taken_together() {
        let asked = Arc::new(AtomicU64::new(0));
        let seen = asked.clone();
        let runs = Runs::after(Epoch(100), None);
        runs.share(3, move |at_least| {
            seen.store(at_least, Ordering::Relaxed);
            Some(at_least + 50)
        });
        let taken: Vec<u64> = (0..6).map(|_| runs.next().0).collect();
        assert_eq!(taken, [101, 102, 103, 154, 155, 156]);
        assert_eq!(asked.load(Ordering::Relaxed), 104);
    }
}
