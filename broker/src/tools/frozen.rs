//! A stopped node's folder as its store would be after the next start, without a change to it.
//!
//! The engine writes when it opens a folder, so it is given another one: its tables, which nobody ever writes to again,
//! by a second name, the rest as copies. What had not settled is settled there. It is gone when the tool ends.

use super::{failure, not_open};
use crate::data::{DataFolder, JOURNAL, LOOK, STORE};
use crate::exit::Exit;
use crate::start::Failure;
use rookery_storage::ask::{Ask, Position};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, Damage, Looked, RealDisk};
use rookery_storage::{Batch, Entry, Fault, Outcome, RoomKey, Settled, entry};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of the journal, read at a time.
const PAGE_BYTES: usize = 4 << 20;

/// A stopped node's folder, locked.
pub struct Stopped {
    data: DataFolder,
    scratch: Scratch,
}

/// The second folder.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed by the next tool or node.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What the journal has and the settled store has not.
#[derive(Clone, Debug, Default)]
pub struct Unsettled {
    pub entries: u64,
    /// As bounds count them.
    pub bytes: u64,
    /// Entries that cannot be read.
    pub damaged: Vec<Damage>,
    /// Entries that are in neither: from, to.
    pub missing: Option<(Position, Position)>,
    /// Whole entries that say nothing sensible.
    pub senseless: Vec<(Position, String)>,
    /// Rooms whose entries do not continue them, at the first of these.
    pub stuck: Vec<(RoomKey, Position)>,
}

impl Unsettled {
    pub fn is_sound(&self) -> bool {
        self.damaged.is_empty() && self.missing.is_none() && self.senseless.is_empty() && self.stuck.is_empty()
    }
}

impl Stopped {
    pub fn open(path: &Path) -> Result<Stopped, Failure> {
        let data = DataFolder::existing(path).map_err(not_open)?;
        let scratch = Scratch(path.join(LOOK));
        let made = make(&path.join(STORE), &scratch.0);
        made.map_err(|error| failure(Exit::Disk, format!("{}: {error}", scratch.0.display())))?;
        Ok(Stopped { data, scratch })
    }

    pub fn path(&self) -> &Path {
        self.data.path()
    }

    /// The settled store's folder, which may be written to.
    pub fn scratch(&self) -> &Path {
        &self.scratch.0
    }

    pub fn settled(&self) -> Result<Embedded, Fault> {
        Embedded::open(self.scratch(), &EmbeddedOptions::default())
    }

    /// `above`: what the settled store has.
    pub fn journal(&self, above: Position) -> Result<Looked, journal::OpenError> {
        let folder = self.path().join(JOURNAL);
        if folder.is_dir() {
            return journal::look(&folder, Arc::new(RealDisk), above);
        }
        journal::look(self.scratch(), Arc::new(RealDisk), above)
    }

    /// Both, with everything settled; or the reason why not, in a sentence.
    pub fn whole(&self) -> Result<(Embedded, Looked, Unsettled), Failure> {
        let damaged = |what: String| {
            let path = self.path().display();
            failure(Exit::Data, format!("{path}: {what} - `rookery store verify` says all that is damaged"))
        };
        let settled = self.settled().map_err(|fault| damaged(fault.to_string()))?;
        let journal = self.journal(settled.watermark()).map_err(|error| damaged(format!("journal: {error}")))?;
        let unsettled = settle(&settled, &journal).map_err(|fault| damaged(fault.to_string()))?;
        if !unsettled.is_sound() {
            return Err(damaged("entries of the journal cannot be read".to_owned()));
        }
        Ok((settled, journal, unsettled))
    }
}

/// Settles what the journal has, as far as it can be read.
pub fn settle(settled: &Embedded, journal: &Looked) -> Result<Unsettled, Fault> {
    let mut found = Unsettled::default();
    let mut after = settled.watermark();
    loop {
        let page = journal.log.read(after, PAGE_BYTES).map_err(|error| Fault::Io(format!("journal: {error}")))?;
        if let Some(gap) = page.gap {
            found.missing = Some((Position(after.0 + 1), gap));
        }
        found.damaged.extend(page.damaged);
        for (position, bytes) in page.entries {
            match entry::decode(&bytes) {
                Ok(batch) => apply(settled, position, batch, &mut found)?,
                Err(bad) => found.senseless.push((position, bad.to_string())),
            }
        }
        if page.reached <= after {
            return Ok(found);
        }
        after = page.reached;
    }
}

fn apply(settled: &Embedded, position: Position, batch: Batch, found: &mut Unsettled) -> Result<(), Fault> {
    found.entries += 1;
    found.bytes += batch.cost() as u64;
    if found.stuck.iter().any(|(room, _)| *room == batch.room) {
        return Ok(());
    }
    match settled.apply(vec![Entry::new(position, batch)]) {
        // What of it is damaged is said by whoever reads it.
        Err(Fault::OutOfOrder { room, .. } | Fault::Damaged { room: Some(room), .. }) => {
            found.stuck.push((room, position));
            Ok(())
        }
        other => other,
    }
}

/// Answers for those who go through everything.
pub fn answer(settled: &Embedded) -> impl FnMut(&Ask) -> Result<Outcome, Fault> + '_ {
    |ask| settled.answer(ask)
}

fn make(store: &Path, scratch: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::create_dir(scratch)?;
    if store.is_dir() { copy_tree(store, scratch) } else { Ok(()) }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    // What lies in these is never changed while no node runs, but read or removed.
    let stays = from.file_name().is_some_and(|name| ["tables", "ends", "segments"].iter().any(|stays| name == *stays));
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_tree(&path, &target)?;
        } else if !(stays && std::fs::hard_link(&path, &target).is_ok()) {
            std::fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
