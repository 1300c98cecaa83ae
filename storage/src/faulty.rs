//! Any store, but late, failing and crashing, by a seed: what simulations and tests run on.
//!
//! It keeps every promise of [`Store`]: batches wait in one queue, as before a journal's fdatasync, and reach the inner
//! store when their time has come or when a crash happens to spare them. Time is counted in steps of the caller.

use crate::AckLevel;
use crate::answer::{Completion, Failure, Outcome};
use crate::ask::Ask;
use crate::batch::Batch;
use crate::dice::Dice;
use crate::store::{Store, Ticket};
use std::collections::{BTreeMap, VecDeque};

/// What goes wrong, and how often. Ranges are in steps, both ends included.
#[derive(Clone, Debug)]
pub struct FaultPlan {
    pub seed: u64,
    /// From submitting a batch to its first level.
    pub store_steps: (u64, u64),
    /// From there to `Durable`, where the store reaches further than `Local`.
    pub durable_steps: (u64, u64),
    /// From an ask to its answer. Answers overtake each other.
    pub ask_steps: (u64, u64),
    /// Batches in a thousand that fail, and those behind them in their room with them.
    pub failing_batches: u32,
    /// Asks in a thousand that fail.
    pub failing_asks: u32,
    /// Bytes of batches under way; what comes on top fails as full.
    pub window: usize,
    /// The level this store says that it reaches. What completed survives [`Faulty::crash`], whatever the inner store is.
    pub reach: AckLevel,
}

impl FaultPlan {
    /// Late by up to four steps, never failing.
    pub fn late(seed: u64, reach: AckLevel) -> FaultPlan {
        FaultPlan {
            seed,
            store_steps: (0, 4),
            durable_steps: (0, 4),
            ask_steps: (0, 4),
            failing_batches: 0,
            failing_asks: 0,
            window: usize::MAX,
            reach,
        }
    }
}

/// How the store is at present, on top of its plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Well,
    /// Every batch and ask fails when its time comes.
    Failing,
    /// Nothing completes; when it is well again, all of it does.
    Hanging,
}

/// What a crash did to the batches that were under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Stored all the same, though nobody was told.
    pub spared: usize,
    pub lost: usize,
}

pub struct Faulty<S> {
    inner: S,
    plan: FaultPlan,
    health: Health,
    dice: Dice,
    now: u64,
    /// In the order they were submitted, with rising times.
    writes: VecDeque<Write>,
    writes_cost: usize,
    /// By time, then by number.
    asks: BTreeMap<(u64, u64), (Ask, Ticket)>,
    asked: u64,
    /// Batches that are stored and not durable yet, with rising times.
    settling: VecDeque<(u64, Ticket)>,
    done: Vec<Completion>,
}

struct Write {
    due: u64,
    cost: usize,
    ticket: Ticket,
    /// None: it did not fit, and fails in its turn.
    batch: Option<Batch>,
}

impl<S: Store> Faulty<S> {
    pub fn new(inner: S, plan: FaultPlan) -> Faulty<S> {
        Faulty {
            inner,
            health: Health::Well,
            dice: Dice::new(plan.seed),
            plan,
            now: 0,
            writes: VecDeque::new(),
            writes_cost: 0,
            asks: BTreeMap::new(),
            asked: 0,
            settling: VecDeque::new(),
            done: Vec::new(),
        }
    }

    pub fn set_health(&mut self, health: Health) {
        self.health = health;
    }

    /// Lets one step of time pass.
    pub fn step(&mut self) {
        self.now += 1;
        match self.health {
            Health::Hanging => return,
            Health::Well | Health::Failing => {}
        }
        while self.settling.front().is_some_and(|(due, _)| *due <= self.now) {
            let Some((_, ticket)) = self.settling.pop_front() else { break };
            self.done.push(Completion { ticket, outcome: Outcome::Stored(AckLevel::Durable) });
        }
        while self.writes.front().is_some_and(|write| write.due <= self.now) {
            let Some(write) = self.writes.pop_front() else { break };
            self.writes_cost -= write.cost;
            let fails = self.fails(self.plan.failing_batches);
            match write.batch {
                None => self.fail(write.ticket, Failure::Full),
                Some(_) if fails => self.fail(write.ticket, Failure::Unavailable),
                Some(batch) => self.inner.submit(batch, write.ticket),
            }
            self.collect();
        }
        while self.asks.first_key_value().is_some_and(|((due, _), _)| *due <= self.now) {
            let Some((_, (ask, ticket))) = self.asks.pop_first() else { break };
            if self.fails(self.plan.failing_asks) {
                self.fail(ticket, Failure::Unavailable);
            } else {
                self.inner.ask(ask, ticket);
            }
        }
        self.collect();
    }

    /// The process dies and comes back. Asks are forgotten and no more completions come for what was under way; of the
    /// batches a prefix was on disk already, the rest is gone.
    pub fn crash(&mut self) -> Crash {
        let spared = self.dice.below(self.writes.len() as u64 + 1) as usize;
        let lost = self.writes.len() - spared;
        for write in self.writes.drain(..).take(spared) {
            if let Some(batch) = write.batch {
                self.inner.submit(batch, write.ticket);
            }
        }
        self.inner.poll(&mut self.done);
        self.done.clear();
        self.settling.clear();
        self.asks.clear();
        self.writes_cost = 0;
        Crash { spared, lost }
    }

    /// Whether nothing is under way and nothing waits to be polled.
    pub fn is_idle(&self) -> bool {
        self.writes.is_empty() && self.asks.is_empty() && self.settling.is_empty() && self.done.is_empty()
    }

    pub fn inner(&self) -> &S {
        &self.inner
    }

    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    fn fails(&mut self, chance: u32) -> bool {
        let unlucky = self.dice.per_mille(chance);
        unlucky || self.health == Health::Failing
    }

    fn fail(&mut self, ticket: Ticket, failure: Failure) {
        self.done.push(Completion { ticket, outcome: Outcome::Failed(failure) });
    }

    /// Takes over what the inner store completed, with the levels that this one stands for.
    fn collect(&mut self) {
        let old = self.done.len();
        self.inner.poll(&mut self.done);
        let last = self.inner.reach();
        for completion in self.done.split_off(old) {
            let Completion { ticket, outcome } = completion;
            match outcome {
                // Lower levels may be left out, and say nothing about ours.
                Outcome::Stored(level) if level < last => {}
                Outcome::Stored(_) if self.plan.reach == AckLevel::Durable => {
                    let steps = self.dice.between(self.plan.durable_steps);
                    let due = self.settling.back().map_or(0, |(due, _)| *due).max(self.now + steps);
                    self.settling.push_back((due, ticket));
                    self.done.push(Completion { ticket, outcome: Outcome::Stored(AckLevel::Local) });
                }
                Outcome::Stored(_) => self.done.push(Completion { ticket, outcome: Outcome::Stored(self.plan.reach) }),
                Outcome::Failed(_)
                | Outcome::Loaded(_)
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
                | Outcome::Rested(_) => self.done.push(Completion { ticket, outcome }),
            }
        }
    }
}

impl<S: Store> Store for Faulty<S> {
    fn reach(&self) -> AckLevel {
        self.plan.reach
    }

    fn window(&self) -> usize {
        self.plan.window.saturating_sub(self.writes_cost).min(self.inner.window())
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let cost = batch.cost();
        let fits = cost <= self.window();
        let steps = self.dice.between(self.plan.store_steps);
        let due = self.writes.back().map_or(0, |write| write.due).max(self.now + steps);
        let cost = if fits { cost } else { 0 };
        self.writes_cost += cost;
        self.writes.push_back(Write { due, cost, ticket, batch: fits.then_some(batch) });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        let due = self.now + self.dice.between(self.plan.ask_steps);
        self.asks.insert((due, self.asked), (ask, ticket));
        self.asked += 1;
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        out.append(&mut self.done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::say::{message, room};
    use crate::memory::{Memory, MemoryOptions};
    use crate::{Position, RoomState};

    fn faulty(plan: FaultPlan) -> Faulty<Memory> {
        Faulty::new(Memory::new(MemoryOptions { feed_bytes: 1 << 20, ..MemoryOptions::default() }), plan)
    }

    fn post(store: &mut impl Store, seq: u64) {
        let events = vec![message((1, seq), seq, "words")];
        store.submit(Batch { events, ..Batch::new(room("a")) }, Ticket(seq));
    }

    fn drain(store: &mut Faulty<Memory>, steps: u64) -> Vec<(u64, Completion)> {
        let mut all = Vec::new();
        for step in 0..steps {
            store.step();
            let mut out = Vec::new();
            store.poll(&mut out);
            all.extend(out.into_iter().map(|completion| (step, completion)));
        }
        all
    }

    fn state(store: &mut Faulty<Memory>) -> RoomState {
        store.ask(Ask::Load { room: room("a") }, Ticket(0));
        let answers = drain(store, 20);
        match answers.last() {
            Some((_, Completion { outcome: Outcome::Loaded(state), .. })) => (**state).clone(),
            other => panic!("no state but {other:?}"),
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let story = |seed| {
            let plan = FaultPlan { failing_batches: 100, ..FaultPlan::late(seed, AckLevel::Durable) };
            let mut store = faulty(plan);
            for seq in 1..=40 {
                post(&mut store, seq);
                store.ask(Ask::Tail { after: Position(0), limit: 3 }, Ticket(1000 + seq));
            }
            let story = drain(&mut store, 400);
            assert!(store.is_idle());
            story
        };
        assert_eq!(story(1), story(1));
        assert_ne!(story(1), story(2));
    }

    #[test]
    fn a_failed_batch_takes_those_behind_it_along() {
        let mut store = faulty(FaultPlan::late(3, AckLevel::Local));
        post(&mut store, 1);
        drain(&mut store, 10);
        store.set_health(Health::Failing);
        post(&mut store, 2);
        drain(&mut store, 10);
        store.set_health(Health::Well);
        post(&mut store, 3);
        let told = drain(&mut store, 10);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].1.outcome, Outcome::Failed(Failure::OutOfOrder));
        assert_eq!(state(&mut store).newest.seq.0, 1);
    }

    #[test]
    fn hanging_is_not_failing() {
        let mut store = faulty(FaultPlan::late(4, AckLevel::Accepted));
        store.set_health(Health::Hanging);
        post(&mut store, 1);
        assert_eq!(drain(&mut store, 50), []);
        store.set_health(Health::Well);
        let told = drain(&mut store, 1);
        assert_eq!(told[0].1.outcome, Outcome::Stored(AckLevel::Accepted));
    }

    #[test]
    fn what_passes_the_window_fails_in_its_turn() {
        let cost = Batch { events: vec![message((1, 1), 1, "words")], ..Batch::new(room("a")) }.cost();
        let mut store = faulty(FaultPlan { window: 2 * cost, ..FaultPlan::late(5, AckLevel::Local) });
        for seq in 1..=3 {
            post(&mut store, seq);
        }
        assert_eq!(store.window(), 0);
        let told: Vec<_> = drain(&mut store, 50).into_iter().map(|(_, completion)| completion.outcome).collect();
        let stored = Outcome::Stored(AckLevel::Local);
        assert_eq!(told, [stored.clone(), stored, Outcome::Failed(Failure::Full)]);
        assert_eq!(store.window(), 2 * cost);
    }

    #[test]
    fn a_crash_spares_a_prefix_and_tells_nobody() {
        let mut outcomes = std::collections::BTreeSet::new();
        for seed in 0..50 {
            let mut store = faulty(FaultPlan { store_steps: (5, 5), ..FaultPlan::late(seed, AckLevel::Local) });
            for seq in 1..=4 {
                post(&mut store, seq);
            }
            let crash = store.crash();
            assert_eq!(crash.spared + crash.lost, 4);
            assert_eq!(drain(&mut store, 20), []);
            assert_eq!(state(&mut store).newest.seq.0, crash.spared as u64);
            outcomes.insert(crash.spared);
        }
        assert_eq!(outcomes.len(), 5, "every prefix happens");
    }
}
