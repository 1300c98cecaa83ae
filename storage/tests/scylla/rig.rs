//! A store directly over the settled one: what is submitted is applied at once, without a journal.
//!
//! A fresh store is the same keyspace with realms of other names, which nobody below can tell.

use crate::server::{keyspace, runtime};
use rookery_storage::answer::{Completion, Failure, Outcome, TailPage};
use rookery_storage::ask::{Ask, PageAsk, Position, ReplayAsk};
use rookery_storage::batch::Batch;
use rookery_storage::conformance::Rig;
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{AckLevel, Entry, Fault, Name, RoomKey, RoomKind, Settled, Store, Ticket};

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
        Entry { position: entry.position, batch: self.batch(&entry.batch) }
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

pub struct Direct {
    pub settled: Option<Scylla>,
    pub world: World,
    position: u64,
    /// What a journal would keep.
    batches: Vec<(Position, Batch)>,
    done: Vec<Completion>,
}

impl Direct {
    pub fn settled(&self) -> &Scylla {
        self.settled.as_ref().unwrap()
    }

    fn write(&mut self, batch: Batch) -> Outcome {
        if let Err(failure) = batch.check() {
            return Outcome::Failed(failure);
        }
        let position = Position(self.position + 1);
        let entry = self.world.entry(&Entry { position, batch: batch.clone() });
        match self.settled().apply(vec![entry]) {
            Ok(()) => {
                self.settled().sync(position).unwrap();
                self.position += 1;
                self.batches.push((position, batch));
                Outcome::Stored(AckLevel::Durable)
            }
            Err(Fault::OutOfOrder { .. }) => Outcome::Failed(Failure::OutOfOrder),
            Err(fault) => panic!("{fault}"),
        }
    }

    fn tail(&self, after: Position, limit: usize) -> TailPage {
        let above = self.batches.iter().filter(|(position, _)| *position > after).take(limit);
        TailPage { gap: None, batches: above.cloned().collect(), end: Position(self.position) }
    }
}

impl Store for Direct {
    fn reach(&self) -> AckLevel {
        AckLevel::Durable
    }

    fn window(&self) -> usize {
        usize::MAX
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let outcome = self.write(batch);
        self.done.push(Completion { ticket, outcome });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        let outcome = if let Ask::Tail { after, limit } = ask {
            assert_eq!(self.settled().answer(&ask), Err(Fault::NotHere));
            Outcome::Tail(Box::new(self.tail(after, limit)))
        } else {
            self.world.answer(self.settled(), &ask).unwrap()
        };
        self.done.push(Completion { ticket, outcome });
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        out.append(&mut self.done);
    }
}

/// A keyspace, and the store that is open on it. A crash leaves the lease as it is: the same holder comes again.
pub struct Keyspace {
    pub options: ScyllaOptions,
    worlds: u64,
    pub store: Direct,
}

impl Keyspace {
    pub fn new() -> Keyspace {
        Keyspace::with(keyspace())
    }

    pub fn with(options: ScyllaOptions) -> Keyspace {
        let store = Direct { settled: None, world: World(1), position: 0, batches: Vec::new(), done: Vec::new() };
        let mut rig = Keyspace { options, worlds: 0, store };
        rig.reopen();
        rig.open();
        rig
    }

    fn reopen(&mut self) {
        if let Some(settled) = self.store.settled.take() {
            // Killed: nothing is given back, and nothing more is written.
            settled.stop_after(0);
            assert!(settled.sync(Position(0)).is_err());
        }
        self.store.settled = Some(Scylla::open(&self.options, runtime()).unwrap());
    }
}

impl Rig for Keyspace {
    fn open(&mut self) {
        self.worlds += 1;
        self.store.world = World(self.worlds);
        (self.store.batches, self.store.done) = (Vec::new(), Vec::new());
        // Positions go on: the journal is the keyspace's.
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn wait(&mut self) {}

    fn crash(&mut self) -> bool {
        self.reopen();
        self.store.done.clear();
        assert_eq!(self.store.settled().watermark(), Position(self.store.position));
        true
    }
}
