//! What a shard gets back: completions, put here by other threads and fetched by the shard.

use super::REACH;
use super::backlog::{Arrived, Backlog, Owner};
use crate::answer::{Completion, Failure, Outcome};
use crate::batch::{Batch, Cut};
use crate::journal::{Listener, Written};
use crate::store::Ticket;
use crate::{AckLevel, RoomKey};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Calls a shard: there is something to poll. Called from other threads.
pub type Wake = Box<dyn Fn() + Send + Sync>;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// One shard's desk. Touched by the shard, the journal's writer and the readers, each for a moment.
pub(crate) struct Desk {
    shard: usize,
    /// What the journal's fdatasync is worth.
    synced: AckLevel,
    backlog: Arc<Backlog>,
    wake: Wake,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    done: Vec<Completion>,
    /// Handed to the journal, by ticket.
    under_way: Map<Ticket, Batch>,
    broken: Map<RoomKey, Broken>,
}

/// A batch of the room has failed, and what continued it fails with it.
struct Broken {
    /// Where it began. None: it had no events, and the room is whole again as soon as its shard knows.
    at: Option<crate::Place>,
    /// Its last failure, by which the shard knows once it has polled that.
    ticket: Ticket,
}

impl Desk {
    pub fn new(shard: usize, synced: AckLevel, backlog: Arc<Backlog>, wake: Wake) -> Desk {
        Desk { shard, synced, backlog, wake, state: Mutex::default() }
    }

    pub fn shard(&self) -> usize {
        self.shard
    }

    pub fn synced(&self) -> AckLevel {
        self.synced
    }

    /// Something completed on another thread.
    pub fn complete(&self, ticket: Ticket, outcome: Outcome) {
        let mut state = self.state.lock();
        let first = state.done.is_empty();
        state.done.push(Completion { ticket, outcome });
        drop(state);
        self.call(first);
    }

    /// Batches that were synced have settled.
    pub fn settled(&self, tickets: impl Iterator<Item = Ticket>) {
        let mut state = self.state.lock();
        let first = state.done.is_empty();
        state.done.extend(tickets.map(|ticket| Completion { ticket, outcome: Outcome::Stored(REACH) }));
        let first = first && !state.done.is_empty();
        drop(state);
        self.call(first);
    }

    /// Calls the shard for the first of what it fetches together.
    fn call(&self, first: bool) {
        if first {
            (self.wake)();
        }
    }

    /// Lets a batch on its way to the journal, if its room is not broken. `send` hands it over.
    pub fn pass(&self, ticket: Ticket, batch: Batch, send: impl FnOnce() -> Result<(), Failure>) {
        let mut state = self.state.lock();
        let first = state.done.is_empty();
        state.pass(ticket, batch, send);
        let first = first && !state.done.is_empty();
        drop(state);
        self.call(first);
    }

    /// The batch says something impossible.
    pub fn refuse(&self, ticket: Ticket, batch: Batch, failure: Failure) {
        self.pass(ticket, batch, || Err(failure));
    }

    pub fn poll(&self, out: &mut Vec<Completion>) {
        let mut state = self.state.lock();
        let State { done, broken, .. } = &mut *state;
        if !broken.is_empty() {
            broken.retain(|_, broken| broken.at.is_some() || done.iter().all(|done| done.ticket != broken.ticket));
        }
        out.append(done);
    }
}

impl State {
    fn pass(&mut self, ticket: Ticket, batch: Batch, send: impl FnOnce() -> Result<(), Failure>) {
        let mended = match self.broken.get(&batch.room) {
            Some(broken) if !broken.is_mended_by(&batch) => return self.fail(ticket, &batch, Failure::OutOfOrder),
            broken => broken.is_some(),
        };
        // Under the lock: a failure of what went before is noted here before the journal takes anything after it.
        if let Err(failure) = send() {
            return self.fail(ticket, &batch, failure);
        }
        if mended {
            self.broken.remove(&batch.room);
        }
        self.under_way.insert(ticket, batch);
    }

    fn fail(&mut self, ticket: Ticket, batch: &Batch, failure: Failure) {
        let at = batch.events.first().map(|event| event.place);
        match self.broken.get_mut(&batch.room) {
            // Where it broke first is where it has to be mended.
            Some(broken) => {
                broken.at = broken.at.or(at);
                broken.ticket = ticket;
            }
            None => drop(self.broken.insert(batch.room.clone(), Broken { at, ticket })),
        }
        self.done.push(Completion { ticket, outcome: Outcome::Failed(failure) });
    }
}

impl Broken {
    /// Whether a batch begins where the room broke, or begins it anew.
    fn is_mended_by(&self, batch: &Batch) -> bool {
        let (Some(broke), Some(begins)) = (self.at, batch.events.first().map(|event| event.place)) else {
            return batch.cut != Cut::Nothing;
        };
        batch.cut != Cut::Nothing || begins == broke || begins.epoch > broke.epoch
    }
}

impl Listener for Desk {
    fn written(&self, results: &mut Vec<Written>) {
        let mut state = self.state.lock();
        let first = state.done.is_empty();
        let State { under_way, done, .. } = &mut *state;
        let mut failed = Vec::new();
        let stored = results.drain(..).filter_map(|Written { ticket, spot, result }| {
            let batch = under_way.remove(&Ticket(ticket))?;
            match result {
                Ok(position) => {
                    let ticket = Ticket(ticket);
                    done.push(Completion { ticket, outcome: Outcome::Stored(self.synced) });
                    let owner = (self.synced < REACH).then_some(Owner { shard: self.shard, ticket });
                    Some(Arrived { position, batch, spot, owner })
                }
                Err(failure) => {
                    failed.push((Ticket(ticket), batch, failure));
                    None
                }
            }
        });
        // It can be read before its shard hears of it: the desk is locked until then.
        self.backlog.add(stored);
        for (ticket, batch, failure) in failed {
            state.fail(ticket, &batch, failure);
        }
        drop(state);
        self.call(first);
    }
}
