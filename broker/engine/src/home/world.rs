//! What a room has at hand while it works: time, ports, the way out, and what all rooms of the shard share.

use super::sessions::Sessions;
use crate::fanout::{Outbound, Pinned};
use crate::message::{ConnId, ReplyTo, ShardId, ToEdge, ToHome};
use crate::placement;
use crate::ports::{Now, Ports, Ticket};
use crate::settings::Settings;
use crate::tally::Tally;
use crate::timers::Timers;
use foldhash::fast::FixedState;
use rookery_protocol::command::Access;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::RoomInfo;
use rookery_protocol::ids::{Epoch, RoomHandle, RoomKey, UserId};
use rookery_protocol::reply::{Refusal, Reply};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// For look-ups only: its order says nothing, but it is the same in every replay of a seed.
pub(crate) type Map<K, V> = HashMap<K, V, FixedState>;

pub(crate) struct World<'a> {
    pub now: Now,
    pub ports: &'a mut dyn Ports,
    pub out: &'a mut Outbound,
    pub shared: &'a mut Shared,
}

/// What rooms of one shard share.
pub(crate) struct Shared {
    pub settings: Arc<Settings>,
    pub pinned: Arc<Pinned>,
    /// Numbers what rooms place from now on; a failed write raises it.
    pub run: Epoch,
    tickets: u64,
    pub timers: Timers<Due>,
    /// Rooms that have something for the end of this turn, in the order they were touched.
    pub dirty: Vec<RoomHandle>,
    /// Rooms whose batch goes to the store when the sockets are written.
    pub unhurried: Vec<RoomHandle>,
    /// Rooms that wait for the store.
    pub faulty: BTreeSet<RoomHandle>,
    /// By inbox: connections of its user. Beside the inbox itself, so that a connection costs no load.
    pub sessions: Map<RoomKey, Box<Sessions>>,
    plain: [Arc<RoomInfo>; 3],
    /// Events that got their place, by the number of their kind.
    pub events: Tally<EVENTS>,
}

/// Numbers of kinds are below this: each is a bit of a profile's set.
pub(crate) const EVENTS: usize = u64::BITS as usize;

/// Everything that a home does later by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The room may be forgotten.
    Idle(RoomHandle),
    /// A user without connections has left.
    Grace(RoomHandle, UserId),
    /// A batch of comings and goings, or a count.
    Presence(RoomHandle),
    Summary(RoomHandle),
    /// Unanswered effects go again.
    Effects(RoomHandle),
    /// The store is asked again: to load, to take a probe, to take what is held.
    Store(RoomHandle),
    /// Messages may have expired.
    Expiry(RoomHandle),
    /// What need not be kept goes.
    Retention(RoomHandle),
    /// Work of many steps goes on.
    Chore(RoomHandle),
    /// A gathered answer waits no longer.
    Gather(RoomHandle, u32),
    /// A reply that waited for an effect waits no longer.
    Patience(RoomHandle),
    /// Replies that wait for the store to settle wait no longer.
    Settling(RoomHandle),
    /// The lobby is told that a user is offline.
    Offline(RoomKey),
}

impl Shared {
    pub fn new(settings: Arc<Settings>) -> Shared {
        let plain = |access| Arc::new(RoomInfo { access, ..RoomInfo::default() });
        Shared {
            pinned: Arc::new(Pinned::default()),
            run: settings.run,
            tickets: 0,
            timers: Timers::default(),
            dirty: Vec::new(),
            unhurried: Vec::new(),
            faulty: BTreeSet::new(),
            sessions: Map::default(),
            plain: [plain(Access::Open), plain(Access::Claims), plain(Access::Members)],
            events: Tally::default(),
            settings,
        }
    }

    pub fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub fn shard_of(&self, room: &RoomKey) -> ShardId {
        placement::shard_of(room, self.settings.placement_key, self.settings.shards)
    }

    /// How a room presents itself that nobody created.
    pub fn plain_info(&self, access: Access) -> &Arc<RoomInfo> {
        match access {
            Access::Open => &self.plain[0],
            Access::Claims => &self.plain[1],
            Access::Members => &self.plain[2],
        }
    }
}

impl World<'_> {
    pub fn reply(&mut self, to: ReplyTo, reply: Reply) {
        if to.to.conn == ConnId::NOBODY {
            return;
        }
        self.out.late(
            to.to.shard,
            ToEdge::Reply { to: to.to.conn, number: to.number, row: to.row, gather: to.gather, reply },
        );
    }

    pub fn refuse(&mut self, to: ReplyTo, refusal: Refusal) {
        self.reply(to, Reply::Refused(refusal));
    }

    pub fn refuse_code(&mut self, to: ReplyTo, code: ErrorCode) {
        self.refuse(to, Refusal::new(code));
    }

    /// To the home of a room, wherever it lives.
    pub fn send_home(&mut self, room: &RoomKey, message: ToHome) {
        let shard = self.shared.shard_of(room);
        self.out.to_home(shard, message);
    }

    pub fn after(&mut self, ms: u64, due: Due) {
        let at = self.now.mono.saturating_add(ms);
        self.shared.timers.set(at, due);
    }
}

/// Doubles from `first` up to `most`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BackOff {
    last: u64,
}

impl BackOff {
    pub fn next(&mut self, first: u64, most: u64) -> u64 {
        self.last = (self.last.saturating_mul(2)).clamp(first, most);
        self.last
    }

    pub fn reset(&mut self) {
        self.last = 0;
    }
}
