//! The keyspaces, how they are opened, and reading them so that every fault is named.

use super::EmbeddedOptions;
use super::keys::{self, OWN, RoomBytes};
use super::meta::RoomMeta;
use super::sealed::{Bad, is_row};
use crate::record::Record;
use crate::record::layout::BadRecord;
use crate::settled::Fault;
use crate::{Place, RoomKey, Seq};
use bytes::Bytes;
use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{CompressionType, Database, Guard, Keyspace, KeyspaceCreateOptions, Readable, Snapshot};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Memtables are written out when we say so; see [`Disk::make_room`].
const NEVER_FULL: u64 = u64::MAX;

/// A table is synced in one go, and for that long the journal's syncs wait at the same disk.
const TABLE_BYTES: u64 = 16 * 1024 * 1024;

/// One keyspace each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    Messages = 0,
    Changes = 1,
    Rows = 2,
    Rooms = 3,
    Index = 4,
}

impl Space {
    pub const ALL: [Space; 5] = [Space::Messages, Space::Changes, Space::Rows, Space::Rooms, Space::Index];

    pub const fn word(self) -> &'static str {
        match self {
            Space::Messages => "messages",
            Space::Changes => "changes",
            Space::Rows => "rows",
            Space::Rooms => "rooms",
            Space::Index => "index",
        }
    }
}

/// The engine.
pub struct Disk {
    /// What answers are read from: all up to the last commit. The engine's own snapshots may show a part of a commit
    /// that is under way, because a table that is finished meanwhile moves on what is visible.
    published: Mutex<Snapshot>,
    /// Before the database: keyspaces let go first.
    spaces: [Keyspace; 5],
    pub database: Database,
    memtable_bytes: u64,
}

impl Disk {
    pub fn open(folder: &Path, options: &EmbeddedOptions) -> Result<Disk, Fault> {
        let builder = Database::builder(folder)
            .worker_threads(1)
            .cache_size(options.cache_bytes)
            .max_cached_files(Some(options.open_files.max(16)))
            .max_journaling_size(options.journal_bytes.max(64 * 1024 * 1024))
            .manual_journal_persist(true)
            .journal_compression(compression(options.compress));
        let database = builder.open().map_err(fault)?;
        let open = |space: Space| {
            database.keyspace(space.word(), || {
                let blocks = if options.compress {
                    CompressionPolicy::new([CompressionType::None, CompressionType::None, CompressionType::Lz4])
                } else {
                    CompressionPolicy::disabled()
                };
                KeyspaceCreateOptions::default()
                    .manual_journal_persist(true)
                    .compaction_strategy(Arc::new(Leveled::default().with_table_target_size(TABLE_BYTES)))
                    .max_memtable_size(NEVER_FULL)
                    .data_block_compression_policy(blocks)
                    .data_block_size_policy(BlockSizePolicy::all(4096))
            })
        };
        let [messages, changes, rows, rooms, index] = Space::ALL.map(open);
        let spaces = [
            messages.map_err(fault)?,
            changes.map_err(fault)?,
            rows.map_err(fault)?,
            rooms.map_err(fault)?,
            index.map_err(fault)?,
        ];
        let published = Mutex::new(database.snapshot());
        Ok(Disk { published, spaces, database, memtable_bytes: options.memtable_bytes })
    }

    pub fn space(&self, space: Space) -> &Keyspace {
        let [messages, changes, rows, rooms, index] = &self.spaces;
        match space {
            Space::Messages => messages,
            Space::Changes => changes,
            Space::Rows => rows,
            Space::Rooms => rooms,
            Space::Index => index,
        }
    }

    /// All that is committed now, and nothing that comes later.
    pub fn view(&self) -> View<'_> {
        let published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        View { disk: self, snapshot: published.clone() }
    }

    /// Shows what was committed. The caller is the one who commits, and nothing is under way.
    pub fn publish(&self) {
        let snapshot = self.database.snapshot();
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }
}

fn compression(compress: bool) -> CompressionType {
    if compress { CompressionType::Lz4 } else { CompressionType::None }
}

/// The whole of the store at one moment.
pub struct View<'a> {
    disk: &'a Disk,
    snapshot: Snapshot,
}

impl View<'_> {
    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let value = self.snapshot.get(self.disk.space(space), key).map_err(fault)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    /// Keys from `from` to below `to`, both ways.
    pub fn range(&self, space: Space, from: &[u8], to: &[u8]) -> Pairs {
        if from >= to {
            return Pairs { inner: None };
        }
        Pairs { inner: Some(self.snapshot.range(self.disk.space(space), from..to)) }
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

/// Pairs of a range, from either end. A fault ends them.
pub struct Pairs {
    inner: Option<fjall::Iter>,
}

impl Pairs {
    fn open(&mut self, guard: Option<Guard>) -> Option<Result<(Bytes, Bytes), Fault>> {
        let pair = guard?.into_inner();
        if pair.is_err() {
            self.inner = None;
        }
        // Copied, so that what is handed on does not hold on to whole blocks.
        Some(pair.map(|(key, value)| (Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value))).map_err(fault))
    }
}

impl Iterator for Pairs {
    type Item = Result<(Bytes, Bytes), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let guard = self.inner.as_mut()?.next();
        self.open(guard)
    }
}

impl DoubleEndedIterator for Pairs {
    fn next_back(&mut self) -> Option<Self::Item> {
        let guard = self.inner.as_mut()?.next_back();
        self.open(guard)
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
pub fn fault(error: fjall::Error) -> Fault {
    use fjall::{Error, LsmError};
    let what = error.to_string();
    match error {
        Error::Io(_) | Error::Storage(LsmError::Io(_)) => Fault::Io(what),
        Error::Poisoned => Fault::Poisoned(what),
        Error::Locked => Fault::Locked,
        Error::InvalidVersion(Some(version)) => {
            Fault::Newer { what: "the engine's folder", version: u8::from(version) }
        }
        Error::InvalidVersion(None) => {
            Fault::Damaged { room: None, place: None, what: "`version` is not one of the engine's".to_owned() }
        }
        Error::Storage(_)
        | Error::JournalRecovery(_)
        | Error::Decompress(_)
        | Error::InvalidTrailer
        | Error::InvalidTag(_)
        | Error::KeyspaceDeleted
        | Error::Unrecoverable => Fault::Damaged { room: None, place: None, what },
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
pub fn own_key(letter: u8, number: Option<u64>) -> Vec<u8> {
    let mut key = vec![OWN, letter];
    key.extend(number.into_iter().flat_map(u64::to_be_bytes));
    key
}

impl Disk {
    /// Has full memtables written out, and waits where the engine is behind with that.
    ///
    /// The engine would do so by itself, but not safely: it waits for its worker even when that has died, and asks it
    /// once per write, in a bounded queue that the worker itself must write to; when it is full, both wait for ever.
    pub fn make_room(&self) -> Result<(), Fault> {
        use fjall::AbstractTree;
        for keyspace in &self.spaces {
            if keyspace.tree.active_memtable().size() > self.memtable_bytes {
                self.wait(|| keyspace.sealed_memtable_count() >= 2)?;
                keyspace.rotate_memtable().map_err(fault)?;
            }
            self.wait(|| keyspace.tree.l0_run_count() >= 16)?;
        }
        Ok(())
    }

    /// The engine's worker tells nobody when it is done; but whether it lives can be asked.
    pub fn wait(&self, goes_on: impl Fn() -> bool) -> Result<(), Fault> {
        while goes_on() {
            self.check_alive()?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Whether the engine still takes writes.
    fn check_alive(&self) -> Result<(), Fault> {
        self.database.persist(fjall::PersistMode::Buffer).map_err(fault)
    }
}
