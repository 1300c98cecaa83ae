//! What the moving thread does, phase by phase. Each may end early, because the database is away or the journal has a gap,
//! and is begun again where the progress file says.

use super::compare::agree;
use super::progress::{Phase, Progress};
use super::{Ending, Shared};
use crate::data::{DataError, MOVING};
use crate::ports::store::scylla::{AGAIN, Database, RUNS_AHEAD};
use rookery_storage::both::Both;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::persistent::{Feed, FeedError};
use rookery_storage::scylla::Scylla;
use rookery_storage::settled::{Fault, Settled};
use rookery_storage::{Ask, Outcome, Position, RoomKey, RoomsPage, walk};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The journal's feed, which keeps it until the database has its entries; it may grow to this for its sake.
pub(super) const FEED: &str = "move";
const BOUND_BYTES: u64 = 64 << 30;
/// The copy, in the folder of the move.
pub(super) const COPY: &str = "copy";
/// Rooms that are taken over by one call.
const ROOMS: usize = 64;
/// So few entries behind, both stores can take everything: the rest is handed over again.
const NEAR: u64 = 2048;
/// How often something is noted and told.
const EVERY: Duration = Duration::from_secs(1);
/// A copy is read from its beginning to its end, once.
const COPY_CACHE: u64 = 8 << 20;
/// Rooms that are named where some differ.
const NAMED: usize = 10;

/// Why a phase was not gone through.
pub(super) enum Trouble {
    /// Later it may work.
    Away(String),
    /// Only a new copy helps.
    Anew(String),
    /// Nothing helps but people.
    Failed(String),
    Ending,
}

impl From<DataError> for Trouble {
    fn from(error: DataError) -> Trouble {
        Trouble::Away(error.to_string())
    }
}

impl From<FeedError> for Trouble {
    fn from(error: FeedError) -> Trouble {
        Trouble::Away(error.to_string())
    }
}

/// What the database says, or the store that is moved.
impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Trouble {
        let why = fault.to_string();
        if matches!(fault, Fault::OutOfOrder { .. }) {
            Trouble::Anew(why)
        } else if Database::may_pass(&fault) {
            Trouble::Away(why)
        } else {
            Trouble::Failed(why)
        }
    }
}

/// One who moves, from the database's opening to its next failure.
pub(super) struct Phases<'a> {
    pub shared: &'a Shared,
    pub progress: &'a mut Progress,
    pub database: &'a Arc<Database>,
}

impl Phases<'_> {
    /// Goes through what is left.
    pub fn run(&mut self) -> Result<(), Trouble> {
        let scylla = self.database.open()?;
        self.claim(&scylla)?;
        if self.progress.phase == Phase::Copy {
            self.copy()?;
        }
        if self.progress.phase == Phase::Fill {
            self.fill(&scylla)?;
        }
        let feed = self.shared.moving.feed(FEED, BOUND_BYTES)?;
        let cursor = self.follow(&scylla, &feed)?;
        self.both(&scylla, &feed, cursor)
    }

    /// The keyspace is nobody else's.
    fn claim(&mut self, scylla: &Scylla) -> Result<(), Trouble> {
        if !self.progress.is_ours {
            if !rooms(scylla, None, 1)?.rooms.is_empty() {
                let keyspace = &self.progress.to.keyspace;
                return Err(Trouble::Failed(format!("keyspace {keyspace} is not empty - name another one")));
            }
            self.progress.is_ours = true;
            self.save()?;
        }
        Ok(())
    }

    fn copy(&mut self) -> Result<(), Trouble> {
        self.say("copy", "waiting for what is committed to settle");
        remove_copy(self.shared)?;
        // What an earlier one was waiting for is in the copy.
        self.shared.moving.feed(FEED, BOUND_BYTES)?.end()?;
        let feed = self.shared.moving.feed(FEED, BOUND_BYTES)?;
        let (mut told, copy) = (Instant::now(), copy_of(self.shared));
        let copied = self.shared.moving.copy_settled(&copy, &mut |bytes| {
            if told.elapsed() >= EVERY {
                told = Instant::now();
                self.say("copy", format!("{} MB", bytes / 1_000_000));
            }
            !self.shared.is_ending()
        });
        self.check_ending()?;
        let position = copied?;
        if position < feed.cursor() {
            return Err(Trouble::Anew("the copy ends before the journal begins".to_owned()));
        }
        let frozen = self.open_copy()?;
        let mut count = 0;
        walk::rooms(&mut |ask| frozen.answer(ask), &mut |_, _| {
            count += 1;
            Ok::<_, Fault>(())
        })?;
        *self.progress = Progress::begin(&self.progress.to, Some(&*self.progress));
        self.progress.phase = Phase::Fill;
        (self.progress.position, self.progress.rooms) = (position.0, count);
        Ok(self.save()?)
    }

    fn open_copy(&self) -> Result<Embedded, Trouble> {
        let options = EmbeddedOptions { cache_bytes: COPY_CACHE, ..EmbeddedOptions::default() };
        let copy = copy_of(self.shared);
        let opened = if copy.is_dir() { Embedded::open(&copy, &options) } else { Err(Fault::NotHere) };
        opened.map_err(|fault| Trouble::Anew(format!("the copy cannot be read: {fault}")))
    }

    fn fill(&mut self, scylla: &Scylla) -> Result<(), Trouble> {
        let frozen = self.open_copy()?;
        let (mut told, mut records, mut bytes) = (None, 0, 0);
        loop {
            let page = rooms(&frozen, self.progress.last(), ROOMS)?;
            let Some(last) = page.rooms.last() else { break };
            let filled = scylla.fill(&frozen, &page.rooms, Position(self.progress.position))?;
            records += filled.records;
            bytes += filled.bytes;
            self.progress.reach(last, page.rooms.len() as u64);
            if is_due(&mut told) {
                self.save()?;
                let (done, all) = (self.progress.filled, self.progress.rooms);
                let what = format!("{done} of {all} rooms, {records} records, {} MB", bytes / 1_000_000);
                self.say("fill", what);
            }
            self.check_ending()?;
        }
        // Not before all of it is there: from here on the database says how far it is.
        scylla.sync(Position(self.progress.position))?;
        self.progress.phase = Phase::Follow;
        self.save()?;
        drop(frozen);
        remove_copy(self.shared)
    }

    /// Reads on until little is left. What is returned is in the database.
    fn follow(&mut self, scylla: &Scylla, feed: &Feed) -> Result<Position, Trouble> {
        let mut cursor = scylla.watermark();
        if cursor.0 < self.progress.position {
            return Err(Trouble::Anew("the database is not what it was".to_owned()));
        }
        let mut told = None;
        loop {
            let tail = self.shared.moving.tail(cursor)?;
            if tail.has_gap {
                return Err(Trouble::Anew(format!("the journal has a gap behind entry {}", cursor.0)));
            }
            if !tail.entries.is_empty() {
                scylla.apply(tail.entries)?;
            }
            cursor = tail.reached;
            let is_near = tail.lag <= NEAR;
            if is_due(&mut told) || is_near {
                scylla.sync(cursor)?;
                feed.pass(cursor)?;
                self.say("follow", format!("{} entries behind", tail.lag));
            }
            self.check_ending()?;
            if is_near {
                return Ok(cursor);
            }
        }
    }

    /// Both stores take everything from now on; when they are the same, the new one does alone.
    fn both(&mut self, scylla: &Arc<Scylla>, feed: &Feed, has: Position) -> Result<(), Trouble> {
        let (moving, old) = (&self.shared.moving, self.shared.moving.present()?);
        let both = Arc::new(Both::new(old.clone(), scylla.clone()));
        let present: Arc<dyn Settled> = both.clone();
        self.progress.phase = Phase::Both;
        self.save()?;
        if !moving.exchange(&old, present.clone(), has, || Ok(())).map_err(|why| Trouble::Anew(why.to_string()))? {
            return Err(Trouble::Away("the settled store has failed".to_owned()));
        }
        let begun = moving.end();
        let done = self.verify(&both, feed).and_then(|()| self.settle_both(&both, begun));
        let done = done.and_then(|()| self.cut_over(scylla, &both, &present));
        if done.is_err() {
            // The old one has all that both had. If it has failed, it is opened anew by its owner.
            let _ = moving.exchange(&present, old, Position(u64::MAX), || Ok(()));
            self.progress.phase = Phase::Follow;
        }
        done
    }

    fn verify(&mut self, both: &Arc<Both>, feed: &Feed) -> Result<(), Trouble> {
        let (mut told, mut compared, mut different) = (None, 0u64, Vec::new());
        let all = self.progress.rooms;
        walk::rooms::<Trouble>(&mut |ask| both.answer(ask), &mut |_, room| {
            lost(both)?;
            if !agree(&self.shared.moving, both, &room)? {
                let RoomKey { realm, kind, name } = &room;
                tracing::error!(event = "room_differs", %realm, kind = kind.word(), room = %name);
                different.push(format!("{realm}/{name}"));
            }
            compared += 1;
            if is_due(&mut told) {
                feed.pass(both.new.watermark())?;
                let what = format!("{compared} of {} rooms, {} differ", all.max(compared), different.len());
                self.say("verify", what);
            }
            self.check_ending()
        })?;
        if different.is_empty() {
            self.say("verify", format!("{compared} rooms are the same"));
            return Ok(());
        }
        let (count, named) = (different.len(), different.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "));
        let what = format!("{count} of {compared} rooms differ in the database: {named}");
        Err(Trouble::Failed(format!("{what} - the node goes on with its folder; move again to write them anew")))
    }

    /// Waits until the new one is known to have all that was settled before there were two.
    fn settle_both(&self, both: &Both, end: Position) -> Result<(), Trouble> {
        while both.watermark() < end {
            lost(both)?;
            self.check_ending()?;
            self.shared.pause_for(Duration::from_millis(50));
        }
        lost(both)
    }

    fn cut_over(&self, scylla: &Arc<Scylla>, both: &Arc<Both>, present: &Arc<dyn Settled>) -> Result<(), Trouble> {
        let Shared { data, moving, source, runs, .. } = self.shared;
        // Whoever has the keyspace next is above every run of this node.
        self.database.take_run(runs.last().saturating_add(1))?;
        let keyspace = &self.progress.to.keyspace;
        let done = moving.exchange(present, scylla.clone(), Position(u64::MAX), || {
            if let Some(fault) = both.lost() {
                return Err(fault);
            }
            data.moved_to(keyspace).map_err(|error| Fault::Io(error.to_string()))?;
            source.moved_to(self.database.clone());
            Ok(())
        });
        if !done? {
            return Err(Trouble::Away("the settled store has failed".to_owned()));
        }
        let database = self.database.clone();
        runs.share(RUNS_AHEAD, move |at_least| database.take_run(at_least).ok());
        tracing::info!(event = "moved", %keyspace);
        Ok(())
    }

    pub fn save(&self) -> Result<(), DataError> {
        self.progress.write(&self.shared.data)
    }

    fn say(&self, phase: &str, what: impl Display) {
        self.shared.say(format!("{phase}: {what}"));
    }

    fn check_ending(&self) -> Result<(), Trouble> {
        if self.shared.is_ending() { Err(Trouble::Ending) } else { Ok(()) }
    }
}

/// Goes on until it is moved, or somebody ends it, or nothing helps any more.
pub(super) fn run(shared: &Shared, mut progress: Progress) -> Result<(), Trouble> {
    let database = Database::new(&progress.to, &shared.data).map_err(Trouble::Failed);
    let done = match database {
        Ok(database) => {
            let done = go_on(shared, &mut progress, &database);
            if done.is_err() {
                database.close();
            }
            done
        }
        Err(trouble) => Err(trouble),
    };
    if let Err(trouble) = &done {
        match trouble {
            Trouble::Failed(why) => (progress.phase, progress.why) = (Phase::Failed, Some(why.clone())),
            Trouble::Ending if shared.ending() == Ending::Stop => progress.phase = Phase::Stopped,
            // The next start goes on.
            Trouble::Ending | Trouble::Away(_) | Trouble::Anew(_) => return done,
        }
        if let Err(error) = progress.write(&shared.data) {
            tracing::error!(event = "move_not_noted", %error);
        }
    }
    super::tidy(shared, done.is_ok());
    done
}

fn go_on(shared: &Shared, progress: &mut Progress, database: &Arc<Database>) -> Result<(), Trouble> {
    loop {
        let why = match (Phases { shared, progress: &mut *progress, database }).run() {
            Err(Trouble::Away(why)) => why,
            Err(Trouble::Anew(why)) => {
                tracing::warn!(event = "move_begins_anew", %why);
                progress.phase = Phase::Copy;
                why
            }
            other => return other,
        };
        if let Err(error) = progress.write(&shared.data) {
            tracing::error!(event = "move_not_noted", %error);
        }
        shared.say(format!("waiting: {why}"));
        shared.pause_for(AGAIN);
        if shared.is_ending() {
            return Err(Trouble::Ending);
        }
    }
}

fn lost(both: &Both) -> Result<(), Trouble> {
    both.lost().map_or(Ok(()), |fault| Err(fault.into()))
}

fn rooms(settled: &dyn Settled, after: Option<RoomKey>, limit: usize) -> Result<RoomsPage, Fault> {
    let outcome = settled.answer(&Ask::Rooms { after, limit })?;
    if let Outcome::Rooms(page) = outcome { Ok(*page) } else { Err(walk::unexpected(&outcome)) }
}

fn is_due(told: &mut Option<Instant>) -> bool {
    let is_due = told.is_none_or(|told| told.elapsed() >= EVERY);
    if is_due {
        *told = Some(Instant::now());
    }
    is_due
}

fn copy_of(shared: &Shared) -> PathBuf {
    shared.data.path().join(MOVING).join(COPY)
}

fn remove_copy(shared: &Shared) -> Result<(), Trouble> {
    match std::fs::remove_dir_all(copy_of(shared)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Trouble::Away(format!("{}: {error}", copy_of(shared).display())))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
