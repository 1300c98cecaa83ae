//! Work of many steps that a room does by itself: after its deletion, when a user is erased, when messages expire.
//!
//! A few events at a time, so that the room stays usable, and from the beginning after a crash: each step looks at what
//! is left.

mod erasing;

use super::epochs::next_life;
use super::flight::Proposal;
use super::line::Waiting;
use super::parked::Sought;
use super::recent::Known;
use super::room::Room;
use super::world::{Due, World};
use crate::message::{Action, CauseEffect, EffectId};
use crate::ports::{Fetch, Fetched, Row, StoreFault, Ticket};
use erasing::Forget;
use rookery_protocol::event::{Departure, EventBody, Notice, NoticeKind};
use rookery_protocol::ids::{Place, RoomKey, RoomKind, UserId};
use rookery_protocol::limits;
use rookery_protocol::message::Message;
use std::collections::VecDeque;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Chores {
    /// One at a time, from the front.
    list: VecDeque<Chore>,
    /// The page of places that was asked for.
    asked: Option<Ticket>,
    /// Messages of a page that are not decided yet.
    sweeping: usize,
    /// A step did not succeed: it is made again.
    failed: bool,
    timer: bool,
}

#[derive(Debug)]
enum Chore {
    /// The room is deleted: members leave, then all records go.
    Clear,
    /// Of an inbox whose user is erased: its rooms are told.
    Part,
    /// And then the others in which the user has said something.
    Seek { after: Option<RoomKey>, more: bool },
    /// A user's membership and messages go.
    Erase { effect: EffectId, user: UserId, after: Place, more: bool },
    /// Messages whose time has come.
    Expire { more: bool },
    /// Of a directory: a user is erased, and the changes in which it was seen go.
    Forget(Box<Forget>),
}

/// Events of one step.
const STEP: usize = 64;
const PAUSE_MS: u64 = 20;
const AGAIN_MS: u64 = 1000;

impl Chores {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl Room {
    /// After a load, and when the store takes writes again.
    pub(crate) fn resume_chores(&mut self, w: &mut World<'_>) {
        // Those of inboxes and deleted rooms begin anew.
        self.chores.list.retain(|chore| !matches!(chore, Chore::Clear | Chore::Part | Chore::Seek { .. }));
        for chore in &mut self.chores.list {
            if let Chore::Forget(forget) = chore {
                forget.begin_anew();
            }
        }
        self.chores.asked = None;
        self.chores.sweeping = 0;
        if self.state.is_deleted() && !self.state.is_blank() {
            self.chores.list.push_back(Chore::Clear);
        }
        if self.key.kind == RoomKind::Inbox && self.state.facts().erased.contains(&self.key.name) {
            self.chores.list.push_back(Chore::Part);
        }
        self.chore_soon(w, PAUSE_MS);
    }

    pub(crate) fn begin_clearing(&mut self, w: &mut World<'_>) {
        self.chores.list.push_back(Chore::Clear);
        self.chore_soon(w, PAUSE_MS);
    }

    pub(crate) fn begin_parting(&mut self, w: &mut World<'_>) {
        self.chores.list.push_back(Chore::Part);
        self.chore_soon(w, PAUSE_MS);
    }

    pub(crate) fn begin_erasing(&mut self, w: &mut World<'_>, effect: &CauseEffect, user: &UserId) {
        let known = |chore: &Chore| matches!(chore, Chore::Erase { effect: id, .. } if *id == effect.id);
        if !self.chores.list.iter().any(known) {
            let (effect, user) = (effect.id.clone(), user.clone());
            self.chores.list.push_back(Chore::Erase { effect, user, after: Place::START, more: true });
        }
        self.chore_soon(w, PAUSE_MS);
    }

    pub(crate) fn begin_forgetting(&mut self, w: &mut World<'_>, effect: Box<CauseEffect>) {
        let known = |chore: &Chore| matches!(chore, Chore::Forget(forget) if forget.effect.id == effect.id);
        if !self.chores.list.iter().any(known) {
            self.chores.list.push_back(Chore::Forget(Box::new(Forget::new(*effect))));
        }
        self.chore_soon(w, PAUSE_MS);
    }

    pub(crate) fn begin_expiring(&mut self, w: &mut World<'_>) {
        if !self.chores.list.iter().any(|chore| matches!(chore, Chore::Expire { .. })) {
            self.chores.list.push_back(Chore::Expire { more: true });
        }
        self.chore_soon(w, PAUSE_MS);
    }

    pub(crate) fn chore_may_go_on(&mut self, w: &mut World<'_>) {
        if !self.chores.is_empty() {
            self.chore_soon(w, PAUSE_MS);
        }
    }

    fn chore_soon(&mut self, w: &mut World<'_>, ms: u64) {
        if !self.chores.timer && !self.chores.is_empty() {
            self.chores.timer = true;
            w.after(ms, Due::Chore(self.handle));
        }
    }

    /// One step of the first chore.
    pub(crate) fn chore_timer(&mut self, w: &mut World<'_>) {
        self.chores.timer = false;
        if self.chores.is_empty() {
            return;
        }
        let full = self.flight.len() + self.confirm.unconfirmed() + STEP > w.shared.settings.limits.room_in_flight
            || self.state.pending.len() + STEP > limits::EFFECTS_PENDING as usize;
        let rests = self.is_ready() && !self.trouble.read_only && !self.flight.is_busy();
        if !rests || full || self.chores.asked.is_some() || self.chores.sweeping > 0 {
            return self.chore_soon(w, AGAIN_MS);
        }
        let pause = if std::mem::take(&mut self.chores.failed) { AGAIN_MS } else { PAUSE_MS };
        let Some(chore) = self.chores.list.pop_front() else { return };
        let left = match chore {
            Chore::Clear => self.clear_step(w),
            Chore::Part => self.part_step(w),
            Chore::Erase { effect, user, after, more } => self.erase_step(w, effect, user, after, more),
            Chore::Expire { more } => self.expire_step(w, more),
            Chore::Seek { after, more } => self.seek_step(w, after, more),
            Chore::Forget(forget) => self.forget_step(w, forget),
        };
        if let Some(chore) = left {
            self.chores.list.push_front(chore);
        }
        self.chore_soon(w, pause);
    }

    fn clear_step(&mut self, w: &mut World<'_>) -> Option<Chore> {
        if !self.state.is_deleted() || self.state.is_blank() {
            return None;
        }
        let members: Vec<UserId> = self.state.members.keys().take(STEP).cloned().collect();
        for user in &members {
            self.propose_departure(w, user, Departure::RoomDeleted);
        }
        // The records go only when nothing of them is needed any more, and in a batch of their own beginning.
        if members.is_empty() && self.state.pending.is_empty() && self.confirm.is_idle() {
            self.state.wipe();
            self.recent.clear();
            self.pages.clear();
            self.run = next_life(self.state.last.epoch, w.shared.run);
            let info = self.state.info.clone();
            self.rows().push(Row::Wipe);
            self.rows().extend(info.map(Row::Info));
            self.mark_dirty(w);
            return None;
        }
        Some(Chore::Clear)
    }

    fn expire_step(&mut self, w: &mut World<'_>, more: bool) -> Option<Chore> {
        if !more {
            return None;
        }
        let what = Fetch::Expired { at: w.now.wall, limit: STEP as u32 };
        self.ask_for(w, Chore::Expire { more }, &what)
    }

    /// Asks the store what the chore needs next, and returns the chore as the answer leaves it, if that is there at once.
    fn ask_for(&mut self, w: &mut World<'_>, chore: Chore, what: &Fetch) -> Option<Chore> {
        self.chores.list.push_front(chore);
        let ticket = w.shared.ticket();
        match w.ports.fetch(ticket, self.handle, &self.key, what) {
            Some(answer) => self.chore_answered(w, answer),
            None => self.chores.asked = Some(ticket),
        }
        self.chores.list.pop_front()
    }

    pub(crate) fn chore_fetched(&mut self, w: &mut World<'_>, ticket: Ticket, answer: Result<Fetched, StoreFault>) {
        if self.chores.asked == Some(ticket) {
            self.chores.asked = None;
            self.chore_answered(w, answer);
        }
    }

    fn chore_answered(&mut self, w: &mut World<'_>, answer: Result<Fetched, StoreFault>) {
        let sweeps = match (self.chores.list.front_mut(), answer) {
            (Some(Chore::Erase { after, more, .. }), Ok(Fetched::Places(places))) => {
                *more = places.len() >= STEP;
                *after = places.last().copied().unwrap_or(*after);
                places
            }
            (Some(Chore::Expire { more }), Ok(Fetched::Places(places))) => {
                *more = places.len() >= STEP;
                places
            }
            (Some(Chore::Seek { after, more }), Ok(Fetched::Rooms { rooms, reached })) => {
                *more = reached.is_some();
                *after = reached;
                self.said_in(w, &rooms);
                Vec::new()
            }
            (Some(Chore::Forget(forget)), Ok(Fetched::Places(_))) => {
                forget.is_trimmed = true;
                Vec::new()
            }
            (_, _) => {
                self.chores.failed = true;
                return self.chore_soon(w, AGAIN_MS);
            }
        };
        self.chores.sweeping = sweeps.len();
        for target in sweeps {
            self.take_up(w, Waiting::Sweep { target, sought: Sought::new() });
        }
        self.chore_soon(w, PAUSE_MS);
    }

    /// Deletes one message, if it is there.
    pub(crate) fn sweep(&mut self, w: &mut World<'_>, target: Place, mut sought: Sought) {
        let what = Fetch::Message(target);
        let found = match (self.recent.message(target), sought.pop()) {
            (Known::Message(message), _) => Some(message),
            (Known::Gone, _) => None,
            (Known::Elsewhere, Some((_, Fetched::Message(found)))) => found,
            (Known::Elsewhere, _) => match self.seek(w, &what) {
                Ok(Some(Fetched::Message(found))) => found,
                Ok(Some(_)) => None,
                Ok(None) => return self.park(&what, Waiting::Sweep { target, sought: Sought::new() }),
                Err(_) => return self.swept(w, false),
            },
        };
        if let Some(base) = found.filter(|message| !message.is_deleted()) {
            self.propose_deletion(w, base);
        }
        self.swept(w, true);
    }

    /// The user's inbox is told, also of an erased user: it may have come back meanwhile.
    fn propose_departure(&mut self, w: &mut World<'_>, user: &UserId, why: Departure) {
        let body = EventBody::Left { user: user.clone(), why };
        let mut left = Proposal::new(body, user.clone(), w.now.wall, self.state.last);
        left.privileged = true;
        let inbox = RoomKey { realm: self.key.realm.clone(), kind: RoomKind::Inbox, name: user.clone() };
        let kind = NoticeKind::NoLongerMember;
        left.effects.push((inbox, Action::Notify(Notice { room: self.key.clone(), place: Place::START, kind })));
        self.propose(w, left);
    }

    fn propose_deletion(&mut self, w: &mut World<'_>, base: Arc<Message>) {
        let body = EventBody::Deleted { target: base.place };
        let mut deleted = Proposal::new(body, base.sender.clone(), w.now.wall, self.state.last);
        deleted.privileged = true;
        deleted.base = Some(base);
        self.propose(w, deleted);
    }

    pub(crate) fn swept(&mut self, w: &mut World<'_>, done: bool) {
        self.chores.sweeping = self.chores.sweeping.saturating_sub(1);
        if !done {
            self.restart_chore();
        }
        self.chore_may_go_on(w);
    }

    /// A message could not be looked at: the page is made again.
    fn restart_chore(&mut self) {
        self.chores.failed = true;
        match self.chores.list.front_mut() {
            Some(Chore::Erase { after, more, .. }) => (*after, *more) = (Place::START, true),
            Some(Chore::Expire { more }) => *more = true,
            Some(Chore::Clear | Chore::Part | Chore::Seek { .. } | Chore::Forget(_)) | None => {}
        }
    }
}
