//! Effects on other rooms: sent once their cause is confirmed, repeated until they are done; and those of others, here.

use super::flight::{Asker, Proposal};
use super::line::Waiting;
use super::room::Room;
use super::world::{Due, World};
use crate::message::{Action, CauseEffect, EffectId, ToHome};
use crate::planted::{self, Bug};
use crate::ports::Row;
use rookery_protocol::command::{Access, Role};
use rookery_protocol::event::{EventBody, Fact, Notice, NoticeKind, RoomInfo};
use rookery_protocol::ids::{Millis, Place, RoomKey, RoomKind, UserId};
use std::sync::Arc;

const FIRST_MS: u64 = 1000;
const MOST_MS: u64 = 60_000;

/// A draft whose cause has its place.
pub(crate) fn placed(action: Action, place: Place) -> Action {
    match action {
        Action::Notify(notice) => Action::Notify(Notice { place, ..notice }),
        Action::Record(_) | Action::BeginDirect { .. } | Action::EraseUser { .. } => action,
    }
}

/// Mentions may come in any order; what changes a relation must not be overtaken by what came later.
fn keeps_order(effect: &CauseEffect) -> bool {
    match &effect.action {
        Action::Notify(notice) => notice.kind != NoticeKind::Mentioned,
        Action::Record(_) | Action::BeginDirect { .. } | Action::EraseUser { .. } => true,
    }
}

impl Room {
    /// Its cause is confirmed.
    pub(crate) fn send_effect(&mut self, w: &mut World<'_>, id: &EffectId) {
        let Some(effect) = self.state.pending.get(id) else { return };
        let waits = keeps_order(effect)
            && self.state.pending.range(..id).any(|(_, e)| e.target == effect.target && keeps_order(e));
        if !waits {
            w.send_home(&effect.target, ToHome::Effect(Box::new(effect.clone())));
        }
        self.repeat_effects(w);
    }

    fn repeat_effects(&mut self, w: &mut World<'_>) {
        if !self.effects_timer {
            self.effects_timer = true;
            let ms = self.effects_back_off.next(FIRST_MS, MOST_MS);
            w.after(ms, Due::Effects(self.handle));
        }
    }

    /// After a load, and as long as some are not answered.
    pub(crate) fn resend_effects(&mut self, w: &mut World<'_>) {
        let confirmed = self.confirm.place;
        let due: Vec<EffectId> = self.state.pending.keys().filter(|id| id.place <= confirmed).cloned().collect();
        for id in due {
            self.send_effect(w, &id);
        }
    }

    pub(crate) fn effects_timer(&mut self, w: &mut World<'_>) {
        self.effects_timer = false;
        if self.is_ready() && !self.state.pending.is_empty() {
            self.repeat_effects(w);
            self.resend_effects(w);
        }
    }

    /// The target has it, confirmed.
    pub(crate) fn effect_done(&mut self, w: &mut World<'_>, id: &EffectId) {
        // What cannot be written now is repeated, and answered again.
        if self.trouble.read_only || !self.state.pending.contains_key(id) {
            return;
        }
        let Some(done) = self.state.pending.remove(id) else { return };
        self.rows().push(Row::EffectDone(id.clone()));
        self.effects_back_off.reset();
        self.mark_dirty(w);
        let next = self.state.pending.iter().find(|(_, e)| e.target == done.target && keeps_order(e));
        if keeps_order(&done)
            && let Some(next) = next.map(|(id, _)| id.clone()).filter(|next| next.place <= self.confirm.place)
        {
            self.send_effect(w, &next);
        }
        self.answer_waiting(w, id);
        self.chore_may_go_on(w);
    }

    /// An effect of another room.
    pub(crate) fn effect(&mut self, w: &mut World<'_>, effect: Box<CauseEffect>) -> Option<Waiting> {
        if self.trouble.read_only || self.flight.has_effect(&effect.id) || self.confirm.has_taken(&effect.id) {
            return None;
        }
        if self.state.taken.contains(&effect.id) && !planted::is(Bug::EffectTakenTwice) {
            self.answer_effect(w, &effect.id);
            return None;
        }
        // A full room takes it when it is repeated.
        if self.flight.len() + self.confirm.unconfirmed() >= w.shared.settings.limits.room_in_flight {
            return None;
        }
        if self.flight.is_busy() && keeps_order(&effect) {
            return Some(Waiting::Effect(effect));
        }
        let proposals = match &effect.action {
            Action::Notify(notice) => vec![EventBody::Notified(Box::new(notice.clone()))],
            Action::Record(Fact::UserErased { .. }) => {
                self.begin_forgetting(w, effect);
                return None;
            }
            Action::Record(fact) if self.state.facts().knows(fact) => Vec::new(),
            Action::Record(fact) => vec![EventBody::Recorded(Box::new(fact.clone()))],
            Action::BeginDirect { low, high } => self.begin_direct(&effect, low, high),
            Action::EraseUser { .. } if self.key.kind == RoomKind::Directory => {
                self.begin_forgetting(w, effect);
                return None;
            }
            Action::EraseUser { user } => {
                self.begin_erasing(w, &effect, user);
                return None;
            }
        };
        if proposals.is_empty() {
            self.effect_taken(w, effect.id);
            return None;
        }
        let last = proposals.len() - 1;
        for (i, body) in proposals.into_iter().enumerate() {
            let mut proposal = self.proposal_of(&effect, body);
            // The last of them says that the effect is taken.
            if i == last {
                proposal.asker = Asker::Effect(effect.id.clone());
            }
            self.propose(w, proposal);
        }
        None
    }

    fn proposal_of(&self, effect: &CauseEffect, body: EventBody) -> Box<Proposal> {
        let member = if let EventBody::Joined { user, .. } = &body { Some(user.clone()) } else { None };
        let mut proposal = Proposal::new(body, effect.by.clone(), effect.at, self.state.last);
        proposal.privileged = true;
        if let Some(user) = member {
            let inbox = RoomKey { realm: self.key.realm.clone(), kind: RoomKind::Inbox, name: user };
            let notice = Notice { room: self.key.clone(), place: Place::START, kind: NoticeKind::MemberOf };
            proposal.effects.push((inbox, Action::Notify(notice)));
        }
        proposal
    }

    /// What a direct room still lacks: after a crash it may have begun in part.
    fn begin_direct(&self, effect: &CauseEffect, low: &UserId, high: &UserId) -> Vec<EventBody> {
        let mut bodies = Vec::new();
        if !self.state.is_created() {
            let info = RoomInfo { access: Access::Members, created_at: effect.at, ..RoomInfo::default() };
            bodies.push(EventBody::Updated(Arc::new(info)));
        }
        for user in [low, high] {
            if self.state.role(user).is_none() {
                bodies.push(EventBody::Joined { user: user.clone(), role: Role::Member });
            }
        }
        bodies
    }

    /// With the batch of this turn; its cause is told when that is confirmed.
    pub(crate) fn effect_taken(&mut self, w: &mut World<'_>, id: EffectId) {
        // A session tells the directory of its user without a cause that could be repeated.
        if id.place == Place::START {
            return;
        }
        self.state.taken.insert(id.clone());
        self.rows().push(Row::EffectTaken(id.clone()));
        self.confirm.done.push(id);
        self.mark_dirty(w);
    }

    fn answer_effect(&self, w: &mut World<'_>, id: &EffectId) {
        w.send_home(&id.cause, ToHome::EffectDone(id.clone()));
    }
}

/// A user was seen by its inbox. Nobody repeats it: the user's next session does.
pub(crate) fn seen(inbox: &RoomKey, directory: &RoomKey, user: &UserId, display: &str, at: Millis) -> CauseEffect {
    CauseEffect {
        id: EffectId { cause: inbox.clone(), place: Place::START, index: 0 },
        target: directory.clone(),
        by: user.clone(),
        at,
        action: Action::Record(Fact::UserSeen { user: user.clone(), display: display.to_owned() }),
    }
}
