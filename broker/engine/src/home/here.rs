//! Who listens to a room: connections with their lanes, and the users behind them.

use super::world::Map;
use crate::message::{Address, Lane, ShardId};
use rookery_protocol::ids::UserId;
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

#[derive(Debug, Default)]
pub(crate) struct Here {
    connections: Map<Address, Attached>,
    /// How many subscriptions of a shard are on a lane.
    lanes: SmallVec<[(Lane, ShardId, u32); 1]>,
    /// In the order of their names, because rosters go by it.
    users: BTreeMap<UserId, Present>,
}

#[derive(Debug)]
struct Attached {
    user: UserId,
    lanes: SmallVec<[Lane; 1]>,
    /// Subscriptions that the home ended, whose detach is still to come.
    owed: u32,
    pass: Pass,
    grace_ms: u32,
}

/// What let a connection in, beside membership.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pass {
    pub claims: bool,
    pub backend: bool,
}

#[derive(Debug, Default)]
struct Present {
    connections: u32,
    /// When its leaving is to be announced, if it has not come back.
    leaves_at: Option<u64>,
}

/// Whose subscriptions end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    All,
    User(UserId),
    One(Address),
}

impl Ending {
    pub fn meets(&self, address: Address, user: &UserId) -> bool {
        match self {
            Ending::All => true,
            Ending::User(ended) => ended == user,
            Ending::One(ended) => *ended == address,
        }
    }
}

/// Whom an ending met.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    /// In order.
    pub addresses: BTreeSet<Address>,
    /// Nobody listens here any more.
    pub silent: Vec<(Lane, ShardId)>,
    /// Users without a connection now.
    pub gone: Vec<UserId>,
}

/// What a detach left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Detached {
    pub silent: bool,
    /// The user has no connection here any more; its grace time.
    pub last_of: Option<(UserId, u32)>,
}

impl Here {
    /// No connection is attached, and no detach is to come.
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty() && self.users.is_empty()
    }

    /// Users that are here, those in their grace time included.
    pub fn count(&self) -> usize {
        self.users.len()
    }

    pub fn is_present(&self, user: &UserId) -> bool {
        self.users.contains_key(user)
    }

    pub fn users_after(&self, after: Option<&UserId>) -> impl Iterator<Item = &UserId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.users.range::<UserId, _>((from, Bound::Unbounded)).map(|(user, _)| user)
    }

    /// Users none of whose connections may stay.
    pub fn users_without(&self, may_stay: impl Fn(&UserId, Pass) -> bool) -> Vec<UserId> {
        let stays = |a: &&Attached| may_stay(&a.user, a.pass);
        let lost = self.connections.values().filter(|a| !stays(a)).map(|a| a.user.clone());
        lost.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The other connections of a user, in order.
    pub fn others_of(&self, user: &UserId, address: Address) -> BTreeSet<Address> {
        if self.users.get(user).is_none_or(|present| present.connections == 0) {
            return BTreeSet::new();
        }
        let others = self.connections.iter().filter(|(a, c)| **a != address && c.user == *user && !c.lanes.is_empty());
        others.map(|(a, _)| *a).collect()
    }

    /// Answers whether the user has come: it was not here, nor in its grace time.
    pub fn attach(&mut self, address: Address, lane: Lane, user: &UserId, pass: Pass, grace_ms: u32) -> bool {
        let attached = self.connections.entry(address).or_insert_with(|| Attached {
            user: user.clone(),
            lanes: SmallVec::new(),
            owed: 0,
            pass,
            grace_ms,
        });
        attached.pass = pass;
        attached.grace_ms = grace_ms;
        let first_lane = attached.lanes.is_empty();
        attached.lanes.push(lane);
        match self.lanes.iter_mut().find(|(l, s, _)| *l == lane && *s == address.shard) {
            Some((_, _, count)) => *count += 1,
            None => self.lanes.push((lane, address.shard, 1)),
        }
        if !first_lane {
            return false;
        }
        let came = !self.users.contains_key(user);
        let present = self.users.entry(user.clone()).or_default();
        present.connections += 1;
        present.leaves_at = None;
        came
    }

    /// One subscription of a connection is gone. What the home ended itself was gone before.
    pub fn detach(&mut self, address: Address, lane: Lane) -> Detached {
        let nothing = Detached { silent: false, last_of: None };
        let Some(attached) = self.connections.get_mut(&address) else { return nothing };
        if attached.owed > 0 {
            attached.owed -= 1;
            self.forget_if_gone(address);
            return nothing;
        }
        let Some(i) = attached.lanes.iter().position(|l| *l == lane) else { return nothing };
        attached.lanes.swap_remove(i);
        let (user, grace_ms) = (attached.user.clone(), attached.grace_ms);
        let last = attached.lanes.is_empty();
        let silent = self.leave_lane(lane, address.shard);
        self.forget_if_gone(address);
        let last_of = (last && self.leave_user(&user)).then_some((user, grace_ms));
        Detached { silent, last_of }
    }

    /// An attach that was never answered: no detach will follow.
    pub fn forget_unanswered(&mut self, address: Address, lane: Lane) -> Detached {
        let owed = self.connections.get_mut(&address).map(|a| std::mem::take(&mut a.owed)).unwrap_or_default();
        let detached = self.detach(address, lane);
        if owed > 0
            && let Some(attached) = self.connections.get_mut(&address)
        {
            attached.owed = owed;
        }
        detached
    }

    /// Ends subscriptions; their detaches are still to come, and will end nothing.
    pub fn end(&mut self, ending: &Ending) -> Ended {
        let mut ended = Ended::default();
        // Without a user's presence there is nothing to look through.
        if let Ending::User(user) = ending
            && !self.users.contains_key(user)
        {
            return ended;
        }
        let met = self.connections.iter().filter(|(a, c)| !c.lanes.is_empty() && ending.meets(**a, &c.user));
        ended.addresses = met.map(|(address, _)| *address).collect();
        let mut gone = BTreeSet::new();
        for address in &ended.addresses {
            let Some(attached) = self.connections.get_mut(address) else { continue };
            attached.owed += attached.lanes.len() as u32;
            let (user, lanes) = (attached.user.clone(), std::mem::take(&mut attached.lanes));
            for lane in lanes {
                if self.leave_lane(lane, address.shard) {
                    ended.silent.push((lane, address.shard));
                }
            }
            if self.leave_user(&user) {
                gone.insert(user);
            }
        }
        // Whoever is removed has no grace time.
        match ending {
            Ending::All => gone.extend(self.users.keys().cloned()),
            Ending::User(user) => drop(gone.insert(user.clone())),
            Ending::One(_) => {}
        }
        gone.retain(|user| self.users.get(user).is_some_and(|p| p.connections == 0));
        for user in &gone {
            self.users.remove(user);
        }
        ended.gone = gone.into_iter().collect();
        ended
    }

    /// Starts a user's grace time.
    pub fn leaves(&mut self, user: &UserId, at: u64) {
        if let Some(present) = self.users.get_mut(user).filter(|p| p.connections == 0) {
            present.leaves_at = Some(at);
        }
    }

    /// Whether a user's grace time is over; then it is not here any more.
    pub fn has_left(&mut self, user: &UserId, now: u64) -> bool {
        let left = self.users.get(user).is_some_and(|p| p.connections == 0 && p.leaves_at.is_some_and(|at| at <= now));
        if left {
            self.users.remove(user);
        }
        left
    }

    fn leave_lane(&mut self, lane: Lane, shard: ShardId) -> bool {
        let Some(i) = self.lanes.iter().position(|(l, s, _)| *l == lane && *s == shard) else { return false };
        self.lanes[i].2 -= 1;
        let silent = self.lanes[i].2 == 0;
        if silent {
            self.lanes.swap_remove(i);
        }
        silent
    }

    /// One connection less; answers whether it was the last.
    fn leave_user(&mut self, user: &UserId) -> bool {
        let Some(present) = self.users.get_mut(user) else { return false };
        present.connections = present.connections.saturating_sub(1);
        present.connections == 0
    }

    fn forget_if_gone(&mut self, address: Address) {
        if self.connections.get(&address).is_some_and(|a| a.lanes.is_empty() && a.owed == 0) {
            self.connections.remove(&address);
        }
    }
}
