//! A copy of the whole store while the node runs, and giving up what was deleted: both off the shards' threads.

use super::{Reader, Shared};
use crate::ask::Position;
use crate::settled::{Fault, Settled};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long what was committed may take to settle before a compaction says that it does not.
const PATIENCE: Duration = Duration::from_secs(120);

/// While it lives, the journal keeps every segment that it has.
struct Hold<'a>(&'a Shared);

impl<'a> Hold<'a> {
    fn new(shared: &'a Shared) -> Hold<'a> {
        shared.holds.fetch_add(1, Ordering::AcqRel);
        Hold(shared)
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::AcqRel);
        self.0.release();
    }
}

impl Reader {
    /// Makes a store that a node can be started on: a snapshot of the settled store, then every segment that the
    /// journal has. Everything that was acked before the call is in it. The folders must not be there yet.
    pub fn copy_to(
        &self,
        settled_folder: &Path,
        journal_folder: &Path,
        progress: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), Fault> {
        let shared = &*self.0;
        let _hold = Hold::new(shared);
        let settled = present(shared)?.copy_to(settled_folder, progress)?;
        if settled.0.saturating_add(1) < shared.log.first().0 {
            return Err(Fault::Io(format!("the journal begins behind entry {}, where the copy ends", settled.0)));
        }
        let copied = shared.log.copy_to(journal_folder, progress);
        copied.map_err(|error| Fault::Io(format!("journal: {error}")))
    }

    /// Afterwards what was deleted, overwritten or trimmed before the call is in no file any more: the journal lets go of
    /// every segment that may hold it, and the settled store rewrites its files.
    pub fn compact(&self) -> Result<(), Fault> {
        let shared = &*self.0;
        let end = shared.log.end();
        shared.log.seal();
        let begun = Instant::now();
        // Only what is durable may go.
        while present(shared)?.watermark() < end {
            shared.wants_sync.store(true, Ordering::Release);
            wait(shared, begun, "what was committed does not settle")?;
        }
        while shared.log.first() <= end && shared.log.end() > Position(0) {
            shared.release();
            wait(shared, begun, "the journal does not let go of its segments: a backup or a feed holds them")?;
        }
        present(shared)?.compact()
    }
}

fn present(shared: &Shared) -> Result<Arc<dyn Settled>, Fault> {
    let away = || Fault::Io("the settled store is not open; the node's log says why".to_owned());
    shared.backlog.present().ok_or_else(away)
}

fn wait(shared: &Shared, begun: Instant, what: &str) -> Result<(), Fault> {
    if shared.is_stopping() || begun.elapsed() > PATIENCE {
        return Err(Fault::Io(if shared.is_stopping() { "the node stops" } else { what }.to_owned()));
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(())
}
