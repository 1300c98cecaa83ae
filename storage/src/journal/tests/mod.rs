//! The journal's promises, on a disk with faults and without the thread: the same seed gives the same story.

mod damage;
mod layout;
mod model;
mod outage;

use super::faulty::FaultyDisk;
use super::writer::{Submission, Writer};
use super::{Listener, Log, OpenError, Opened, Options, Written, open};
use crate::Position;
use bytes::Bytes;
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Remembers what it was told.
#[derive(Default)]
pub struct Ear(Mutex<Vec<Written>>);

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        self.0.lock().append(results);
    }
}

/// A journal whose writer is driven by the test.
pub struct Hand {
    pub writer: Writer,
    pub log: Log,
    pub found: super::Found,
    ear: Arc<Ear>,
    _lock: Box<dyn Send + Sync>,
}

pub fn options(segment_bytes: u64, most_bytes: u64) -> Options {
    let retry = Duration::from_millis(1);
    Options { segment_bytes, most_bytes, retry, ..Options::new(PathBuf::from("journal")) }
}

impl Hand {
    pub fn open(disk: &FaultyDisk, options: &Options) -> Result<Hand, OpenError> {
        let ear = Arc::new(Ear::default());
        let listeners: Vec<Arc<dyn Listener>> = vec![ear.clone()];
        let Opened { shared, writer, found, lock } = open(options.clone(), Arc::new(disk.clone()), listeners)?;
        // Nobody listens to what is sent here: the test talks to the writer itself.
        let (sender, _) = crossbeam::channel::unbounded();
        let log = Log { shared, disk: Arc::new(disk.clone()), sender };
        Ok(Hand { writer, log, found, ear, _lock: lock })
    }

    /// Writes these as one group, if one segment takes them, and returns what each was told.
    pub fn write(&mut self, entries: &[&[u8]]) -> Vec<Written> {
        let numbered = entries.iter().zip(0..);
        let mut waiting: Vec<Submission> =
            numbered.map(|(entry, ticket)| Submission { source: 0, ticket, entry: entry.to_vec() }).collect();
        let cost: usize = entries.iter().map(|entry| Submission::cost(entry)).sum();
        self.log.shared.health.queued.fetch_add(cost, std::sync::atomic::Ordering::SeqCst);
        self.writer.write(&mut waiting);
        std::mem::take(&mut self.ear.0.lock())
    }

    /// Everything there is, in pages, with what is damaged.
    pub fn read_all(&self) -> (Vec<(u64, Bytes)>, Vec<super::Damage>) {
        read_all(&self.log, 20_000)
    }
}

pub fn read_all(log: &Log, most_bytes: usize) -> (Vec<(u64, Bytes)>, Vec<super::Damage>) {
    let (mut entries, mut damaged, mut after) = (Vec::new(), Vec::new(), Position(0));
    loop {
        let page = log.read(after, most_bytes).unwrap();
        entries.extend(page.entries.into_iter().map(|(position, body)| (position.0, body)));
        damaged.extend(page.damaged);
        if page.reached >= page.end {
            return (entries, damaged);
        }
        assert!(page.reached > after, "a page gets on");
        after = page.reached;
    }
}
