//! The engine's files against the sums that it keeps of them: it looks at a block only when it needs one, and at some
//! files never.
//!
//! ```text
//! tree/current   number of the version u64 | XXH3-128 of its file u128 | 0
//! tree/vM        an archive; its part `tables`: levels u8, each: runs u8, each: tables u32, each:
//!                number u64 | 0 | XXH3-128 of its file u128 | u64
//! ```

use super::disk::TREE;
use super::spare;
use crate::settled::Fault;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_128};

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
    match version(&tree)? {
        None => {}
        Some(Ok(version)) => check_tables(&tree, &version, &mut files)?,
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
    let Some(Err(what)) = version(&tree)? else { return Ok(()) };
    let numbers = |list: &Path| Some(tables(list)?.into_iter().map(|(number, _)| number).collect());
    if spare::restore(folder, numbers)? && matches!(version(&tree)?, Some(Ok(_))) {
        tracing::warn!(event = "list_of_tables_restored", %what);
        return Ok(());
    }
    Err(damaged(what))
}

/// The file of the present version, if it is what was written; what is wrong otherwise. None: there is no tree yet.
fn version(tree: &Path) -> Result<Option<Result<PathBuf, String>>, Fault> {
    let current = tree.join("current");
    let bytes = match std::fs::read(&current) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let has_tables = std::fs::read_dir(tree.join("tables")).is_ok_and(|mut tables| tables.next().is_some());
            return Ok(has_tables.then(|| Err(say(&current, "it is missing"))));
        }
        Err(error) => return Err(no_disk(&current, &error)),
    };
    let Some((number, rest)) = bytes.split_first_chunk::<8>() else { return Ok(Some(Err(say(&current, "too short")))) };
    let path = tree.join(format!("v{}", u64::from_le_bytes(*number)));
    let sum = match std::fs::read(&path) {
        Ok(version) => xxh3_128(&version),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(Err(say(&current, "names a version that is not there"))));
        }
        Err(error) => return Err(no_disk(&path, &error)),
    };
    let sound =
        rest.split_first_chunk::<16>().is_some_and(|(want, kind)| u128::from_le_bytes(*want) == sum && kind == [0]);
    Ok(Some(if sound { Ok(path) } else { Err(say(&path, "it or `current` is not what was written")) }))
}

fn check_tables(tree: &Path, version: &Path, files: &mut Files) -> Result<(), Fault> {
    let Some(tables) = tables(version) else {
        files.damaged.push(say(version, "its list of tables cannot be read"));
        return Ok(());
    };
    for (number, want) in tables {
        let path = tree.join("tables").join(number.to_string());
        match sum_of(&path) {
            Ok((sum, bytes)) => {
                files.tables += 1;
                files.bytes += bytes;
                if sum != want {
                    files.damaged.push(say(&path, "not what was written"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => files.damaged.push(say(&path, "it is missing")),
            Err(error) => return Err(no_disk(&path, &error)),
        }
    }
    Ok(())
}

/// Every table of a version, with its sum.
fn tables(version: &Path) -> Option<Vec<(u64, u128)>> {
    let archive = sfa::Reader::new(version).ok()?;
    let mut section = archive.toc().section(b"tables")?.buf_reader(version).ok()?;
    let mut tables = Vec::new();
    for _level in 0..number::<1>(&mut section)? {
        for _run in 0..number::<1>(&mut section)? {
            for _table in 0..number::<4>(&mut section)? {
                let table = number::<8>(&mut section)?;
                // The kind of sum: there is one.
                if number::<1>(&mut section)? != 0 {
                    return None;
                }
                tables.push((u64::try_from(table).ok()?, number::<16>(&mut section)?));
                let _global_seqno = number::<8>(&mut section)?;
            }
        }
    }
    Some(tables)
}

fn number<const BYTES: usize>(from: &mut impl Read) -> Option<u128> {
    let mut bytes = [0; 16];
    from.read_exact(bytes.get_mut(..BYTES)?).ok()?;
    Some(u128::from_le_bytes(bytes))
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

/// The file by its place in the folder, so that it can be found in the original of a copy.
fn say(path: &Path, what: &str) -> String {
    let parts: Vec<_> = path.components().rev().take(4).map(|part| part.as_os_str().to_string_lossy()).collect();
    let from = parts.iter().position(|part| part == TREE).unwrap_or(0);
    let name: Vec<_> = parts.iter().take(from + 1).rev().map(AsRef::as_ref).collect();
    format!("{}: {what}", name.join("/"))
}

fn no_disk(path: &Path, error: &io::Error) -> Fault {
    Fault::Io(format!("{}: {error}", path.display()))
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
