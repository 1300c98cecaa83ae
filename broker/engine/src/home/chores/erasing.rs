//! Erasing a user: the inbox tells the rooms that the user belongs to, then every other one in which the user has said
//! something; each takes out what it has. A directory gives up the changes in which the user was seen.

use super::{Chore, STEP};
use crate::home::flight::Proposal;
use crate::home::room::Room;
use crate::home::world::World;
use crate::message::{Action, CauseEffect, EffectId};
use crate::ports::Fetch;
use crate::settings::Keep;
use rookery_protocol::event::{Departure, EventBody, Fact, Notice, NoticeKind};
use rookery_protocol::ids::{Millis, Place, RoomKey, UserId};

/// A user was seen in a directory, and is erased.
#[derive(Debug)]
pub(super) struct Forget {
    pub effect: CauseEffect,
    is_said: bool,
    /// Where the directory stood when that was said.
    until: Option<Place>,
    pub is_trimmed: bool,
}

impl Forget {
    pub fn new(effect: CauseEffect) -> Forget {
        Forget { effect, is_said: false, until: None, is_trimmed: false }
    }

    /// From the beginning: what was said may have been taken back.
    pub fn begin_anew(&mut self) {
        (self.is_said, self.until, self.is_trimmed) = (false, None, false);
    }
}

/// Drops every change: rows say the same.
const NO_CHANGES: Keep = Keep { messages: u64::MAX, messages_since: 0, changes_since: Millis::MAX };

impl Room {
    pub(super) fn part_step(&mut self, w: &mut World<'_>) -> Option<Chore> {
        let rooms: Vec<RoomKey> = self.state.belongs.values().flatten().take(STEP).cloned().collect();
        for room in &rooms {
            self.tell_of_erasing(w, room);
        }
        Some(if rooms.is_empty() { Chore::Seek { after: None, more: true } } else { Chore::Part })
    }

    /// Rooms that were left, and open ones that were never joined.
    pub(super) fn seek_step(&mut self, w: &mut World<'_>, after: Option<RoomKey>, more: bool) -> Option<Chore> {
        let user = self.key.name.clone();
        if more {
            let what = Fetch::SaidIn { user, after: after.clone(), limit: STEP as u32 };
            return self.ask_for(w, Chore::Seek { after, more }, &what);
        }
        // From here on it is an inbox like any other: the user may come back.
        let seen = Fact::UserSeen { user: user.clone(), display: String::new() };
        let mut over = Proposal::new(EventBody::Recorded(Box::new(seen)), user, w.now.wall, self.state.last);
        over.privileged = true;
        self.propose(w, over);
        None
    }

    /// A page of rooms in which the user has said something.
    pub(super) fn said_in(&mut self, w: &mut World<'_>, rooms: &[RoomKey]) {
        let is_told =
            |room: &RoomKey, e: &CauseEffect| e.target == *room && matches!(e.action, Action::EraseUser { .. });
        for room in rooms {
            if !self.state.pending.values().any(|effect| is_told(room, effect)) {
                self.tell_of_erasing(w, room);
            }
        }
    }

    fn tell_of_erasing(&mut self, w: &mut World<'_>, room: &RoomKey) {
        let user = self.key.name.clone();
        let notice = Notice { room: room.clone(), place: Place::START, kind: NoticeKind::NoLongerMember };
        let mut parts = Proposal::new(EventBody::Notified(Box::new(notice)), user.clone(), w.now.wall, self.state.last);
        parts.privileged = true;
        parts.effects.push((room.clone(), Action::EraseUser { user }));
        self.propose(w, parts);
    }

    pub(super) fn erase_step(
        &mut self,
        w: &mut World<'_>,
        effect: EffectId,
        user: UserId,
        after: Place,
        more: bool,
    ) -> Option<Chore> {
        if self.state.role(&user).is_some() {
            self.propose_departure(w, &user, Departure::Erased);
            return Some(Chore::Erase { effect, user, after, more });
        }
        if !more {
            self.effect_taken(w, effect);
            return None;
        }
        let what = Fetch::BySender { user: user.clone(), after, limit: STEP as u32 };
        self.ask_for(w, Chore::Erase { effect, user, after, more }, &what)
    }

    /// The fact first, so that nothing of before comes behind it; and only when the changes are gone it is taken.
    pub(super) fn forget_step(&mut self, w: &mut World<'_>, mut forget: Box<Forget>) -> Option<Chore> {
        if !forget.is_said {
            forget.is_said = true;
            let fact = match &forget.effect.action {
                Action::Record(fact) => fact.clone(),
                Action::EraseUser { user } => Fact::UserErased { user: user.clone() },
                Action::Notify(_) | Action::BeginDirect { .. } => return None,
            };
            let (body, by) = (EventBody::Recorded(Box::new(fact)), forget.effect.by.clone());
            let mut proposal = Proposal::new(body, by, forget.effect.at, self.state.last);
            proposal.privileged = true;
            self.propose(w, proposal);
            return Some(Chore::Forget(forget));
        }
        let until = *forget.until.get_or_insert(self.state.last);
        if self.confirm.place < until {
            return Some(Chore::Forget(forget));
        }
        if forget.is_trimmed {
            self.effect_taken(w, forget.effect.id);
            return None;
        }
        // Who resumes from before it is told of a gap, here as later from the store.
        self.recent.forget(until.seq);
        self.pages.clear();
        self.state.replay_from = self.state.replay_from.max(until);
        let what = Fetch::Trim { keep: NO_CHANGES, at: w.now.wall };
        self.ask_for(w, Chore::Forget(forget), &what)
    }
}
