//! What settling and reading cost.
//!
//! Records applied in groups, newest pages, a page deep in a room of a million messages beside the newest one, a room
//! of a thousand rows, and opening a store of a gigabyte.
use super::{engine, size};
use bytes::Bytes;
use rookery_storage::ask::{Ask, PageAsk, PageFrom, Position};
use rookery_storage::batch::{Batch, RowWrite};
use rookery_storage::conformance::say::message;
use rookery_storage::dice::Dice;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::{Entry, Name, Outcome, Place, RoomKey, RoomKind, Settled, Table};
use std::path::Path;
use std::time::{Duration, Instant};

const RECORDS: u64 = 400_000;
const ROOMS: u64 = 20_000;
const GROUP: usize = 512;
const TURN_ROOMS: u64 = 64;
const EACH: u64 = GROUP as u64 / TURN_ROOMS;
const DEEP: u64 = 1_000_000;

struct Run {
    settled: Embedded,
    position: u64,
    dice: Dice,
}

fn room(name: &str) -> RoomKey {
    RoomKey { realm: Name::literal("home"), kind: RoomKind::Room, name: Name::new(name).unwrap() }
}

impl Run {
    fn entry(&mut self, batch: Batch) -> Entry {
        self.position += 1;
        Entry::new(Position(self.position), batch)
    }

    /// Bytes that do not compress.
    fn body(&mut self, length: usize) -> Bytes {
        std::iter::repeat_with(|| self.dice.roll().to_le_bytes()).flatten().take(length).collect::<Vec<_>>().into()
    }

    fn posted(&mut self, room: &RoomKey, first: u64, count: u64, length: usize, keyed: bool) -> Batch {
        let mut batch = Batch::new(room.clone());
        for seq in first..first + count {
            let mut record = message((1, seq), seq, "");
            record.payload = self.body(length);
            record.key = keyed.then(|| format!("home/somebody/{seq:016x}").into());
            batch.events.push(record);
        }
        batch
    }

    /// Turns as a busy shard hands them in: each for 64 rooms, 8 messages for each.
    fn turns(&mut self) -> f64 {
        let mut took = Duration::ZERO;
        for turn in 0..RECORDS / GROUP as u64 {
            let batches =
                (0..TURN_ROOMS).map(|at| self.posted(&room(&format!("turn {at}")), turn * EACH + 1, EACH, 200, false));
            let batches: Vec<Batch> = batches.collect();
            let entries = batches.into_iter().map(|batch| self.entry(batch)).collect();
            let begun = Instant::now();
            self.settled.apply(entries).unwrap();
            took += begun.elapsed();
        }
        RECORDS as f64 / took.as_secs_f64()
    }

    fn settle(&mut self, keyed: bool, prefix: &str) {
        let mut newest = vec![0u64; ROOMS as usize];
        let mut took = Duration::ZERO;
        let mut groups = 0;
        for _ in 0..RECORDS / GROUP as u64 {
            let mut entries = Vec::with_capacity(GROUP);
            for _ in 0..GROUP {
                // A few rooms get most.
                let at = self.dice.below(self.dice.clone().below(ROOMS) + 1) as usize;
                newest[at] += 1;
                let batch = self.posted(&room(&format!("{prefix} {at}")), newest[at], 1, 200, keyed);
                entries.push(self.entry(batch));
            }
            let begun = Instant::now();
            self.settled.apply(entries).unwrap();
            groups += 1;
            if groups % 64 == 0 {
                self.settled.sync(Position(self.position)).unwrap();
            }
            took += begun.elapsed();
        }
        let rate = RECORDS as f64 / took.as_secs_f64();
        println!("settling, 200 bytes, groups of {GROUP}, keys {keyed}: {rate:.0} records/s");
    }

    fn page(&self, room: &RoomKey, from: PageFrom) -> usize {
        let fence = Place::new(u64::MAX, u64::MAX);
        let ask = PageAsk { room: room.clone(), thread: None, from, limit: 50, fence, now: 0 };
        let Outcome::Page(page) = self.settled.answer(&Ask::Page(ask)).unwrap() else { panic!("no page") };
        page.records.len()
    }

    fn time(&self, what: &str, times: u32, mut work: impl FnMut(u32) -> usize) -> Duration {
        let begun = Instant::now();
        let found: usize = (0..times).map(&mut work).sum();
        let each = begun.elapsed() / times;
        println!("{what}: {each:?} each ({found} found in {times})");
        each
    }
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 4096 / (1 << 20)
}

pub fn run(folder: &Path) {
    println!("the engine alone, 64 rooms: {:.0} records/s", engine::records_per_second(folder, TURN_ROOMS));
    let folder = folder.join("store");
    let settled = Embedded::open(&folder, &EmbeddedOptions::default()).unwrap();
    let mut run = Run { settled, position: 0, dice: Dice::new(1) };
    println!("settling, 200 bytes, turns of 8 for each of 64 rooms: {:.0} records/s", run.turns());
    run.settle(false, "plain");
    run.settle(true, "keyed");
    println!("resident {} MiB", resident());
    let mut dice = Dice::new(2);
    run.time("last 50 of a random room", 20_000, |_| {
        run.page(&room(&format!("keyed {}", dice.below(ROOMS / 10))), PageFrom::Newest)
    });

    let deep = room("deep");
    for first in (1..=DEEP).step_by(100) {
        let batch = run.posted(&deep, first, 100, 200, true);
        let entry = run.entry(batch);
        run.settled.apply(vec![entry]).unwrap();
    }
    run.settled.sync(Position(run.position)).unwrap();
    let newest = run.time("newest page of a million", 2000, |_| run.page(&deep, PageFrom::Newest));
    let same =
        run.time("page at offset 500,000 of a million", 2000, |_| run.page(&deep, PageFrom::FromOldest(500_000)));
    run.time("page around a random offset", 2000, |_| run.page(&deep, PageFrom::FromOldest(dice.below(DEEP - 50))));
    println!("deep / newest: {:.2} (target 3)", same.as_secs_f64() / newest.as_secs_f64());

    let wide = room("wide");
    let mut batch = Batch::new(wide.clone());
    let value = Some(Bytes::from_static(&[7; 40]));
    let row = |n| RowWrite { table: Table::Members, key: format!("user {n:05}").into(), value: value.clone() };
    batch.rows = (0..1000).map(row).collect();
    let entry = run.entry(batch);
    run.settled.apply(vec![entry]).unwrap();
    run.time("load of a room with 1,000 rows", 500, |_| {
        let ask = Ask::Load { room: wide.clone() };
        let Outcome::Loaded(state) = run.settled.answer(&ask).unwrap() else { panic!("not loaded") };
        state.rows.len()
    });

    let bulk = room("bulk");
    let mut first = 1;
    while size(&folder) < 1 << 30 {
        let batch = run.posted(&bulk, first, 1000, 1000, false);
        first += 1000;
        let entry = run.entry(batch);
        run.settled.apply(vec![entry]).unwrap();
    }
    run.settled.sync(Position(run.position)).unwrap();
    let watermark = run.settled.watermark();
    drop(run);
    for _ in 0..3 {
        let begun = Instant::now();
        let settled = Embedded::open(&folder, &EmbeddedOptions::default()).unwrap();
        println!("opened {} MiB in {:?}, resident {} MiB", size(&folder) >> 20, begun.elapsed(), resident());
        assert_eq!(settled.watermark(), watermark);
    }
    let settled = Embedded::open(&folder, &EmbeddedOptions::default()).unwrap();
    let begun = Instant::now();
    settled.compact().unwrap();
    println!("compacted to {} MiB in {:?}", size(&folder) >> 20, begun.elapsed());
}
