//! The engine: one tree of tables, how it is opened, written and read, so that every fault is named.
//!
//! What is committed is in memory until a [`Disk::checkpoint`] writes all of it to tables, as one. The journal of the owner
//! has it until then, so the engine has none.

use super::EmbeddedOptions;
use super::archive::Archive;
use super::check;
use super::compactor::Compactor;
use super::keys::{self, OWN, RoomBytes};
use super::marks::{self, Marks};
use super::moments::{Moment, Moments};
use super::pairs::{Pairs, Second};
use super::spare::Spare;
use crate::ask::Position;
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::record::layout::BadRecord;
use crate::sealed::{Bad, is_row, number_value};
use crate::settled::Fault;
use crate::{Place, RoomKey, Seq};
use bytes::Bytes;
use lsm_tree::compaction::Leveled;
use lsm_tree::config::{BlockSizePolicy, CompressionPolicy};
use lsm_tree::{
    AbstractTree, AnyTree, Cache, CompressionType, Config, DescriptorTable, SequenceNumberCounter, UserKey,
};
use parking_lot::Mutex;
use std::fs::{File, TryLockError};
use std::panic::{AssertUnwindSafe, catch_unwind};
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

/// What a key is of. It is the first byte in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    Messages = 0,
    Changes = 1,
    Rows = 2,
    Rooms = 3,
    Index = 4,
    Runs = 5,
    Segments = 6,
}

impl Space {
    pub const ALL: [Space; 7] =
        [Space::Messages, Space::Changes, Space::Rows, Space::Rooms, Space::Index, Space::Runs, Space::Segments];

    /// Bytes before a key's second copy.
    pub const BEFORE_SECOND: usize = 3;

    fn key(self, key: &[u8]) -> UserKey {
        UserKey::fused(&[self as u8], key)
    }

    /// Without it what is whole elsewhere could not be found: it stands twice.
    pub fn leads(self) -> bool {
        match self {
            Space::Rooms | Space::Runs => true,
            Space::Messages | Space::Changes | Space::Rows | Space::Index | Space::Segments => false,
        }
    }

    /// The second copy's key. It stands before everything else, so that all messages and more lie between the two.
    pub fn second(self, key: &[u8]) -> UserKey {
        UserKey::fused(&[Space::Messages as u8, OWN, self as u8], key)
    }
}

/// Which of two copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    First,
    Second,
}

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
        View { tree: &self.tree, archive: &self.archive, moment: self.published.lock().clone(), seconds }
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

pub fn no_disk(error: &std::io::Error) -> Fault {
    Fault::Io(error.to_string())
}

/// The whole of the store at one moment.
pub struct View<'a> {
    tree: &'a AnyTree,
    archive: &'a Archive,
    moment: Arc<Moment>,
    seconds: bool,
}

impl View<'_> {
    pub fn archive(&self) -> &Archive {
        self.archive
    }

    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let read = |key: UserKey| {
            let value = self.tree.get(key, self.moment.number()).map_err(fault)?;
            Ok(value.map(|value| Bytes::copy_from_slice(&value)))
        };
        match read(space.key(key)) {
            Err(fault @ Fault::Damaged { .. }) if space.leads() => match read(space.second(key)) {
                Ok(Some(value)) => {
                    say_second(space);
                    Ok(Some(value))
                }
                // Where there are no second copies, none says nothing.
                Ok(None) | Err(_) => Err(fault),
            },
            first => first,
        }
    }

    /// Keys from `from` to below `to`, both ways.
    pub fn range(&self, space: Space, from: &[u8], to: &[u8]) -> Pairs {
        if from >= to {
            return Pairs::none();
        }
        let second = (self.seconds && space.leads()).then(|| Second {
            tree: self.tree.clone(),
            moment: self.moment.clone(),
            space,
            from: from.to_vec(),
            to: to.to_vec(),
        });
        Pairs::new(self.tree.range(space.key(from)..space.key(to), self.moment.number(), None), second)
    }

    pub fn prefix(&self, space: Space, prefix: &[u8]) -> Pairs {
        self.range(space, prefix, &keys::after_prefix(prefix))
    }

    pub fn meta(&self, room: &RoomKey, bytes: &RoomBytes) -> Result<Option<RoomMeta>, Fault> {
        let Some(value) = self.get(Space::Rooms, bytes.bytes())? else { return Ok(None) };
        RoomMeta::decode(&value).map(Some).map_err(|bad| match bad {
            Bad::Damaged => damaged(room, None, "what is kept of the room as a whole"),
            Bad::Newer(version) => Fault::Newer { what: "what is kept of a room as a whole", version },
        })
    }

    /// A row's value, checked.
    pub fn row(&self, room: &RoomKey, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.get(Space::Rows, key)?.map(|value| open_row(room, key, &value)).transpose()
    }
}

/// Said once: what is damaged is named by whoever cannot do without it, and by `rookery store verify`.
pub fn say_second(space: Space) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::error!(
            event = "second_copy_read",
            ?space,
            "a block of the store is damaged; what it led to is still found"
        );
    }
}

/// The record that a key of `messages` or `changes` leads to. It must be the one that the key says.
pub fn open_record(room: &RoomKey, meta: &RoomMeta, key: &[u8], value: &Bytes) -> Result<Record, Fault> {
    let place = meta.place_at(Seq(keys::last_number(key).unwrap_or(0)));
    let record = Record::decode(value).map_err(|bad| match bad {
        BadRecord::NewerVersion(version) => Fault::Newer { what: "a record", version },
        BadRecord::Damaged | BadRecord::Impossible => damaged(room, Some(place), &bad.to_string()),
    })?;
    if record.place == place {
        Ok(record)
    } else {
        Err(damaged(room, Some(place), "another record stands in its place"))
    }
}

pub fn open_row(room: &RoomKey, key: &[u8], value: &Bytes) -> Result<Bytes, Fault> {
    if is_row(key, value) { Ok(value.slice(4..)) } else { Err(damaged(room, None, "a row")) }
}

pub fn damaged(room: &RoomKey, place: Option<Place>, what: &str) -> Fault {
    Fault::Damaged { room: Some(room.clone()), place, what: what.to_owned() }
}

/// Says where a fault of the engine came up, as far as it is known.
pub fn located<T>(answer: Result<T, Fault>, room: &RoomKey, place: Option<Place>) -> Result<T, Fault> {
    answer.map_err(|fault| match fault {
        Fault::Damaged { room: None, place: None, what } => Fault::Damaged { room: Some(room.clone()), place, what },
        Fault::Damaged { .. }
        | Fault::Poisoned(_)
        | Fault::Io(_)
        | Fault::Newer { .. }
        | Fault::Locked
        | Fault::Held { .. }
        | Fault::OutOfOrder { .. }
        | Fault::NotHere => fault,
    })
}

/// What the engine says, in our words.
#[allow(clippy::wildcard_enum_match_arm)] // The engine keeps its list open.
pub fn fault(error: lsm_tree::Error) -> Fault {
    use lsm_tree::Error;
    let what = error.to_string();
    match error {
        Error::Io(_) => Fault::Io(what),
        Error::InvalidVersion(version) => Fault::Newer { what: "the engine's folder", version },
        Error::Decompress(_)
        | Error::Unrecoverable
        | Error::ChecksumMismatch { .. }
        | Error::InvalidTag(_)
        | Error::InvalidTrailer
        | Error::InvalidHeader(_)
        | Error::Utf8(_) => Fault::Damaged { room: None, place: None, what },
        _ => Fault::Poisoned(what),
    }
}

/// The engine may panic over bytes that it did not expect. That is a fault, not the end of the process.
pub fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
            let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Fault::Poisoned(said.unwrap_or_else(|| "a panic without words".to_owned())))
        }
    }
}

/// The key of something of our own, of no room.
pub fn own_key(letter: u8) -> Vec<u8> {
    vec![OWN, letter]
}
