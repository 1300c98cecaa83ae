//! The store port as the engine sees it: what was submitted comes back, at once or late, and nothing else does.

#![allow(clippy::wildcard_enum_match_arm)]

mod late;
mod layouts;
mod model;
mod rooms;
mod story;

use super::{Runs, StorePort};
use rookery_engine::ports::{Batch, Fact, Fetch, Fetched, RoomImage, Row, StoreFault, Stored, Ticket};
use rookery_engine::settings::RoomClass;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{Epoch, Millis, Name, Place, RoomHandle, RoomKey, RoomKind, UserId};
use rookery_protocol::message::{BodyKind, Message, MessageExtra};
use rookery_storage::faulty::{FaultPlan, Faulty, Health};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{AckLevel, Ask, Completion, Store, Ticket as StoreTicket};
use std::sync::{Arc, Mutex, MutexGuard};

const HANDLE: RoomHandle = RoomHandle(7);
/// The time of every test.
const NOW: Millis = 1_000_000;
const RUN: Epoch = Epoch(5);

/// A store that outlives its port, as a disk outlives a process.
struct Kept<S>(Arc<Mutex<S>>);

impl<S> Kept<S> {
    fn get(&self) -> MutexGuard<'_, S> {
        self.0.lock().unwrap()
    }
}

impl<S> Clone for Kept<S> {
    fn clone(&self) -> Kept<S> {
        Kept(self.0.clone())
    }
}

impl<S: Store> Store for Kept<S> {
    fn reach(&self) -> AckLevel {
        self.get().reach()
    }

    fn window(&self) -> usize {
        self.get().window()
    }

    fn submit(&mut self, batch: rookery_storage::Batch, ticket: StoreTicket) {
        self.get().submit(batch, ticket);
    }

    fn ask(&mut self, ask: Ask, ticket: StoreTicket) {
        self.get().ask(ask, ticket);
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        self.get().poll(out);
    }
}

/// A port over a store that is late by a plan, or not at all.
struct Rig {
    open: Box<dyn Fn() -> Box<dyn Store + Send>>,
    /// Where time has to pass.
    faulty: Option<Kept<Faulty<Memory>>>,
    port: StorePort,
    tickets: u64,
}

impl Rig {
    fn prompt() -> Rig {
        let store = Kept(Arc::new(Mutex::new(Memory::new(MemoryOptions::default()))));
        Rig::new(Box::new(move || Box::new(store.clone())), None)
    }

    fn late(seed: u64, reach: AckLevel) -> Rig {
        Rig::faulty(FaultPlan::late(seed, reach))
    }

    fn faulty(plan: FaultPlan) -> Rig {
        let store = Kept(Arc::new(Mutex::new(Faulty::new(Memory::new(MemoryOptions::default()), plan))));
        let kept = store.clone();
        Rig::new(Box::new(move || Box::new(kept.clone())), Some(store))
    }

    fn new(open: Box<dyn Fn() -> Box<dyn Store + Send>>, faulty: Option<Kept<Faulty<Memory>>>) -> Rig {
        let port = StorePort::new(open(), Runs::after(RUN, None));
        Rig { open, faulty, port, tickets: 0 }
    }

    /// Everything that the port knew is forgotten.
    fn restart(&mut self) {
        self.port = StorePort::new((self.open)(), Runs::after(RUN, None));
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    fn step(&mut self) -> Vec<Fact> {
        if let Some(store) = &self.faulty {
            store.get().step();
        }
        let mut facts = Vec::new();
        self.port.poll(&mut facts);
        facts
    }

    /// Steps until the fact of this ticket comes; other facts are not expected.
    fn wait(&mut self, own: Ticket) -> Fact {
        for _ in 0..10_000 {
            if let Some(fact) = self.step().into_iter().next() {
                let (Fact::Stored { room, ticket, .. }
                | Fact::Loaded { room, ticket, .. }
                | Fact::Fetched { room, ticket, .. }) = &fact
                else {
                    panic!("{fact:?} is no answer of a store")
                };
                assert_eq!((*room, *ticket), (HANDLE, own));
                return fact;
            }
        }
        panic!("{own:?} was never answered")
    }

    fn submit(&mut self, batch: Batch) -> Stored {
        let ticket = self.ticket();
        match self.port.submit(ticket, batch) {
            Some(stored) => stored,
            None => match self.wait(ticket) {
                Fact::Stored { answer, .. } => answer,
                other => panic!("{other:?}"),
            },
        }
    }

    fn write(&mut self, events: Vec<Event>, rows: Vec<Row>) {
        assert_eq!(self.submit(batch(events, rows)), Stored::Done);
    }

    fn load_of(&mut self, room: &RoomKey) -> Result<Box<RoomImage>, StoreFault> {
        let ticket = self.ticket();
        match self.port.load(ticket, HANDLE, room) {
            Some(image) => image,
            None => match self.wait(ticket) {
                Fact::Loaded { image, .. } => image,
                other => panic!("{other:?}"),
            },
        }
    }

    fn load(&mut self) -> RoomImage {
        *self.load_of(&room()).unwrap()
    }

    fn try_fetch(&mut self, what: &Fetch) -> Result<Fetched, StoreFault> {
        let ticket = self.ticket();
        match self.port.fetch(ticket, HANDLE, &room(), what) {
            Some(fetched) => fetched,
            None => match self.wait(ticket) {
                Fact::Fetched { answer, .. } => answer,
                other => panic!("{other:?}"),
            },
        }
    }

    fn fetch(&mut self, what: &Fetch) -> Fetched {
        self.try_fetch(what).unwrap()
    }

    fn replay(&mut self, after: Place) -> Vec<Arc<Event>> {
        match self.fetch(&Fetch::Replay { after, limit: 1000, fence: END }) {
            Fetched::Replay(Some(events)) => events,
            other => panic!("{other:?}"),
        }
    }
}

const END: Place = Place::new(u64::MAX, u64::MAX);

fn room() -> RoomKey {
    RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name: Name::literal("general") }
}

fn user(name: &'static str) -> UserId {
    Name::literal(name)
}

fn batch(events: Vec<Event>, rows: Vec<Row>) -> Batch {
    let class = Arc::new(RoomClass::default());
    Batch { room: room(), handle: HANDLE, class, events: events.into_iter().map(Arc::new).collect(), rows }
}

fn event(place: Place, by: &'static str, body: EventBody) -> Event {
    Event { place, at: NOW - 1000 + place.seq.0, by: user(by), body }
}

fn message(place: Place, ordinal: u64, sender: &'static str, body: &str) -> Message {
    Message {
        place,
        ordinal,
        sender: user(sender),
        posted_at: NOW - 1000 + place.seq.0,
        kind: BodyKind::Text,
        body: Arc::from(body.as_bytes()),
        version: place,
        extra: None,
    }
}

fn with(message: Message, change: impl FnOnce(&mut MessageExtra)) -> Message {
    let mut extra = message.extra.unwrap_or_default();
    change(&mut extra);
    Message { extra: Some(extra), ..message }
}

fn posted(message: &Message) -> Event {
    let by = message.sender.clone();
    Event { place: message.place, at: message.posted_at, by, body: EventBody::Posted(Arc::new(message.clone())) }
}

fn at(seq: u64) -> Place {
    Place::new(5, seq)
}
