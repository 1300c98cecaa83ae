//! A look at the engine's files before it opens them: it aborts over some kinds of damage, and over others it cuts off
//! what it cannot read, without a word.
//!
//! Its trees are opened once by themselves, where a panic can be caught. Its journals are read by [`super::foreign`].

use super::check;
use super::disk::{fault, guarded};
use super::foreign::{self, Judgement};
use crate::settled::Fault;
use lsm_tree::SequenceNumberCounter;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Names of the engine's.
const VERSION: &str = "version";
const LOCK: &str = "lock";

pub fn check(folder: &Path) -> Result<(), Fault> {
    if !folder.join(VERSION).try_exists().map_err(no_disk)? {
        return Ok(());
    }
    // Nobody else may have it open meanwhile. The engine takes the same lock when this one is gone.
    let lock = File::open(folder.join(LOCK)).map_err(no_disk)?;
    lock_soon(&lock)?;
    let looked = guarded(|| {
        check_journals(folder)?;
        check_trees(folder)
    });
    lock.unlock().map_err(no_disk)?;
    looked
}

/// Whoever just closed the store may need a moment.
fn lock_soon(lock: &File) -> Result<(), Fault> {
    for _ in 0..30 {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(no_disk(error)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Err(Fault::Locked)
}

/// The engine's journals, the active one last.
pub fn journals(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let mut journals: Vec<(u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(no_disk)? {
        let path = entry.map_err(no_disk)?.path();
        let number = path.extension().is_some_and(|ext| ext == "jnl").then(|| path.file_stem()?.to_str()?.parse().ok());
        journals.extend(number.flatten().map(|number| (number, path)));
    }
    journals.sort_unstable();
    Ok(journals.into_iter().map(|(_, path)| path).collect())
}

fn check_journals(folder: &Path) -> Result<(), Fault> {
    let journals = journals(folder)?;
    let mut last_commit = None;
    let active = journals.len().saturating_sub(1);
    for (at, path) in journals.iter().enumerate() {
        let bytes = std::fs::read(path).map_err(no_disk)?;
        let damaged = |end: usize| Fault::Damaged {
            room: None,
            place: None,
            what: format!("the engine's journal {}, byte {end}", path.display()),
        };
        match foreign::judge(&bytes, &mut last_commit) {
            Judgement::Whole => {}
            // It never was synced: what stands there was promised to nobody.
            Judgement::Torn(end) if at == active => {
                let file = File::options().write(true).open(path).map_err(no_disk)?;
                file.set_len(end as u64).and_then(|()| file.sync_all()).map_err(no_disk)?;
            }
            Judgement::Torn(end) | Judgement::Damaged(end) => return Err(damaged(end)),
        }
    }
    Ok(())
}

fn check_trees(folder: &Path) -> Result<(), Fault> {
    for tree in check::trees(folder)? {
        // The engine believes the lengths that stand there, and dies of them.
        let damaged = |what| within(folder, Fault::Damaged { room: None, place: None, what });
        check::version(&tree)?.map_err(damaged)?;
        let counter = SequenceNumberCounter::default;
        let open = || lsm_tree::Config::new(&tree, counter(), counter()).open().map_err(|error| fault(error.into()));
        drop(guarded(open).map_err(|fault| within(&tree, fault))?);
    }
    Ok(())
}

/// Says where it was.
pub fn within(path: &Path, fault: Fault) -> Fault {
    let told = |what: String| format!("{}: {what}", path.display());
    match fault {
        Fault::Poisoned(what) => Fault::Poisoned(told(what)),
        Fault::Io(what) => Fault::Io(told(what)),
        Fault::Damaged { room, place, what } => Fault::Damaged { room, place, what: told(what) },
        told @ (Fault::Newer { .. }
        | Fault::Locked
        | Fault::Held { .. }
        | Fault::OutOfOrder { .. }
        | Fault::NotHere) => told,
    }
}

fn no_disk(error: io::Error) -> Fault {
    Fault::Io(error.to_string())
}
