//! A connection begins to listen, or stops: access, interest, presence, and where it begins.

use super::epochs::Stand;
use super::here::{Detached, Ending, Pass};
use super::line::Waiting;
use super::presence::has_presence;
use super::rights;
use super::room::Room;
use super::turn::Attaching;
use super::world::World;
use crate::message::{Address, Attach, Detach, Lane, ToEdge};
use crate::settings::SecondConnection;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::{Place, UserId};
use rookery_protocol::limits;
use rookery_protocol::reply::{EndReason, GapReason, Refusal, Start, Subscribed};

impl Room {
    /// Lets a connection in; it is answered at the end of the turn.
    pub(crate) fn attach(&mut self, w: &mut World<'_>, attach: Box<Attach>) -> Option<Waiting> {
        if let Err(code) = rights::enter(&self.state, &self.key, self.class.implicit, &attach.who) {
            if self.flight.is_busy() {
                return Some(Waiting::Attach(attach));
            }
            w.refuse(attach.reply_to, Refusal::new(code));
            return None;
        }
        let (address, user) = (attach.reply_to.to, attach.who.user.clone());
        let replaced = match self.class.second_connection {
            SecondConnection::Allowed => Default::default(),
            SecondConnection::Replaces => self.here.others_of(&user, address),
        };
        let pass = Pass { claims: rights::has_claim(&attach.who, &self.key.name), backend: attach.who.powers.backend };
        let grace_ms = attach.presence_grace_ms.unwrap_or(self.class.presence_grace_ms);
        if self.here.attach(address, attach.lane, &user, pass, grace_ms) {
            self.arrived(w, user.clone(), address);
        }
        for older in replaced {
            self.end_subscriptions(w, &Ending::One(older), EndReason::Replaced, Some(DropReason::Replaced));
        }
        self.answers.attaches.push(Attaching {
            reply_to: attach.reply_to,
            lane: attach.lane,
            user,
            cursor: attach.cursor,
            from: self.delivered,
        });
        self.mark_dirty(w);
        None
    }

    /// A subscription is gone. Needs no state, so it is taken up at once, also while the room is loading.
    pub(crate) fn detach(&mut self, w: &mut World<'_>, detach: Detach) {
        let detached = self.here.detach(detach.address, detach.lane);
        self.detached(w, detach.lane, detach.address, detached);
    }

    pub(crate) fn detached(&mut self, w: &mut World<'_>, lane: Lane, address: Address, detached: Detached) {
        if detached.silent {
            // Whoever else attaches in this turn listens from its end on: nothing of it is lost.
            self.seal(w);
            self.fanout.unlisten(lane, address.shard);
        }
        if let Some((user, grace_ms)) = detached.last_of {
            self.leaves(w, user, grace_ms);
        }
    }

    /// The lane is heard from here on, and the connection is told where it stands.
    pub(crate) fn answer_attach(&mut self, w: &mut World<'_>, attaching: Attaching) {
        let Attaching { reply_to, lane, user, cursor, from } = attaching;
        if !self.fanout.listens(lane, reply_to.to.shard) {
            self.fanout.listen(lane, reply_to.to.shard);
        }
        let (start, from) = match cursor {
            // What was taken back since it attached, it never had.
            None => (Start::Live, if self.holds_place(from) { from } else { self.delivered }),
            Some(cursor) => self.start_of(cursor),
        };
        let marks = self.state.marks(&user);
        let info = match &self.state.info {
            Some(info) => info.clone(),
            None => w.shared.plain_info(self.class.access).clone(),
        };
        let subscribed = Box::new(Subscribed {
            room: self.key.clone(),
            handle: self.handle,
            start,
            from,
            end: self.delivered,
            messages: self.confirm.messages,
            read: marks.read.0,
            read_ordinal: marks.read.1,
            info,
            role: self.state.role(&user),
            present: self.here.count() as u64,
        });
        let (to, number, row, gather) = (reply_to.to.conn, reply_to.number, reply_to.row, reply_to.gather);
        w.out.late(reply_to.to.shard, ToEdge::Attached { to, number, row, gather, lane, subscribed });
        if lane.wants.presence && has_presence(self.key.kind) {
            self.tell_who(w, reply_to.to);
        }
    }

    /// Who is here: everybody, or of a crowd a few.
    pub(crate) fn tell_who(&mut self, w: &mut World<'_>, to: Address) {
        let count = self.here.count();
        let complete = count <= limits::PRESENCE_MEDIUM as usize;
        let most = if complete { count } else { limits::PRESENCE_SAMPLE as usize };
        let users: Vec<UserId> = self.here.users_after(None).take(most).cloned().collect();
        let count = count as u64;
        w.out.late(to.shard, ToEdge::Present { to: to.conn, room: self.handle, users, count, complete });
    }

    fn holds_place(&self, place: Place) -> bool {
        place <= self.delivered && self.state.stand(place, self.run) == Stand::Here
    }

    /// How a subscription with a cursor begins.
    fn start_of(&self, cursor: Place) -> (Start, Place) {
        let end = self.delivered;
        if cursor == Place::START {
            return (Start::Resuming, self.state.replay_from);
        }
        // Placed, but told to nobody yet, in a class that delivers when stored: it comes, or never was.
        if cursor > end && cursor <= self.state.last {
            return (Start::Resuming, end);
        }
        match self.state.stand(cursor, self.run) {
            Stand::Here if cursor < self.state.replay_from => (Start::Gap(GapReason::TooOld), end),
            Stand::Here => (Start::Resuming, cursor),
            Stand::TakenBack { above, .. } if above < self.state.replay_from => (Start::Gap(GapReason::TooOld), end),
            Stand::TakenBack { above, .. } => (Start::Retract { above }, above),
            Stand::Unknown => (Start::Gap(GapReason::UnknownPlace), end),
        }
    }
}
