//! A disk in memory with seeded faults: it writes less than asked, is full, fails to sync, stops in the middle, and after
//! a power cut has kept any part of what was not synced. The same seed gives the same story.

use super::disk::{Disk, DiskFile};
use crate::dice::Dice;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a disk keeps or loses as a whole.
const PAGE: usize = 4096;

/// Chances are in a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub short_write: u32,
    pub failed_write: u32,
    pub failed_sync: u32,
    /// Creating, removing, making a folder lasting.
    pub failed_name: u32,
    /// All files together; None: boundless.
    pub space: Option<u64>,
    /// So many operations from now on the process is no more: everything fails.
    pub stop_after: Option<u64>,
}

#[derive(Clone)]
pub struct FaultyDisk {
    world: Arc<Mutex<World>>,
}

struct World {
    dice: Dice,
    faults: Faults,
    files: BTreeMap<u64, Content>,
    next_file: u64,
    names: BTreeMap<PathBuf, u64>,
    lasting_names: BTreeMap<PathBuf, u64>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct Content {
    /// As a running system reads it.
    seen: Vec<u8>,
    /// As the disk has it.
    kept: Vec<u8>,
    /// Pages of `seen` that a sync would write.
    dirty: BTreeSet<usize>,
}

impl Content {
    fn keep(&mut self, page: usize) {
        let (from, to) = (page * PAGE, ((page + 1) * PAGE).min(self.seen.len()));
        if from < to {
            if self.kept.len() < to {
                self.kept.resize(to, 0);
            }
            self.kept[from..to].copy_from_slice(&self.seen[from..to]);
        }
    }

    fn set_len(&mut self, size: usize) {
        let old = self.seen.len();
        self.seen.resize(size, 0);
        if old != size {
            self.dirty.insert(old.min(size) / PAGE);
        }
    }
}

impl World {
    fn step(&mut self) -> io::Result<()> {
        match &mut self.faults.stop_after {
            Some(0) => Err(io::Error::other("the process has ended")),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn name_step(&mut self) -> io::Result<()> {
        self.step()?;
        let chance = self.faults.failed_name;
        if self.dice.per_mille(chance) { Err(io::Error::other("input/output error")) } else { Ok(()) }
    }

    /// How far this file may grow.
    fn room(&self, file: u64, size: usize) -> usize {
        let Some(space) = self.faults.space else { return usize::MAX };
        let of = |number: &u64| self.files.get(number).map_or(0, |content| content.seen.len() as u64);
        let others: u64 = self.names.values().filter(|number| **number != file).map(of).sum();
        let most = usize::try_from(space.saturating_sub(others)).unwrap_or(usize::MAX);
        most.max(size)
    }
}

impl FaultyDisk {
    pub fn new(seed: u64) -> FaultyDisk {
        FaultyDisk {
            world: Arc::new(Mutex::new(World {
                dice: Dice::new(seed),
                faults: Faults::default(),
                files: BTreeMap::new(),
                next_file: 0,
                names: BTreeMap::new(),
                lasting_names: BTreeMap::new(),
                locks: BTreeSet::new(),
            })),
        }
    }

    pub fn set_faults(&self, faults: Faults) {
        self.world.lock().faults = faults;
    }

    /// Does this without faults, as if it were not there.
    pub fn spared<T>(&self, work: impl FnOnce() -> T) -> T {
        let faults = std::mem::take(&mut self.world.lock().faults);
        let result = work();
        self.world.lock().faults = faults;
        result
    }

    /// Whether the process that used it has been stopped.
    pub fn stopped(&self) -> bool {
        self.world.lock().faults.stop_after == Some(0)
    }

    /// The process ends, the machine goes on: nothing is lost, and locks are free.
    pub fn kill(&self) {
        self.world.lock().locks.clear();
    }

    /// The machine loses its power: of everything that was not made lasting, any part is kept.
    pub fn cut_power(&self) {
        let mut world = self.world.lock();
        let World { dice, names, lasting_names, files, locks, .. } = &mut *world;
        locks.clear();
        let paths: BTreeSet<PathBuf> = names.keys().chain(lasting_names.keys()).cloned().collect();
        for path in paths {
            let (now, lasting) = (names.get(&path).copied(), lasting_names.get(&path).copied());
            let stays = if dice.per_mille(500) { now } else { lasting };
            match stays {
                Some(file) => names.insert(path, file),
                None => names.remove(&path),
            };
        }
        lasting_names.clone_from(names);
        for content in files.values_mut() {
            for page in std::mem::take(&mut content.dirty) {
                if dice.per_mille(500) {
                    content.keep(page);
                }
            }
            if dice.per_mille(500) {
                content.kept.resize(content.seen.len(), 0);
            }
            content.seen.clone_from(&content.kept);
        }
    }

    /// The bytes of every file, by name.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let world = self.world.lock();
        let bytes = |file: &u64| world.files.get(file).map_or_else(Vec::new, |content| content.seen.clone());
        world.names.iter().map(|(path, file)| (path.clone(), bytes(file))).collect()
    }

    /// A disk with these files, all of them lasting.
    pub fn with_files(seed: u64, files: &BTreeMap<PathBuf, Vec<u8>>) -> FaultyDisk {
        let disk = FaultyDisk::new(seed);
        let mut world = disk.world.lock();
        for (number, (path, bytes)) in files.iter().enumerate() {
            let content = Content { seen: bytes.clone(), kept: bytes.clone(), dirty: BTreeSet::new() };
            world.files.insert(number as u64, content);
            world.names.insert(path.clone(), number as u64);
        }
        world.next_file = files.len() as u64;
        world.lasting_names = world.names.clone();
        drop(world);
        disk
    }

    fn file(&self, number: u64) -> Arc<dyn DiskFile> {
        Arc::new(FaultyFile { world: Arc::clone(&self.world), number })
    }
}

impl Disk for FaultyDisk {
    fn create_folder(&self, _folder: &Path) -> io::Result<()> {
        self.world.lock().step()
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut world = self.world.lock();
        world.step()?;
        if !world.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(Held { world: Arc::clone(&self.world), path: path.to_owned() }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut world = self.world.lock();
        world.step()?;
        let inside = world.names.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| path.file_name()?.to_str().map(str::to_owned)).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world.lock();
        world.name_step()?;
        if world.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let number = world.next_file;
        world.next_file += 1;
        world.files.insert(number, Content::default());
        world.names.insert(path.to_owned(), number);
        drop(world);
        Ok(self.file(number))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world.lock();
        world.step()?;
        let number = world.names.get(path).copied().ok_or(io::ErrorKind::NotFound)?;
        drop(world);
        Ok(self.file(number))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.name_step()?;
        world.names.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.name_step()?;
        let file = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut world = self.world.lock();
        world.name_step()?;
        world.lasting_names.retain(|path, _| path.parent() != Some(folder));
        let World { names, lasting_names, .. } = &mut *world;
        let inside = names.iter().filter(|(path, _)| path.parent() == Some(folder));
        lasting_names.extend(inside.map(|(path, file)| (path.clone(), *file)));
        Ok(())
    }

    fn free(&self, _: &Path) -> io::Result<u64> {
        // What a file that is not there yet could grow to.
        Ok(u64::try_from(self.world.lock().room(u64::MAX, 0)).unwrap_or(u64::MAX))
    }

    fn nonce(&self) -> u64 {
        self.world.lock().dice.roll()
    }
}

/// A lock that is held.
struct Held {
    world: Arc<Mutex<World>>,
    path: PathBuf,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.world.lock().locks.remove(&self.path);
    }
}

struct FaultyFile {
    world: Arc<Mutex<World>>,
    number: u64,
}

impl FaultyFile {
    fn with<T>(&self, work: impl FnOnce(&mut World, &mut Content) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.world.lock();
        world.step()?;
        let mut content = world.files.remove(&self.number).unwrap_or_default();
        let result = work(&mut world, &mut content);
        world.files.insert(self.number, content);
        result
    }
}

impl DiskFile for FaultyFile {
    fn size(&self) -> io::Result<u64> {
        self.with(|_, content| Ok(content.seen.len() as u64))
    }

    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|_, content| {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.seen.len());
            let length = into.len().min(content.seen.len() - from);
            into[..length].copy_from_slice(&content.seen[from..from + length]);
            Ok(length)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.with(|world, content| {
            if world.dice.per_mille(world.faults.failed_write) {
                return Err(io::Error::other("input/output error"));
            }
            let from = usize::try_from(offset).map_err(io::Error::other)?;
            let mut length = bytes.len();
            if world.dice.per_mille(world.faults.short_write) {
                length = 1 + world.dice.below(length as u64) as usize;
            }
            let room = world.room(self.number, content.seen.len());
            length = length.min(room.saturating_sub(from));
            if length == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if content.seen.len() < from + length {
                content.set_len(from + length);
            }
            content.seen[from..from + length].copy_from_slice(&bytes[..length]);
            content.dirty.extend(from / PAGE..=(from + length).saturating_sub(1) / PAGE);
            Ok(length)
        })
    }

    fn reserve(&self, size: u64) -> io::Result<()> {
        self.with(|world, content| {
            let size = usize::try_from(size).map_err(io::Error::other)?;
            if size > world.room(self.number, content.seen.len()) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if content.seen.len() < size {
                content.set_len(size);
            }
            Ok(())
        })
    }

    fn truncate(&self, size: u64) -> io::Result<()> {
        self.with(|_, content| {
            content.set_len(usize::try_from(size).map_err(io::Error::other)?);
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|world, content| {
            let fails = world.dice.per_mille(world.faults.failed_sync);
            for page in std::mem::take(&mut content.dirty) {
                // As Linux does it: after a failure the page counts as clean, whether or not it was kept.
                if !fails || world.dice.per_mille(500) {
                    content.keep(page);
                }
            }
            if fails {
                return Err(io::Error::other("input/output error"));
            }
            content.kept.resize(content.seen.len(), 0);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
