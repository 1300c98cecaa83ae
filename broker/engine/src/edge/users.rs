//! Users with connections on this shard: their share of what a user may do, and which connections are theirs.

use super::bucket::{Bucket, Pace};
use foldhash::fast::FixedState;
use rookery_protocol::ids::{RoomKey, UserId};
use slab::Slab;
use smallvec::SmallVec;
use std::collections::HashMap;

pub(super) struct Users {
    /// The same id may stand for somebody else in another realm.
    by_id: HashMap<UserId, SmallVec<[u32; 2]>, FixedState>,
    users: Slab<User>,
}

pub(super) struct User {
    pub inbox: RoomKey,
    pub bucket: Bucket,
    pub pace: Pace,
    /// Slots, in the order in which they came.
    pub conns: SmallVec<[u32; 2]>,
}

impl Users {
    pub fn new(seed: u64) -> Users {
        Users { by_id: HashMap::with_hasher(FixedState::with_seed(seed)), users: Slab::new() }
    }

    /// A connection of the user who has this inbox. Answers with the user's number here.
    pub fn enter(&mut self, inbox: &RoomKey, slot: u32, now: u64, pace: Pace) -> u32 {
        let known = self.find(inbox);
        let number = known.unwrap_or_else(|| {
            let conns = SmallVec::new();
            let user = User { inbox: inbox.clone(), bucket: Bucket::full(now, pace), pace, conns };
            let number = self.users.insert(user) as u32;
            self.by_id.entry(inbox.name.clone()).or_default().push(number);
            number
        });
        self.users[number as usize].conns.push(slot);
        number
    }

    pub fn leave(&mut self, number: u32, slot: u32) {
        let Some(user) = self.users.get_mut(number as usize) else { return };
        user.conns.retain(|s| *s != slot);
        if !user.conns.is_empty() {
            return;
        }
        let user = self.users.remove(number as usize);
        if let Some(same) = self.by_id.get_mut(&user.inbox.name) {
            same.retain(|n| *n != number);
            if same.is_empty() {
                self.by_id.remove(&user.inbox.name);
            }
        }
    }

    pub fn get(&self, number: u32) -> Option<&User> {
        self.users.get(number as usize)
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut User> {
        self.users.get_mut(number as usize)
    }

    pub fn find(&self, inbox: &RoomKey) -> Option<u32> {
        let same = self.by_id.get(&inbox.name)?;
        same.iter().copied().find(|n| self.users.get(*n as usize).is_some_and(|u| u.inbox == *inbox))
    }

    /// Connections of everybody of this name, whatever the realm.
    pub fn slots_of(&self, user: &UserId, into: &mut Vec<u32>) {
        for number in self.by_id.get(user).into_iter().flatten() {
            if let Some(user) = self.users.get(*number as usize) {
                into.extend_from_slice(&user.conns);
            }
        }
    }
}
