//! The store as the engine's ports ask it: [`StorePort`], over any [`rookery_storage::Store`].
//!
//! Read in this order: [`rows`] (what is written), [`codec`] (its bytes), [`image`] and [`load`] (a room comes back),
//! [`fetch`], [`replay`], [`search`] (what else is asked), [`reading`] (records as the engine sees them),
//! [`failures`] and [`runs`] (what is not stored), [`node`] (the store of all shards together), [`keeper`] (retention),
//! [`returner`] (what comes back too late), [`moving`] (from the folder to a database, while the node runs).
//!
//! A store that answers at once (the memory model) is answered for within the call; one that answers later, by facts.

pub(crate) mod codec;
mod failures;
mod fetch;
pub(crate) mod image;
mod keeper;
mod load;
pub(crate) mod moving;
mod node;
mod reading;
mod replay;
mod returner;
mod rows;
mod runs;
mod scylla;
mod search;
mod source;
#[cfg(test)]
mod tests;

pub use node::NodeStore;
pub use runs::Runs;
pub use scylla::{DatabaseAt, bring_up, check as check_database};

use crate::metrics::spread::Spread;
use crate::shard::since::Since;
use failures::Failures;
use fetch::Fetching;
use load::Load;
use reading::{Next, Reading};
use rookery_engine::ports::{Batch, Fact, Fetch, Fetched, RoomImage, StoreFault, Stored, Ticket};
use rookery_protocol::ids::{AckLevel, RoomHandle, RoomKey};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{Ask, Completion, Failure, Outcome, Store, Ticket as StoreTicket};
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// What one turn can bring beyond what was looked at before it: more than its commands usually carry.
const TURN_BYTES: usize = 8 << 20;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What the store owes us: under which ticket of the engine, for which room.
struct Waiting {
    room: RoomHandle,
    ticket: Ticket,
    job: Job,
    /// When it was asked for.
    at: u64,
}

enum Job {
    /// A batch, with its number among all that were submitted.
    Store {
        number: u64,
        confirmed: bool,
    },
    Load(Box<Load>),
    Fetch(Box<Fetching>),
}

enum Answer {
    Stored(Stored),
    Loaded(Result<Box<RoomImage>, StoreFault>),
    Fetched(Result<Fetched, StoreFault>),
}

/// The store of one shard.
pub struct StorePort {
    store: Box<dyn Store + Send>,
    reach: AckLevel,
    confirms: AckLevel,
    writer: rows::Writer,
    /// The last ticket that the store was given.
    given: u64,
    waiting: Map<u64, Waiting>,
    /// Tickets of rooms that went to rest.
    resting: HashSet<u64>,
    /// Not told yet, in the order they came.
    answers: VecDeque<(RoomHandle, Ticket, Answer)>,
    failures: Failures,
    unreadable: u64,
    completions: Vec<Completion>,
    /// In microseconds of the node's clock, as told.
    at: u64,
    since: Since,
    reads: Spread,
}

impl StorePort {
    /// History in this shard's memory, for as long as the process lives.
    pub fn memory(runs: Runs) -> StorePort {
        let options = MemoryOptions { seed: RandomState::new().hash_one(0u8), ..MemoryOptions::default() };
        StorePort::new(Box::new(Memory::new(options)), runs)
    }

    pub fn new(store: Box<dyn Store + Send>, runs: Runs) -> StorePort {
        StorePort {
            reach: store.reach(),
            confirms: store.confirms(),
            store,
            writer: rows::Writer::default(),
            given: 0,
            waiting: Map::default(),
            resting: HashSet::new(),
            answers: VecDeque::new(),
            failures: Failures::new(runs),
            unreadable: 0,
            completions: Vec::new(),
            at: 0,
            since: Since::default(),
            reads: Spread::default(),
        }
    }

    /// So late is it, or was when what is handed in next began.
    pub fn at(&mut self, micros: u64) {
        self.at = micros;
    }

    /// When the batches began that were stored since the last time.
    pub fn take_since(&mut self) -> Since {
        std::mem::take(&mut self.since)
    }

    /// How long answers to questions took.
    pub fn reads(&self) -> &Spread {
        &self.reads
    }

    pub fn reach(&self) -> AckLevel {
        self.reach
    }

    pub fn confirms(&self) -> AckLevel {
        self.confirms
    }

    /// Whether what a turn may still bring would find room. A batch that finds none breaks its room.
    pub fn takes_writes(&self) -> bool {
        self.store.window() >= TURN_BYTES
    }

    /// Whether nothing is owed to the engine: no batch under way, no question open, no answer untold.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.answers.is_empty()
    }

    /// Stored values that could not be read since the start. Each was reported where it was met.
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    pub fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored> {
        let room = batch.handle;
        let own = self.next_ticket();
        let batch = self.writer.batch(batch);
        self.store.submit(batch, own);
        self.store.poll(&mut self.completions);
        let Answer::Stored(stored) = self
            .settle(own, Waiting { room, ticket, job: Job::Store { number: own.0, confirmed: false }, at: self.at })?
        else {
            return None;
        };
        Some(stored)
    }

    pub fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>> {
        let (load, ask) = Load::begin(room);
        let job = Job::Load(Box::new(load));
        let Answer::Loaded(image) = self.begin(Waiting { room: handle, ticket, job, at: self.at }, ask)? else {
            return None;
        };
        Some(image)
    }

    pub fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>> {
        let (fetching, ask) = Fetching::begin(room, what);
        let job = Job::Fetch(Box::new(fetching));
        let Answer::Fetched(fetched) = self.begin(Waiting { room: handle, ticket, job, at: self.at }, ask)? else {
            return None;
        };
        Some(fetched)
    }

    /// The room is forgotten for now. Nothing is answered.
    pub fn rests(&mut self, room: &RoomKey) {
        let own = self.next_ticket();
        self.resting.insert(own.0);
        self.store.ask(Ask::Rest { room: room.clone() }, own);
        self.store.poll(&mut self.completions);
        self.work();
    }

    /// Answers that came since the last call, in the order in which they came. Call it once per turn, and when the
    /// store wakes the shard.
    pub fn poll(&mut self, out: &mut Vec<Fact>) {
        self.store.poll(&mut self.completions);
        self.work();
        for (room, ticket, answer) in self.answers.drain(..) {
            out.push(match answer {
                Answer::Stored(answer) => Fact::Stored { room, ticket, answer },
                Answer::Loaded(image) => Fact::Loaded { room, ticket, image },
                Answer::Fetched(answer) => Fact::Fetched { room, ticket, answer },
            });
        }
        if self.failures.take_back() {
            out.push(Fact::StoreBack);
        }
    }

    fn next_ticket(&mut self) -> StoreTicket {
        self.given += 1;
        StoreTicket(self.given)
    }

    fn begin(&mut self, waiting: Waiting, ask: Ask) -> Option<Answer> {
        let own = self.next_ticket();
        self.store.ask(ask, own);
        self.store.poll(&mut self.completions);
        self.settle(own, waiting)
    }

    /// The answer to what was just handed in, if it is there and nothing that came before it is still to be told.
    fn settle(&mut self, own: StoreTicket, waiting: Waiting) -> Option<Answer> {
        // The memory store's usual answer, without a detour.
        if let ([Completion { ticket, outcome: Outcome::Stored(level) }], Job::Store { .. }) =
            (self.completions.as_slice(), &waiting.job)
            && *ticket == own
            && *level == self.reach
            && self.reach == self.confirms
            && self.answers.is_empty()
            && self.failures.none()
        {
            self.completions.clear();
            return Some(Answer::Stored(Stored::Done));
        }
        let ticket = waiting.ticket;
        self.waiting.insert(own.0, waiting);
        self.work();
        match self.answers.front() {
            Some((_, first, _)) if *first == ticket => self.answers.pop_front().map(|(_, _, answer)| answer),
            Some(_) | None => None,
        }
    }

    /// Takes every completion that is there; what asks on may be answered at once, again and again.
    fn work(&mut self) {
        while !self.completions.is_empty() {
            let mut completions = std::mem::take(&mut self.completions);
            for Completion { ticket, outcome } in completions.drain(..) {
                self.complete(ticket, outcome);
            }
            self.completions = completions;
            self.store.poll(&mut self.completions);
        }
    }

    fn complete(&mut self, own: StoreTicket, outcome: Outcome) {
        if self.resting.remove(&own.0) {
            return;
        }
        let Some(mut waiting) = self.waiting.remove(&own.0) else {
            debug_assert!(false, "the store answered what nobody asked");
            return;
        };
        let mut reading = Reading { unreadable: &mut self.unreadable };
        let next = match &mut waiting.job {
            Job::Store { number, confirmed } => match stored(outcome) {
                Written::To(level) => {
                    self.since.stored(level, waiting.at);
                    let first = level >= self.confirms && !std::mem::replace(confirmed, true);
                    if first {
                        self.failures.stored(waiting.room, *number);
                        self.answers.push_back((waiting.room, waiting.ticket, Answer::Stored(Stored::Done)));
                    }
                    if level < self.reach {
                        self.waiting.insert(own.0, waiting);
                    } else if self.reach > self.confirms {
                        self.answers.push_back((waiting.room, waiting.ticket, Answer::Stored(Stored::Settled)));
                    }
                    return;
                }
                Written::Failed(failure) => {
                    let answer = self.failures.failed(waiting.room, *number, self.given + 1, failure);
                    Next::Done(Answer::Stored(answer))
                }
            },
            Job::Load(load) => load.take(outcome, &mut reading).map(Answer::Loaded),
            Job::Fetch(fetching) => fetching.take(outcome, &mut reading).map(Answer::Fetched),
        };
        match next {
            Next::Ask(ask) => {
                let own = self.next_ticket();
                self.store.ask(ask, own);
                self.waiting.insert(own.0, waiting);
            }
            Next::Done(answer) => {
                if !matches!(waiting.job, Job::Store { .. }) {
                    self.reads.add(self.at.saturating_sub(waiting.at), 1);
                }
                self.answers.push_back((waiting.room, waiting.ticket, answer));
            }
        }
    }
}

enum Written {
    To(AckLevel),
    Failed(Failure),
}

fn stored(outcome: Outcome) -> Written {
    match outcome {
        Outcome::Stored(level) => Written::To(level),
        Outcome::Failed(failure) => Written::Failed(failure),
        Outcome::Loaded(_)
        | Outcome::Fetched(_)
        | Outcome::Page(_)
        | Outcome::Replay(_)
        | Outcome::Counted(_)
        | Outcome::Found(_)
        | Outcome::Row(_)
        | Outcome::Expired(_)
        | Outcome::Scanned(_)
        | Outcome::Rooms(_)
        | Outcome::Tail(_)
        | Outcome::Trimmed(_)
        | Outcome::Rested(_) => {
            debug_assert!(false, "a batch was answered as if it had been a question");
            Written::Failed(Failure::Invalid)
        }
    }
}
