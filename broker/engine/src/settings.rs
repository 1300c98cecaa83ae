//! Room classes and the limits in force: what may differ between realms, without the engine knowing why.

use crate::message::ShardId;
use crate::ports::Consulted;
use rookery_protocol::command::Access;
use rookery_protocol::ids::{AckLevel, Epoch, Millis, Realm, RoomKey, RoomKind};
use rookery_protocol::limits;
use rookery_protocol::principal::covers;
use std::sync::Arc;

/// What holds for a whole shard while it runs.
#[derive(Clone, Debug)]
pub struct Settings {
    pub shard: ShardId,
    pub shards: u8,
    /// Number of this start of the node.
    pub run: Epoch,
    /// Keys the placement of rooms, so that nobody can aim names at one shard.
    pub placement_key: u64,
    /// The highest ack level that the store can reach.
    pub reach: AckLevel,
    /// The level at which the store confirms: `reach`, or a lower one that comes earlier.
    pub confirms: AckLevel,
    pub realms: Vec<RealmSettings>,
    pub limits: Limits,
}

#[derive(Clone, Debug)]
pub struct RealmSettings {
    pub realm: Realm,
    /// The first whose pattern matches; the last one should match everything.
    pub classes: Vec<Arc<RoomClass>>,
    /// No token of this realm lives longer. 0: nobody knows, and no revocation is forgotten.
    pub token_life_ms: u64,
    pub hook: Decides,
}

/// What a realm's hook has a say in. Who comes in at all is between it and [`Ports::verify`](crate::ports::Ports::verify).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decides {
    pub subscribe: bool,
    pub post: bool,
}

/// What sets rooms apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomClass {
    pub name: String,
    /// Matches room names: a literal, or a prefix that ends in `*`.
    pub pattern: String,
    /// Access of rooms that were not created by a command.
    pub access: Access,
    /// The first subscribe or post makes the room.
    pub implicit: bool,
    pub deliver: Deliver,
    pub on_failure: OnFailure,
    /// 0: no bound of its own.
    pub keep_messages: u64,
    pub keep_ms: u64,
    /// Changes are kept for so long: how far back a resume may reach. 0: for ever.
    pub resume_ms: u64,
    pub presence_grace_ms: u32,
    /// A user's second connection in the room.
    pub second_connection: SecondConnection,
    pub events_per_second: u32,
    pub events_burst: u32,
    pub max_members: u32,
    /// In direct rooms: tell the sender what was delivered and read.
    pub reports: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliver {
    Placed,
    Stored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Read-only, said aloud.
    Refuse,
    /// Accepted within a bound and tried again.
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondConnection {
    Allowed,
    Replaces,
}

impl Default for RoomClass {
    fn default() -> RoomClass {
        RoomClass {
            name: "default".to_owned(),
            pattern: "*".to_owned(),
            access: Access::Open,
            implicit: true,
            deliver: Deliver::Placed,
            on_failure: OnFailure::Refuse,
            keep_messages: 0,
            keep_ms: 0,
            resume_ms: limits::RESUME_MS,
            presence_grace_ms: limits::PRESENCE_GRACE_MS as u32,
            second_connection: SecondConnection::Allowed,
            events_per_second: limits::ROOM_EVENTS_PER_SECOND as u32,
            events_burst: limits::ROOM_EVENTS_BURST as u32,
            max_members: 100_000,
            reports: true,
        }
    }
}

/// What retention leaves of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub messages: u64,
    /// What happened before these times goes.
    pub messages_since: Millis,
    pub changes_since: Millis,
}

impl RoomClass {
    pub fn keep(&self, now: Millis) -> Keep {
        let since = |ms| if ms == 0 { 0 } else { now.saturating_sub(ms) };
        Keep {
            messages: if self.keep_messages == 0 { u64::MAX } else { self.keep_messages },
            messages_since: since(self.keep_ms),
            changes_since: since(self.resume_ms),
        }
    }
}

/// Limits that a configuration may change; the others are constants of [`rookery_protocol::limits`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub commands_per_second: u32,
    pub commands_burst: u32,
    pub user_commands_per_second: u32,
    pub user_commands_burst: u32,
    pub rooms_per_connection: u32,
    /// For languages that have such a cap; 0: none.
    pub connections_per_user: u32,
    /// Commands without a connection that wait for their answer.
    pub calls_per_shard: u32,
    pub auth_deadline_ms: u64,
    pub ping_ms: u64,
    pub silence_ms: u64,
    pub slow_ms: u64,
    pub outbox_shed_bytes: usize,
    pub outbox_low_bytes: usize,
    pub outbox_high_bytes: usize,
    pub outbox_cut_bytes: usize,
    pub pinned_bytes: usize,
    pub alone_bytes: usize,
    pub recent_events: usize,
    pub recent_bytes: usize,
    pub replay_page_events: u64,
    pub room_in_flight: usize,
    pub room_waiting: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            commands_per_second: limits::COMMANDS_PER_SECOND as u32,
            commands_burst: limits::COMMANDS_BURST as u32,
            user_commands_per_second: limits::USER_COMMANDS_PER_SECOND as u32,
            user_commands_burst: limits::USER_COMMANDS_BURST as u32,
            rooms_per_connection: limits::ROOMS_PER_CONNECTION as u32,
            connections_per_user: limits::CONNECTIONS_PER_USER as u32,
            calls_per_shard: limits::CALLS_PER_SHARD as u32,
            auth_deadline_ms: limits::AUTH_DEADLINE_MS,
            ping_ms: limits::PING_MS,
            silence_ms: limits::SILENCE_MS,
            slow_ms: limits::SLOW_MS,
            outbox_shed_bytes: limits::OUTBOX_SHED_BYTES as usize,
            outbox_low_bytes: limits::OUTBOX_LOW_BYTES as usize,
            outbox_high_bytes: limits::OUTBOX_HIGH_BYTES as usize,
            outbox_cut_bytes: limits::OUTBOX_CUT_BYTES as usize,
            pinned_bytes: limits::PINNED_BYTES as usize,
            alone_bytes: limits::ALONE_BYTES as usize,
            recent_events: limits::RECENT_EVENTS as usize,
            recent_bytes: limits::RECENT_BYTES as usize,
            replay_page_events: limits::REPLAY_PAGE_EVENTS,
            room_in_flight: limits::ROOM_IN_FLIGHT as usize,
            room_waiting: limits::ROOM_WAITING as usize,
        }
    }
}

impl Settings {
    pub fn token_life_ms(&self, realm: &Realm) -> u64 {
        self.realms.iter().find(|known| known.realm == *realm).map_or(0, |known| known.token_life_ms)
    }

    /// Whether any realm has a hook that is asked while people talk.
    pub fn has_hooks(&self) -> bool {
        self.realms.iter().any(|realm| realm.hook != Decides::default())
    }

    pub fn consults(&self, realm: &Realm, verb: Consulted) -> bool {
        self.realms.iter().find(|known| known.realm == *realm).is_some_and(|known| match verb {
            Consulted::Subscribe => known.hook.subscribe,
            Consulted::Post => known.hook.post,
        })
    }

    /// The class of a room, or None in a realm that this node does not have.
    pub fn class_of(&self, room: &RoomKey) -> Option<Arc<RoomClass>> {
        class_of(&self.realms, room)
    }
}

/// The class of a room, or None in none of these realms.
pub fn class_of(realms: &[RealmSettings], room: &RoomKey) -> Option<Arc<RoomClass>> {
    let realm = realms.iter().find(|r| r.realm == room.realm)?;
    let fits = |c: &&Arc<RoomClass>| match room.kind {
        RoomKind::Room => covers(&c.pattern, room.name.as_str()),
        // Rooms that have no client's name take the class that matches everything.
        RoomKind::Direct | RoomKind::Inbox | RoomKind::Lobby | RoomKind::Directory => c.pattern == "*",
    };
    realm.classes.iter().find(fits).cloned()
}
