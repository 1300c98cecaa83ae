//! Comings and goings, in three sizes: told one by one, in batches, or as a count and a sample.

use super::room::Room;
use super::world::{Due, World};
use crate::message::Address;
use rookery_protocol::event::{Kind, Signal};
use rookery_protocol::ids::{RoomKind, UserId};
use rookery_protocol::limits;
use std::collections::BTreeSet;

const SMALL: usize = limits::PRESENCE_SMALL as usize;
const MEDIUM: usize = limits::PRESENCE_MEDIUM as usize;
/// Users of one signal: a batch of a medium room is told in as many as it takes.
const USERS_PER_SIGNAL: usize = 128;

/// What is not told yet.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    came: BTreeSet<UserId>,
    left: BTreeSet<UserId>,
    /// Of a crowd: its number changed.
    counted: bool,
    timer: bool,
}

/// Only where people talk is it told who is there.
pub(crate) fn has_presence(kind: RoomKind) -> bool {
    match kind {
        RoomKind::Room | RoomKind::Direct => true,
        RoomKind::Inbox | RoomKind::Lobby | RoomKind::Directory => false,
    }
}

impl Room {
    pub(crate) fn arrived(&mut self, w: &mut World<'_>, user: UserId, origin: Address) {
        self.tell(w, user, true, Some(origin));
    }

    pub(crate) fn departed(&mut self, w: &mut World<'_>, user: UserId) {
        self.tell(w, user, false, None);
    }

    /// The last connection of a user is gone: it may come back within its grace time.
    pub(crate) fn leaves(&mut self, w: &mut World<'_>, user: UserId, grace_ms: u32) {
        let at = w.now.mono.saturating_add(u64::from(grace_ms));
        self.here.leaves(&user, at);
        if grace_ms == 0 || !has_presence(self.key.kind) {
            self.here.leaves(&user, w.now.mono);
            return self.grace_over(w, user);
        }
        w.shared.timers.set(at, Due::Grace(self.handle, user));
    }

    pub(crate) fn grace_over(&mut self, w: &mut World<'_>, user: UserId) {
        if self.here.has_left(&user, w.now.mono) {
            self.departed(w, user);
        }
    }

    fn tell(&mut self, w: &mut World<'_>, user: UserId, came: bool, origin: Option<Address>) {
        if !has_presence(self.key.kind) || !self.fanout.wants(Kind::Connected) {
            return;
        }
        let count = self.here.count();
        if count <= SMALL && self.untold.is_empty() {
            let users = vec![user];
            let signal = if came { Signal::Connected { users } } else { Signal::Disconnected { users } };
            return self.signal(w, &signal, origin);
        }
        if count > MEDIUM {
            self.untold.counted = true;
        } else {
            let (add, take) = if came {
                (&mut self.untold.came, &mut self.untold.left)
            } else {
                (&mut self.untold.left, &mut self.untold.came)
            };
            // Who came and left within a batch did neither.
            if !take.remove(&user) {
                add.insert(user);
            }
        }
        if !self.untold.timer {
            self.untold.timer = true;
            w.after(limits::PRESENCE_BATCH_MS, Due::Presence(self.handle));
        }
    }

    pub(crate) fn tell_batch(&mut self, w: &mut World<'_>) {
        let untold = std::mem::take(&mut self.untold);
        if untold.counted || self.here.count() > MEDIUM {
            let sample = self.here.users_after(None).take(limits::PRESENCE_SAMPLE as usize).cloned().collect();
            let count = self.here.count() as u64;
            return self.signal(w, &Signal::Crowd { count, sample }, None);
        }
        let came: Vec<_> = untold.came.into_iter().collect();
        for users in came.chunks(USERS_PER_SIGNAL) {
            self.signal(w, &Signal::Connected { users: users.to_vec() }, None);
        }
        let left: Vec<_> = untold.left.into_iter().collect();
        for users in left.chunks(USERS_PER_SIGNAL) {
            self.signal(w, &Signal::Disconnected { users: users.to_vec() }, None);
        }
    }
}

impl Untold {
    fn is_empty(&self) -> bool {
        self.came.is_empty() && self.left.is_empty() && !self.counted
    }
}
