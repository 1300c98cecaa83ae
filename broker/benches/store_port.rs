//! What a post costs between the engine and the memory store: encoding, the record, its rows, and the answer.
//!
//! `cargo bench -p rookery --bench store_port` prints nanoseconds per post in batches of one and of 64, and microseconds
//! per load. Each batch is timed by itself, just after it was made, as a home makes it; the median is what is printed.

use rookery::ports::store::{Runs, StorePort};
use rookery_engine::ports::{Batch, Row, Stored, Ticket};
use rookery_engine::settings::RoomClass;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{DuplicateKey, Epoch, Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::{BodyKind, Message, MessageExtra};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: rookery::allocator::Allocator = rookery::allocator::Allocator;

const ROOMS: u64 = 100;
const POSTS: u64 = 64 * 1000;
const BODY: [u8; 128] = [b'x'; 128];

fn room(n: u64) -> RoomKey {
    let name = Name::new(&format!("room-{n}")).expect("a short name");
    RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name }
}

fn post(batch: &mut Batch, seq: u64, keyed: bool) {
    let (place, user) = (Place::new(5, seq), Name::literal("ann"));
    let key = DuplicateKey::Stream { stream: 0x1234_5678_9abc_def0, n: seq };
    let extra = keyed.then(|| Box::new(MessageExtra { key: Some(key.clone()), ..MessageExtra::default() }));
    let message = Message {
        place,
        ordinal: seq,
        sender: user.clone(),
        posted_at: 1_700_000_000_000,
        kind: BodyKind::Text,
        body: Arc::from(&BODY[..]),
        version: place,
        extra,
    };
    let body = EventBody::Posted(Arc::new(message));
    batch.events.push(Arc::new(Event { place, at: 1_700_000_000_000, by: user.clone(), body }));
    if keyed {
        batch.rows.push(Row::Stream { user: user.clone(), stream: 0x1234_5678_9abc_def0, n: seq, place });
        batch.rows.push(Row::Key { user, key, place });
    }
}

fn empty(n: u64, class: &Arc<RoomClass>) -> Batch {
    let (room, handle) = (room(n), RoomHandle(n as u32));
    Batch { room, handle, class: class.clone(), events: Vec::new(), rows: Vec::new() }
}

/// Over all rooms in turn. A room keeps its newest events, as a home does.
fn nanos_per_post(size: u64, keyed: bool) -> u64 {
    let class = Arc::new(RoomClass::default());
    let mut port = StorePort::memory(Runs::after(Epoch(5), None));
    let mut kept = Vec::new();
    let mut took = Vec::new();
    for round in 0..POSTS / size / ROOMS {
        for n in 0..ROOMS {
            let mut batch = empty(n, &class);
            (1..=size).for_each(|i| post(&mut batch, round * size + i, keyed));
            kept.extend(batch.events.iter().cloned());
            let start = Instant::now();
            let stored = port.submit(Ticket(round * ROOMS + n), batch);
            took.push(start.elapsed().as_nanos() as u64);
            assert_eq!(stored, Some(Stored::Done));
        }
    }
    (median(took) - nanos_per_look()) / size
}

/// What looking at the clock costs.
fn nanos_per_look() -> u64 {
    median((0..1000).map(|_| Instant::now().elapsed().as_nanos() as u64).collect())
}

fn median(mut of: Vec<u64>) -> u64 {
    of.sort_unstable();
    of[of.len() / 2]
}

fn micros_per_load() -> u64 {
    let mut port = StorePort::memory(Runs::after(Epoch(5), None));
    let mut batch = empty(0, &Arc::new(RoomClass::default()));
    (1..=1024).for_each(|seq| post(&mut batch, seq, true));
    let (key, handle) = (batch.room.clone(), batch.handle);
    assert_eq!(port.submit(Ticket(1), batch), Some(Stored::Done));
    let rounds = (0..100)
        .map(|n| {
            let start = Instant::now();
            let image = black_box(port.load(Ticket(2 + n), handle, &key));
            let micros = start.elapsed().as_micros() as u64;
            assert!(image.is_some_and(|image| image.is_ok_and(|image| image.recent.len() == 1024)));
            micros
        })
        .collect();
    median(rounds)
}

fn main() {
    for (size, keyed) in [(1, false), (1, true), (64, false), (64, true)] {
        let key = if keyed { "with a stream key" } else { "without a key" };
        println!("post of {} bytes, batch of {size}, {key}: {} ns", BODY.len(), nanos_per_post(size, keyed));
    }
    println!("load of a room with 1,024 events: {} µs", micros_per_load());
}
