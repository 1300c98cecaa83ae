//! What an event does to those who listen: its bytes, and the subscriptions that it ends.

use super::here::Ending;
use super::room::Room;
use super::world::World;
use crate::message::{Address, ShardId, ToEdge, Whom};
use crate::planted::{self, Bug};
use crate::ports::Row;
use rookery_protocol::command::Access;
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::{Event, EventBody, Fact, RoomInfo};
use rookery_protocol::ids::{RoomKind, UserId};
use rookery_protocol::reply::EndReason;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Room {
    /// In a class that delivers when placed: right then; in the others: when it is confirmed.
    pub(crate) fn deliver(&mut self, w: &mut World<'_>, event: &Arc<Event>, origin: Option<Address>) {
        let room = RoomOnWire { handle: self.handle, key: &self.key };
        self.fanout.event(room, event, self.delivered, origin, &w.shared.pinned, w.out);
        self.delivered = event.place;
        // A batch that is confirmed between turns changes nothing else that would call for the end of one.
        self.mark_dirty(w);
        match &event.body {
            EventBody::Posted(message) => self.summarise(w, event, message),
            EventBody::Edited(_) | EventBody::Deleted { .. } => {
                self.recent.settle(event);
                if let Some(target) = event.body.target() {
                    self.pages.changed(target.seq, event);
                }
            }
            EventBody::Left { user, .. } => self.end_user(w, user, EndReason::Removed),
            EventBody::Updated(info) => self.updated(w, info),
            EventBody::Recorded(fact) => {
                if matches!(&**fact, Fact::UserErased { user } if *user == self.key.name) {
                    self.begin_parting(w);
                }
            }
            EventBody::Reacted { .. }
            | EventBody::Unreacted { .. }
            | EventBody::Pinned { .. }
            | EventBody::Unpinned { .. }
            | EventBody::Joined { .. }
            | EventBody::RoleSet { .. }
            | EventBody::Notified(_)
            | EventBody::Void => {}
        }
    }

    /// What is told beyond the room once it is confirmed.
    pub(crate) fn announce(&mut self, w: &mut World<'_>, events: &[Arc<Event>]) {
        if self.key.kind != RoomKind::Directory {
            return;
        }
        for event in events {
            if let EventBody::Recorded(fact) = &event.body
                && matches!(**fact, Fact::TokenRevoked { .. } | Fact::UserRevoked { .. })
            {
                self.tell_edges(w, fact);
                self.forget_outlived(w);
            }
        }
    }

    /// Of a directory: revocations that can be about no token any more.
    pub(crate) fn forget_outlived(&mut self, w: &mut World<'_>) {
        let life_ms = w.shared.settings.token_life_ms(&self.key.realm);
        if self.key.kind != RoomKind::Directory || life_ms == 0 {
            return;
        }
        let outlived = self.state.facts.as_mut().map(|facts| facts.take_outlived(w.now.wall, life_ms));
        for fact in outlived.unwrap_or_default() {
            self.rows().push(Row::Outlived(fact));
            self.mark_dirty(w);
        }
    }

    /// An edge asks once in a run, before it welcomes anybody of this realm; what comes later it is told.
    pub(crate) fn tell_revocations(&self, w: &mut World<'_>, shard: ShardId, facts: Option<Vec<Fact>>) {
        w.out.late(shard, ToEdge::Revocations { realm: self.key.realm.clone(), facts });
    }

    fn tell_edges(&self, w: &mut World<'_>, fact: &Fact) {
        for shard in (0..w.shared.settings.shards).map(ShardId) {
            w.out.late(shard, ToEdge::Revoked { realm: self.key.realm.clone(), fact: fact.clone() });
        }
    }

    fn updated(&mut self, w: &mut World<'_>, info: &RoomInfo) {
        if info.deleted {
            self.end_subscriptions(w, &Ending::All, EndReason::RoomDeleted, None);
            self.begin_clearing(w);
            return;
        }
        let lost: Vec<UserId> = match info.access {
            Access::Open => return,
            Access::Claims => {
                self.here.users_without(|user, pass| pass.claims || pass.backend || self.state.role(user).is_some())
            }
            Access::Members => self.here.users_without(|user, pass| pass.backend || self.state.role(user).is_some()),
        };
        for user in lost {
            self.end_user(w, &user, EndReason::AccessLost);
        }
    }

    fn end_user(&mut self, w: &mut World<'_>, user: &UserId, reason: EndReason) {
        if planted::is(Bug::RemovalKeepsSubscriptions) {
            return;
        }
        self.end_subscriptions(w, &Ending::User(user.clone()), reason, None);
    }

    /// Ends subscriptions behind everything that was written so far: nothing of the room comes after.
    pub(crate) fn end_subscriptions(
        &mut self,
        w: &mut World<'_>,
        ending: &Ending,
        reason: EndReason,
        close: Option<DropReason>,
    ) {
        let code = match reason {
            EndReason::RoomDeleted => ErrorCode::NoSuchRoom,
            EndReason::Removed | EndReason::AccessLost => ErrorCode::NotAMember,
            EndReason::Replaced => ErrorCode::TooManyConnections,
        };
        // Whose subscription has not begun yet is refused: no detach of it will come.
        for attach in self.answers.take_attaches(ending) {
            let detached = self.here.forget_unanswered(attach.reply_to.to, attach.lane);
            self.detached(w, attach.lane, attach.reply_to.to, detached);
            w.refuse_code(attach.reply_to, code);
        }
        let ended = self.here.end(ending);
        if !ended.addresses.is_empty() {
            self.seal(w);
            let told: BTreeSet<(ShardId, Whom)> = ended
                .addresses
                .iter()
                .map(|address| match ending {
                    Ending::All => (address.shard, Whom::All),
                    Ending::User(user) => (address.shard, Whom::User(user.clone())),
                    Ending::One(one) => (one.shard, Whom::Connection(one.conn)),
                })
                .collect();
            for (shard, whom) in told {
                let (room, at) = (self.handle, self.delivered);
                w.out.ordered(shard, ToEdge::Ended { room, whom, at, reason, close });
            }
            for (lane, shard) in ended.silent {
                self.fanout.unlisten(lane, shard);
            }
        }
        for user in ended.gone {
            self.departed(w, user);
        }
    }
}
