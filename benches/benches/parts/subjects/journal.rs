//! Groups through the journal, beside plain appends of the same bytes, with fdatasync and without.
//!
//! Ours goes through the queue to the writer's thread, gets heads and checksums, and is answered. The floor's file has its
//! room taken beforehand, like a segment of ours.

use super::{Pair, Visit};
use rookery_storage::Position;
use rookery_storage::journal::{Disk, DiskFile, Intake, Journal, Listener, Log, Options, RealDisk, Written};
use std::fs::File;
use std::io::Result;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use tempfile::TempDir;

const BYTES: usize = 200;
/// Both begin anew behind this much, while the clock stands still.
const RENEW_BYTES: u64 = 32 << 20;

struct Ear(Sender<usize>);

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        assert!(results.iter().all(|written| written.result.is_ok()), "the disk failed");
        self.0.send(results.len()).unwrap();
    }
}

/// The machine's disk, but that nothing is waited for.
struct Unsynced;

struct UnsyncedFile(Arc<dyn DiskFile>);

impl Disk for Unsynced {
    fn create_folder(&self, folder: &Path) -> Result<()> {
        RealDisk.create_folder(folder)
    }
    fn lock(&self, path: &Path) -> Result<Box<dyn Send + Sync>> {
        RealDisk.lock(path)
    }
    fn list(&self, folder: &Path) -> Result<Vec<String>> {
        RealDisk.list(folder)
    }
    fn create(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(UnsyncedFile(RealDisk.create(path)?)))
    }
    fn open(&self, path: &Path) -> Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(UnsyncedFile(RealDisk.open(path)?)))
    }
    fn remove(&self, path: &Path) -> Result<()> {
        RealDisk.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        RealDisk.rename(from, to)
    }
    fn sync_folder(&self, _: &Path) -> Result<()> {
        Ok(())
    }
    fn free(&self, folder: &Path) -> Result<u64> {
        RealDisk.free(folder)
    }
    fn nonce(&self) -> u64 {
        RealDisk.nonce()
    }
}

impl DiskFile for UnsyncedFile {
    fn size(&self) -> Result<u64> {
        self.0.size()
    }
    fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
        self.0.read_at(into, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<usize> {
        self.0.write_at(bytes, offset)
    }
    fn reserve(&self, size: u64) -> Result<()> {
        self.0.reserve(size)
    }
    fn truncate(&self, size: u64) -> Result<()> {
        self.0.truncate(size)
    }
    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

struct Appends {
    // First, so that it is closed before its folder goes.
    _journal: Journal,
    intake: Intake,
    log: Log,
    told: Receiver<usize>,
    ticket: u64,
    released: u64,
    file: File,
    group: Vec<u8>,
    offset: u64,
    entries: usize,
    synced: bool,
    folder: TempDir,
}

impl Appends {
    fn new(folder: &Path, entries: usize, synced: bool) -> Appends {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let (sender, told) = channel();
        let disk: Arc<dyn Disk> = if synced { Arc::new(RealDisk) } else { Arc::new(Unsynced) };
        let options = Options::new(folder.path().join("journal"));
        let (journal, _) = Journal::open(options, disk, vec![Arc::new(Ear(sender))]).unwrap();
        let (intake, log) = (journal.intake(), journal.log());
        let file = fresh(folder.path());
        Appends {
            _journal: journal,
            intake,
            log,
            told,
            ticket: 0,
            released: 0,
            file,
            group: Vec::new(),
            offset: 0,
            entries,
            synced,
            folder,
        }
    }
}

/// A file of which nothing is written and all room is taken.
fn fresh(folder: &Path) -> File {
    let file = tempfile::tempfile_in(folder).unwrap();
    let room = RENEW_BYTES + (1 << 20);
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, room).unwrap();
    file.sync_all().unwrap();
    file
}

impl Pair for Appends {
    const WAITS: bool = true;

    type Input = Vec<Vec<u8>>;

    fn input(&mut self) -> Vec<Vec<u8>> {
        vec![vec![b'x'; BYTES]; self.entries]
    }

    fn rounds(&self) -> u64 {
        16
    }

    fn ours(&mut self, entries: Vec<Vec<u8>>) {
        let mut under_way = entries.len();
        for entry in entries {
            self.ticket += 1;
            self.intake.append(0, self.ticket, entry).unwrap();
        }
        while under_way > 0 {
            under_way -= self.told.recv().unwrap();
        }
    }

    fn floor(&mut self, entries: Vec<Vec<u8>>) {
        self.group.clear();
        for entry in entries {
            self.group.extend_from_slice(&entry);
        }
        self.file.write_all_at(&self.group, self.offset).unwrap();
        if self.synced {
            self.file.sync_data().unwrap();
        }
        self.offset += self.group.len() as u64;
    }

    fn between(&mut self) {
        if (self.ticket - self.released) * BYTES as u64 > RENEW_BYTES {
            self.released = self.ticket;
            self.log.release(Position(self.released));
            // What is handed in behind it is answered behind it.
            let entries = self.input();
            self.ours(entries);
        }
        if self.offset > RENEW_BYTES {
            self.file = fresh(self.folder.path());
            self.offset = 0;
        }
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        let mut reached = self.log.end();
        let entries = self.input();
        self.ours(entries);
        let mut ours = Vec::new();
        // What was handed in together may have been written in several groups, and a page may end with each.
        while reached < self.log.end() {
            let page = self.log.read(reached, self.entries).unwrap();
            ours.extend(page.entries.into_iter().flat_map(|(_, bytes)| bytes.to_vec()));
            reached = page.reached;
        }
        let entries = self.input();
        let begun = self.offset;
        self.floor(entries);
        let mut floor = vec![0; (self.offset - begun) as usize];
        self.file.read_exact_at(&mut floor, begun).unwrap();
        [ours, floor]
    }
}

pub fn pairs(visit: &mut impl Visit, folder: &Path) {
    for (synced, how) in [(true, "with fdatasync"), (false, "no fdatasync")] {
        for entries in [1, 64, 512] {
            let name = format!("journal, {entries} a group, {how}");
            visit.pair(&name, "entry", entries as u64, || Appends::new(folder, entries, synced));
        }
    }
}
