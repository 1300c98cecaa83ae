//! A spare of the engine's list of tables: two small files that everything hangs on, and of which it keeps no second.
//!
//! ```text
//! spare   sealed, version 1: the bytes of `tree/current`, counted, then those of the version that it names
//! ```

use super::disk::{TREE, no_disk};
use crate::sealed;
use crate::settled::Fault;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const VERSION: u8 = 1;
const SPARE: &str = "spare";
const CURRENT: &str = "current";

/// Whoever has changed the list of tables saves it.
pub struct Spare {
    folder: PathBuf,
    alone: Mutex<()>,
}

impl Spare {
    pub fn new(folder: &Path) -> Spare {
        Spare { folder: folder.to_owned(), alone: Mutex::new(()) }
    }

    /// It is of use only as long as it is of the present list: a crash that comes first leaves an older one, which leads to
    /// tables that are gone.
    pub fn save(&self) -> Result<(), Fault> {
        let _alone = self.alone.lock();
        let tree = self.folder.join(TREE);
        let saved = (|| {
            let current = std::fs::read(tree.join(CURRENT))?;
            // The list may change meanwhile: whoever changes it saves it then.
            let Some(version) = named(&current) else { return Ok(()) };
            let version = match std::fs::read(tree.join(version)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                version => version?,
            };
            let mut bytes = sealed::begin(VERSION);
            sealed::put_number(&mut bytes, current.len() as u64);
            bytes.extend_from_slice(&current);
            bytes.extend_from_slice(&version);
            write(&self.folder, SPARE, &sealed::end(bytes))
        })();
        saved.map_err(|error| no_disk(&error))
    }
}

/// Puts the saved list in the place of one that cannot be read. False: there is none, or its tables are gone.
pub fn restore(folder: &Path, tables: impl Fn(&Path) -> Option<Vec<u64>>) -> Result<bool, Fault> {
    let tree = folder.join(TREE);
    let restored = (|| {
        let Ok(bytes) = std::fs::read(folder.join(SPARE)) else { return Ok(false) };
        let Some((current, version)) = parts(&bytes) else { return Ok(false) };
        let Some(name) = named(current) else { return Ok(false) };
        let candidate = folder.join("spare.list");
        std::fs::write(&candidate, version)?;
        let list = tables(&candidate);
        std::fs::remove_file(&candidate)?;
        let is_there = |table: &u64| tree.join("tables").join(table.to_string()).exists();
        if !list.is_some_and(|list| list.iter().all(is_there)) {
            return Ok(false);
        }
        write(&tree, &name, version)?;
        write(&tree, CURRENT, current)?;
        Ok(true)
    })();
    restored.map_err(|error: io::Error| no_disk(&error))
}

/// Whether it is what was written, if there is one.
pub fn is_sound(folder: &Path) -> bool {
    std::fs::read(folder.join(SPARE)).map_or(true, |bytes| parts(&bytes).is_some())
}

fn parts(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = sealed::open(bytes, VERSION).ok()?;
    let length = usize::try_from(reader.number()?).ok()?;
    reader.rest().split_at_checked(length)
}

/// The file that `current` names.
fn named(current: &[u8]) -> Option<String> {
    current.first_chunk::<8>().map(|number| format!("v{}", u64::from_le_bytes(*number)))
}

/// There whole, or as it was before.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let next = folder.join(format!("{name}.next"));
    let mut file = File::create(&next)?;
    file.write_all(bytes)?;
    std::fs::rename(next, folder.join(name))
}
