//! Random histories as a journal would hold them, and the questions that tell two stores apart.
#![allow(dead_code)] // Each includes it, and uses its own part.

use rookery_storage::answer::{Completion, Outcome};
use rookery_storage::ask::{Ask, PageAsk, PageFrom, Position, ReplayAsk};
use rookery_storage::batch::Batch;
use rookery_storage::conformance::Rig;
use rookery_storage::conformance::bench::{Bench, END};
use rookery_storage::conformance::story::tell;
use rookery_storage::dice::Dice;
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{AckLevel, Entry, Place, RoomKey, Seq, Store, Table, Ticket};

/// What was done to a store, in order; positions rise over all rooms.
#[derive(Clone)]
pub enum Step {
    Write(Entry),
    Trim(Ask),
}

impl Step {
    pub fn room(&self) -> &RoomKey {
        match self {
            Step::Write(entry) => &entry.batch.room,
            Step::Trim(Ask::Trim { room, .. }) => room,
            Step::Trim(ask) => panic!("no trim: {ask:?}"),
        }
    }
}

/// A memory store that remembers what it was told.
pub struct Listener {
    pub model: Memory,
    pub steps: Vec<Step>,
    positions: u64,
}

impl Listener {
    pub fn new() -> Listener {
        let model = Memory::new(MemoryOptions { seed: 7, ..MemoryOptions::default() });
        Listener { model, steps: Vec::new(), positions: 0 }
    }

    /// The random story of a seed.
    pub fn hear(seed: u64, rooms: &[RoomKey], steps: usize) -> Listener {
        let mut rig = Ear(Listener::new());
        let mut dice = Dice::new(seed);
        let numbers: Vec<u64> = (0..steps).map(|_| dice.roll()).collect();
        tell(&mut Bench::new(&mut rig), rooms, &numbers).unwrap();
        rig.0
    }

    pub fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.steps.iter_mut().filter_map(|step| match step {
            Step::Write(entry) => Some(entry),
            Step::Trim(_) => None,
        })
    }

    pub fn ask(&mut self, ask: Ask) -> Outcome {
        self.model.ask(ask, Ticket(0));
        let mut out = Vec::new();
        self.model.poll(&mut out);
        out.pop().unwrap().outcome
    }
}

impl Store for Listener {
    fn reach(&self) -> AckLevel {
        self.model.reach()
    }

    fn window(&self) -> usize {
        self.model.window()
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        self.positions += 1;
        self.steps.push(Step::Write(Entry::new(Position(self.positions), batch.clone())));
        self.model.submit(batch, ticket);
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        if matches!(ask, Ask::Trim { .. }) {
            self.steps.push(Step::Trim(ask.clone()));
        }
        self.model.ask(ask, ticket);
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        self.model.poll(out);
    }
}

struct Ear(Listener);

impl Rig for Ear {
    fn open(&mut self) {
        self.0 = Listener::new();
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.0
    }

    fn wait(&mut self) {}

    fn crash(&mut self) -> bool {
        false
    }
}

/// Questions about a room that leave little of it unasked.
pub fn questions(model: &mut Listener, room: &RoomKey, now: u64) -> Vec<Ask> {
    let Outcome::Loaded(state) = model.ask(Ask::Load { room: room.clone() }) else { panic!("not loaded") };
    let mut asks = vec![Ask::Load { room: room.clone() }];
    let line: Vec<Place> = (1..=state.newest.seq.0).map(|seq| state.place_at(Seq(seq))).collect();
    asks.extend(line.iter().map(|place| Ask::Fetch { room: room.clone(), places: vec![*place], now }));
    let page = |thread, from, limit, fence| Ask::Page(PageAsk { room: room.clone(), thread, from, limit, fence, now });
    let some: Vec<Place> = line.iter().step_by(1 + line.len() / 24).copied().chain([END, Place::START]).collect();
    for place in &some {
        for limit in [7, usize::MAX] {
            asks.push(page(None, PageFrom::Before(*place), limit, END));
            asks.push(page(None, PageFrom::After(*place), limit, END));
            asks.push(page(None, PageFrom::Around(*place), limit, END));
            asks.push(page(None, PageFrom::Newest, limit, *place));
        }
        asks.push(page(Some(*place), PageFrom::FromOldest(1), 9, END));
        asks.push(page(Some(*place), PageFrom::Newest, 3, END));
        asks.push(Ask::Replay(ReplayAsk { room: room.clone(), after: *place, limit: 50, fence: END, now }));
        asks.push(Ask::Count { room: room.clone(), after: *place, fence: END });
    }
    for n in (0..state.messages).step_by(13) {
        asks.push(page(None, PageFrom::FromOldest(n), 5, END));
        asks.push(page(None, PageFrom::FromNewest(n), 5, END));
    }
    asks.extend((0..200).map(|n| Ask::Lookup { room: room.clone(), key: format!("key {n}").into() }));
    for time in [now, u64::MAX] {
        asks.push(Ask::Expired { room: room.clone(), now: time, limit: usize::MAX });
    }
    asks
}

/// Questions about all rooms together.
pub fn scans() -> Vec<Ask> {
    let tables = Table::ALL.iter().map(|table| Ask::Scan { table: *table, after: None, limit: usize::MAX });
    tables.chain([Ask::Rooms { after: None, limit: usize::MAX }]).collect()
}
