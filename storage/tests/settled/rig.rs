//! A store directly over the settled one: what is submitted is applied at once, without a journal.

use rookery_storage::answer::{Completion, Failure, Outcome, TailPage};
use rookery_storage::ask::{Ask, Position};
use rookery_storage::batch::Batch;
use rookery_storage::conformance::Rig;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::{AckLevel, Entry, Fault, Settled, Store, Ticket};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
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

/// The files of a folder as they are at one moment: copied again if the engine changed any meanwhile.
pub fn copy(from: &Path, to: &Path) {
    for _ in 0..1000 {
        let before = look(from);
        if copy_once(from, to).is_ok() && look(from) == before {
            return;
        }
        std::fs::remove_dir_all(to).unwrap();
    }
    panic!("the engine is never at rest");
}

fn look(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, data) = (entry.path(), entry.metadata().ok());
        if path.is_dir() {
            seen.extend(look(&path));
        }
        let size = data.as_ref().map_or(0, std::fs::Metadata::len);
        seen.push((path, size, data.and_then(|data| data.modified().ok())));
    }
    seen.sort();
    seen
}

fn copy_once(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, target) = match entry {
            Ok(entry) => (entry.path(), to.join(entry.file_name())),
            Err(error) => return Err(error),
        };
        if entry.is_dir() {
            copy_once(&entry, &target)?;
        } else {
            copy_file(&entry, &target)?;
        }
    }
    Ok(())
}

/// The engine's journals are 64 MiB of mostly nothing at their end, which is left a hole.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = std::fs::File::open(from)?;
    let mut target = std::fs::File::create(to)?;
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = source.read(&mut piece)?;
        let nothing = from.extension().is_some_and(|ext| ext == "jnl") && piece[..read].iter().all(|byte| *byte == 0);
        if read == 0 || nothing {
            break;
        }
        target.write_all(&piece[..read])?;
    }
    target.set_len(source.metadata()?.len())
}
