//! The settled store inside the process: an LSM tree (`lsm-tree`), with a layout of our own (`docs/storage/embedded.md`).
//!
//! [`keys`] are its bytes, [`space`] says what they are of. [`disk`] is the engine, [`faults`] are its faults in our words,
//! [`view`] is what is read of it at one moment; [`compactor`] merges its tables, [`moments`] keeps what somebody reads. Many messages of one batch stay in the segment of the journal that has them: [`archive`] keeps it,
//! [`runs`] says where they lie, [`messages`] reads them, [`gather`] empties it.
//!
//! [`stage`] gathers the writes of a call; [`write`], [`cut`] and [`trim`] change a room; [`read`], [`page`] and [`replay`]
//! answer from one moment each. [`marks`] says how far the store is, [`check`] reads its files; [`spare`] and [`ends`] keep a
//! second of what all others hang on, of which [`list`] comes first. [`compact`] gives up what is gone, [`copy`] makes another
//! of it, [`found`] begins rooms of another, [`kept`] hands them out as they are.
//!
//! Nothing is kept in memory per room: only the engine's bounded caches and memtables.

mod archive;
mod check;
mod compact;
mod compactor;
mod copy;
mod cut;
mod disk;
mod ends;
mod faults;
mod found;
mod gather;
mod kept;
pub(crate) mod keys;
mod list;
mod marks;
mod messages;
mod moments;
mod page;
mod pairs;
mod read;
mod replay;
mod rest;
mod runs;
mod space;
mod spare;
mod stage;
mod trim;
mod view;
mod write;

pub use check::{Files, check_files};

use crate::answer::{Outcome, RoomState};
use crate::ask::{Ask, Position};
use crate::settled::{Entry, Fault, Settled};
use crate::{Epoch, RoomKey};
use disk::Disk;
pub(crate) use faults::guarded;
use faults::located;
use stage::Stage;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much memory and how many files the store may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// Blocks that were read.
    pub cache_bytes: u64,
    /// Of what is committed, before it is written to a table.
    pub memtable_bytes: u64,
    pub open_files: usize,
    /// So many messages of one batch stay where the journal wrote them; fewer are kept one by one, beside their neighbours.
    pub least_run: usize,
    /// Of what has settled into lower levels. Fixed when the folder is made.
    pub compress: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> EmbeddedOptions {
        EmbeddedOptions {
            cache_bytes: 64 * 1024 * 1024,
            memtable_bytes: 16 * 1024 * 1024,
            open_files: 256,
            least_run: 4,
            compress: true,
        }
    }
}

pub struct Embedded {
    /// None only while it is dropped.
    disk: Option<Disk>,
    writing: Mutex<()>,
}

impl Embedded {
    /// Opens the folder, or makes it. It is as it was at the last checkpoint.
    pub fn open(folder: &Path, options: &EmbeddedOptions) -> Result<Embedded, Fault> {
        let open = || {
            guarded(|| {
                let disk = Disk::open(folder, options)?;
                marks::check(&disk)?;
                Ok(Embedded { disk: Some(disk), writing: Mutex::new(()) })
            })
        };
        let opened = match open() {
            // Who has it locked has opened it.
            Err(fault) if fault != Fault::Locked && spare::mend(folder) => open(),
            opened => opened,
        };
        opened.map_err(|fault| check::within(folder, fault))
    }

    /// Whether what was not readable may be so now.
    fn mends(&self, fault: &Fault) -> bool {
        let is_damage = matches!(fault, Fault::Damaged { .. } | Fault::Poisoned(_));
        is_damage && self.disk.as_ref().is_some_and(|disk| disk.spare().mend())
    }

    /// Begins a room where another store's stands, records and rows left out: its next batch continues it. False: there
    /// is such a room already. Durable when this returns; the journal knows nothing of it.
    pub fn found(&self, room: &RoomKey, stands: &RoomState) -> Result<bool, Fault> {
        guarded(|| {
            let disk = self.disk()?;
            let mut stage = Stage::new(disk, lock(&self.writing));
            let founded = found::found(&mut stage, room, stands)?;
            disk.checkpoint()?;
            Ok(founded)
        })
    }

    /// The room goes on above this epoch only, as after a cut. Durable when this returns.
    pub fn seal(&self, room: &RoomKey, epoch: Epoch) -> Result<(), Fault> {
        guarded(|| {
            let disk = self.disk()?;
            let mut stage = Stage::new(disk, lock(&self.writing));
            found::seal(&mut stage, room, epoch)?;
            disk.checkpoint()
        })
    }

    fn disk(&self) -> Result<&Disk, Fault> {
        self.disk.as_ref().ok_or_else(|| Fault::Poisoned("closed".to_owned()))
    }
}

/// A panic while it was held left nothing half done: what a call gathers is committed as one.
fn lock(writing: &Mutex<()>) -> MutexGuard<'_, ()> {
    writing.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Settled for Embedded {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        let applied = guarded(|| {
            let mut stage = Stage::new(self.disk()?, lock(&self.writing));
            for entry in entries {
                let room = entry.batch.room.clone();
                if let Err(fault) = located(write::apply(&mut stage, entry), &room, None) {
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
        });
        // Some of them may be applied, and they are handed out: whoever has more of them opens the store anew and begins again.
        applied.map_err(
            |fault| if self.mends(&fault) { Fault::Poisoned(format!("{fault}; it was mended")) } else { fault },
        )
    }

    fn watermark(&self) -> Position {
        self.disk.as_ref().map_or(Position(0), Disk::durable)
    }

    fn highest(&self) -> Result<Position, Fault> {
        Ok(self.disk()?.highest().max(self.watermark()))
    }

    fn note(&self, watermark: Position) -> Result<(), Fault> {
        guarded(|| {
            let _alone = lock(&self.writing);
            self.disk()?.note(watermark)
        })
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        guarded(|| {
            let _alone = lock(&self.writing);
            let disk = self.disk()?;
            disk.note(watermark)?;
            disk.checkpoint()
        })
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        let answer = || {
            guarded(|| {
                let disk = self.disk()?;
                if let Ask::Trim { room, keep, now } = ask {
                    let mut stage = Stage::new(disk, lock(&self.writing));
                    return Ok(Outcome::Trimmed(trim::trim(&mut stage, room, keep, *now)?));
                }
                if let Ask::Rest { room } = ask {
                    let mut stage = Stage::new(disk, lock(&self.writing));
                    return Ok(Outcome::Rested(rest::note(&mut stage, room)?));
                }
                read::answer(&disk.view(), ask)
            })
        };
        match answer() {
            Err(fault) if self.mends(&fault) => answer(),
            answered => answered,
        }
    }

    fn copy_to(&self, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<Position, Fault> {
        guarded(|| copy::copy(self.disk()?, folder, progress))
    }

    fn tidy(&self) -> Result<bool, Fault> {
        guarded(|| gather::emptiest(self.disk()?, &self.writing))
    }

    fn compact(&self) -> Result<(), Fault> {
        guarded(|| compact::compact(self.disk()?, &self.writing))
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
