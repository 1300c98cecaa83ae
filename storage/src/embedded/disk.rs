//! The engine: one tree of tables, how it is opened and written.
//!
//! What is committed is in memory until a [`Disk::checkpoint`] writes all of it to tables, as one. The journal of the owner
//! has it until then, so the engine has none.

use super::EmbeddedOptions;
use super::archive::Archive;
use super::check;
use super::compactor::Compactor;
use super::faults::{fault, no_disk};
use super::marks::{self, Marks};
use super::moments::{Moment, Moments};
use super::space::{Nth, Space};
use super::spare::Spare;
use super::view::View;
use crate::ask::Position;
use crate::sealed::number_value;
use crate::settled::Fault;
use bytes::Bytes;
use lsm_tree::compaction::Leveled;
use lsm_tree::config::{BlockSizePolicy, CompressionPolicy};
use lsm_tree::{
    AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, SequenceNumberCounter, UserKey,
};
use parking_lot::Mutex;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A table is synced in one go, and for that long the journal's syncs wait at the same disk.
pub const TABLE_BYTES: u64 = 16 * 1024 * 1024;
/// So many tables that lie over each other make every read slow: writes wait until some are merged.
const MOST_RUNS: usize = 16;
/// In the store's folder.
pub const TREE: &str = "tree";
const LOCK: &str = "lock";

/// The engine. Whoever commits, notes or makes a checkpoint is alone with that.
pub struct Disk {
    /// Before the tree: it works on it.
    compactor: Compactor,
    spare: Arc<Spare>,
    /// What answers are read from: all up to the last commit. The tree's own present may show a part of one.
    published: Mutex<Arc<Moment>>,
    moments: Arc<Moments>,
    archive: Archive,
    tree: AnyTree,
    numbers: SequenceNumberCounter,
    memtable_bytes: u64,
    pub least_run: usize,
    noted: AtomicU64,
    highest: AtomicU64,
    durable: AtomicU64,
    /// A commit ended in its middle: nothing of what is in memory may get to the disk any more.
    torn: AtomicBool,
    /// What leads to others stands twice, as it does since layout 3.
    seconds: AtomicBool,
    /// Behind everything that it guards.
    _lock: File,
}

impl Disk {
    pub fn open(folder: &Path, options: &EmbeddedOptions) -> Result<Disk, Fault> {
        std::fs::create_dir_all(folder).map_err(|error| no_disk(&error))?;
        let lock = lock(folder)?;
        let path = folder.join(TREE);
        check::before(folder)?;
        let numbers = SequenceNumberCounter::default();
        let blocks = if options.compress {
            CompressionPolicy::new([CompressionType::None, CompressionType::None, CompressionType::Lz4])
        } else {
            CompressionPolicy::disabled()
        };
        let tree = Config::new(&path, numbers.clone(), SequenceNumberCounter::default())
            .use_cache(Arc::new(Cache::with_capacity_bytes(options.cache_bytes)))
            .use_descriptor_table(Some(Arc::new(DescriptorTable::new(options.open_files.max(16)))))
            .data_block_compression_policy(blocks)
            .data_block_size_policy(BlockSizePolicy::all(4096))
            .open()
            .map_err(fault)?;
        numbers.set(tree.get_highest_persisted_seqno().map_or(1, |last| last.saturating_add(1)));
        let moments = Arc::new(Moments::default());
        let published = Mutex::new(Moments::begin(&moments, numbers.get()));
        let strategy = Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES));
        let spare = Arc::new(Spare::new(folder));
        let compactor = Compactor::start(tree.clone(), strategy, moments.clone(), spare.clone())?;
        Ok(Disk {
            compactor,
            spare,
            published,
            moments,
            archive: Archive::open(folder)?,
            tree,
            numbers,
            memtable_bytes: options.memtable_bytes,
            least_run: options.least_run,
            noted: AtomicU64::new(0),
            highest: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            torn: AtomicBool::new(false),
            seconds: AtomicBool::new(true),
            _lock: lock,
        })
    }

    /// All that is committed now, and nothing that comes later.
    pub fn view(&self) -> View<'_> {
        let seconds = self.seconds.load(Ordering::Acquire);
        View::new(&self.tree, &self.archive, self.published.lock().clone(), seconds)
    }

    /// Writes everything, as one. No key comes twice. The number of the commit.
    pub fn commit(&self, writes: impl Iterator<Item = (Space, Vec<u8>, Option<Bytes>)>) -> Result<u64, Fault> {
        self.make_room()?;
        Ok(self.write(writes))
    }

    fn write(&self, writes: impl Iterator<Item = (Space, Vec<u8>, Option<Bytes>)>) -> u64 {
        self.torn.store(true, Ordering::Release);
        let (number, seconds) = (self.numbers.next(), self.seconds.load(Ordering::Acquire));
        let write = |key: UserKey, value: Option<Bytes>| match value {
            Some(value) => self.tree.insert(key, value, number),
            None => self.tree.remove(key, number),
        };
        for (space, key, value) in writes {
            if seconds && space.leads() {
                write(space.second(&key), value.clone());
            }
            write(space.key(&key), value);
        }
        self.torn.store(false, Ordering::Release);
        self.publish();
        number
    }

    fn publish(&self) {
        *self.published.lock() = Moments::begin(&self.moments, self.numbers.get());
    }

    /// Full memory is written out, and whoever writes waits where tables lie too deep.
    fn make_room(&self) -> Result<(), Fault> {
        if self.tree.active_memtable().size() > self.memtable_bytes {
            self.checkpoint()?;
        }
        self.check_whole()?;
        self.compactor.wait_while(|| self.tree.l0_run_count() >= MOST_RUNS);
        Ok(())
    }

    /// Everything up to here is applied. It is durable with the next checkpoint.
    pub fn note(&self, watermark: Position) -> Result<(), Fault> {
        self.check_whole()?;
        let value = Bytes::from(number_value(watermark.0));
        self.write(std::iter::once((Space::Rooms, marks::watermark_key(), Some(value))));
        self.noted.store(watermark.0, Ordering::Release);
        Ok(())
    }

    /// Writes all that is committed to tables, and makes them durable.
    pub fn checkpoint(&self) -> Result<(), Fault> {
        self.check_whole()?;
        let seconds = self.seconds.load(Ordering::Acquire);
        let marks =
            Marks { seconds, watermark: self.noted(), highest: self.highest(), segments: self.archive.counts() };
        self.archive.sync()?;
        self.spare.forget_marks();
        {
            let flushing = self.tree.get_flush_lock();
            self.tree.rotate_memtable();
            self.tree.flush(&flushing, self.moments.oldest()).map_err(fault)?;
        }
        self.durable.store(marks.watermark.0, Ordering::Release);
        self.publish();
        self.spare.set_marks(&marks);
        self.spare.save()?;
        self.compactor.nudge();
        self.archive.tidy(self.moments.oldest())
    }

    pub fn spare(&self) -> &Spare {
        &self.spare
    }

    fn check_whole(&self) -> Result<(), Fault> {
        if self.torn.load(Ordering::Acquire) {
            return Err(Fault::Poisoned("a commit ended in its middle".to_owned()));
        }
        Ok(())
    }

    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    pub fn noted(&self) -> Position {
        Position(self.noted.load(Ordering::Acquire))
    }

    /// What was noted last before a checkpoint.
    pub fn durable(&self) -> Position {
        Position(self.durable.load(Ordering::Acquire))
    }

    /// The highest position that any room has taken.
    pub fn highest(&self) -> Position {
        Position(self.highest.load(Ordering::Acquire))
    }

    /// One has taken this.
    pub fn reach(&self, position: Position) {
        self.highest.fetch_max(position.0, Ordering::AcqRel);
    }

    /// What the tables say, when the store is opened.
    pub fn found(&self, marks: Marks) -> Result<(), Fault> {
        self.seconds.store(marks.seconds, Ordering::Release);
        self.noted.store(marks.watermark.0, Ordering::Release);
        self.durable.store(marks.watermark.0, Ordering::Release);
        self.reach(marks.highest);
        self.spare.set_marks(&marks);
        self.archive.found(marks.segments)
    }

    /// Merges all tables. What was overwritten or removed before the call is in none of them; those that they are made
    /// from go when nobody reads them any more and another checkpoint was made.
    pub fn merge_all(&self) -> Result<(), Fault> {
        self.tree.major_compact(TABLE_BYTES, self.moments.oldest()).map_err(fault)?;
        self.spare.save()
    }

    /// Waits until nobody reads what was there before this call.
    pub fn wait_for_readers(&self) {
        self.publish();
        let now = self.numbers.get();
        while self.moments.oldest() < now {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Fills an empty store with what is put: second copies, then the rest in the order of spaces and keys.
    pub fn fill(
        &self,
        work: impl FnOnce(&mut dyn FnMut(Nth, Space, &[u8], Bytes) -> Result<(), Fault>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut into = self.tree.ingestion().map_err(fault)?;
        work(&mut |nth, space, key, value| {
            let key = match nth {
                Nth::First => space.key(key),
                Nth::Second => space.second(key),
            };
            into.write(key, value).map_err(fault)
        })?;
        into.finish().map_err(fault)?;
        self.publish();
        Ok(())
    }
}

/// Nobody else may have it open. Whoever just closed it may need a moment.
fn lock(folder: &Path) -> Result<File, Fault> {
    let lock = File::options().create(true).append(true).open(folder.join(LOCK)).map_err(|error| no_disk(&error))?;
    for _ in 0..30 {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::Error(error)) => return Err(no_disk(&error)),
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    Err(Fault::Locked)
}
