//! Users with connections on this shard: their share of what a user may do, and which connections are theirs.

use super::bucket::{Bucket, Pace};
use foldhash::fast::FixedState;
use rookery_protocol::ids::{Realm, UserId};
use rookery_protocol::principal::Principal;
use slab::Slab;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

pub(super) struct Users {
    hasher: FixedState,
    /// By the hash of the id: the first of a chain. The same id may stand for somebody else in another realm.
    first: HashMap<u64, u32, FixedState>,
    users: Slab<User>,
}

pub(super) struct User {
    /// As the latest of the user's tokens on this shard says.
    pub principal: Arc<Principal>,
    pub bucket: Bucket,
    /// On so many shards the user has connections.
    pub of: u32,
    next: u32,
    /// Slots, in the order in which they came.
    pub conns: SmallVec<[u32; 4]>,
}

const NOBODY: u32 = u32::MAX;

impl Users {
    pub fn new(seed: u64) -> Users {
        let hasher = FixedState::with_seed(seed);
        Users { hasher, first: HashMap::with_hasher(FixedState::with_seed(seed)), users: Slab::new() }
    }

    /// One more connection of this user. Answers with the user's number here.
    pub fn enter(&mut self, principal: &Arc<Principal>, slot: u32, now: u64, pace: Pace) -> u32 {
        let number = match self.find(&principal.realm, &principal.user) {
            Some(number) => number,
            None => {
                let chain = self.first.entry(self.hasher.hash_one(&principal.user)).or_insert(NOBODY);
                let (bucket, conns) = (Bucket::full(now, pace), SmallVec::new());
                let user = User { principal: principal.clone(), bucket, of: pace.of, next: *chain, conns };
                let number = self.users.insert(user) as u32;
                *chain = number;
                number
            }
        };
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
        let hash = self.hasher.hash_one(&user.principal.user);
        match self.first.get(&hash).copied() {
            Some(first) if first != number => {
                let mut at = first;
                while let Some(before) = self.users.get_mut(at as usize) {
                    if before.next == number {
                        before.next = user.next;
                    }
                    at = before.next;
                }
            }
            _ if user.next == NOBODY => drop(self.first.remove(&hash)),
            _ => drop(self.first.insert(hash, user.next)),
        }
    }

    pub fn get(&self, number: u32) -> Option<&User> {
        self.users.get(number as usize)
    }

    pub fn get_mut(&mut self, number: u32) -> Option<&mut User> {
        self.users.get_mut(number as usize)
    }

    pub fn find(&self, realm: &Realm, user: &UserId) -> Option<u32> {
        self.named(user).find(|(_, u)| u.principal.realm == *realm).map(|(number, _)| number)
    }

    /// Connections of everybody of this name, whatever the realm.
    pub fn slots_of(&self, user: &UserId, into: &mut Vec<u32>) {
        for (_, user) in self.named(user) {
            into.extend_from_slice(&user.conns);
        }
    }

    fn named(&self, user: &UserId) -> impl Iterator<Item = (u32, &User)> {
        let first = self.first.get(&self.hasher.hash_one(user)).copied().unwrap_or(NOBODY);
        let one = move |number: u32| self.users.get(number as usize).map(|u| (number, u));
        let chain = std::iter::successors(one(first), move |(_, u)| one(u.next));
        chain.filter(move |(_, u)| u.principal.user == *user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::Name;

    const PACE: Pace = Pace { per_second: 1, burst: 1, of: 1 };

    fn somebody(realm: &str, user: &str) -> Arc<Principal> {
        let mut principal = super::super::tests::principal(user);
        principal.realm = Name::new(realm).unwrap();
        Arc::new(principal)
    }

    #[test]
    fn the_same_name_in_two_realms_is_two_users() {
        let mut users = Users::new(3);
        let people = [somebody("a", "ann"), somebody("b", "ann"), somebody("c", "ann"), somebody("a", "bob")];
        let numbers: Vec<u32> = people.iter().zip(10..).map(|(p, slot)| users.enter(p, slot, 0, PACE)).collect();
        assert_eq!(users.enter(&people[1], 20, 0, PACE), numbers[1]);
        let slots = |users: &Users, user: &str| {
            let mut slots = Vec::new();
            users.slots_of(&Name::new(user).unwrap(), &mut slots);
            slots.sort_unstable();
            slots
        };
        assert_eq!(slots(&users, "ann"), [10, 11, 12, 20]);
        for (i, slot) in [(1, 11), (0, 10), (1, 20), (2, 12)] {
            users.leave(numbers[i], slot);
            assert!(!slots(&users, "ann").contains(&slot));
        }
        assert_eq!((slots(&users, "ann"), slots(&users, "bob")), (vec![], vec![13]));
        assert_eq!((users.first.len(), users.users.len()), (1, 1));
    }
}
