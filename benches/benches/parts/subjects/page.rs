//! Pages of fifty messages, beside reading the same bytes back from a plain file or out of a tree.
//!
//! Of the store on disk once by itself, with the messages in its tables, and once whole: asked through a shard's end of it,
//! with the messages where the journal wrote them, and answered by another thread.

use super::store::{batch, newest, page, records};
use super::values::{payloads, record};
use super::{Pair, Visit};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::persistent::{Options, Persistent, ShardStore};
use rookery_storage::{Ask, Completion, Entry, Outcome, PageFrom, Position, Record, Settled, Store, Ticket};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;
use tempfile::TempDir;

const MESSAGES: u64 = 10_000;
const BATCH: u64 = 50;
const PAGE: u64 = 50;
const ROOM: &str = "general";

/// Whoever answers pages.
trait Answers {
    const WAITS: bool = false;

    fn page(&mut self, ask: &Ask) -> Vec<Record>;
}

/// Where the page lies, from the oldest.
#[derive(Clone, Copy)]
enum Where {
    End,
    Middle,
}

impl Where {
    fn ask(self) -> Ask {
        match self {
            Where::End => newest(ROOM, PAGE as usize),
            Where::Middle => page(ROOM, PageFrom::FromOldest(MESSAGES / 2), PAGE as usize),
        }
    }

    fn seqs(self) -> std::ops::RangeInclusive<u64> {
        let first = match self {
            Where::End => MESSAGES - PAGE + 1,
            Where::Middle => MESSAGES / 2 + 1,
        };
        first..=first + PAGE - 1
    }
}

struct Alone {
    settled: Embedded,
    _folder: TempDir,
}

impl Alone {
    fn new(folder: &Path) -> Alone {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let settled = Embedded::open(&folder.path().join("store"), &EmbeddedOptions::default()).unwrap();
        for (n, first) in (1..=MESSAGES).step_by(BATCH as usize).enumerate() {
            settled.apply(vec![Entry::new(Position(n as u64 + 1), batch(ROOM, first, BATCH))]).unwrap();
        }
        settled.sync(Position(MESSAGES / BATCH)).unwrap();
        Alone { settled, _folder: folder }
    }
}

impl Answers for Alone {
    fn page(&mut self, ask: &Ask) -> Vec<Record> {
        records(self.settled.answer(ask).unwrap())
    }
}

struct Whole {
    // In this order, so that everything is closed before its folder goes.
    store: ShardStore,
    _persistent: Persistent,
    called: Receiver<()>,
    done: Vec<Completion>,
    _folder: TempDir,
}

impl Whole {
    fn new(folder: &Path) -> Whole {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let (call, called) = sync_channel(1);
        let wake = Box::new(move || {
            // Called once is called.
            let _ = call.try_send(());
        });
        let options = Options::new(journal::Options::new(folder.path().join("journal")));
        let settled = folder.path().join("store");
        let open = move || {
            let settled = Embedded::open(&settled, &EmbeddedOptions::default())?;
            Ok(Arc::new(settled) as Arc<dyn Settled>)
        };
        let persistent = Persistent::open(options, Arc::new(RealDisk), Box::new(open), vec![wake]).unwrap();
        let store = persistent.shard(0).unwrap();
        let mut whole = Whole { store, _persistent: persistent, called, done: Vec::new(), _folder: folder };
        for first in (1..=MESSAGES).step_by(BATCH as usize) {
            whole.store.submit(batch(ROOM, first, BATCH), Ticket(first));
            assert!(matches!(whole.answer(), Outcome::Stored(_)), "it is stored");
        }
        whole
    }

    fn answer(&mut self) -> Outcome {
        loop {
            self.store.poll(&mut self.done);
            if let Some(completion) = self.done.pop() {
                return completion.outcome;
            }
            self.called.recv_timeout(Duration::from_secs(60)).unwrap();
        }
    }
}

impl Answers for Whole {
    const WAITS: bool = true;

    fn page(&mut self, ask: &Ask) -> Vec<Record> {
        self.store.ask(ask.clone(), Ticket(0));
        records(self.answer())
    }
}

struct Model(Memory, Vec<Completion>);

impl Model {
    fn new() -> Model {
        let mut model = Model(Memory::new(MemoryOptions { seed: 1, ..MemoryOptions::default() }), Vec::new());
        for first in (1..=MESSAGES).step_by(BATCH as usize) {
            model.0.submit(batch(ROOM, first, BATCH), Ticket(first));
        }
        model.0.poll(&mut model.1);
        model
    }
}

impl Answers for Model {
    fn page(&mut self, ask: &Ask) -> Vec<Record> {
        self.1.clear();
        self.0.ask(ask.clone(), Ticket(0));
        self.0.poll(&mut self.1);
        records(self.1.remove(0).outcome)
    }
}

struct BesideFile<A> {
    ours: A,
    found: Vec<Record>,
    at: Where,
    ask: Ask,
    /// Every message, one behind the other, and where the page lies there.
    file: File,
    offset: u64,
    read: Vec<u8>,
}

impl<A: Answers> BesideFile<A> {
    fn new(folder: &Path, ours: A, at: Where) -> BesideFile<A> {
        let file = tempfile::tempfile_in(folder).unwrap();
        let each = record(1).payload.len() as u64;
        let all: Vec<Record> = (1..=MESSAGES).map(record).collect();
        file.write_all_at(&payloads(&all), 0).unwrap();
        let (offset, read) = ((at.seqs().start() - 1) * each, vec![0; (PAGE * each) as usize]);
        BesideFile { ours, found: Vec::new(), at, ask: at.ask(), file, offset, read }
    }
}

impl<A: Answers> Pair for BesideFile<A> {
    const WAITS: bool = A::WAITS;

    type Input = ();

    fn input(&mut self) {}

    fn ours(&mut self, (): ()) {
        self.found = self.ours.page(&self.ask);
    }

    fn floor(&mut self, (): ()) {
        self.file.read_exact_at(&mut self.read, self.offset).unwrap();
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        self.ours(());
        self.floor(());
        assert!(self.found.iter().map(|record| record.place.seq.0).eq(self.at.seqs()));
        [payloads(&self.found), self.read.clone()]
    }
}

struct BesideTree {
    ours: Model,
    found: Vec<Record>,
    at: Where,
    ask: Ask,
    tree: BTreeMap<u64, Record>,
    taken: Vec<Record>,
}

impl BesideTree {
    fn new(at: Where) -> BesideTree {
        let tree = (1..=MESSAGES).map(|seq| (seq, record(seq))).collect();
        BesideTree { ours: Model::new(), found: Vec::new(), at, ask: at.ask(), tree, taken: Vec::new() }
    }
}

impl Pair for BesideTree {
    type Input = ();

    fn input(&mut self) {}

    fn ours(&mut self, (): ()) {
        self.found = self.ours.page(&self.ask);
    }

    fn floor(&mut self, (): ()) {
        self.taken = self.tree.range(self.at.seqs()).map(|(_, record)| record.clone()).collect();
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        self.ours(());
        self.floor(());
        [payloads(&self.found), payloads(&self.taken)]
    }
}

pub fn pairs(visit: &mut impl Visit, folder: &Path) {
    for (at, place) in [(Where::End, "newest"), (Where::Middle, "middle")] {
        let alone = || BesideFile::new(folder, Alone::new(folder), at);
        visit.pair(&format!("page on disk, {place}"), "page", 1, alone);
        let whole = || BesideFile::new(folder, Whole::new(folder), at);
        visit.pair(&format!("page of the whole store, {place}"), "page", 1, whole);
        visit.pair(&format!("page in memory, {place}"), "page", 1, || BesideTree::new(at));
    }
}
