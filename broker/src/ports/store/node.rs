//! The store of the whole node, from which each shard gets its port.

use super::keeper::{KeepOf, Keeper};
use super::moving::{self, Mover};
use super::returner;
use super::scylla::{Database, DatabaseAt, RUNS_AHEAD};
use super::source::Source;
use super::{Runs, StorePort};
use crate::config::{Config, value::StoreEngine};
use crate::data::{self, DataFolder};
use crate::ports::Clock;
use crate::shard::cell::{Door, Doors, Mail, Sent};
use crate::shard::since::Since;
use bytes::Bytes;
use rookery_engine::message::{Envelope, Parcel, RoomAddress, ShardId, ToHome};
use rookery_engine::placement;
use rookery_engine::ports::Fact;
use rookery_protocol::ids::{AckLevel, Epoch, RoomKey};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::limits::SCAN_ROWS;
use rookery_storage::persistent::{OpenError, OpenSettled, Options, Persistent, Reader, Wake};
use rookery_storage::{Ask, Outcome, Table};
use std::sync::{Arc, Mutex, PoisonError};

/// Asks of a database wait for its network: more of them at the same time.
const DATABASE_READERS: usize = 16;

/// What has been accepted when the disk is full, and the tables that it is written to, find room in it.
const RESERVE_BYTES: u64 = 64 << 20;

pub enum NodeStore {
    /// Each shard remembers on its own, and forgets with the process.
    Memory,
    /// History outlives the process.
    Kept(Box<Kept>),
}

/// A store with a disk, and whoever looks after it.
pub struct Kept {
    persistent: Persistent,
    keeper: Option<Keeper>,
    database: Option<Arc<Database>>,
    /// Of a node whose history is in its folder, unless it was moved.
    source: Option<Arc<Source>>,
    mover: Option<Arc<Mover>>,
}

impl NodeStore {
    /// `doors`: of all shards, which are called when the store has answers for them.
    pub fn open(config: &Config, data: &DataFolder, doors: &Doors) -> Result<NodeStore, String> {
        let mut options = Options::new(journal::Options::new(data.path().join(data::JOURNAL)));
        let source = Source::new(data.path().join(data::STORE));
        let (open_settled, database): (OpenSettled, _) = match config.store.engine {
            StoreEngine::Memory => return Ok(NodeStore::Memory),
            StoreEngine::Embedded => {
                options.journal.reserve_bytes = RESERVE_BYTES;
                let source = source.clone();
                (Box::new(move || source.open()), None)
            }
            StoreEngine::Scylla => {
                options.synced = AckLevel::Local;
                options.readers = DATABASE_READERS;
                let database = Database::new(&DatabaseAt::from(&config.scylla), data)?;
                let opens = database.clone();
                // The start waits for it; later ones are tried again by whoever needs them.
                let first = Mutex::new(Some(database.open_in_time().map_err(|fault| fault.to_string())?));
                let open = move || {
                    let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                    first.map_or_else(|| Ok(opens.open()? as _), Ok)
                };
                (Box::new(open), Some(database))
            }
        };
        let wakes = doors.iter().cloned().map(wake).collect();
        let persistent = Persistent::open(options, Arc::new(RealDisk), open_settled, wakes)
            .map_err(|error: OpenError| error.to_string())?;
        moving::begin_with(data, &persistent.moving()).map_err(|error| error.to_string())?;
        let source = database.is_none().then_some(source);
        Ok(NodeStore::Kept(Box::new(Kept { persistent, keeper: None, database, source, mover: None })))
    }

    /// The number of this start, durable before anything uses it: this folder's, or the database's, which all nodes share.
    pub fn take_run(&self, data: &DataFolder, now_seconds: u64) -> Result<Epoch, String> {
        let own = data.next_run(now_seconds).map_err(|error| error.to_string())?;
        let Some(database) = self.database() else { return Ok(Epoch(own)) };
        let run = database.take_run(own).map_err(|fault| fault.to_string())?;
        data.note_run(run).map_err(|error| error.to_string())?;
        Ok(Epoch(run))
    }

    /// Where further runs come from.
    pub fn runs(&self, run: Epoch, data: &Arc<DataFolder>) -> Runs {
        match self {
            NodeStore::Memory => Runs::after(run, None),
            NodeStore::Kept(kept) => {
                let runs = Runs::after(run, Some(data.clone()));
                if let Some(database) = kept.database.clone() {
                    runs.share(RUNS_AHEAD, move |at_least| database.take_run(at_least).ok());
                }
                runs
            }
        }
    }

    fn database(&self) -> Option<&Arc<Database>> {
        match self {
            NodeStore::Memory => None,
            NodeStore::Kept(kept) => kept.database.as_ref(),
        }
    }

    /// What comes back on this disk after other nodes went on is said again.
    pub fn say_again(&self, doors: &Doors, placement_key: u64, clock: Clock) {
        let NodeStore::Kept(kept) = self else { return };
        if kept.database.is_none() {
            // Nobody else goes on with an embedded store.
            return;
        }
        let (returns, reader, doors) = (kept.persistent.returns(), kept.persistent.reader(), doors.clone());
        let shards = doors.len() as u8;
        let send = move |envelope: Box<Envelope>| {
            let RoomAddress::Key(room) = &envelope.room else { return };
            let home = placement::shard_of(room, placement_key, shards);
            let Some(door) = doors.get(usize::from(home.0)) else { return };
            let parcel = Parcel { to_home: vec![ToHome::Command(envelope)], ..Parcel::default() };
            let sent = Sent { from: home, parcel, since: Since::default() };
            // A lane that is full now may not be in a second.
            let _ = door.control.try_send(Mail::Parcel(Box::new(sent)), 0);
        };
        let run = move || returner::run(&returns, |ask| reader.answer(ask), send, || clock.now().wall);
        if let Err(error) = std::thread::Builder::new().name("returner".to_owned()).spawn(run) {
            tracing::error!(event = "nothing_is_returned", %error);
        }
    }

    /// A move to a database that an earlier run began goes on; another one can begin.
    pub fn take_up_move(&mut self, runs: Runs, data: &Arc<DataFolder>, config: &Config) {
        let NodeStore::Kept(kept) = self else { return };
        let Some(source) = kept.source.clone() else { return };
        let mover =
            Arc::new(Mover::new(data.clone(), kept.persistent.moving(), source, runs, config.scylla.password.clone()));
        mover.take_up();
        kept.mover = Some(mover);
    }

    /// None: there is nothing in the folder that could move.
    pub fn mover(&self) -> Option<Arc<Mover>> {
        match self {
            NodeStore::Memory => None,
            NodeStore::Kept(kept) => kept.mover.clone(),
        }
    }

    /// For whoever copies or compacts the store. None: there is nothing that outlives the process.
    pub fn reader(&self) -> Option<Reader> {
        match self {
            NodeStore::Memory => None,
            NodeStore::Kept(kept) => Some(kept.persistent.reader()),
        }
    }

    /// The port of a shard. None: there is no such shard.
    pub fn shard(&self, shard: ShardId, runs: Runs) -> Option<StorePort> {
        match self {
            NodeStore::Memory => Some(StorePort::memory(runs)),
            NodeStore::Kept(kept) => {
                kept.persistent.shard(usize::from(shard.0)).map(|store| StorePort::new(Box::new(store), runs))
            }
        }
    }

    /// Wakes the rooms that an earlier run left with effects which nobody has confirmed. They are not waited for: their
    /// shards are at work meanwhile.
    pub fn wake_undone(&self, doors: &Doors, placement_key: u64) {
        let NodeStore::Kept(kept) = self else { return };
        let doors = doors.clone();
        let shards = doors.len() as u8;
        let found = move |room: RoomKey| {
            let ShardId(home) = placement::shard_of(&room, placement_key, shards);
            let Some(door) = doors.get(usize::from(home)) else { return };
            // A full control lane this early is a shard that does not turn.
            if door.control.try_send(Mail::Fact(Box::new(Fact::Undone { room })), 0).is_err() {
                tracing::error!(event = "undone_room_not_woken", shard = home);
            }
        };
        let reader = kept.persistent.reader();
        let spawned = std::thread::Builder::new().name("undone".to_owned()).spawn(move || undone(&reader, found));
        if let Err(error) = spawned {
            tracing::error!(event = "undone_rooms_not_found", %error);
        }
    }

    /// Rooms at rest are trimmed from now on.
    pub fn keep(&mut self, keep: KeepOf, clock: Clock) {
        let NodeStore::Kept(kept) = self else { return };
        let reader = kept.persistent.reader();
        match Keeper::start(move |ask| reader.answer(ask), keep, move || clock.now().wall) {
            Ok(keeper) => kept.keeper = Some(keeper),
            Err(error) => tracing::error!(event = "rooms_not_trimmed", %error),
        }
    }

    /// Writes and settles what was handed in.
    pub fn close(self) {
        match self {
            NodeStore::Memory => {}
            NodeStore::Kept(kept) => {
                let Kept { persistent, keeper, database: _, source: _, mover } = *kept;
                drop(keeper);
                if let Some(mover) = mover {
                    mover.close();
                }
                persistent.close();
            }
        }
    }
}

/// Calls the shard behind a door. A call that finds the lane full is lost: the shard looks once a beat in any case.
fn wake(door: Door) -> Wake {
    Box::new(move || {
        let _ = door.control.try_send(Mail::StoreAnswers, 0);
    })
}

/// Every room with effects that are not confirmed, as far as the store can be read.
fn undone(reader: &Reader, mut found: impl FnMut(RoomKey)) {
    let mut after: Option<(RoomKey, Bytes)> = None;
    loop {
        let last = after.as_ref().map(|(room, _)| room.clone());
        let ask = Ask::Scan { table: Table::PendingEffects, after, limit: SCAN_ROWS };
        let page = match reader.answer(&ask) {
            Ok(Outcome::Scanned(page)) => page,
            answer => return tracing::error!(event = "undone_rooms_not_found", ?answer),
        };
        let mut rooms: Vec<RoomKey> = page.rows.iter().map(|(room, _)| room.clone()).collect();
        rooms.dedup();
        rooms.into_iter().filter(|room| last.as_ref() != Some(room)).for_each(&mut found);
        after = page.rows.into_iter().next_back().map(|(room, row)| (room, row.key));
        if !page.more || after.is_none() {
            return;
        }
    }
}
