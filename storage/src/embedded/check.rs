//! The engine's files against the sums that it keeps of them: it looks at a block only when it needs one, and at some
//! files never.

use super::disk::TREE;
use super::list::{no_disk, present, say, tables};
use super::{ends, spare};
use crate::settled::Fault;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3Default;

/// What the files of a folder are like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// What is not as it was written, each with its file.
    pub damaged: Vec<String>,
    pub tables: u64,
    /// Of all tables.
    pub bytes: u64,
}

/// Reads every file of a store that nobody has open. Nothing is changed, and the engine is not asked: it would die over
/// some of what is looked for here.
pub fn check_files(folder: &Path) -> Result<Files, Fault> {
    let mut files = Files::default();
    let tree = folder.join(TREE);
    match present(&tree)? {
        None => {}
        Some(Ok(version)) => check_tables(folder, &version, &mut files)?,
        Some(Err(what)) => files.damaged.push(what),
    }
    if !spare::is_sound(folder) {
        files.damaged.push("spare: not what was written".to_owned());
    }
    Ok(files)
}

/// What the engine would not look at before it opens a folder: it begins a new tree where `current` is missing, and
/// believes the lengths that stand in the file of a version, and dies of them. Where there is a spare of both, it takes their
/// place.
pub fn before(folder: &Path) -> Result<(), Fault> {
    let damaged = |what| Fault::Damaged { room: None, place: None, what };
    if folder.join("keyspaces").exists() {
        return Err(damaged("it is of layout 1, which no release had: begin with an empty folder".to_owned()));
    }
    let tree = folder.join(TREE);
    let Some(Err(what)) = present(&tree)? else { return Ok(()) };
    if spare::restore(folder)? && matches!(present(&tree)?, Some(Ok(_))) {
        tracing::warn!(event = "list_of_tables_restored", %what);
        return Ok(());
    }
    Err(damaged(what))
}

fn check_tables(folder: &Path, version: &Path, files: &mut Files) -> Result<(), Fault> {
    let Some(tables) = tables(version) else {
        files.damaged.push(say(version, "its list of tables cannot be read"));
        return Ok(());
    };
    for table in &tables {
        let path = table.path(&folder.join(TREE));
        match sum_of(&path) {
            Ok((sum, bytes)) => {
                files.tables += 1;
                files.bytes += bytes;
                if sum != table.sum {
                    files.damaged.push(say(&path, "not what was written"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => files.damaged.push(say(&path, "it is missing")),
            Err(error) => return Err(no_disk(&path, &error)),
        }
    }
    for number in ends::damaged(folder, &tables) {
        files.damaged.push(format!("ends/{number}: not what was written"));
    }
    Ok(())
}

fn sum_of(path: &Path) -> io::Result<(u128, u64)> {
    let mut file = File::open(path)?;
    let (mut hash, mut bytes) = (Xxh3Default::new(), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hash.digest128(), bytes)),
            Ok(got) => {
                hash.update(&buffer[..got]);
                bytes += got as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
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
