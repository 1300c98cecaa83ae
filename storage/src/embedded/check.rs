//! The engine's files against the sums that it keeps of them: it looks at a block only when it needs one.
//!
//! ```text
//! keyspaces/N/current   number of the version u64 | XXH3-128 of its file u128 | 0
//! keyspaces/N/vM        the list of tables, each with the XXH3-128 of its file
//! ```

use super::disk::{fault, guarded};
use super::foreign::{self, Judgement};
use super::preflight::journals;
use crate::settled::Fault;
use lsm_tree::{AbstractTree, SequenceNumberCounter};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
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

/// Reads every file of a store that nobody has open. The engine is opened for it, so it tidies up: whoever wants the
/// folder to stay as it is gives a copy.
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
    let trees = folder.join("keyspaces");
    let mut list: Vec<_> = match std::fs::read_dir(&trees) {
        Ok(list) => list.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
    .map_err(|error| no_disk(&trees, &error))?;
    list.sort();
    for tree in list {
        if tree.join("current").try_exists().map_err(|error| no_disk(&tree, &error))? {
            check_version(&tree, &mut files)?;
            if let Err(fault) = guarded(|| check_tables(&tree, &mut files)) {
                files.damaged.push(say(&tree, &fault.to_string()));
            }
        }
    }
    Ok(files)
}

fn check_version(tree: &Path, files: &mut Files) -> Result<(), Fault> {
    let current = tree.join("current");
    let bytes = std::fs::read(&current).map_err(|error| no_disk(&current, &error))?;
    let Some((number, rest)) = bytes.split_first_chunk::<8>() else {
        files.damaged.push(say(&current, "too short"));
        return Ok(());
    };
    let path = tree.join(format!("v{}", u64::from_le_bytes(*number)));
    let sum = match std::fs::read(&path) {
        Ok(version) => xxh3_128(&version),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            files.damaged.push(say(&current, "names a version that is not there"));
            return Ok(());
        }
        Err(error) => return Err(no_disk(&path, &error)),
    };
    if rest.split_first_chunk::<16>().is_none_or(|(want, kind)| u128::from_le_bytes(*want) != sum || kind != [0]) {
        files.damaged.push(say(&path, "it or `current` is not what was written"));
    }
    Ok(())
}

fn check_tables(tree: &Path, files: &mut Files) -> Result<(), Fault> {
    let counter = SequenceNumberCounter::default;
    let opened = lsm_tree::Config::new(tree, counter(), counter()).open().map_err(|error| fault(error.into()))?;
    for table in opened.current_version().iter_tables() {
        let path = &*table.path;
        let (sum, bytes) = sum_of(path).map_err(|error| no_disk(path, &error))?;
        files.tables += 1;
        files.bytes += bytes;
        if sum != table.checksum().into_u128() {
            files.damaged.push(say(path, "not what was written"));
        }
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
