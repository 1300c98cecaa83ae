//! Moving what a running node has in its folder to ScyllaDB: `docs/how-to/move-to-scylladb.md`, `docs/decisions/0012`.
//!
//! One thread goes through the [`phases`], [`progress`] remembers how far it is, [`compare`] says whether two stores
//! keep the same. Whoever looks after the node asks [`Mover`].

mod compare;
mod phases;
mod progress;

pub use progress::{BadProgress, Progress};

use super::Runs;
use super::scylla::DatabaseAt;
use super::source::Source;
use crate::config::value::Hidden;
use crate::data::{DataFolder, MOVING};
use phases::{COPY, FEED, Trouble};
use rookery_storage::persistent::Moving;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Who moves this node's history, if somebody does.
pub struct Mover {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    data: Arc<DataFolder>,
    moving: Moving,
    source: Arc<Source>,
    runs: Runs,
    /// Of the database: this node's own, whoever asks.
    password: Option<Hidden>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Seen,
    ending: Ending,
    /// Where it goes, as long as somebody is at it.
    to: Option<DatabaseAt>,
}

/// What is shown of a move.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Rises with everything that is said.
    pub number: u64,
    pub line: String,
    /// Some: it is over, well or not.
    pub over: Option<Result<(), String>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ending {
    #[default]
    Not,
    /// It is given up.
    Stop,
    /// The node ends; its next start goes on.
    Close,
}

impl Mover {
    pub fn new(
        data: Arc<DataFolder>,
        moving: Moving,
        source: Arc<Source>,
        runs: Runs,
        password: Option<Hidden>,
    ) -> Mover {
        let (state, changed) = (Mutex::default(), Condvar::new());
        let shared = Shared { data, moving, source, runs, password, state, changed };
        Mover { shared: Arc::new(shared), thread: Mutex::default() }
    }

    /// Goes on where an earlier run of the node was.
    pub fn take_up(&self) {
        match Progress::read(&self.shared.data) {
            Ok(Some(mut progress)) if progress.goes_on() => {
                progress.to.password = self.shared.password.clone();
                tracing::info!(event = "move_taken_up", phase = ?progress.phase, keyspace = %progress.to.keyspace);
                if let Err(why) = self.spawn(&mut self.thread(), progress) {
                    tracing::error!(event = "move_not_taken_up", %why);
                }
            }
            Ok(_) => {}
            Err(error) => tracing::error!(event = "move_not_taken_up", %error),
        }
    }

    /// Begins a move, unless it is under way already.
    pub fn begin(&self, to: &DatabaseAt) -> Result<(), String> {
        let to = &DatabaseAt { password: self.shared.password.clone(), ..to.clone() };
        let mut thread = self.thread();
        if let Some(running) = self.shared.state().to.clone() {
            let same = running.keyspace == to.keyspace;
            let other = || Err(format!("a move to keyspace {} is under way - stop it first", running.keyspace));
            return if same { Ok(()) } else { other() };
        }
        self.shared.data.check_not_moved().map_err(|error| error.to_string())?;
        super::scylla::check(to)?;
        let before = Progress::read(&self.shared.data).map_err(|error| error.to_string())?;
        let progress = Progress::begin(to, before.as_ref());
        progress.write(&self.shared.data).map_err(|error| error.to_string())?;
        self.spawn(&mut thread, progress)
    }

    fn spawn(&self, thread: &mut Option<JoinHandle<()>>, progress: Progress) -> Result<(), String> {
        // Before the copy: what only one of two stores trims makes them differ.
        self.shared.moving.hold_trims(true);
        *self.shared.state() = State { to: Some(progress.to.clone()), ..State::default() };
        let shared = self.shared.clone();
        let run = move || {
            let _over = Over(&shared);
            let done = match phases::run(&shared, progress) {
                Ok(()) => Ok(()),
                Err(Trouble::Failed(why) | Trouble::Away(why) | Trouble::Anew(why)) => Err(why),
                Err(Trouble::Ending) => Err("it was stopped".to_owned()),
            };
            match &done {
                Ok(()) => tracing::info!(event = "move_over"),
                Err(why) => tracing::warn!(event = "move_ended", %why),
            }
            shared.end(done);
        };
        match std::thread::Builder::new().name("moving".to_owned()).spawn(run) {
            Ok(spawned) => {
                *thread = Some(spawned);
                Ok(())
            }
            Err(error) => {
                self.shared.end(Err(error.to_string()));
                self.shared.moving.hold_trims(false);
                Err(error.to_string())
            }
        }
    }

    /// Gives it up, and waits until that is done. False: nobody is at it.
    pub fn stop(&self) -> bool {
        self.end(Ending::Stop)
    }

    /// The node ends: nothing of it is done any more.
    pub fn close(&self) {
        self.end(Ending::Close);
    }

    fn end(&self, ending: Ending) -> bool {
        let mut thread = self.thread();
        let was = self.shared.state().to.is_some();
        if was {
            self.shared.state().ending = ending;
            self.shared.changed.notify_all();
        }
        if let Some(thread) = thread.take() {
            // A panic was reported by its hook.
            let _ = thread.join();
        }
        was
    }

    /// What is said next, or after this long again. `after`: the number that was seen last.
    pub fn watch(&self, after: u64, patience: Duration) -> Seen {
        let state = self.shared.state();
        let waits = |state: &mut State| state.seen.number <= after && state.seen.over.is_none();
        let waited = self.shared.changed.wait_timeout_while(state, patience, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.seen.clone()
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However the thread ends, nobody waits for it any longer.
struct Over<'a>(&'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.end(Err("its thread has failed; the node's log says why".to_owned()));
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, line: String) {
        let mut state = self.state();
        if state.seen.line != line {
            state.seen.number += 1;
            state.seen.line = line;
        }
        drop(state);
        self.changed.notify_all();
    }

    fn end(&self, done: Result<(), String>) {
        let mut state = self.state();
        state.seen.over = Some(done);
        state.to = None;
        drop(state);
        self.changed.notify_all();
    }

    fn ending(&self) -> Ending {
        self.state().ending
    }

    fn is_ending(&self) -> bool {
        self.ending() != Ending::Not
    }

    fn pause_for(&self, pause: Duration) {
        let goes_on = |state: &mut State| state.ending == Ending::Not;
        drop(self.changed.wait_timeout_while(self.state(), pause, goes_on));
    }
}

/// What a move that is over leaves behind: nothing that anybody waits for.
fn tidy(shared: &Shared, is_moved: bool) {
    if let Err(why) = remove(&shared.data, is_moved) {
        tracing::warn!(event = "move_left_files", %why);
    }
    end_feed(&shared.moving);
    shared.moving.hold_trims(false);
}

/// At a start: what an earlier move left, if it does not go on.
pub fn begin_with(data: &DataFolder, moving: &Moving) -> Result<(), BadProgress> {
    let (progress, moved) = (Progress::read(data)?, data.database().map_err(BadProgress::Data)?);
    if moved.is_none() && progress.as_ref().is_some_and(Progress::goes_on) {
        // Before anybody can trim.
        moving.hold_trims(true);
        return Ok(());
    }
    if let Err(why) = remove(data, moved.is_some()) {
        tracing::warn!(event = "move_left_files", %why);
    }
    end_feed(moving);
    Ok(())
}

fn remove(data: &DataFolder, is_moved: bool) -> std::io::Result<()> {
    let folder = data.path().join(MOVING);
    // Of one that was given up it is remembered whose the keyspace is.
    match std::fs::remove_dir_all(if is_moved { folder } else { folder.join(COPY) }) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The journal is kept for nobody.
fn end_feed(moving: &Moving) {
    let ended = moving.feed(FEED, 0).and_then(rookery_storage::persistent::Feed::end);
    if let Err(error) = ended {
        tracing::warn!(event = "feed_not_ended", %error);
    }
}
