//! What the journal shows of itself: whether it writes, how much waits, what a sync takes.

use crate::answer::Failure;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Writing,
    /// Everything fails until the writer, which goes on trying, gets through.
    Down {
        since: Instant,
        why: Failure,
        /// What the disk said.
        what: String,
    },
}

/// Counted since the journal was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bytes that wait or are being written.
    pub queued: usize,
    /// Bytes of all segments.
    pub used: u64,
    pub groups: u64,
    pub entries: u64,
    /// Bytes of the entries that were written.
    pub bytes: u64,
    /// Entries that failed.
    pub failed: u64,
    /// Microseconds of a group's write and fdatasync.
    pub sync_p50: u64,
    pub sync_p99: u64,
    pub sync_max: u64,
}

pub(super) struct Health {
    state: Mutex<State>,
    pub queued: AtomicUsize,
    pub used: AtomicU64,
    pub groups: AtomicU64,
    pub entries: AtomicU64,
    pub bytes: AtomicU64,
    pub failed: AtomicU64,
    /// Microseconds of all of these together.
    pub sync_micros: AtomicU64,
    /// Touched once per group.
    syncs: Mutex<Option<Histogram<u64>>>,
}

impl Health {
    pub fn new() -> Health {
        Health {
            state: Mutex::new(State::Writing),
            queued: AtomicUsize::new(0),
            used: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            sync_micros: AtomicU64::new(0),
            // Up to a minute, to two digits; a sync that takes longer counts as a minute.
            syncs: Mutex::new(Histogram::new_with_bounds(1, 60_000_000, 2).ok()),
        }
    }

    pub fn state(&self) -> State {
        self.state.lock().clone()
    }

    pub fn up(&self) {
        *self.state.lock() = State::Writing;
    }

    /// An outage that goes on keeps its beginning; what is wrong may change.
    pub fn down(&self, why: Failure, what: String) {
        let mut state = self.state.lock();
        let since = match &*state {
            State::Writing => Instant::now(),
            State::Down { since, .. } => *since,
        };
        *state = State::Down { since, why, what };
    }

    pub fn wrote(&self, entries: u64, bytes: u64, took: Duration) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.entries.fetch_add(entries, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sync_micros.fetch_add(micros, Ordering::Relaxed);
        if let Some(syncs) = &mut *self.syncs.lock() {
            syncs.saturating_record(micros);
        }
    }

    /// How long groups took to be written and synced: how many of them up to each of these bounds, in microseconds, and
    /// how many microseconds all of them together.
    pub fn syncs(&self, bounds: &[u64]) -> (Vec<u64>, u64) {
        let syncs = self.syncs.lock();
        let upto = |bound: &u64| syncs.as_ref().map_or(0, |syncs| syncs.count_between(0, *bound));
        (bounds.iter().map(upto).collect(), self.sync_micros.load(Ordering::Relaxed))
    }

    pub fn counts(&self) -> Counts {
        let (sync_p50, sync_p99, sync_max) = match &*self.syncs.lock() {
            Some(syncs) => (syncs.value_at_quantile(0.5), syncs.value_at_quantile(0.99), syncs.max()),
            None => (0, 0, 0),
        };
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            queued: self.queued.load(Ordering::Relaxed),
            used: get(&self.used),
            groups: get(&self.groups),
            entries: get(&self.entries),
            bytes: get(&self.bytes),
            failed: get(&self.failed),
            sync_p50,
            sync_p99,
            sync_max,
        }
    }
}
