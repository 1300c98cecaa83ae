//! What a message costs the memory store: `cargo run --release -p rookery-storage --example append_cost`.
//!
//! Records are made before the clock starts, as a home has them in hand; submitting, completing and dropping what
//! retention lets go are measured. Each figure is the median of nine rounds.

use bytes::Bytes;
use rookery_protocol::ids::{Name, RoomKind};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{
    Ask, Batch, Keep, Kind, Outcome, PageAsk, PageFrom, Place, Record, RoomKey, RowWrite, State, Store, Table, Ticket,
};
use std::time::Instant;

const MESSAGES: u64 = 100_000;

#[derive(Clone, Copy)]
struct Shape {
    what: &'static str,
    rooms: u64,
    per_batch: u64,
    keys: bool,
    row: bool,
    feed: bool,
}

fn room(n: u64) -> RoomKey {
    let name = |text: &str| Name::new(text).expect("a short name");
    RoomKey { realm: name("home"), kind: RoomKind::Room, name: name(&format!("room-{n}")) }
}

fn record(seq: u64, keyed: bool) -> Record {
    let version = Place::new(1, seq);
    let kind = Kind::Message { ordinal: seq, version, state: State::Present, expires: None, thread: None };
    let key = keyed.then(|| Bytes::from(format!("user-{:016x}-{seq:016x}", seq % 64).into_bytes()));
    Record { place: version, time: seq, kind, key, payload: Bytes::from(vec![b'x'; 200]) }
}

/// Batches of all rooms, in turn.
fn batches(shape: Shape) -> Vec<Batch> {
    let rooms: Vec<RoomKey> = (0..shape.rooms).map(room).collect();
    let rounds = MESSAGES / shape.rooms / shape.per_batch;
    let mut batches = Vec::new();
    for round in 0..rounds {
        for room in &rooms {
            let first = round * shape.per_batch + 1;
            let mut batch = Batch::new(room.clone());
            batch.events.extend((first..first + shape.per_batch).map(|seq| record(seq, shape.keys)));
            if shape.row {
                let (key, value) = (Bytes::from_static(b"user-stream"), Bytes::from_static(b"12345678"));
                batch.rows.push(RowWrite { table: Table::Streams, key, value: Some(value) });
            }
            batches.push(batch);
        }
    }
    batches
}

fn nanos_per_message(shape: Shape) -> f64 {
    let feed_bytes = if shape.feed { 16 << 20 } else { 0 };
    let keep = Keep { messages: 10_000, changes: 10_000, ..Keep::ALL };
    let mut rounds: Vec<f64> = (0..9)
        .map(|_| {
            let mut store = Memory::new(MemoryOptions { keep, feed_bytes, seed: 1, ..MemoryOptions::default() });
            let batches = batches(shape);
            let mut out = Vec::new();
            let start = Instant::now();
            for (n, batch) in batches.into_iter().enumerate() {
                store.submit(batch, Ticket(n as u64));
                store.poll(&mut out);
                assert_eq!(out.len(), 1);
                out.clear();
            }
            start.elapsed().as_nanos() as f64 / MESSAGES as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// The page of 50 that begins so many messages from the oldest, in a room of a million.
fn page_costs() -> Vec<(u64, f64)> {
    let keep = Keep { messages: 1_000_000, ..Keep::ALL };
    let options = MemoryOptions { keep, record_bytes: usize::MAX, ..MemoryOptions::default() };
    let mut store = Memory::new(options);
    let mut out = Vec::new();
    for first in (1..=1_000_000).step_by(1000) {
        let events = (first..first + 1000).map(|seq| record(seq, false)).collect();
        store.submit(Batch { events, ..Batch::new(room(0)) }, Ticket(first));
        store.poll(&mut out);
    }
    let mut cost = |skip: u64| {
        let start = Instant::now();
        for n in 0..2000 {
            let from = PageFrom::FromOldest(skip + n % 10);
            let ask = PageAsk { room: room(0), thread: None, from, limit: 50, fence: Place::new(2, 0), now: 0 };
            out.clear();
            store.ask(Ask::Page(ask), Ticket(0));
            store.poll(&mut out);
            assert!(matches!(&out[0].outcome, Outcome::Page(page) if page.records.len() >= 40));
        }
        start.elapsed().as_nanos() as f64 / 2000.0
    };
    [999_940, 500_000, 0].map(|skip| (skip, cost(skip))).to_vec()
}

fn main() {
    let plain =
        Shape { what: "1 message a batch, 1 room", rooms: 1, per_batch: 1, keys: false, row: false, feed: false };
    let shapes = [
        plain,
        Shape { what: "1 a batch, 1,000 rooms in turn", rooms: 1000, ..plain },
        Shape { what: "16 a batch", per_batch: 16, ..plain },
        Shape { what: "100 a batch", per_batch: 100, ..plain },
        Shape { what: "1 a batch, duplicate keys", keys: true, ..plain },
        Shape { what: "16 a batch, duplicate keys", keys: true, per_batch: 16, ..plain },
        Shape { what: "1 a batch, keys and a row", keys: true, row: true, ..plain },
        Shape { what: "16 a batch, keys and a row", keys: true, row: true, per_batch: 16, ..plain },
        Shape { what: "16 a batch, keys, a row, a feed", keys: true, row: true, feed: true, per_batch: 16, ..plain },
    ];
    println!("{:<34} {:>12}", "200-byte messages, 10,000 kept", "ns a message");
    for shape in shapes {
        println!("{:<34} {:>12.0}", shape.what, nanos_per_message(shape));
    }
    println!("\n{:<34} {:>12}", "page of 50 in a room of 1,000,000", "ns a page");
    for (skip, cost) in page_costs() {
        println!("{:<34} {cost:>12.0}", format!("{skip} from the oldest"));
    }
}
