//! The engine's list of tables, as it stands in its folder.
//!
//! ```text
//! tree/current   number of the version u64 | XXH3-128 of its file u128 | 0
//! tree/vM        an archive; its part `tables`: levels u8, each: runs u8, each: tables u32, each:
//!                number u64 | 0 | XXH3-128 of its file u128 | u64
//! ```

use super::disk::TREE;
use crate::settled::Fault;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_128;

pub const CURRENT: &str = "current";

/// A table of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub number: u64,
    /// XXH3-128 of its file.
    pub sum: u128,
}

impl Listed {
    pub fn path(&self, tree: &Path) -> PathBuf {
        tree.join("tables").join(self.number.to_string())
    }
}

/// The file of the version that `current` names.
pub fn named(current: &[u8]) -> Option<String> {
    current.first_chunk::<8>().map(|number| format!("v{}", u64::from_le_bytes(*number)))
}

/// The file of the present version, if it is what was written; what is wrong otherwise. None: there is no tree yet.
pub fn present(tree: &Path) -> Result<Option<Result<PathBuf, String>>, Fault> {
    let path = tree.join(CURRENT);
    let current = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let has_tables = std::fs::read_dir(tree.join("tables")).is_ok_and(|mut tables| tables.next().is_some());
            return Ok(has_tables.then(|| Err(say(&path, "it is missing"))));
        }
        Err(error) => return Err(no_disk(&path, &error)),
    };
    let Some(version) = named(&current) else { return Ok(Some(Err(say(&path, "too short")))) };
    let path = tree.join(version);
    let sum = match std::fs::read(&path) {
        Ok(version) => xxh3_128(&version),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Some(Err(say(&path, "it is what `current` names, and it is not there"))));
        }
        Err(error) => return Err(no_disk(&path, &error)),
    };
    let is_sound = current.get(8..24) == Some(&sum.to_le_bytes()) && current.get(24..) == Some(&[0]);
    Ok(Some(if is_sound { Ok(path) } else { Err(say(&path, "it or `current` is not what was written")) }))
}

/// Every table of a version.
pub fn tables(version: &Path) -> Option<Vec<Listed>> {
    let archive = sfa::Reader::new(version).ok()?;
    let mut section = archive.toc().section(b"tables")?.buf_reader(version).ok()?;
    let mut tables = Vec::new();
    for _level in 0..number::<1>(&mut section)? {
        for _run in 0..number::<1>(&mut section)? {
            for _table in 0..number::<4>(&mut section)? {
                let table = u64::try_from(number::<8>(&mut section)?).ok()?;
                // The kind of sum: there is one.
                if number::<1>(&mut section)? != 0 {
                    return None;
                }
                tables.push(Listed { number: table, sum: number::<16>(&mut section)? });
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

/// The file by its place in the folder, so that it can be found in the original of a copy.
pub fn say(path: &Path, what: &str) -> String {
    let parts: Vec<_> = path.components().rev().take(4).map(|part| part.as_os_str().to_string_lossy()).collect();
    let from = parts.iter().position(|part| part == TREE).unwrap_or(0);
    let name: Vec<_> = parts.iter().take(from + 1).rev().map(AsRef::as_ref).collect();
    format!("{}: {what}", name.join("/"))
}

pub fn no_disk(path: &Path, error: &io::Error) -> Fault {
    Fault::Io(format!("{}: {error}", path.display()))
}
