//! `rookery store backup`: a folder that a node can be started on, made by the node that runs, or without one.
//!
//! It is made under another name, without the file that makes a folder a node's, until all of it is on the disk. So what
//! is left by one that was killed is nothing that a node starts on, and the next one to the same target removes it.

use super::failure;
use super::frozen::Stopped;
use crate::auth::SECRET_FILE;
use crate::control::{self, Answer, Request};
use crate::data::{DataError, FEEDS, FORMAT_FILE, JOURNAL, LOCK_FILE, RUN_FILE, STORE, UNNAMED};
use crate::exit::Exit;
use crate::start::Failure;
use rookery_storage::{Fault, Settled};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How the store gets into two folders, the settled one and the journal. It is told of the bytes, and may be told to end.
pub type CopyStore<'a> = dyn FnMut(&Path, &Path, &mut dyn FnMut(u64) -> bool) -> Result<(), Fault> + 'a;

/// Ends the name of a backup that is being made.
const PART: &str = ".part";

pub fn run(data: &Path, target: &Path) -> Result<(), Failure> {
    let target =
        std::path::absolute(target).map_err(|error| failure(Exit::Output, format!("{}: {error}", target.display())))?;
    let mut tell = |bytes: u64| {
        eprintln!("{} MB copied", bytes / 1_000_000);
        true
    };
    match Stopped::open(data) {
        Ok(stopped) => {
            let (settled, journal, _) = stopped.whole()?;
            let mut copy = |store: &Path, log: &Path, progress: &mut dyn FnMut(u64) -> bool| {
                settled.copy_to(store, progress)?;
                let copied = journal.log.copy_to(log, progress);
                copied.map_err(|error| Fault::Io(format!("journal: {error}")))
            };
            copy_store(stopped.path(), &target, &mut copy, &mut tell)?;
        }
        Err(_) if is_busy(data) => {
            let text = target.to_str().ok_or_else(|| failure(Exit::Output, "the target's name is no UTF-8"))?;
            let request = Request::Backup { target: text.to_owned() };
            control::ask(data, &request, &mut |answer| {
                if let Answer::Progress(bytes) = answer {
                    tell(bytes);
                }
            })?;
        }
        Err(other) => return Err(other),
    }
    println!("{}", target.display());
    Ok(())
}

fn is_busy(data: &Path) -> bool {
    matches!(crate::data::DataFolder::existing(data), Err(DataError::Busy(_)))
}

/// Makes a backup of this data folder, whoever holds it. `progress` may end it.
pub fn copy_store(
    data: &Path,
    target: &Path,
    copy: &mut CopyStore<'_>,
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<(), Failure> {
    let part = begin(data, target)?;
    let done = fill(data, &part, copy, progress).and_then(|()| {
        let named = || {
            std::fs::rename(&part, target)?;
            sync(parent(target))?;
            std::fs::remove_file(target.join(UNNAMED))
        };
        named().map_err(|error| failure(Exit::Output, format!("{}: {error}", target.display())))
    });
    if done.is_err() {
        // What stays is removed by the next one.
        let _ = std::fs::remove_dir_all(&part);
    }
    done
}

/// The folder to fill, empty.
fn begin(data: &Path, target: &Path) -> Result<PathBuf, Failure> {
    let cannot = |what: &dyn std::fmt::Display| failure(Exit::Output, format!("{}: {what}", target.display()));
    let Some(name) = target.file_name() else { return Err(cannot(&"no name for a folder")) };
    match std::fs::read_dir(target) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(cannot(&"it is not empty - name a folder that is not there yet"));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot(&error)),
    }
    let above = parent(target).canonicalize().map_err(|error| cannot(&error))?;
    let data = data.canonicalize().map_err(|error| failure(Exit::Disk, format!("{}: {error}", data.display())))?;
    if above.starts_with(&data) {
        return Err(cannot(&"it lies inside the data folder - name one outside"));
    }
    let mut part = name.to_owned();
    part.push(PART);
    let part = above.join(part);
    // Of one that was killed, be it before its last step. A folder that a node has used is not touched, whatever it is called.
    if part.is_dir() && (part.join(UNNAMED).exists() || !part.join(FORMAT_FILE).exists()) {
        std::fs::remove_dir_all(&part).map_err(|error| cannot(&error))?;
    }
    let made = std::fs::create_dir(&part).and_then(|()| File::create_new(part.join(UNNAMED)));
    made.map_err(|error| cannot(&format!("{}: {error} - move it away, or name another target", part.display())))?;
    Ok(part)
}

fn fill(
    data: &Path,
    part: &Path,
    copy: &mut CopyStore<'_>,
    progress: &mut dyn FnMut(u64) -> bool,
) -> Result<(), Failure> {
    copy(&part.join(STORE), &part.join(JOURNAL), progress).map_err(|fault| failure(Exit::Disk, fault))?;
    let rest = || {
        let feeds = part.join(FEEDS);
        std::fs::create_dir(&feeds)?;
        for entry in std::fs::read_dir(data.join(FEEDS)).into_iter().flatten() {
            let entry = entry?;
            // One that is being replaced is there under its old name, too.
            if entry.path().extension().is_none() {
                copy_file(&entry.path(), &feeds.join(entry.file_name()))?;
            }
        }
        // Behind the journal: no run that it knows is above this.
        copy_file(&data.join(RUN_FILE), &part.join(RUN_FILE))?;
        copy_file(&data.join(SECRET_FILE), &part.join(SECRET_FILE))?;
        File::create_new(part.join(LOCK_FILE))?.sync_all()?;
        sync_tree(part)?;
        // From here on it is a node's folder.
        copy_file(&data.join(FORMAT_FILE), &part.join(FORMAT_FILE))?;
        sync(part)
    };
    rest().map_err(|error: io::Error| failure(Exit::Disk, format!("{}: {error}", part.display())))
}

/// With its permissions. What is not there need not be.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::copy(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(_) => File::open(to)?.sync_all(),
    }
}

fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { sync_tree(&path)? } else { sync(&path)? }
    }
    sync(folder)
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
