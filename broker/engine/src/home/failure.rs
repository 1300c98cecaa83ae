//! When the store fails: the unconfirmed tail is taken back, or held; and the way back to writing.

use super::confirm::Confirm;
use super::epochs::epoch_now;
use super::flight::Early;
use super::recent::Recent;
use super::room::{Phase, Room};
use super::world::{BackOff, Due, World};
use crate::planted::{self, Bug};
use crate::ports::{Batch, Row, Stored, Ticket};
use crate::settings::OnFailure;
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Epoch, Place, Seq};

/// What a room that lost writes is waiting for.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    /// Refuses what would write, until a probe is stored.
    pub read_only: bool,
    probe: Option<Ticket>,
    /// Batches are kept until the store takes them.
    pub holding: bool,
    back_off: BackOff,
    timer: bool,
}

/// When somebody whose command met a store that takes no writes may try again.
pub(crate) const RETRY_MS: u32 = 1000;

/// Between attempts to write or load again. Writing is to go on within five seconds after it can.
const FIRST_MS: u64 = 200;
const MOST_MS: u64 = 2_000;

impl Trouble {
    pub fn is_probe(&self, ticket: Ticket) -> bool {
        self.probe == Some(ticket)
    }

    /// The store took something.
    pub fn reset(&mut self) {
        self.back_off.reset();
    }
}

impl Room {
    pub(crate) fn failed(&mut self, w: &mut World<'_>, run: Epoch) {
        match self.class.on_failure {
            OnFailure::Keep => {
                self.confirm.hold(w);
                self.trouble.holding = true;
                self.try_store_later(w);
            }
            OnFailure::Refuse => self.retract(w, run),
        }
    }

    /// Takes back what is not confirmed: nobody was promised it, but some may have seen it.
    fn retract(&mut self, w: &mut World<'_>, run: Epoch) {
        w.shared.run = w.shared.run.max(run);
        let above = self.confirm.place;
        self.run = epoch_now(above.epoch.max(self.run), run);
        for ack in self.confirm.take_acks() {
            w.refuse_code(ack.to, ErrorCode::NotStored);
        }
        self.lose_flight(w, ErrorCode::NotStored);
        self.refuse_patience(w, ErrorCode::NotStored);
        if self.delivered > above {
            let next = Place { epoch: self.run, seq: Seq(above.seq.0 + 1) };
            let room = RoomOnWire { handle: self.handle, key: &self.key };
            if !planted::is(Bug::RetractNotTold) {
                self.fanout.retract(room, self.delivered, above, next, &w.shared.pinned, w.out);
            }
            self.delivered = above;
        }
        self.trouble.read_only = true;
        self.trouble.probe = None;
        self.reload(w);
        self.try_store_later(w);
    }

    /// Whoever waits for a place does so in vain.
    pub(crate) fn lose_flight(&mut self, w: &mut World<'_>, code: ErrorCode) {
        let flight = std::mem::take(&mut self.flight);
        for proposal in flight.waiting.values() {
            self.refuse_all(w, proposal, code);
        }
        for (_, early) in flight.early.values() {
            match early {
                Early::Mine(proposal) => self.refuse_all(w, proposal, code),
                Early::Foreign(_) => {}
            }
        }
    }

    /// Begins again from what the store has.
    pub(crate) fn reload(&mut self, w: &mut World<'_>) {
        for ack in self.confirm.take_acks() {
            w.refuse_code(ack.to, ErrorCode::Unsure);
        }
        self.confirm = Confirm::at(self.confirm.place, self.confirm.messages);
        self.recent = Recent::default();
        self.pages.clear();
        self.phase = Phase::Cold;
        self.mark_dirty(w);
        self.load(w);
    }

    /// Tries again after a while, the longer the more often it failed.
    pub(crate) fn try_store_later(&mut self, w: &mut World<'_>) {
        w.shared.faulty.insert(self.handle);
        if !self.trouble.timer {
            self.trouble.timer = true;
            let ms = self.trouble.back_off.next(FIRST_MS, MOST_MS);
            w.after(ms, Due::Store(self.handle));
        }
    }

    pub(crate) fn store_timer(&mut self, w: &mut World<'_>) {
        self.trouble.timer = false;
        self.try_store(w);
    }

    /// The store may take something again.
    pub(crate) fn try_store(&mut self, w: &mut World<'_>) {
        match self.phase {
            Phase::Cold if self.is_wanted() => self.load(w),
            Phase::Cold | Phase::Loading(_) => {}
            Phase::Ready if self.trouble.holding => self.submit_held(w),
            Phase::Ready if self.trouble.read_only => self.probe(w),
            Phase::Ready => {}
        }
        if self.trouble.read_only || self.trouble.holding || self.phase == Phase::Cold && self.is_wanted() {
            self.try_store_later(w);
        } else {
            w.shared.faulty.remove(&self.handle);
        }
    }

    /// Writes what has to be written first anyway: that the tail is taken back.
    fn probe(&mut self, w: &mut World<'_>) {
        if self.trouble.probe.is_some() {
            return;
        }
        let ticket = w.shared.ticket();
        self.trouble.probe = Some(ticket);
        let batch = Batch {
            room: self.key.clone(),
            handle: self.handle,
            class: self.class.clone(),
            events: Vec::new(),
            rows: vec![Row::Retract { above: self.confirm.place }],
        };
        if let Some(answer) = w.ports.submit(ticket, batch) {
            self.probed(w, answer);
        }
    }

    pub(crate) fn probed(&mut self, w: &mut World<'_>, answer: Stored) {
        self.trouble.probe = None;
        match answer {
            Stored::Settled => {}
            Stored::Done => {
                self.trouble.read_only = false;
                self.trouble.reset();
                w.shared.faulty.remove(&self.handle);
                self.place_early(w);
                self.drain(w);
                self.resume_chores(w);
            }
            Stored::Failed { run } => {
                w.shared.run = w.shared.run.max(run);
                self.run = epoch_now(self.run, run);
                self.try_store_later(w);
            }
        }
    }
}
