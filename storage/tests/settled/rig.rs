//! Embedded stores in folders, which crash by leaving a copy of theirs.

use crate::direct::Direct;
use lsm_tree::{AbstractTree, AnyTree, Config, Guard, SeqNo, SequenceNumberCounter};
use rookery_storage::Store;
use rookery_storage::conformance::Rig;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

/// Small, so that tests reach the tables, too.
pub fn small() -> EmbeddedOptions {
    EmbeddedOptions { cache_bytes: 1 << 20, memtable_bytes: 64 * 1024, least_run: 1, ..EmbeddedOptions::default() }
}

/// What the engine has in a store's folder that nobody has open.
pub fn tree(folder: &Path) -> AnyTree {
    let (numbers, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
    Config::new(folder.join("tree"), numbers, visible).open().unwrap()
}

pub fn keys(folder: &Path) -> Vec<Vec<u8>> {
    let pairs = tree(folder).iter(SeqNo::MAX, None);
    pairs.map(|guard| guard.into_inner().unwrap().0.to_vec()).collect()
}

/// A folder per store; a crash opens a copy of the folder that was taken while the store was open.
pub struct Folders {
    root: TempDir,
    count: u64,
    store: Option<Direct<Embedded>>,
}

fn open(folder: &Path) -> Embedded {
    Embedded::open(folder, &small()).unwrap()
}

impl Folders {
    pub fn new() -> Folders {
        let mut folders = Folders { root: tempfile::tempdir().unwrap(), count: 0, store: None };
        folders.open();
        folders
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join(self.count.to_string())
    }
}

impl Rig for Folders {
    fn open(&mut self) {
        drop(self.store.take());
        std::fs::remove_dir_all(self.folder()).ok();
        self.count += 1;
        self.store = Some(Direct::over(open(&self.folder())));
    }

    fn store(&mut self) -> &mut dyn Store {
        self.store.as_mut().unwrap()
    }

    fn wait(&mut self) {}

    fn crash(&mut self) -> bool {
        let old = self.folder();
        self.count += 1;
        let new = self.folder();
        self.store.as_mut().unwrap().crash(|settled| {
            copy(&old, &new);
            drop(settled);
            std::fs::remove_dir_all(old).unwrap();
            open(&new)
        });
        true
    }
}

/// The files of a folder as they are at one moment: copied again if the engine changed any meanwhile.
pub fn copy(from: &Path, to: &Path) {
    for _ in 0..1000 {
        let before = look(from);
        if copy_once(from, to).is_ok() && look(from) == before {
            return;
        }
        std::fs::remove_dir_all(to).unwrap();
    }
    panic!("the engine is never at rest");
}

fn look(folder: &Path) -> Vec<(PathBuf, u64, Option<SystemTime>)> {
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, data) = (entry.path(), entry.metadata().ok());
        if path.is_dir() {
            seen.extend(look(&path));
        }
        let size = data.as_ref().map_or(0, std::fs::Metadata::len);
        seen.push((path, size, data.and_then(|data| data.modified().ok())));
    }
    seen.sort();
    seen
}

fn copy_once(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, target) = match entry {
            Ok(entry) => (entry.path(), to.join(entry.file_name())),
            Err(error) => return Err(error),
        };
        if entry.is_dir() {
            copy_once(&entry, &target)?;
        } else {
            std::fs::copy(&entry, &target)?;
        }
    }
    Ok(())
}
