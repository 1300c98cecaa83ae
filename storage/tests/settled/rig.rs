//! A store directly over the settled one: what is submitted is applied at once, without a journal.

use rookery_storage::answer::{Completion, Failure, Outcome, TailPage};
use rookery_storage::ask::{Ask, Position};
use rookery_storage::batch::Batch;
use rookery_storage::conformance::Rig;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::{AckLevel, Entry, Fault, Settled, Store, Ticket};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Small, so that tests reach the tables, too.
pub fn small() -> EmbeddedOptions {
    EmbeddedOptions { cache_bytes: 1 << 20, memtable_bytes: 64 * 1024, ..EmbeddedOptions::default() }
}

pub struct Direct {
    pub settled: Embedded,
    position: u64,
    /// What a journal would keep.
    batches: Vec<(Position, Batch)>,
    done: Vec<Completion>,
}

impl Direct {
    pub fn open(folder: &Path) -> Direct {
        let settled = Embedded::open(folder, &small()).unwrap();
        Direct { settled, position: 0, batches: Vec::new(), done: Vec::new() }
    }

    fn write(&mut self, batch: Batch) -> Outcome {
        if let Err(failure) = batch.check() {
            return Outcome::Failed(failure);
        }
        let position = Position(self.position + 1);
        match self.settled.apply(vec![Entry { position, batch: batch.clone() }]) {
            Ok(()) => {
                self.settled.sync(position).unwrap();
                self.position += 1;
                self.batches.push((position, batch));
                Outcome::Stored(AckLevel::Durable)
            }
            Err(Fault::OutOfOrder { .. }) => Outcome::Failed(Failure::OutOfOrder),
            Err(fault) => panic!("{fault}"),
        }
    }

    fn tail(&self, after: Position, limit: usize) -> TailPage {
        let above = self.batches.iter().filter(|(position, _)| *position > after).take(limit);
        TailPage { gap: None, batches: above.cloned().collect(), end: Position(self.position) }
    }
}

impl Store for Direct {
    fn reach(&self) -> AckLevel {
        AckLevel::Durable
    }

    fn window(&self) -> usize {
        usize::MAX
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let outcome = self.write(batch);
        self.done.push(Completion { ticket, outcome });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        let outcome = if let Ask::Tail { after, limit } = ask {
            assert_eq!(self.settled.answer(&ask), Err(Fault::NotHere));
            Outcome::Tail(Box::new(self.tail(after, limit)))
        } else {
            self.settled.answer(&ask).unwrap()
        };
        self.done.push(Completion { ticket, outcome });
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        out.append(&mut self.done);
    }
}

/// A folder per store; a crash opens a copy of the folder that was taken while the store was open.
pub struct Folders {
    root: TempDir,
    count: u64,
    pub store: Option<Direct>,
}

impl Folders {
    pub fn new() -> Folders {
        let mut folders = Folders { root: tempfile::tempdir().unwrap(), count: 0, store: None };
        folders.open();
        folders
    }

    pub fn folder(&self) -> PathBuf {
        self.root.path().join(self.count.to_string())
    }

    pub fn direct(&mut self) -> &mut Direct {
        self.store.as_mut().unwrap()
    }
}

impl Rig for Folders {
    fn open(&mut self) {
        drop(self.store.take());
        std::fs::remove_dir_all(self.folder()).ok();
        self.count += 1;
        self.store = Some(Direct::open(&self.folder()));
    }

    fn store(&mut self) -> &mut dyn Store {
        self.direct()
    }

    fn wait(&mut self) {}

    fn crash(&mut self) -> bool {
        let old = self.folder();
        self.count += 1;
        copy(&old, &self.folder());
        let Direct { settled, position, batches, .. } = self.store.take().unwrap();
        drop(settled);
        std::fs::remove_dir_all(old).unwrap();
        let again = Direct::open(&self.folder());
        assert_eq!(again.settled.watermark(), Position(position));
        self.store = Some(Direct { position, batches, ..again });
        true
    }
}

/// The files of a folder as they are now. The engine may work meanwhile: what vanishes under the copy is left out.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    // Journals first: what they no longer hold is in tables by then.
    let mut entries: Vec<_> = std::fs::read_dir(from).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(|entry| entry.file_type().unwrap().is_dir());
    for entry in entries {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if let Err(error) = copy_sparse(&entry.path(), &target) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        }
    }
}

/// The engine's journals are 64 MiB of mostly nothing.
fn copy_sparse(from: &Path, to: &Path) -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom, Write};
    let mut from = std::fs::File::open(from)?;
    let mut target = std::fs::File::create(to)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            break;
        }
        if piece[..read].iter().any(|byte| *byte != 0) {
            target.write_all(&piece[..read])?;
        } else {
            target.seek(SeekFrom::Current(read as i64))?;
        }
    }
    let end = target.stream_position()?;
    target.set_len(end)
}
