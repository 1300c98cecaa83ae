//! One keyspace as many stores: a fresh one is the same with realms of other names, which nobody below can tell.

use crate::direct::Direct;
use crate::server::{keyspace, runtime};
use rookery_storage::answer::Outcome;
use rookery_storage::ask::{Ask, PageAsk, Position, ReplayAsk};
use rookery_storage::batch::Batch;
use rookery_storage::conformance::Rig;
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{Entry, Fault, Name, RoomKey, RoomKind, Settled, Store};

/// Realms of one fresh store.
#[derive(Clone, Copy)]
pub struct World(pub u64);

impl World {
    fn prefix(self) -> String {
        format!("{:06}~", self.0)
    }

    pub fn room(self, room: &RoomKey) -> RoomKey {
        RoomKey { realm: Name::new(&format!("{}{}", self.prefix(), room.realm)).unwrap(), ..room.clone() }
    }

    /// None: of another world.
    fn back(self, room: &RoomKey) -> Option<RoomKey> {
        let realm = room.realm.as_str().strip_prefix(&self.prefix())?;
        Some(RoomKey { realm: Name::new(realm).unwrap(), ..room.clone() })
    }

    pub fn batch(self, batch: &Batch) -> Batch {
        Batch { room: self.room(&batch.room), ..batch.clone() }
    }

    pub fn entry(self, entry: &Entry) -> Entry {
        Entry::new(entry.position, self.batch(&entry.batch))
    }

    fn ask(self, ask: &Ask) -> Ask {
        let mut ask = ask.clone();
        match &mut ask {
            Ask::Load { room }
            | Ask::Fetch { room, .. }
            | Ask::Page(PageAsk { room, .. })
            | Ask::Replay(ReplayAsk { room, .. })
            | Ask::Count { room, .. }
            | Ask::Lookup { room, .. }
            | Ask::Row { room, .. }
            | Ask::Expired { room, .. }
            | Ask::Rest { room }
            | Ask::Trim { room, .. } => *room = self.room(room),
            Ask::Scan { after, .. } => {
                let begin = self.begin();
                let (room, key) = after.take().map_or((begin, "".into()), |(room, key)| (self.room(&room), key));
                *after = Some((room, key));
            }
            Ask::Rooms { after, .. } => {
                let begin = self.begin();
                *after = Some(after.take().map_or(begin, |room| self.room(&room)));
            }
            Ask::Tail { .. } => {}
        }
        ask
    }

    /// Worlds rise, and the newest is asked: what lies above its begin is its own.
    fn begin(self) -> RoomKey {
        let (realm, name) = (Name::new(&self.prefix()).unwrap(), Name::new(" ").unwrap());
        RoomKey { realm, kind: RoomKind::Room, name }
    }

    pub fn answer(self, settled: &Scylla, ask: &Ask) -> Result<Outcome, Fault> {
        let mut outcome = settled.answer(&self.ask(ask))?;
        if let Outcome::Scanned(page) = &mut outcome {
            for (room, _) in &mut page.rows {
                *room = self.back(room).unwrap();
            }
        }
        if let Outcome::Rooms(page) = &mut outcome {
            for room in &mut page.rooms {
                *room = self.back(room).unwrap();
            }
        }
        Ok(outcome)
    }
}

/// The keyspace as it looks from one of its worlds.
pub struct InWorld {
    settled: Scylla,
    world: World,
}

impl Settled for InWorld {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        self.settled.apply(entries.iter().map(|entry| self.world.entry(entry)).collect())
    }

    fn watermark(&self) -> Position {
        self.settled.watermark()
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        self.settled.sync(watermark)
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        self.world.answer(&self.settled, ask)
    }
}

/// A keyspace, and the store that is open on it. A crash leaves the lease as it is: the same holder comes again.
pub struct Keyspace {
    options: ScyllaOptions,
    worlds: u64,
    store: Direct<InWorld>,
}

impl Keyspace {
    pub fn new() -> Keyspace {
        let options = keyspace();
        let settled = Scylla::open(&options, runtime()).unwrap();
        Keyspace { options, worlds: 1, store: Direct::over(InWorld { settled, world: World(1) }) }
    }
}

impl Rig for Keyspace {
    fn open(&mut self) {
        self.worlds += 1;
        self.store.settled().world = World(self.worlds);
        // Positions go on: the journal is the keyspace's.
        self.store.begin_anew();
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn wait(&mut self) {}

    fn crash(&mut self) -> bool {
        self.store.crash(|InWorld { settled, world }| {
            // Killed: nothing is given back, and nothing more is written.
            settled.stop_after(0);
            assert!(settled.sync(Position(0)).is_err());
            drop(settled);
            InWorld { settled: Scylla::open(&self.options, runtime()).unwrap(), world }
        });
        true
    }
}
