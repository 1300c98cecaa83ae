//! What a shard holds of its node's store. Nothing here waits.

use super::desk::Desk;
use super::{REACH, Shared};
use crate::AckLevel;
use crate::answer::{Completion, Failure};
use crate::ask::Ask;
use crate::batch::Batch;
use crate::entry;
use crate::store::{Store, Ticket};
use std::sync::Arc;

pub struct ShardStore {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
    /// The shard's number with the journal.
    source: usize,
}

impl ShardStore {
    pub(super) fn new(shared: Arc<Shared>, desk: Arc<Desk>, source: usize) -> ShardStore {
        ShardStore { shared, desk, source }
    }
}

impl Store for ShardStore {
    fn reach(&self) -> AckLevel {
        REACH
    }

    fn confirms(&self) -> AckLevel {
        self.desk.synced()
    }

    fn window(&self) -> usize {
        let backlog = self.shared.unsettled_bytes.saturating_sub(self.shared.backlog.bytes());
        self.shared.intake.room().min(backlog)
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        if let Err(failure) = batch.check() {
            return self.desk.refuse(ticket, batch, failure);
        }
        if self.shared.broken.has(&batch.room) {
            return self.desk.refuse(ticket, batch, Failure::Unavailable);
        }
        let mut bytes = Vec::with_capacity(batch.cost());
        entry::encode(&batch, &mut bytes);
        let fits = self.shared.backlog.bytes() < self.shared.unsettled_bytes;
        let Shared { intake, .. } = &*self.shared;
        self.desk.pass(ticket, batch, || {
            if !fits {
                return Err(Failure::Full);
            }
            intake.append(self.source, ticket.0, bytes)
        });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        self.shared.reads.push(self.desk.clone(), ticket, ask);
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        self.desk.poll(out);
    }
}
