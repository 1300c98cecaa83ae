//! Run numbers of a node. A write that failed takes a new one: what is placed after it stands in epochs of its own.

use crate::data::DataFolder;
use rookery_protocol::ids::Epoch;
use std::sync::{Arc, Mutex, PoisonError};

/// Shared by all shards of a node. Touched at failures only.
#[derive(Clone)]
pub struct Runs(Arc<Inner>);

struct Inner {
    last: Mutex<u64>,
    /// Where runs are remembered. None: nothing that this process numbers survives it.
    folder: Option<Arc<DataFolder>>,
}

impl Runs {
    /// `run`: the number of this start, which is durable already.
    pub fn after(run: Epoch, folder: Option<Arc<DataFolder>>) -> Runs {
        Runs(Arc::new(Inner { last: Mutex::new(run.0), folder }))
    }

    /// Higher than every one before, and durable before anything is numbered by it. A folder that cannot be written now
    /// is one whose journal takes nothing either; should it be written again before the next number is, then the next
    /// start is above it all the same unless the clock was set back, because it takes the time in seconds.
    pub fn next(&self) -> Epoch {
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
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
