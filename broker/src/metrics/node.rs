//! The figures that are no shard's: looked up when somebody asks, on a thread that may wait.

use super::process::{Process, started_now};
use super::row::Sample;
use super::spread::{BOUNDS, Spread};
use super::text;
use crate::auth::Tokens;
use crate::health::Health;
use crate::shard::cell::{Doors, Mail, ShardCounters};
use crate::shard::mailbox::Sender;
use rookery_protocol::errors::ErrorCode;
use rookery_storage::persistent::{Reader, Vitals};
use rustix::fs::{StatVfs, statvfs};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

/// Where all figures of a node are found. Clones look at the same.
#[derive(Clone)]
pub struct Figures {
    shards: Arc<[Arc<ShardCounters>]>,
    doors: Doors,
    health: Arc<Health>,
    /// None: nothing is kept.
    store: Option<Reader>,
    tokens: Arc<Tokens>,
    pub requests: Arc<Requests>,
    data: Arc<Path>,
    started: u64,
}

/// How they are at this moment.
pub struct Node<'a> {
    pub shards: &'a [Arc<ShardCounters>],
    pub doors: &'a Doors,
    pub health: &'a Health,
    pub tokens: &'a Tokens,
    pub requests: &'a Requests,
    pub vitals: Option<Vitals>,
    pub syncs: Option<Spread>,
    pub disk: Option<StatVfs>,
    pub process: Process,
    pub started: u64,
}

impl Figures {
    /// Of a process that has just begun.
    pub fn new(
        shards: Arc<[Arc<ShardCounters>]>,
        doors: Doors,
        health: Arc<Health>,
        store: Option<Reader>,
        tokens: Arc<Tokens>,
        data: &Path,
    ) -> Figures {
        let (requests, started) = (Arc::default(), started_now());
        Figures { shards, doors, health, store, tokens, requests, data: data.into(), started }
    }

    /// The page. May wait for a disk.
    pub fn text(&self) -> String {
        let store = self.store.as_ref();
        text::text(&Node {
            shards: &self.shards,
            doors: &self.doors,
            health: &self.health,
            tokens: &self.tokens,
            requests: &self.requests,
            vitals: store.map(Reader::vitals),
            syncs: store.map(syncs),
            disk: statvfs(&*self.data).ok(),
            process: Process::now(),
            started: self.started,
        })
    }
}

fn syncs(store: &Reader) -> Spread {
    let (upto, sum) = store.syncs(&BOUNDS);
    // One more may have come since: never fewer than at the bounds.
    let all = store.vitals().counts.groups.max(upto.last().copied().unwrap_or_default());
    Spread::of(&upto, all, sum)
}

impl Node<'_> {
    /// A figure of every lane into a shard.
    pub fn lanes(&self, of: fn(&Sender<Mail>) -> usize) -> Vec<Sample> {
        let lanes = self.doors.iter().enumerate().flat_map(|(shard, door)| {
            let of_shard = [("parcels", &door.parcels), ("control", &door.control), ("calls", &door.calls)];
            of_shard.map(|(lane, sender)| Sample {
                labels: format!("shard=\"{shard}\",lane=\"{lane}\""),
                value: of(sender) as u64,
            })
        });
        lanes.collect()
    }

    /// A figure of the store, where there is one.
    pub fn store(&self, of: fn(&Vitals) -> u64) -> Vec<Sample> {
        self.vitals.as_ref().map_or_else(Vec::new, |vitals| Sample::plain(of(vitals)))
    }

    pub fn disk(&self, of: fn(&StatVfs) -> u64) -> Vec<Sample> {
        self.disk.as_ref().map_or_else(Vec::new, |disk| Sample::plain(of(disk)))
    }

    pub fn process(&self, of: fn(&Process) -> Option<u64>) -> Vec<Sample> {
        of(&self.process).map_or_else(Vec::new, Sample::plain)
    }
}

/// What an answer over HTTP may say: what REST refuses with, and what it does not refuse.
static STATUSES: LazyLock<Vec<u16>> = LazyLock::new(|| {
    let mut all: Vec<u16> = ErrorCode::ALL.iter().map(|code| code.status()).chain([200, 201]).collect();
    all.sort_unstable();
    all.dedup();
    all
});

/// Requests under `/v1/` by the status that they were answered with; the last is for what is not on the list.
pub struct Requests(Vec<AtomicU64>);

impl Default for Requests {
    fn default() -> Requests {
        Requests((0..=STATUSES.len()).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Requests {
    pub fn answered(&self, status: u16) {
        let place = STATUSES.binary_search(&status).unwrap_or(STATUSES.len());
        if let Some(count) = self.0.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn samples(&self) -> Vec<Sample> {
        let words = STATUSES.iter().map(u16::to_string).chain(["other".to_owned()]);
        let sample = |(word, count): (String, &AtomicU64)| Sample {
            labels: format!("status=\"{word}\""),
            value: count.load(Ordering::Relaxed),
        };
        words.zip(&self.0).map(sample).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_counts_for_its_status_and_an_unknown_one_for_others() {
        let requests = Requests::default();
        for status in [200, 404, 404, 299] {
            requests.answered(status);
        }
        let shown: Vec<String> =
            requests.samples().iter().filter(|s| s.value > 0).map(|s| format!("{} {}", s.labels, s.value)).collect();
        assert_eq!(shown, ["status=\"200\" 1", "status=\"404\" 2", "status=\"other\" 1"]);
    }
}
