//! What a post costs between the engine and the memory store: encoding, the record, its rows, and the answer.
//!
//! `cargo bench -p rookery --bench store_port` prints nanoseconds per post, the median of rounds, for batches of one and
//! of 64 posts, and per loaded room of 1,024 events.

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
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROOMS: u64 = 100;
const POSTS: u64 = 64 * 1000;
const ROUNDS: usize = 7;
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

/// Batches over all rooms in turn, each room's in order.
fn batches(size: u64, keyed: bool) -> Vec<Batch> {
    let class = Arc::new(RoomClass::default());
    let mut batches = Vec::new();
    for round in 0..POSTS / size / ROOMS {
        for n in 0..ROOMS {
            let (room, handle) = (room(n), RoomHandle(n as u32));
            let mut batch = Batch { room, handle, class: class.clone(), events: Vec::new(), rows: Vec::new() };
            for i in 0..size {
                post(&mut batch, round * size + i + 1, keyed);
            }
            batches.push(batch);
        }
    }
    batches
}

fn nanos_per_post(size: u64, keyed: bool) -> u64 {
    let mut rounds: Vec<u64> = (0..ROUNDS)
        .map(|_| {
            let mut port = StorePort::memory(Runs::after(Epoch(5)));
            let batches = batches(size, keyed);
            let posts = batches.len() as u64 * size;
            let start = Instant::now();
            for (n, batch) in batches.into_iter().enumerate() {
                assert_eq!(port.submit(Ticket(n as u64), batch), Some(Stored::Done));
            }
            start.elapsed().as_nanos() as u64 / posts
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}

fn micros_per_load() -> u64 {
    let mut port = StorePort::memory(Runs::after(Epoch(5)));
    let mut batch = batches(1, true).swap_remove(0);
    (batch.events, batch.rows) = (Vec::new(), Vec::new());
    (1..=1024).for_each(|seq| post(&mut batch, seq, true));
    let (key, handle) = (batch.room.clone(), batch.handle);
    assert_eq!(port.submit(Ticket(1), batch), Some(Stored::Done));
    let mut rounds: Vec<u64> = (0..100)
        .map(|n| {
            let start = Instant::now();
            let image = black_box(port.load(Ticket(2 + n), handle, &key));
            let micros = start.elapsed().as_micros() as u64;
            assert!(image.is_some_and(|image| image.is_ok_and(|image| image.recent.len() == 1024)));
            micros
        })
        .collect();
    rounds.sort_unstable();
    rounds[50]
}

fn main() {
    for (size, keyed) in [(1, false), (1, true), (64, false), (64, true)] {
        let key = if keyed { "with a stream key" } else { "without a key" };
        println!("post of {} bytes, batch of {size}, {key}: {} ns", BODY.len(), nanos_per_post(size, keyed));
    }
    println!("load of a room with 1,024 events: {} µs", micros_per_load());
}
