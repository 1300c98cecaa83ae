//! The simulation's store: one queue of batches per shard, synced late, failing at times; below it the rooms' tables.

use crate::ledger::{Ledger, run_of};
use crate::rng::Rng;
use crate::tables::Tables;
use rookery_engine::ports::{Batch, Fact, Foreign, Row, Stored, Ticket};
use rookery_engine::settings::OnFailure;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{Epoch, Place, RoomHandle, RoomKey};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

pub struct Journal {
    rooms: HashMap<RoomKey, Tables>,
    queues: Vec<VecDeque<Queued>>,
    /// Synced, and not where the store promises more than that.
    unsettled: Vec<VecDeque<Unsettled>>,
    /// The store has two levels.
    far: bool,
    /// Events of other nodes, which store them themselves; by room and seq.
    foreign: BTreeMap<RoomKey, BTreeMap<u64, Foreign>>,
    /// After a failure a room that refuses goes on in this run; what an older one numbered is dead.
    fences: HashMap<RoomKey, Epoch>,
    /// Rooms whose last failure their shard has not heard of, and the run that it will hear: what is submitted until
    /// then continues what is not there, and fails with it.
    broken: HashMap<RoomKey, Epoch>,
    pub failing: bool,
    /// The highest run that was given.
    pub run: Epoch,
    /// Rooms of which a batch failed, to be told of.
    failed: Vec<(RoomKey, Ticket)>,
    /// Batches that failed, for the record.
    pub failures: u64,
}

/// A batch that is not synced.
struct Queued {
    ticket: Ticket,
    batch: Batch,
    /// It fails with the one that failed before it.
    fails_with: Option<Epoch>,
}

struct Unsettled {
    ticket: Ticket,
    handle: RoomHandle,
    room: RoomKey,
    /// The end of its room with it.
    last: Place,
}

impl Journal {
    pub fn new(run: Epoch, far: bool) -> Journal {
        Journal {
            rooms: HashMap::new(),
            queues: Vec::new(),
            unsettled: Vec::new(),
            far,
            foreign: BTreeMap::new(),
            fences: HashMap::new(),
            broken: HashMap::new(),
            failing: false,
            run,
            failed: Vec::new(),
            failures: 0,
        }
    }

    /// A life of the node begins.
    pub fn begin(&mut self, shards: u8) {
        self.queues = (0..shards).map(|_| VecDeque::new()).collect();
        self.unsettled = (0..shards).map(|_| VecDeque::new()).collect();
        self.fences.clear();
        self.broken.clear();
    }

    pub fn tables(&mut self, room: &RoomKey) -> &mut Tables {
        if !self.rooms.contains_key(room) {
            self.rooms.insert(room.clone(), Tables::default());
        }
        self.rooms.get_mut(room).expect("just made")
    }

    pub fn waiting(&self, shard: u8) -> usize {
        self.queues[usize::from(shard)].len() + self.unsettled[usize::from(shard)].len()
    }

    pub fn new_run(&mut self) -> Epoch {
        self.run = Epoch(self.run.0 + 1);
        self.run
    }

    /// Takes a batch. `at_once`: what is not behind others is synced before this returns.
    pub fn submit(
        &mut self,
        shard: u8,
        ticket: Ticket,
        batch: Batch,
        at_once: bool,
        ledger: &mut Ledger,
    ) -> Result<Option<Stored>, String> {
        for event in &batch.events {
            ledger.placed(&batch.room, event)?;
        }
        let queue = usize::from(shard);
        let fails_with = self.broken.get(&batch.room).copied();
        if fails_with.is_none() && self.is_dead(&batch) {
            return Err(format!("{}: numbered in a run that is over", crate::ledger::name(&batch.room)));
        }
        if at_once && !self.failing && self.queues[queue].is_empty() && fails_with.is_none() {
            self.store(&batch, ledger)?;
            self.leave_unsettled(queue, ticket, &batch);
            return Ok(Some(Stored::Done));
        }
        self.queues[queue].push_back(Queued { ticket, batch, fails_with });
        Ok(None)
    }

    /// One sync of a shard's queue: as many batches as the dice say, then the answers in order.
    pub fn sync(&mut self, shard: u8, rng: &mut Rng, ledger: &mut Ledger) -> Result<Vec<Fact>, String> {
        let queue = usize::from(shard);
        let mut answers = Vec::new();
        let mut left = rng.between(1, self.queues[queue].len() as u64 + 1);
        while left > 0 {
            left -= 1;
            let Some(Queued { ticket, batch, fails_with }) = self.queues[queue].pop_front() else { break };
            if let Some(run) = fails_with {
                answers.push(Fact::Stored { room: batch.handle, ticket, answer: Stored::Failed { run } });
                continue;
            }
            if self.failing {
                self.fail(queue, ticket, &batch, ledger, &mut answers)?;
                continue;
            }
            self.store(&batch, ledger)?;
            answers.push(Fact::Stored { room: batch.handle, ticket, answer: Stored::Done });
            self.leave_unsettled(queue, ticket, &batch);
        }
        let settles = if rng.chance(300) { 0 } else { rng.below(self.unsettled[queue].len() as u64 + 1) };
        for Unsettled { ticket, handle, room, last } in self.unsettled[queue].drain(..settles as usize) {
            ledger.settled(&room, last);
            answers.push(Fact::Stored { room: handle, ticket, answer: Stored::Settled });
        }
        Ok(answers)
    }

    fn leave_unsettled(&mut self, queue: usize, ticket: Ticket, batch: &Batch) {
        if self.far {
            let last = self.tables(&batch.room).last;
            let (handle, room) = (batch.handle, batch.room.clone());
            self.unsettled[queue].push_back(Unsettled { ticket, handle, room, last });
        }
    }

    /// Numbered in a run that ended for this room.
    fn is_dead(&self, batch: &Batch) -> bool {
        let Some(fence) = self.fences.get(&batch.room) else { return false };
        batch.events.iter().any(|e| run_of(e.place.epoch) < fence.0)
    }

    /// A batch fails, and with it what was submitted after it for the same room.
    fn fail(
        &mut self,
        queue: usize,
        ticket: Ticket,
        batch: &Batch,
        ledger: &mut Ledger,
        answers: &mut Vec<Fact>,
    ) -> Result<(), String> {
        self.failures += 1;
        let run = self.new_run();
        answers.push(Fact::Stored { room: batch.handle, ticket, answer: Stored::Failed { run } });
        let (of_room, others): (VecDeque<Queued>, VecDeque<Queued>) =
            std::mem::take(&mut self.queues[queue]).into_iter().partition(|q| q.batch.room == batch.room);
        self.queues[queue] = others;
        answers.extend(of_room.iter().map(|q| Fact::Stored {
            room: q.batch.handle,
            ticket: q.ticket,
            answer: Stored::Failed { run },
        }));
        if batch.class.on_failure == OnFailure::Refuse {
            self.fences.insert(batch.room.clone(), run);
            self.foreign.remove(&batch.room);
            let last = self.tables(&batch.room).last;
            ledger.lost_above(&batch.room, last)?;
            ledger.book(&batch.room).dead_below = run;
            ledger.book(&batch.room).not_heard_yet();
        }
        self.broken.insert(batch.room.clone(), run);
        self.failed.push((batch.room.clone(), ticket));
        Ok(())
    }

    /// Atomically, behind what other nodes placed before it.
    fn store(&mut self, batch: &Batch, ledger: &mut Ledger) -> Result<(), String> {
        let wrong = |e: String| format!("{}: {e}", crate::ledger::name(&batch.room));
        if let Some(first) = batch.events.first() {
            self.settle_foreign(&batch.room, first.place.seq.0, ledger)?;
        }
        let tables = self.tables(&batch.room);
        // Another node may have stored what it placed, and this node stores it too.
        let known =
            batch.events.iter().take_while(|e| e.place <= tables.last && tables.events.contains_key(&e.place.seq.0));
        let known = known.count();
        let rest = Batch {
            room: batch.room.clone(),
            handle: batch.handle,
            class: batch.class.clone(),
            events: batch.events[known..].to_vec(),
            rows: batch.rows.clone(),
        };
        tables.apply(&rest).map_err(wrong)?;
        for event in &batch.events {
            ledger.confirmed(&batch.room, event)?;
        }
        Ok(())
    }

    /// Another node placed an event: it will store it as soon as what stands before it is stored.
    pub fn foreign(&mut self, room: &RoomKey, foreign: Foreign) {
        self.foreign.entry(room.clone()).or_default().insert(foreign.event.place.seq.0, foreign);
    }

    /// Stores foreign events that are next in their room, up to a seq.
    pub fn settle_foreign(&mut self, room: &RoomKey, below: u64, ledger: &mut Ledger) -> Result<(), String> {
        loop {
            let next = self.tables(room).last.seq.0 + 1;
            let Some(waiting) = self.foreign.get_mut(room) else { return Ok(()) };
            if next >= below {
                return Ok(());
            }
            let Some(Foreign { event, rows, .. }) = waiting.remove(&next) else { return Ok(()) };
            let event = Arc::new(self.with_ordinal(room, event));
            let tables = self.tables(room);
            let class = Arc::default();
            let handle = rookery_protocol::ids::RoomHandle(0);
            let batch = Batch { room: room.clone(), handle, class, events: vec![event.clone()], rows };
            tables.apply(&batch)?;
            ledger.confirmed(room, &event)?;
        }
    }

    /// Which message of the room it is, is known when everything before it is stored.
    fn with_ordinal(&mut self, room: &RoomKey, mut event: Event) -> Event {
        if let EventBody::Posted(message) = &event.body {
            let mut message = (**message).clone();
            message.ordinal = self.tables(room).posted + 1;
            event.body = EventBody::Posted(Arc::new(message));
        }
        event
    }

    /// The node stops without a word: each queue is cut somewhere, what lies behind the cut is lost.
    pub fn crash(&mut self, rng: &mut Rng, ledger: &mut Ledger) -> Result<(), String> {
        for queue in std::mem::take(&mut self.queues) {
            let kept = if self.failing { 0 } else { rng.below(queue.len() as u64 + 1) };
            for queued in queue.into_iter().take(kept as usize).filter(|q| q.fails_with.is_none()) {
                self.store(&queued.batch, ledger)?;
            }
        }
        self.foreign.clear();
        let rooms: Vec<RoomKey> = ledger.books.keys().cloned().collect();
        for room in rooms {
            let last = self.tables(&room).last;
            ledger.lost_above(&room, last)?;
        }
        Ok(())
    }

    /// Rooms with effects that are not confirmed where they lead, in an order that is the same in every replay.
    pub fn undone(&self) -> Vec<RoomKey> {
        let undone = self.rooms.iter().filter(|(_, tables)| !tables.effects_pending.is_empty());
        let mut rooms: Vec<RoomKey> = undone.map(|(room, _)| room.clone()).collect();
        rooms.sort();
        rooms
    }

    /// A shard has heard of a failure: what it submits for the room from now on begins where it broke.
    pub fn told(&mut self, room: &RoomKey) {
        self.broken.remove(room);
    }

    pub fn take_failed(&mut self) -> Vec<(RoomKey, Ticket)> {
        std::mem::take(&mut self.failed)
    }
}

/// What a message's sender wrote down with it, as rows.
pub fn key_rows(message: &rookery_protocol::message::Message) -> Vec<Row> {
    use rookery_protocol::ids::DuplicateKey;
    let Some(key) = message.extra.as_ref().and_then(|e| e.key.clone()) else { return Vec::new() };
    let mut rows = Vec::new();
    if let DuplicateKey::Stream { stream, n } = key {
        rows.push(Row::Stream { user: message.sender.clone(), stream, n, place: message.place });
    }
    rows.push(Row::Key { user: message.sender.clone(), key, place: message.place });
    rows
}
