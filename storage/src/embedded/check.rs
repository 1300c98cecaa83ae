//! The engine's files against the sums that it keeps of them: it looks at a block only when it needs one.
//!
//! ```text
//! keyspaces/N/current   number of the version u64 | XXH3-128 of its file u128 | 0
//! keyspaces/N/vM        an archive; its part `tables`: levels u8, each: runs u8, each: tables u32, each:
//!                       number u64 | 0 | XXH3-128 of its file u128 | u64
//! ```

use super::foreign::{self, Judgement};
use super::preflight::journals;
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
    /// What was being written when the node stopped, each with its file. It had been promised to nobody.
    pub torn: Vec<String>,
    pub tables: u64,
    /// Of all tables.
    pub bytes: u64,
}

/// Reads every file of a store that nobody has open. Nothing is changed, and the engine is not asked: it would die over
/// some of what is looked for here.
pub fn check_files(folder: &Path) -> Result<Files, Fault> {
    let mut files = Files::default();
    let mut last = None;
    let journals = journals(folder)?;
    for (at, path) in journals.iter().enumerate() {
        let bytes = std::fs::read(path).map_err(|error| no_disk(path, &error))?;
        match foreign::judge(&bytes, &mut last) {
            Judgement::Whole => {}
            Judgement::Torn(end) if at + 1 == journals.len() => files.torn.push(say(path, &format!("byte {end}"))),
            Judgement::Torn(end) | Judgement::Damaged(end) => files.damaged.push(say(path, &format!("byte {end}"))),
        }
    }
    for tree in trees(folder)? {
        match version(&tree)? {
            Ok(version) => check_tables(&tree, &version, &mut files)?,
            Err(what) => files.damaged.push(what),
        }
    }
    Ok(files)
}

/// The folders of the engine's trees. One without the file `current` was about to be made or removed.
pub fn trees(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let folder = folder.join("keyspaces");
    let list = match std::fs::read_dir(&folder) {
        Ok(list) => list.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let mut list = list.map_err(|error| no_disk(&folder, &error))?;
    list.retain(|tree| tree.join("current").exists());
    list.sort();
    Ok(list)
}

/// The file of a tree's present version, if it is what was written; what is wrong otherwise.
pub fn version(tree: &Path) -> Result<Result<PathBuf, String>, Fault> {
    let current = tree.join("current");
    let bytes = std::fs::read(&current).map_err(|error| no_disk(&current, &error))?;
    let Some((number, rest)) = bytes.split_first_chunk::<8>() else { return Ok(Err(say(&current, "too short"))) };
    let path = tree.join(format!("v{}", u64::from_le_bytes(*number)));
    let sum = match std::fs::read(&path) {
        Ok(version) => xxh3_128(&version),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Err(say(&current, "names a version that is not there")));
        }
        Err(error) => return Err(no_disk(&path, &error)),
    };
    let sound =
        rest.split_first_chunk::<16>().is_some_and(|(want, kind)| u128::from_le_bytes(*want) == sum && kind == [0]);
    Ok(if sound { Ok(path) } else { Err(say(&path, "it or `current` is not what was written")) })
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
    let from = parts.iter().position(|part| part == "keyspaces").unwrap_or(0);
    let name: Vec<_> = parts.iter().take(from + 1).rev().map(AsRef::as_ref).collect();
    format!("{}: {what}", name.join("/"))
}

fn no_disk(path: &Path, error: &io::Error) -> Fault {
    Fault::Io(format!("{}: {error}", path.display()))
}
