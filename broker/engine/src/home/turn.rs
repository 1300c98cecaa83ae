//! What is answered at the end of a turn, behind its chunks: who attached, and who pulled.

use super::here::Ending;
use super::line::{BUSY_MS, busy};
use super::replay::Turned;
use super::room::{Phase, Room};
use super::world::World;
use crate::message::{Lane, PageAnswer, ReplyTo, ShardId, ToEdge};
use rookery_protocol::ids::{Place, UserId};

#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub attaches: Vec<Attaching>,
    pub pulls: Vec<Pull>,
}

/// Let in, not yet told.
#[derive(Debug)]
pub(crate) struct Attaching {
    pub reply_to: ReplyTo,
    pub lane: Lane,
    pub user: UserId,
    pub cursor: Option<Place>,
    /// The end when it was let in: without a cursor it begins here.
    pub from: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pull {
    pub shard: ShardId,
    pub lane: Lane,
    pub after: Place,
}

impl Answers {
    pub fn is_empty(&self) -> bool {
        self.attaches.is_empty() && self.pulls.is_empty()
    }

    pub fn take_attaches(&mut self, ending: &Ending) -> Vec<Attaching> {
        if self.attaches.is_empty() {
            return Vec::new();
        }
        let attaches = std::mem::take(&mut self.attaches);
        let (ended, kept) = attaches.into_iter().partition(|a| ending.meets(a.reply_to.to, &a.user));
        self.attaches = kept;
        ended
    }
}

/// Rooms of one turn whose batches wait for its writes.
const UNHURRIED: usize = 8;

impl Room {
    /// Answered at the end of this turn.
    pub(crate) fn pull(&mut self, w: &mut World<'_>, pull: Pull) {
        self.answers.pulls.push(pull);
        self.mark_dirty(w);
    }

    /// Submits, seals, then answers: an answer says the room's end as of then, and its chunks are on the way already.
    /// A batch that nobody waits for may wait itself, until the sockets are written: listeners come before the store.
    /// Not so in a busy turn, where writing to many sockets would push its events out of the caches meanwhile.
    pub(crate) fn end_turn(&mut self, w: &mut World<'_>) {
        self.mark_clean();
        let busy = w.shared.unhurried.len() >= UNHURRIED;
        if busy || self.confirm.is_awaited(&self.class) || !self.answers.is_empty() {
            self.submit(w);
        } else {
            w.shared.unhurried.push(self.handle);
        }
        self.seal(w);
        if !self.is_ready() {
            return self.put_off(w);
        }
        for attaching in std::mem::take(&mut self.answers.attaches) {
            self.answer_attach(w, attaching);
        }
        for pull in std::mem::take(&mut self.answers.pulls) {
            match self.page(w, pull) {
                Turned::Answer(answer) => self.answer_pull(w, pull, answer),
                Turned::Later => {}
            }
        }
        self.pages.end_turn();
    }

    pub(crate) fn answer_pull(&mut self, w: &mut World<'_>, pull: Pull, answer: PageAnswer) {
        let Pull { shard, lane, after } = pull;
        w.out.late(shard, ToEdge::Page { room: self.handle, lane, after, answer, end: self.delivered });
    }

    /// While the room is loading again nobody is let in; pages are asked for again.
    fn put_off(&mut self, w: &mut World<'_>) {
        for pull in std::mem::take(&mut self.answers.pulls) {
            self.answer_pull(w, pull, PageAnswer::Later { retry_after_ms: BUSY_MS });
        }
        if self.phase == Phase::Cold {
            self.refuse_answers(w);
        }
    }

    /// The room cannot be loaded.
    pub(crate) fn refuse_answers(&mut self, w: &mut World<'_>) {
        for attaching in std::mem::take(&mut self.answers.attaches) {
            let (address, lane) = (attaching.reply_to.to, attaching.lane);
            let detached = self.here.forget_unanswered(address, lane);
            self.detached(w, lane, address, detached);
            w.refuse(attaching.reply_to, busy());
        }
    }
}
