//! The store of a node with a disk: a journal that acks wait for, and a settled store behind it that is read.
//!
//! Read in this order: [`shard`] (what a shard hands in), [`desk`] (what it gets back), [`backlog`] (what the journal
//! has and the settled store has not), [`settle`] (how it gets there, and [`mend`], where damage has left holes), [`reads`]
//! (how asks are answered), [`feeds`] (who else reads the journal), [`stranded`] (what comes back too late), [`copy`] (a
//! backup while it runs, and giving up what was deleted), [`moving`] (another settled store takes its place).
//!
//! A batch is stored once the journal has synced it. It settles behind that, in groups and in the order of commits; a
//! room that is asked for settles first, so a read never looks into two places. What has not settled is bounded, and
//! found again in the journal after a start.

mod backlog;
mod broken;
mod copy;
mod desk;
mod feeds;
mod mend;
mod moving;
mod reads;
mod settle;
mod shard;
mod stranded;
// A test picks out of our enums what it looks at.
#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;

pub use desk::Wake;
pub use feeds::{Feed, FeedError};
pub use moving::{Moving, Tail};
pub use shard::ShardStore;

use crate::AckLevel;
use crate::answer::Outcome;
use crate::ask::{Ask, Position};
use crate::batch::Batch;
use crate::entry;
use crate::journal::{self, Damage, Disk, Intake, Journal, Listener, Log, Page};
use crate::limits::ITEM_OVERHEAD;
use crate::settled::{Fault, Settled};
use backlog::{Backlog, Found, Owner};
use broken::Broken;
use bytes::Bytes;
use desk::Desk;
use feeds::Feeds;
use parking_lot::RwLock;
use reads::Reads;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use stranded::Stranded;

/// The names of its threads, for whoever looks out for their panics.
pub const THREADS: [&str; 3] = [journal::THREAD, "settle", "read"];

pub struct Options {
    pub journal: journal::Options,
    /// Where feeds have their cursors.
    pub feeds: PathBuf,
    /// Batches that are committed and not settled yet, by their cost: above this nothing more is taken.
    pub unsettled_bytes: usize,
    /// Of those, so much is kept in memory; the rest is read from the journal again.
    pub held_bytes: usize,
    /// Threads that answer asks.
    pub readers: usize,
    /// What the journal's fdatasync is worth: [`AckLevel::Durable`] before a settled store on the same disk, and
    /// [`AckLevel::Local`] before one that promises more.
    pub synced: AckLevel,
}

impl Options {
    pub fn new(journal: journal::Options) -> Options {
        let feeds = journal.folder.with_file_name("feeds");
        Options {
            journal,
            feeds,
            unsettled_bytes: 256 << 20,
            held_bytes: 32 << 20,
            readers: 2,
            synced: AckLevel::Durable,
        }
    }
}

/// Why a node's store did not open.
#[derive(Debug)]
pub enum OpenError {
    Journal(journal::OpenError),
    Settled(Fault),
    Feeds(FeedError),
    Thread(std::io::Error),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Journal(error) => write!(f, "journal: {error}"),
            OpenError::Settled(fault) => write!(f, "settled store: {fault}"),
            OpenError::Feeds(error) => write!(f, "feeds: {error}"),
            OpenError::Thread(error) => write!(f, "no thread: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}

/// Opens the settled store; called again when it has failed.
pub type OpenSettled = Box<dyn Fn() -> Result<Arc<dyn Settled>, Fault> + Send + Sync>;

/// What the threads and the shards share.
pub(crate) struct Shared {
    pub intake: Intake,
    pub log: Log,
    pub backlog: Arc<Backlog>,
    pub feeds: Feeds,
    pub stranded: Stranded,
    pub broken: Broken,
    pub open_settled: OpenSettled,
    pub reads: Reads,
    pub unsettled_bytes: usize,
    pub desks: Vec<Arc<Desk>>,
    pub stopping: AtomicBool,
    /// The cost of what has settled since the settled store was last asked to make it durable.
    pub unsynced: AtomicUsize,
    /// Somebody waits for that.
    pub wants_sync: AtomicBool,
    /// How often the settled store has failed.
    pub settling_failed: AtomicU64,
    /// How many hold the journal's segments, though they are settled.
    pub holds: AtomicUsize,
    /// True: nothing is trimmed. Held while a trim is carried out.
    pub trims_held: RwLock<bool>,
}

/// A node's store. Shards get their own handles; dropping this leaves its threads running, [`Persistent::close`] ends them.
pub struct Persistent {
    shared: Arc<Shared>,
    journal: Journal,
    threads: Vec<JoinHandle<()>>,
}

impl Persistent {
    /// Opens both parts and finds what has not settled. That settles behind the caller's back. Each of `wakes` is a
    /// shard's, in their order.
    pub fn open(
        options: Options,
        disk: Arc<dyn Disk>,
        open_settled: OpenSettled,
        wakes: Vec<Wake>,
    ) -> Result<Persistent, OpenError> {
        let begun = Instant::now();
        let settled = open_settled().map_err(OpenError::Settled)?;
        let settled_in = begun.elapsed();
        let backlog = Arc::new(Backlog::new(options.held_bytes));
        let desk = |(shard, wake)| Arc::new(Desk::new(shard, options.synced, backlog.clone(), wake));
        let desks: Vec<_> = wakes.into_iter().enumerate().map(desk).collect();
        let listeners = desks.iter().map(|desk| desk.clone() as Arc<dyn Listener>).collect();
        // A journal that lost its newest files must not give out again what the settled store has taken.
        let journal = journal::Options { above: settled.highest().map_err(OpenError::Settled)?, ..options.journal };
        let (journal, found) = Journal::open(journal, disk, listeners).map_err(OpenError::Journal)?;
        let journal_in = begun.elapsed() - settled_in;
        for damage in &found.damaged {
            report(damage);
        }
        if found.torn {
            // Nobody was promised it, unless it is damage of what was written last, which looks the same.
            tracing::warn!(event = "journal_tail_cut", end = found.end.0);
        }
        let shared = Arc::new(Shared {
            intake: journal.intake(),
            log: journal.log(),
            backlog,
            stranded: Stranded::default(),
            broken: Broken::default(),
            feeds: Feeds::open(&options.feeds).map_err(OpenError::Feeds)?,
            open_settled,
            reads: Reads::default(),
            unsettled_bytes: options.unsettled_bytes,
            desks,
            stopping: AtomicBool::new(false),
            unsynced: AtomicUsize::new(0),
            wants_sync: AtomicBool::new(false),
            settling_failed: AtomicU64::new(0),
            holds: AtomicUsize::new(0),
            trims_held: RwLock::new(false),
        });
        shared.feeds.settled(settled.watermark());
        shared.adopt(settled).map_err(OpenError::Settled)?;
        let ms = |took: Duration| u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(
            event = "store_opened",
            settled_ms = ms(settled_in),
            journal_ms = ms(journal_in),
            unsettled_ms = ms(begun.elapsed() - settled_in - journal_in),
            unsettled = shared.backlog.waiting(),
        );
        shared.release();
        let mut threads = Vec::new();
        let [_, settling, reading] = THREADS;
        let mut spawn = |name: &str, work: fn(&Shared)| {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(&shared));
            thread.map(|thread| threads.push(thread)).map_err(OpenError::Thread)
        };
        spawn(settling, settle::run)?;
        for _ in 0..options.readers.max(1) {
            spawn(reading, reads::run)?;
        }
        Ok(Persistent { shared, journal, threads })
    }

    /// The store of one shard. Nobody else may hold the same shard's.
    pub fn shard(&self, shard: usize) -> Option<ShardStore> {
        self.shared.desks.get(shard).map(|desk| ShardStore::new(self.shared.clone(), desk.clone(), shard))
    }

    /// A reader of the journal, which is kept for it until it is larger than this.
    pub fn feed(&self, name: &str, bound_bytes: u64) -> Result<Feed, FeedError> {
        Feed::begin(&self.shared, name, bound_bytes)
    }

    /// For whoever moves it to another settled store.
    pub fn moving(&self) -> Moving {
        Moving::new(self.shared.clone())
    }

    /// What comes back from this node's disk after others went on without it.
    pub fn returns(&self) -> Returns {
        Returns(self.shared.clone())
    }

    /// For tools and whatever else is no shard. It may be asked after the store was closed, too.
    pub fn reader(&self) -> Reader {
        Reader(self.shared.clone())
    }

    /// Ends everything: what was handed in is written and settled first, asks are answered.
    pub fn close(self) {
        self.journal.close();
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.backlog.wake();
        self.shared.reads.wake();
        self.shared.stranded.wake();
        for thread in self.threads {
            // A panic was reported by its hook.
            let _ = thread.join();
        }
    }
}

/// How a store is.
#[derive(Clone, Debug)]
pub struct Vitals {
    pub journal: journal::State,
    pub counts: journal::Counts,
    /// What is committed and has not settled costs so much.
    pub unsettled_bytes: usize,
    /// For how long the oldest of it has waited.
    pub unsettled_for: Duration,
    /// False: the settled store has failed, or cannot be reached, and is not open again.
    pub is_settling: bool,
    /// How often it has failed.
    pub settling_failed: u64,
    /// Rooms that take nothing more, because the settled store cannot read what it needs of them.
    pub damaged_rooms: usize,
}

/// Asks and waits for the answer.
#[derive(Clone)]
pub struct Reader(Arc<Shared>);

impl Reader {
    pub fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        reads::answer(&self.0, ask)
    }

    pub fn vitals(&self) -> Vitals {
        let Shared { log, backlog, broken, .. } = &*self.0;
        Vitals {
            journal: log.state(),
            counts: log.counts(),
            unsettled_bytes: backlog.bytes(),
            unsettled_for: backlog.lag(),
            is_settling: !backlog.is_down(),
            settling_failed: self.0.settling_failed.load(Ordering::Relaxed),
            damaged_rooms: broken.len(),
        }
    }

    /// How long the journal's groups took to be written and synced: how many of them up to each of these bounds, in
    /// microseconds, and how many microseconds all of them together.
    pub fn syncs(&self, bounds: &[u64]) -> (Vec<u64>, u64) {
        self.0.log.syncs(bounds)
    }
}

/// Committed batches that others have overtaken, for whoever proposes them again.
#[derive(Clone)]
pub struct Returns(Arc<Shared>);

impl Returns {
    /// Some of them, in their order. Waits for some, but no longer than this.
    pub fn some(&self, most: usize, patience: Duration) -> Vec<(Position, Batch)> {
        self.0.stranded.some(most, patience)
    }

    /// What it said was proposed again, and is as safe as it was.
    pub fn done(&self, position: Position) {
        self.0.stranded.done(position);
    }

    pub fn is_over(&self) -> bool {
        self.0.is_stopping()
    }
}

impl Shared {
    /// Takes a settled store that was just opened: everything that it has not got is found in the journal.
    pub fn adopt(&self, settled: Arc<dyn Settled>) -> Result<(), Fault> {
        let mut after = settled.watermark();
        self.tell(&self.backlog.owed(after));
        self.backlog.adopt(settled, |add| {
            loop {
                let page = self.read(after, PAGE_BYTES)?;
                for damage in &page.damaged {
                    report(damage);
                }
                if let Some(gap) = page.gap {
                    // The journal let go of what the settled store once had.
                    tracing::error!(event = "settled_store_lost", from = after.0 + 1, until = gap.0 + 1);
                }
                let found = page.entries.iter().map(|(position, bytes)| {
                    let room = entry::room_of(bytes).map_err(|error| bad_entry(*position, error))?;
                    Ok(Found { position: *position, room, cost: bytes.len() + ITEM_OVERHEAD })
                });
                add(&found.collect::<Result<Vec<_>, Fault>>()?);
                if page.reached <= after {
                    return Ok(());
                }
                after = page.reached;
            }
        })
    }

    /// Says to those who wait for it that their batches have settled.
    pub fn tell(&self, owners: &[Owner]) {
        for desk in &self.desks {
            let mut own = owners.iter().filter(|owner| owner.shard == desk.shard()).peekable();
            if own.peek().is_some() {
                desk.settled(own.map(|owner| owner.ticket));
            }
        }
    }

    /// Entries of the journal.
    pub fn read(&self, after: Position, most_bytes: usize) -> Result<Page, Fault> {
        self.log.read(after, most_bytes).map_err(|error| Fault::Io(format!("journal: {error}")))
    }

    /// The journal lets go of what nobody needs.
    pub fn release(&self) {
        if self.holds.load(Ordering::Acquire) > 0 {
            return;
        }
        self.log.release(self.feeds.releases(self.log.used()));
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// What was acked and cannot be read any more is said aloud.
fn report(damage: &Damage) {
    tracing::error!(
        event = "journal_damaged",
        from = damage.from.0,
        until = damage.until.0,
        segment = damage.segment,
        offset = damage.offset,
        what = ?damage.what,
    );
}

pub(crate) fn decode(position: Position, bytes: &Bytes) -> Result<Batch, Fault> {
    entry::decode(bytes).map_err(|error| bad_entry(position, error))
}

fn bad_entry(position: Position, error: entry::BadEntry) -> Fault {
    Fault::Damaged { room: None, place: None, what: format!("entry {} of the journal: {error}", position.0) }
}

/// Read from the journal at a time.
pub(crate) const PAGE_BYTES: usize = 4 << 20;

/// What a settled batch has reached.
pub(crate) const REACH: AckLevel = AckLevel::Durable;
