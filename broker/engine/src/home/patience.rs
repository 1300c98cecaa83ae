//! Answers that wait until an effect is done elsewhere: who is told of a direct room can enter it.

use super::confirm::Ack;
use super::room::Room;
use super::world::{Due, World};
use crate::message::EffectId;
use rookery_protocol::errors::ErrorCode;

#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// With the time after which they are given all the same.
    waiting: Vec<(u64, Ack)>,
}

/// The effect is kept and repeated however long it takes; only the asker waits no longer than this.
const PATIENCE_MS: u64 = 5000;

impl Room {
    pub(crate) fn wait_for_effect(&mut self, w: &mut World<'_>, ack: Ack) {
        self.patience.waiting.push((w.now.mono + PATIENCE_MS, ack));
        w.after(PATIENCE_MS, Due::Patience(self.handle));
    }

    pub(crate) fn answer_waiting(&mut self, w: &mut World<'_>, done: &EffectId) {
        self.answer_patient(w, |_, ack| ack.after.as_ref() == Some(done));
    }

    pub(crate) fn patience_over(&mut self, w: &mut World<'_>) {
        let now = w.now.mono;
        self.answer_patient(w, |until, _| until <= now);
    }

    fn answer_patient(&mut self, w: &mut World<'_>, ready: impl Fn(u64, &Ack) -> bool) {
        for (until, ack) in std::mem::take(&mut self.patience.waiting) {
            if ready(until, &ack) {
                w.reply(ack.to, ack.reply);
            } else {
                self.patience.waiting.push((until, ack));
            }
        }
    }

    pub(crate) fn refuse_patience(&mut self, w: &mut World<'_>, code: ErrorCode) {
        for (_, ack) in std::mem::take(&mut self.patience.waiting) {
            w.refuse_code(ack.to, code);
        }
    }
}
