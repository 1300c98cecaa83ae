//! One shard over a whole store: batches in, acks out.

use bytes::Bytes;
use rookery_storage::answer::Completion;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{OpenSettled, Options, Persistent, ShardStore};
use rookery_storage::{Batch, Kind, Name, Outcome, Place, Record, RoomKey, RoomKind, Settled, State, Store, Ticket};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

const ROOMS: u64 = 64;

pub struct Shard {
    persistent: Persistent,
    store: ShardStore,
    called: Receiver<()>,
    done: Vec<Completion>,
    newest: [u64; ROOMS as usize],
    batches: u64,
    /// Messages of each batch that was not answered yet.
    under_way: HashMap<u64, u64>,
    pub handed: u64,
    pub acked: u64,
}

pub fn room(name: &str) -> RoomKey {
    RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name: Name::new(name).unwrap() }
}

/// A message as the broker stores one, so that a node can read it: see docs/storage/events.md.
pub fn record(seq: u64, body: &[u8]) -> Record {
    let place = Place::new(1, seq);
    let kind = Kind::Message { ordinal: seq, version: place, state: State::Present, expires: None, thread: None };
    let payload = [&[1, 0, 0, 3][..], b"ann", body].concat();
    Record { place, time: 1_700_000_000_000, kind, key: None, payload: payload.into() }
}

pub fn embedded(data: &Path) -> OpenSettled {
    let folder = data.join("store");
    Box::new(move || Ok(Arc::new(Embedded::open(&folder, &EmbeddedOptions::default())?) as Arc<dyn Settled>))
}

impl Shard {
    pub fn open(data: &Path) -> Shard {
        let (call, called) = sync_channel(1);
        let wake = Box::new(move || {
            // Called once is called.
            let _ = call.try_send(());
        });
        let options = Options::new(journal::Options::new(data.join("journal")));
        let persistent = Persistent::open(options, Arc::new(RealDisk), embedded(data), vec![wake]).unwrap();
        let store = persistent.shard(0).unwrap();
        Shard {
            persistent,
            store,
            called,
            done: Vec::new(),
            newest: [0; ROOMS as usize],
            batches: 0,
            under_way: HashMap::new(),
            handed: 0,
            acked: 0,
        }
    }

    /// What a turn of the broker hands in: so many messages to each of the next so many rooms, a batch for each room.
    pub fn hand_in(&mut self, rooms: u64, each: u64, body: &Bytes) {
        for _ in 0..rooms {
            let at = self.batches % ROOMS;
            let newest = &mut self.newest[at as usize];
            let mut batch = Batch::new(room(&format!("room-{at}")));
            batch.events.extend((*newest + 1..=*newest + each).map(|seq| record(seq, body)));
            *newest += each;
            self.store.submit(batch, Ticket(self.batches));
            self.under_way.insert(self.batches, each);
            self.batches += 1;
            self.handed += each;
        }
    }

    pub fn has_room(&self, bytes: usize) -> bool {
        self.store.window() >= bytes
    }

    /// Takes the acks that have come; waits for the first no longer than this.
    pub fn take(&mut self, patience: Duration) {
        self.store.poll(&mut self.done);
        if self.done.is_empty() && !patience.is_zero() {
            let _ = self.called.recv_timeout(patience);
            self.store.poll(&mut self.done);
        }
        for Completion { ticket, outcome } in self.done.drain(..) {
            assert!(matches!(outcome, Outcome::Stored(_)), "{outcome:?}");
            self.acked += self.under_way.remove(&ticket.0).unwrap();
        }
    }

    pub fn close(self) {
        drop(self.store);
        self.persistent.close();
    }
}
