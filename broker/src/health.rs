//! Whether a node is alive, whether it should get traffic, and why not.

use crate::ports::Clock;
use crate::shard::cell::ShardCounters;
use rookery_storage::journal::State;
use rookery_storage::persistent::{Reader, Vitals};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A shard whose loop has not turned for so long does nobody any good.
const STUCK_MS: u64 = 1_000;

pub struct Health {
    /// Of the node's clock.
    start: Instant,
    shards: Arc<[Arc<ShardCounters>]>,
    /// None: nothing is kept.
    store: Option<Reader>,
    stopping: AtomicBool,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: String,
    pub ok: bool,
    /// How it is, in words.
    pub says: String,
    /// Whether the node is dead without it, or only has to be spared.
    #[serde(skip)]
    pub weighs: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// Not alive without it.
    Life,
    /// It should get no traffic without it.
    Traffic,
    /// Good to know.
    Nothing,
}

impl Health {
    pub fn new(clock: &Clock, shards: Arc<[Arc<ShardCounters>]>, store: Option<Reader>) -> Arc<Health> {
        Arc::new(Health { start: clock.start(), shards, store, stopping: AtomicBool::new(false) })
    }

    /// From now on it should get no traffic.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// How long ago each shard's loop turned.
    pub fn ages_ms(&self) -> impl Iterator<Item = u64> {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.shards.iter().map(move |counters| now.saturating_sub(counters.turned_at.load(Ordering::Relaxed)))
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub fn checks(&self) -> Vec<Check> {
        let mut checks: Vec<Check> = self.ages_ms().enumerate().map(|(id, ago)| shard(id, ago)).collect();
        let stopping = self.is_stopping();
        checks.push(Check {
            name: "stopping".to_owned(),
            ok: !stopping,
            says: if stopping { "it was told to stop" } else { "no" }.to_owned(),
            weighs: Weight::Traffic,
        });
        if let Some(store) = &self.store {
            checks.extend(stores(&store.vitals()));
        }
        checks
    }

    pub fn is_alive(&self) -> bool {
        self.checks().iter().all(|check| check.ok || check.weighs != Weight::Life)
    }

    pub fn is_ready(&self) -> bool {
        self.checks().iter().all(|check| check.ok || check.weighs == Weight::Nothing)
    }
}

fn shard(id: usize, ago: u64) -> Check {
    let says = format!("its loop turned {ago} ms ago");
    Check { name: format!("shard {id}"), ok: ago <= STUCK_MS, says, weighs: Weight::Life }
}

fn stores(vitals: &Vitals) -> [Check; 2] {
    let (writes, says) = match &vitals.journal {
        State::Writing => (true, format!("{} bytes wait", vitals.counts.queued)),
        State::Down { since, what, .. } => (false, format!("not written for {} s: {what}", since.elapsed().as_secs())),
    };
    let journal = Check { name: "journal".to_owned(), ok: writes, says, weighs: Weight::Traffic };
    let unsettled = vitals.unsettled_bytes;
    let says = if vitals.is_settling { "takes" } else { "does not take at present; the journal keeps" };
    let settled = Check {
        name: "settled store".to_owned(),
        ok: vitals.is_settling,
        says: format!("it {says} what is committed; {unsettled} bytes are on their way"),
        weighs: Weight::Nothing,
    };
    [journal, settled]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_shard_that_does_not_turn_is_found() {
        let clock = Clock::default();
        let shards: Arc<[Arc<ShardCounters>]> = (0..2).map(|_| Arc::<ShardCounters>::default()).collect();
        let health = Health::new(&clock, shards.clone(), None);
        assert!(health.is_alive() && health.is_ready());
        assert!(shard(0, STUCK_MS).ok);
        let stuck = shard(1, STUCK_MS + 1);
        assert!(!stuck.ok && stuck.weighs == Weight::Life && stuck.says.contains("1001 ms"), "{stuck:?}");
        let later = Clock::started(Instant::now() - Duration::from_secs(10));
        shards[1].turned_at.store(9_500, Ordering::Relaxed);
        let health = Health::new(&later, shards, None);
        let (ages, checks) = (health.ages_ms().collect::<Vec<_>>(), health.checks());
        assert!(ages[0] >= 10_000 && (500..1_000).contains(&ages[1]), "{ages:?}");
        assert!(!checks[0].ok && checks[1].ok && !health.is_alive(), "{checks:?}");
    }

    #[test]
    fn one_that_stops_is_alive_and_gets_no_traffic() {
        let health = Health::new(&Clock::default(), Arc::new([]), None);
        health.stop();
        assert!(health.is_alive() && !health.is_ready());
    }

    #[test]
    fn a_disk_that_fails_keeps_traffic_away_and_a_database_that_is_away_does_not() {
        let vitals = Vitals {
            journal: State::Down {
                since: Instant::now(),
                why: rookery_storage::Failure::Full,
                what: "no space left".to_owned(),
            },
            counts: Default::default(),
            unsettled_bytes: 7,
            unsettled_for: Default::default(),
            is_settling: false,
            settling_failed: 0,
            damaged_rooms: 0,
        };
        let [journal, settled] = stores(&vitals);
        assert!(!journal.ok && journal.weighs == Weight::Traffic && journal.says.contains("no space left"));
        assert!(!settled.ok && settled.weighs == Weight::Nothing && settled.says.contains("7 bytes"));
    }
}
