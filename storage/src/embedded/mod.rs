//! The settled store inside the process: fjall, an LSM tree, with a layout of our own (`docs/storage/embedded.md`).
//!
//! [`keys`], [`meta`] and [`sealed`] are the bytes. [`disk`] is the engine and names its faults, [`stage`] gathers the
//! writes of a call. [`write`], [`cut`] and [`trim`] change a room; [`read`], [`page`] and [`replay`] answer from one
//! snapshot each. [`preflight`] and [`foreign`] look at the engine's files before it does, [`marks`] tells whether its
//! keyspaces belong together, [`compact`] gives up what is gone, [`copy`] makes another of it,
//! [`found`] begins rooms of another, [`kept`] hands them out as they are, [`check`] reads its files.
//!
//! Nothing is kept in memory per room: only the engine's bounded caches and memtables.

mod check;
mod compact;
mod copy;
mod cut;
mod disk;
mod foreign;
mod found;
mod kept;
pub(crate) mod keys;
mod marks;
pub(crate) mod meta;
mod page;
mod preflight;
mod read;
mod replay;
mod rest;
pub(crate) mod sealed;
mod stage;
mod trim;
mod write;

pub use check::{Files, check_files};

use crate::answer::{Outcome, RoomState};
use crate::ask::{Ask, Position};
use crate::settled::{Entry, Fault, Settled};
use crate::{Epoch, RoomKey};
pub(crate) use disk::guarded;
use disk::{Disk, Space, fault};
use fjall::PersistMode;
use stage::Stage;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much memory and how many files the store may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Blocks that were read, of all keyspaces together.
    pub cache_bytes: u64,
    /// Of each of five keyspaces, before it is written to a table.
    pub memtable_bytes: u64,
    /// Of the engine's own sealed journals on disk, at least 64 MiB. They are read at every start.
    pub journal_bytes: u64,
    pub open_files: usize,
    /// Of what has settled into lower levels. Fixed when the folder is made.
    pub compress: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> EmbeddedOptions {
        EmbeddedOptions {
            cache_bytes: 64 * 1024 * 1024,
            memtable_bytes: 16 * 1024 * 1024,
            journal_bytes: 64 * 1024 * 1024,
            open_files: 256,
            compress: true,
        }
    }
}

pub struct Embedded {
    /// None only while it is dropped.
    disk: Option<Disk>,
    watermark: AtomicU64,
    /// The number of the last commit. Whoever writes holds it.
    commits: Mutex<u64>,
}

impl Embedded {
    /// Opens the folder, or makes it. What the engine recovers is whole; it ends at or above [`Settled::watermark`].
    pub fn open(folder: &Path, options: &EmbeddedOptions) -> Result<Embedded, Fault> {
        guarded(|| {
            preflight::check(folder)?;
            let within = |fault| preflight::within(folder, fault);
            let disk = Disk::open(folder, options).map_err(within)?;
            let start = marks::check(&disk).map_err(within)?;
            // What a new store is marked with is no commit, but is copied like one.
            disk.publish();
            Ok(Embedded {
                disk: Some(disk),
                watermark: AtomicU64::new(start.watermark.0),
                commits: Mutex::new(start.commits),
            })
        })
    }

    /// Begins a room where another store's stands, records and rows left out: its next batch continues it. False: there
    /// is such a room already. Durable when this returns; the journal knows nothing of it.
    pub fn found(&self, room: &RoomKey, stands: &RoomState) -> Result<bool, Fault> {
        guarded(|| {
            let disk = self.disk()?;
            let mut commits = lock(&self.commits);
            let founded = found::found(&mut Stage::new(disk, &mut commits), room, stands)?;
            disk.database.persist(PersistMode::SyncData).map_err(fault)?;
            Ok(founded)
        })
    }

    /// The room goes on above this epoch only, as after a cut. Durable when this returns.
    pub fn seal(&self, room: &RoomKey, epoch: Epoch) -> Result<(), Fault> {
        guarded(|| {
            let disk = self.disk()?;
            let mut commits = lock(&self.commits);
            found::seal(&mut Stage::new(disk, &mut commits), room, epoch)?;
            disk.database.persist(PersistMode::SyncData).map_err(fault)
        })
    }

    fn disk(&self) -> Result<&Disk, Fault> {
        self.disk.as_ref().ok_or_else(|| Fault::Poisoned("closed".to_owned()))
    }
}

/// A panic while it was held left nothing half done: what a call gathers is committed as one.
fn lock(commits: &Mutex<u64>) -> MutexGuard<'_, u64> {
    commits.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Settled for Embedded {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        guarded(|| {
            let mut commits = lock(&self.commits);
            let mut stage = Stage::new(self.disk()?, &mut commits);
            for entry in entries {
                if let Err(fault) = write::apply(&mut stage, entry) {
                    // Only a batch that does not fit its room leaves nothing of itself behind in the stage.
                    if matches!(fault, Fault::OutOfOrder { .. }) {
                        stage.commit()?;
                    }
                    return Err(fault);
                }
                if stage.is_full() {
                    stage.commit()?;
                }
            }
            stage.commit()
        })
    }

    fn watermark(&self) -> Position {
        Position(self.watermark.load(Ordering::Acquire))
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        guarded(|| {
            let disk = self.disk()?;
            let commits = lock(&self.commits);
            // The engine's journal is one line: who finds the watermark there finds all that was applied before it.
            disk.space(Space::Rooms)
                .insert(marks::watermark_key(), sealed::number_value(watermark.0))
                .map_err(fault)?;
            disk.database.persist(PersistMode::SyncData).map_err(fault)?;
            drop(commits);
            self.watermark.store(watermark.0, Ordering::Release);
            Ok(())
        })
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        guarded(|| {
            let disk = self.disk()?;
            if let Ask::Trim { room, keep, now } = ask {
                let mut commits = lock(&self.commits);
                let mut stage = Stage::new(disk, &mut commits);
                return Ok(Outcome::Trimmed(trim::trim(&mut stage, room, keep, *now)?));
            }
            if let Ask::Rest { room } = ask {
                let mut commits = lock(&self.commits);
                return Ok(Outcome::Rested(rest::note(&mut Stage::new(disk, &mut commits), room)?));
            }
            read::answer(&disk.view(), ask)
        })
    }

    fn copy_to(&self, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<Position, Fault> {
        let synced = self.watermark();
        guarded(|| copy::copy(self.disk()?, synced, folder, progress))?;
        Ok(synced)
    }

    fn compact(&self) -> Result<(), Fault> {
        guarded(|| compact::compact(self.disk()?, &self.commits))
    }
}

impl Drop for Embedded {
    /// The engine panics over its own broken locks when it goes, too.
    fn drop(&mut self) {
        let disk = self.disk.take();
        let gone: Result<(), Fault> = guarded(|| {
            drop(disk);
            Ok(())
        });
        drop(gone);
    }
}
