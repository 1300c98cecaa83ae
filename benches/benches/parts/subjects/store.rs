//! What the stores take in: batches into the embedded one, beside bare appends of the same bytes; into the model in memory,
//! beside a tree by place.
//!
//! The embedded store writes out what it holds from time to time, and merges: that is in it, as it would be in a node.

use super::values::{EPOCH, key, payloads, record};
use super::{Pair, Visit};
use bytes::Bytes;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{
    Ask, Batch, Entry, Keep, Outcome, PageAsk, PageFrom, Place, Position, Record, Settled, Store, Ticket, entry,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;
use tempfile::TempDir;

const ROOMS: u64 = 8;
const EACH: u64 = 8;
/// Messages that stay in memory.
const KEPT: u64 = 10_000;

pub fn newest(room: &str, limit: usize) -> Ask {
    page(room, PageFrom::Newest, limit)
}

pub fn page(room: &str, from: PageFrom, limit: usize) -> Ask {
    let fence = Place::new(EPOCH + 1, 0);
    Ask::Page(PageAsk { room: key(room), thread: None, from, limit, fence, now: 0 })
}

pub fn records(outcome: Outcome) -> Vec<Record> {
    if let Outcome::Page(page) = outcome { page.records } else { panic!("{outcome:?}") }
}

pub fn batch(room: &str, first: u64, count: u64) -> Batch {
    let mut batch = Batch::new(key(room));
    batch.events.extend((first..first + count).map(record));
    batch
}

struct Applying {
    // First, so that it is closed before its folder goes.
    settled: Embedded,
    file: File,
    position: u64,
    applied: u64,
    /// Of each room.
    newest: u64,
    offset: u64,
    _folder: TempDir,
}

impl Applying {
    fn new(folder: &Path) -> Applying {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let settled = Embedded::open(&folder.path().join("store"), &EmbeddedOptions::default()).unwrap();
        let file = tempfile::tempfile_in(folder.path()).unwrap();
        Applying { settled, file, position: 0, applied: 0, newest: 0, offset: 0, _folder: folder }
    }
}

fn room(n: u64) -> String {
    format!("room-{n}")
}

impl Pair for Applying {
    /// For whoever merges, now and then.
    const WAITS: bool = true;

    /// What the store is given, and the same as bytes.
    type Input = (Vec<Entry>, Vec<u8>);

    fn input(&mut self) -> (Vec<Entry>, Vec<u8>) {
        let entries: Vec<Entry> = (0..ROOMS)
            .map(|n| Entry::new(Position(self.position + n + 1), batch(&room(n), self.newest + 1, EACH)))
            .collect();
        self.position += ROOMS;
        self.newest += EACH;
        let mut bytes = Vec::new();
        entries.iter().for_each(|one| entry::encode(&one.batch, &mut bytes));
        (entries, bytes)
    }

    fn rounds(&self) -> u64 {
        16
    }

    fn ours(&mut self, (entries, _): Self::Input) {
        self.applied = self.applied.max(entries.last().unwrap().position.0);
        self.settled.apply(entries).unwrap();
    }

    fn floor(&mut self, (_, bytes): Self::Input) {
        self.file.write_all(&bytes).unwrap();
        self.offset += bytes.len() as u64;
    }

    /// The floor's batches never came to the store, which wants them without holes.
    fn between(&mut self) {
        self.position = self.applied;
        self.newest = self.applied / ROOMS * EACH;
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        let (entries, bytes) = self.input();
        let begun = self.offset;
        self.ours((entries, Vec::new()));
        self.floor((Vec::new(), bytes));
        let found = self.settled.answer(&newest(&room(0), EACH as usize)).unwrap();
        let mut read = vec![0; (self.offset - begun) as usize];
        self.file.read_exact_at(&mut read, begun).unwrap();
        let first = entry::decode(&read_first(&read)).unwrap();
        [payloads(&records(found)), payloads(&first.events)]
    }
}

/// All entries are equally long: the rooms' names are.
fn read_first(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&bytes[..bytes.len() / ROOMS as usize])
}

struct Remembering {
    memory: Memory,
    done: Vec<rookery_storage::Completion>,
    count: u64,
    newest: u64,
    taken: u64,
    tree: BTreeMap<u64, Record>,
    /// Of the tree.
    last: u64,
}

impl Remembering {
    fn new(count: u64) -> Remembering {
        let keep = Keep { messages: KEPT, changes: KEPT, ..Keep::ALL };
        let memory = Memory::new(MemoryOptions { keep, seed: 1, ..MemoryOptions::default() });
        let mut full =
            Remembering { memory, done: Vec::new(), count, newest: 0, taken: 0, tree: BTreeMap::new(), last: 0 };
        // Both let go of as much as they take in from here on.
        while full.newest < KEPT {
            let batch = full.input();
            full.floor(batch.clone());
            full.ours(batch);
        }
        full
    }
}

impl Pair for Remembering {
    type Input = Batch;

    fn input(&mut self) -> Batch {
        let first = self.newest + 1;
        self.newest += self.count;
        batch("general", first, self.count)
    }

    fn rounds(&self) -> u64 {
        16
    }

    fn ours(&mut self, batch: Batch) {
        self.taken = self.newest;
        self.done.clear();
        self.memory.submit(batch, Ticket(1));
        self.memory.poll(&mut self.done);
        black_box(&self.done);
    }

    fn floor(&mut self, batch: Batch) {
        for record in batch.events {
            self.last += 1;
            self.tree.insert(self.last, record);
        }
        while self.tree.len() as u64 > KEPT {
            self.tree.pop_first();
        }
    }

    fn between(&mut self) {
        self.newest = self.taken;
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        let batch = self.input();
        self.floor(batch.clone());
        self.ours(batch);
        assert_eq!(self.done.remove(0).outcome, Outcome::Stored(self.memory.reach()));
        self.memory.ask(newest("general", self.count as usize), Ticket(2));
        self.memory.poll(&mut self.done);
        let found = records(self.done.remove(0).outcome);
        let floor = self.tree.values().rev().take(self.count as usize).collect::<Vec<_>>();
        [payloads(&found), payloads(floor.into_iter().rev())]
    }
}

pub fn pairs(visit: &mut impl Visit, folder: &Path) {
    let messages = ROOMS * EACH;
    visit.pair("store on disk, 64 in 8 rooms", "message", messages, || Applying::new(folder));
    for count in [1, 64] {
        visit.pair(&format!("store in memory, {count} a batch"), "message", count, || Remembering::new(count));
    }
}
