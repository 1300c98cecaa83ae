//! The store of the whole node, from which each shard gets its port.

use super::keeper::{KeepOf, Keeper};
use super::{Runs, StorePort};
use crate::cli::StoreEngine;
use crate::ports::Clock;
use crate::shard::cell::{Door, Doors, Mail};
use bytes::Bytes;
use rookery_engine::message::ShardId;
use rookery_engine::placement;
use rookery_engine::ports::Fact;
use rookery_protocol::ids::RoomKey;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::limits::SCAN_ROWS;
use rookery_storage::persistent::{OpenError, Options, Persistent, Reader, Wake};
use rookery_storage::settled::Settled;
use rookery_storage::{Ask, Outcome, Table};
use std::path::Path;
use std::sync::Arc;

pub enum NodeStore {
    /// Each shard remembers on its own, and forgets with the process.
    Memory,
    Embedded(Box<Kept>),
}

/// A store with a disk, and whoever looks after it.
pub struct Kept {
    persistent: Persistent,
    keeper: Option<Keeper>,
}

impl NodeStore {
    /// `doors`: of all shards, which are called when the store has answers for them.
    pub fn open(engine: StoreEngine, data: &Path, doors: &Doors) -> Result<NodeStore, OpenError> {
        match engine {
            StoreEngine::Memory => Ok(NodeStore::Memory),
            StoreEngine::Embedded => {
                let folder = data.join("store");
                let open_settled = move || {
                    let embedded = Embedded::open(&folder, &EmbeddedOptions::default())?;
                    Ok(Arc::new(embedded) as Arc<dyn Settled>)
                };
                let options = Options::new(journal::Options::new(data.join("journal")));
                let wakes = doors.iter().cloned().map(wake).collect();
                Persistent::open(options, Arc::new(RealDisk), Box::new(open_settled), wakes)
                    .map(|persistent| NodeStore::Embedded(Box::new(Kept { persistent, keeper: None })))
            }
        }
    }

    /// The port of a shard. None: there is no such shard.
    pub fn shard(&self, shard: ShardId, runs: Runs) -> Option<StorePort> {
        match self {
            NodeStore::Memory => Some(StorePort::memory(runs)),
            NodeStore::Embedded(kept) => {
                kept.persistent.shard(usize::from(shard.0)).map(|store| StorePort::new(Box::new(store), runs))
            }
        }
    }

    /// Wakes the rooms that an earlier run left with effects which nobody has confirmed. They are not waited for: their
    /// shards are at work meanwhile.
    pub fn wake_undone(&self, doors: &Doors, placement_key: u64) {
        let NodeStore::Embedded(kept) = self else { return };
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
        let NodeStore::Embedded(kept) = self else { return };
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
            NodeStore::Embedded(kept) => {
                let Kept { persistent, keeper } = *kept;
                drop(keeper);
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
