//! The thread that merges tables, so that few of them lie over each other.

use super::faults::{fault, guarded};
use super::moments::Moments;
use super::spare::Spare;
use crate::background::give_way;
use crate::settled::Fault;
use lsm_tree::compaction::Leveled;
use lsm_tree::{AbstractTree, AnyTree};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;

pub struct Compactor {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    is_wanted: bool,
    is_stopping: bool,
    /// The last merge was not made. It is tried again when there is another table.
    has_failed: bool,
}

impl Compactor {
    pub fn start(
        tree: AnyTree,
        strategy: Arc<Leveled>,
        moments: Arc<Moments>,
        spare: Arc<Spare>,
    ) -> Result<Compactor, Fault> {
        let state = Arc::new(State::default());
        let own = state.clone();
        let work = move || {
            give_way();
            while own.wait() {
                let merge = || guarded(|| merge(&tree, &strategy, &moments, &spare, &own));
                let merged = match merge() {
                    Err(_) if spare.mend() => merge(),
                    merged => merged,
                };
                if let Err(fault) = &merged {
                    tracing::error!(event = "tables_not_merged", %fault);
                }
                own.now.lock().has_failed = merged.is_err();
                own.changed.notify_all();
            }
        };
        let thread = std::thread::Builder::new().name("merging".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Fault::Io(format!("no thread to merge tables: {error}")))?;
        Ok(Compactor { state, thread: Some(thread) })
    }

    /// There is a new table.
    pub fn nudge(&self) {
        self.state.now.lock().is_wanted = true;
        self.state.changed.notify_all();
    }

    /// Waits for merges, as long as there is too much to merge and it can be. Where it cannot, because a table is damaged, the
    /// store becomes slower with every table: better than to take nothing more.
    pub fn wait_while(&self, is_full: impl Fn() -> bool) {
        let mut now = self.state.now.lock();
        while is_full() && !now.has_failed {
            now.is_wanted = true;
            self.state.changed.notify_all();
            self.state.changed.wait(&mut now);
        }
    }
}

impl Drop for Compactor {
    fn drop(&mut self) {
        self.state.now.lock().is_stopping = true;
        self.state.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It may hold the files of a merge under way: nobody may open the folder before.
            let _ = thread.join();
        }
    }
}

impl State {
    /// False: it is over.
    fn wait(&self) -> bool {
        let mut now = self.now.lock();
        while !now.is_wanted && !now.is_stopping {
            self.changed.wait(&mut now);
        }
        now.is_wanted = false;
        !now.is_stopping
    }
}

/// Merges until nothing is left to merge.
fn merge(
    tree: &AnyTree,
    strategy: &Arc<Leveled>,
    moments: &Moments,
    spare: &Spare,
    state: &State,
) -> Result<(), Fault> {
    loop {
        let before = tree.current_version().id();
        tree.compact(strategy.clone(), moments.oldest()).map_err(fault)?;
        state.changed.notify_all();
        if tree.current_version().id() == before {
            return Ok(());
        }
        spare.save()?;
        if state.now.lock().is_stopping {
            return Ok(());
        }
    }
}
