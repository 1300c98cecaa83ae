//! A room's state comes from the store: once, however many wait for it.

use super::confirm::Confirm;
use super::epochs::{epoch_now, next_life};
use super::recent::Recent;
use super::room::{Phase, Room};
use super::state::RoomState;
use super::world::World;
use crate::message::ToEdge;
use crate::ports::{RoomImage, StoreFault, Ticket};
use rookery_protocol::ids::Seq;

impl Room {
    pub(crate) fn load(&mut self, w: &mut World<'_>) {
        if self.phase != Phase::Cold {
            return;
        }
        let ticket = w.shared.ticket();
        self.phase = Phase::Loading(ticket);
        if let Some(answer) = w.ports.load(ticket, self.handle, &self.key) {
            self.loaded(w, ticket, answer);
        }
    }

    /// Loads it for what it has to do by itself.
    pub(crate) fn wake(&mut self, w: &mut World<'_>) {
        if !self.is_ready() {
            self.undone = true;
            self.load(w);
        }
    }

    pub(crate) fn loaded(&mut self, w: &mut World<'_>, ticket: Ticket, answer: Result<Box<RoomImage>, StoreFault>) {
        if self.phase != Phase::Loading(ticket) {
            return;
        }
        match answer {
            Ok(image) => self.install(w, *image),
            Err(StoreFault) => {
                self.phase = Phase::Cold;
                for item in std::mem::take(&mut self.line) {
                    self.turn_away(w, item);
                }
                self.refuse_answers(w);
                if self.is_wanted() {
                    self.try_store_later(w);
                }
            }
        }
    }

    fn install(&mut self, w: &mut World<'_>, image: RoomImage) {
        self.confirm = Confirm::at(image.last, image.messages);
        self.settling.seq = self.settling.seq.max(image.last.seq);
        let last = image.last;
        let (state, recent) = RoomState::from_image(image, self.class.access, self.class.max_members);
        self.state = state;
        self.recent = Recent::from_image(recent, last);
        self.recent.trim(&w.shared.settings.limits, last.seq);
        for event in self.recent.range(Seq(0), last.seq).cloned().collect::<Vec<_>>() {
            self.note_expiry(w, &event);
        }
        let run = w.shared.run.max(self.run);
        self.run = epoch_now(last.epoch, run);
        if self.state.is_deleted() && self.state.is_blank() {
            self.run = next_life(last.epoch, w.shared.run);
        }
        self.phase = Phase::Ready;
        self.undone = false;
        self.forget_outlived(w);
        if self.delivered != last {
            self.delivered = last;
            for shard in self.fanout.shards() {
                w.out.ordered(shard, ToEdge::Behind { room: self.handle, end: last });
            }
        }
        self.mark_dirty(w);
        self.flight.early.retain(|seq, _| *seq > last.seq);
        self.place_early(w);
        self.resend_effects(w);
        self.resume_chores(w);
        self.begin_retention(w);
        self.drain(w);
        if !self.trouble.read_only {
            w.shared.faulty.remove(&self.handle);
        }
    }
}
