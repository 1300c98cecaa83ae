//! Acks that wait for more than confirmed: for a store that promises more than this node's disk does, and later.

use super::confirm::Ack;
use super::room::Room;
use super::world::{Due, World};
use crate::ports::Ticket;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::Seq;
use std::collections::VecDeque;

/// Confirmed batches that have not settled.
#[derive(Debug, Default)]
pub(crate) struct Settling {
    /// Everything up to here has settled.
    pub seq: Seq,
    batches: VecDeque<Batch>,
    /// Whether a look at who waits too long is due.
    timer: bool,
}

#[derive(Debug)]
struct Batch {
    ticket: Ticket,
    last: Seq,
    /// With the time after which they wait no longer.
    acks: Vec<(u64, Ack)>,
}

/// What is confirmed settles however long it takes; only the asker waits no longer than this.
const PATIENCE_MS: u64 = 10_000;
const LOOK_MS: u64 = 1000;

impl Settling {
    pub fn is_idle(&self) -> bool {
        self.batches.is_empty()
    }
}

impl Room {
    /// A batch is confirmed, and those who want more go on waiting.
    pub(crate) fn settles(&mut self, w: &mut World<'_>, ticket: Ticket, last: Seq, acks: Vec<Ack>) {
        let batch = Batch { ticket, last, acks: Vec::new() };
        match self.settling.batches.back_mut() {
            // Nobody waits for it: it may as well be told with the next one.
            Some(before) if before.acks.is_empty() => *before = batch,
            Some(_) | None => self.settling.batches.push_back(batch),
        }
        for ack in acks {
            self.wait_until_settled(w, last, ack);
        }
    }

    /// With the confirmed batch that the place is in.
    pub(crate) fn wait_until_settled(&mut self, w: &mut World<'_>, seq: Seq, ack: Ack) {
        let Some(batch) = self.settling.batches.iter_mut().find(|batch| batch.last >= seq) else {
            debug_assert!(false, "confirmed, not settled, and in no batch");
            return w.refuse_code(ack.to, ErrorCode::Unsure);
        };
        batch.acks.push((w.now.mono + PATIENCE_MS, ack));
        self.look_later(w);
    }

    fn look_later(&mut self, w: &mut World<'_>) {
        if !self.settling.timer {
            self.settling.timer = true;
            w.after(LOOK_MS, Due::Settling(self.handle));
        }
    }

    /// This batch has settled, and with it those before it.
    pub(crate) fn settled(&mut self, w: &mut World<'_>, ticket: Ticket) {
        while let Some(batch) = self.settling.batches.pop_front_if(|batch| batch.ticket <= ticket) {
            self.settling.seq = batch.last;
            for (_, ack) in batch.acks {
                self.acknowledge(w, ack);
            }
        }
    }

    /// The store is away, and those who waited long enough hear so.
    pub(crate) fn settling_timer(&mut self, w: &mut World<'_>) {
        self.settling.timer = false;
        let now = w.now.mono;
        let mut late = Vec::new();
        for batch in &mut self.settling.batches {
            late.extend(batch.acks.extract_if(.., |(until, _)| *until <= now));
        }
        for (_, ack) in late {
            w.refuse_code(ack.to, ErrorCode::NotDurable);
        }
        if self.settling.batches.iter().any(|batch| !batch.acks.is_empty()) {
            self.look_later(w);
        }
    }
}
