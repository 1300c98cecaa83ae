//! Events written once and handed to many, beside one encoding and a reference for each receiver.
//!
//! Ours goes from the event to the slices that a write would take: chunk, outboxes, and the boxes emptied again. The
//! floor writes the same frames into one buffer, pushes a reference to it into a list per receiver, and empties those.

use super::audience::{Audience, ROOM, handle};
use super::values::{DIALECTS, EPOCH, LINE, body, key, on_wire, posted};
use super::world::HERE;
use super::{Pair, Visit};
use rookery_engine::fanout::{Outbound, Pinned, RoomFanout};
use rookery_engine::message::{ConnId, ToEdge};
use rookery_protocol::dialect::contract::{Dialect, DialectId};
use rookery_protocol::dialect::registry;
use rookery_protocol::event::Event;
use rookery_protocol::ids::{Place, RoomKey};
use rookery_protocol::wire::frames::Frames;
use std::hint::black_box;
use std::sync::Arc;

struct Fanout {
    audience: Audience,
    room: RoomFanout,
    out: Outbound,
    spare: [Vec<ToEdge>; 2],
    dirty: Vec<ConnId>,
    pinned: Arc<Pinned>,
    key: RoomKey,
    body: Arc<[u8]>,
    events: u64,
    /// Of the events made so far, and of those that went through ours.
    made: u64,
    given: u64,
    dialect: &'static dyn Dialect,
    lists: Vec<Vec<Arc<Vec<u8>>>>,
    bytes_hint: usize,
}

impl Fanout {
    fn new(dialect: DialectId, events: u64, receivers: usize) -> Fanout {
        let audience = Audience::new(dialect, receivers);
        let mut room = RoomFanout::default();
        room.listen(audience.lane, HERE);
        Fanout {
            audience,
            room,
            out: Outbound::new(1),
            spare: Default::default(),
            dirty: Vec::new(),
            pinned: Arc::default(),
            key: key(ROOM),
            body: body(LINE).as_bytes().into(),
            events,
            made: 0,
            given: 0,
            dialect: registry::get(dialect),
            lists: (0..receivers).map(|_| Vec::with_capacity(2)).collect(),
            bytes_hint: 0,
        }
    }

    fn through_ours(&mut self, events: &[Event], mut sink: impl FnMut(&[u8])) {
        let room = on_wire(&self.key, handle());
        for event in events {
            let before = Place::new(EPOCH, self.given);
            self.room.event(room, event, before, None, &self.pinned, &mut self.out);
            self.given = event.place.seq.0;
        }
        self.room.seal(room, &self.pinned, &mut self.out);
        let mut told = self.out.take_edge(HERE, std::mem::take(&mut self.spare));
        for message in told.iter_mut().flat_map(|list| list.drain(..)) {
            self.audience.give(message);
        }
        self.spare = told;
        self.audience.take_dirty(&mut self.dirty);
        for conn in self.dirty.drain(..) {
            let mut bytes = 0;
            for slice in self.audience.slices(conn) {
                sink(slice);
                bytes += slice.len();
            }
            self.audience.wrote(conn, bytes);
        }
    }

    fn through_floor(&mut self, events: &[Event], mut sink: impl FnMut(&[u8])) {
        let room = on_wire(&self.key, handle());
        let mut frames = Frames::with_capacity(self.bytes_hint);
        for event in events {
            self.dialect.event(0, room, event, false, &mut frames);
        }
        let shared = Arc::new(frames.into_bytes());
        self.bytes_hint = shared.len();
        for list in &mut self.lists {
            list.push(shared.clone());
        }
        for list in &mut self.lists {
            list.drain(..).for_each(|bytes| sink(&bytes));
        }
    }
}

impl Pair for Fanout {
    type Input = Vec<Event>;

    /// Places without holes. The floor's events are not missed: a room's edge goes by what it was given.
    fn input(&mut self) -> Vec<Event> {
        let first = self.made + 1;
        self.made += self.events;
        (first..first + self.events).map(|seq| posted(seq, self.body.clone())).collect()
    }

    fn rounds(&self) -> u64 {
        16
    }

    fn ours(&mut self, events: Vec<Event>) {
        self.through_ours(&events, |slice| {
            black_box(slice);
        });
    }

    fn floor(&mut self, events: Vec<Event>) {
        self.through_floor(&events, |slice| {
            black_box(slice);
        });
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        let mut left = [Vec::new(), Vec::new()];
        let events = self.input();
        self.through_ours(&events, |slice| left[0].extend_from_slice(slice));
        self.through_floor(&events, |slice| left[1].extend_from_slice(slice));
        left
    }
}

pub fn pairs(visit: &mut impl Visit) {
    for (language, dialect) in DIALECTS {
        for (events, receivers) in [(1, 10), (1, 100), (64, 100), (1, 1000)] {
            let make = || Fanout::new(dialect, events, receivers);
            let name = format!("fan-out {language} {events} to {receivers}");
            visit.pair(&name, "delivery", events * receivers as u64, make);
        }
    }
}
