//! What a message costs the memory store: `cargo run --release -p rookery-storage --example append_cost`.
//!
//! Records are made before the clock starts, as a home has them in hand; submitting, completing and dropping what
//! retention lets go are measured, two hundred messages at a time: the 10th percentile is what a message
//! costs on a quiet machine, the 99th has what happens rarely (growing tables) and whatever else the machine does.

use bytes::Bytes;
use rookery_protocol::ids::{Name, RoomKind};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{
    Ask, Batch, Keep, Kind, Outcome, PageAsk, PageFrom, Place, Record, RoomKey, RowWrite, State, Store, Table, Ticket,
};
use std::time::Instant;

/// As the broker has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGES: u64 = 100_000;
/// Measured at a time.
const PIECE: u64 = 200;

#[derive(Clone, Copy)]
struct Shape {
    what: &'static str,
    rooms: u64,
    per_batch: u64,
    keys: bool,
    row: bool,
    feed: bool,
    keep: u64,
}

fn room(n: u64) -> RoomKey {
    let name = |text: &str| Name::new(text).expect("a short name");
    RoomKey { realm: name("home"), kind: RoomKind::Room, name: name(&format!("room-{n}")) }
}

fn record(seq: u64, keyed: bool) -> Record {
    let version = Place::new(1, seq);
    let kind = Kind::Message { ordinal: seq, version, state: State::Present, expires: None, thread: None };
    let key = keyed.then(|| Bytes::from(format!("user-{:016x}-{seq:016x}", seq % 64).into_bytes().into_boxed_slice()));
    Record { place: version, time: seq, kind, key, payload: Bytes::from(vec![b'x'; 200]) }
}

/// The batches of all rooms, in turn, each made when it is asked for.
fn batches(shape: Shape) -> impl Iterator<Item = Batch> {
    let rooms: Vec<RoomKey> = (0..shape.rooms).map(room).collect();
    (0..MESSAGES / shape.per_batch).map(move |n| {
        let first = n / shape.rooms * shape.per_batch + 1;
        let mut batch = Batch::new(rooms[(n % shape.rooms) as usize].clone());
        batch.events.extend((first..first + shape.per_batch).map(|seq| record(seq, shape.keys)));
        if shape.row {
            let (key, value) = (Bytes::from_static(b"user-stream"), Bytes::from_static(b"12345678"));
            batch.rows.push(RowWrite { table: Table::Streams, key, value: Some(value) });
        }
        batch
    })
}

/// The 10th percentile, the median and the 99th of the cost of a message.
fn nanos_per_message(shape: Shape) -> [f64; 3] {
    let feed_bytes = if shape.feed { 16 << 20 } else { 0 };
    let keep = Keep { messages: shape.keep, changes: 10_000, ..Keep::ALL };
    let mut pieces = Vec::new();
    for _ in 0..5 {
        let mut store = Memory::new(MemoryOptions { keep, feed_bytes, seed: 1, ..MemoryOptions::default() });
        let mut batches = batches(shape);
        let mut out = Vec::with_capacity(1);
        loop {
            let piece: Vec<Batch> = batches.by_ref().take(PIECE.div_ceil(shape.per_batch) as usize).collect();
            let messages: usize = piece.iter().map(|batch| batch.events.len()).sum();
            if messages == 0 {
                break;
            }
            let start = Instant::now();
            for batch in piece {
                store.submit(batch, Ticket(1));
                store.poll(&mut out);
                assert_eq!(out.len(), 1);
                out.clear();
            }
            pieces.push(start.elapsed().as_nanos() as f64 / messages as f64);
        }
    }
    pieces.sort_by(f64::total_cmp);
    [10, 50, 99].map(|percent| pieces[pieces.len() * percent / 100])
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
        let mut pages: Vec<f64> = Vec::new();
        for n in 0..2000 {
            let start = Instant::now();
            let from = PageFrom::FromOldest(skip + n % 10);
            let ask = PageAsk { room: room(0), thread: None, from, limit: 50, fence: Place::new(2, 0), now: 0 };
            out.clear();
            store.ask(Ask::Page(ask), Ticket(0));
            store.poll(&mut out);
            assert!(matches!(&out[0].outcome, Outcome::Page(page) if page.records.len() >= 40));
            pages.push(start.elapsed().as_nanos() as f64);
        }
        pages.sort_by(f64::total_cmp);
        pages[pages.len() / 2]
    };
    [999_940, 500_000, 0].map(|skip| (skip, cost(skip))).to_vec()
}

fn main() {
    let plain = Shape {
        what: "1 message a batch, 1 room",
        rooms: 1,
        per_batch: 1,
        keys: false,
        row: false,
        feed: false,
        keep: 10_000,
    };
    let shapes = [
        plain,
        Shape { what: "1 a batch, none dropped", keep: u64::MAX, ..plain },
        Shape { what: "100 a batch, none dropped", keep: u64::MAX, per_batch: 100, ..plain },
        Shape { what: "1 a batch, 1,000 rooms in turn", rooms: 1000, ..plain },
        Shape { what: "16 a batch", per_batch: 16, ..plain },
        Shape { what: "100 a batch", per_batch: 100, ..plain },
        Shape { what: "1 a batch, duplicate keys", keys: true, ..plain },
        Shape { what: "16 a batch, duplicate keys", keys: true, per_batch: 16, ..plain },
        Shape { what: "1 a batch, keys and a row", keys: true, row: true, ..plain },
        Shape { what: "16 a batch, keys and a row", keys: true, row: true, per_batch: 16, ..plain },
        Shape { what: "16 a batch, keys, a row, a feed", keys: true, row: true, feed: true, per_batch: 16, ..plain },
    ];
    println!("{:<34} {:>6} {:>6} {:>6}", "ns a message of 200 bytes", "p10", "median", "p99");
    for shape in shapes {
        let [p10, median, p99] = nanos_per_message(shape);
        println!("{:<34} {p10:>6.0} {median:>6.0} {p99:>6.0}", shape.what);
    }
    println!("\n{:<34} {:>12}", "page of 50 in a room of 1,000,000", "ns a page");
    for (skip, cost) in page_costs() {
        println!("{:<34} {cost:>12.0}", format!("{skip} from the oldest"));
    }
}
