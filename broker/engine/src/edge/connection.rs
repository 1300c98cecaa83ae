//! One connection as its edge knows it, and all connections of a shard by slot.

use super::bucket::Bucket;
use super::consult::Held;
use super::session::{Entering, Session};
use crate::message::{ConnId, Lane};
use core::net::IpAddr;
use rookery_protocol::dialect::contract::{Dialect, DialectId, Encoding, Stage};
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::{Realm, RoomHandle};
use smallvec::SmallVec;

pub(super) struct Connection {
    pub id: ConnId,
    pub dialect_id: DialectId,
    pub dialect: &'static dyn Dialect,
    pub stage: Stage,
    /// Where it knocked; its principal may be of another one.
    pub realm: Realm,
    pub address: Option<IpAddr>,
    /// None: a stranger.
    pub session: Option<Session>,
    /// A token is being looked at; what is asked meanwhile waits.
    pub entering: Option<Box<Entering>>,
    /// A command waits for a hook; what is asked meanwhile waits behind it.
    pub held: Option<Box<Held>>,
    pub subs: SmallVec<[Sub; 1]>,
    /// Attaches under way, by their number in [`super::awaited::Awaited`].
    pub attaching: SmallVec<[u32; 2]>,
    /// Commands without their reply.
    pub in_flight: u32,
    pub bucket: Bucket,
    pub refusals: Refusals,
    /// A stranger is sent away at this time.
    pub enter_by: Option<u64>,
    pub heard_at: u64,
    pub pinged_at: u64,
    /// Bytes of a message that it has begun and not finished.
    pub unfinished: u32,
    /// Since when its socket takes nothing.
    pub stalled_at: Option<u64>,
    /// When its deadlines are looked at next; a timer is set for this time.
    pub check_at: u64,
    /// Pages under way.
    pub pulls: u8,
    /// Whose turn it is to be fed.
    pub feed_next: u16,
    pub closing: Option<DropReason>,
}

/// A subscription as its connection knows it. The rest stands in the room's lane, at `index`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sub {
    pub room: RoomHandle,
    /// Of its room's key, so that a room is found by its key without a look at each.
    pub tag: u32,
    pub lane: Lane,
    pub index: u32,
    pub standing: Standing,
    pub presence: Presence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Live,
    CatchingUp,
}

/// Whether its client knows who is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    Known,
    /// Something was left out: a snapshot is due as soon as it is live and its outbox low.
    Due,
    Asked,
}

/// Refusals that are the client's doing, within a minute.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refusals {
    since: u64,
    count: u32,
}

const MINUTE_MS: u64 = 60_000;

impl Refusals {
    /// How many there are with this one.
    pub fn count(&mut self, now: u64) -> u64 {
        if now.saturating_sub(self.since) >= MINUTE_MS {
            *self = Refusals { since: now, count: 0 };
        }
        self.count += 1;
        u64::from(self.count)
    }
}

impl Connection {
    pub fn encoding(&self) -> Encoding {
        Encoding { dialect: self.dialect_id, variant: self.dialect.variant(&self.stage) }
    }

    /// An answer from elsewhere is under way, and what it asks waits for that.
    pub fn is_waiting(&self) -> bool {
        self.entering.is_some() || self.held.is_some()
    }

    pub fn sub(&self, room: RoomHandle) -> Option<&Sub> {
        self.subs.iter().find(|s| s.room == room)
    }

    pub fn sub_mut(&mut self, room: RoomHandle) -> Option<&mut Sub> {
        self.subs.iter_mut().find(|s| s.room == room)
    }
}

/// Slots are reused, last freed first, each time with a new generation.
#[derive(Default)]
pub(super) struct Connections {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Slot {
    generation: u32,
    // Boxed: a slot that was used once costs little when it is free.
    connection: Option<Box<Connection>>,
}

impl Connections {
    /// The id that the next connection gets.
    pub fn reserve(&mut self) -> ConnId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let entry = &mut self.slots[slot as usize];
        // 0 stands for nobody.
        entry.generation = entry.generation.wrapping_add(1).max(1);
        ConnId { slot, generation: entry.generation }
    }

    pub fn put(&mut self, connection: Connection) {
        let slot = connection.id.slot as usize;
        self.slots[slot].connection = Some(Box::new(connection));
    }

    pub fn get(&self, id: ConnId) -> Option<&Connection> {
        self.at(id.slot).filter(|c| c.id == id)
    }

    pub fn get_mut(&mut self, id: ConnId) -> Option<&mut Connection> {
        self.at_mut(id.slot).filter(|c| c.id == id)
    }

    pub fn at(&self, slot: u32) -> Option<&Connection> {
        self.slots.get(slot as usize)?.connection.as_deref()
    }

    pub fn at_mut(&mut self, slot: u32) -> Option<&mut Connection> {
        self.slots.get_mut(slot as usize)?.connection.as_deref_mut()
    }

    pub fn remove(&mut self, id: ConnId) -> Option<Box<Connection>> {
        self.get(id)?;
        self.free.push(id.slot);
        self.slots[id.slot as usize].connection.take()
    }

    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// By slot, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.slots.iter().filter_map(|s| s.connection.as_deref())
    }
}
