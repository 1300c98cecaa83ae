//! The one answer to each command, and the marks that tell one subscription where it stands.

use crate::command::{Role, Status};
use crate::errors::ErrorCode;
use crate::event::{Event, PresenceOf, RoomInfo};
use crate::ids::{AckLevel, Epoch, Millis, Name, Ordinal, Place, Realm, RoomHandle, RoomKey, UserId};
use crate::message::Message;
use std::sync::Arc;

/// Exactly one per command; a command that names several rooms gets one per room, in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing to add.
    Done,
    Welcome(Box<Welcome>),
    Pong {
        at: Millis,
    },
    Subscribed(Box<Subscribed>),
    Unsubscribed {
        room: RoomHandle,
    },
    /// Of post, edit, delete and every other command that places one event.
    Placed {
        place: Place,
        ordinal: Option<Ordinal>,
        level: AckLevel,
        duplicate: bool,
    },
    History(Box<Page>),
    Roster {
        members: Vec<RosterEntry>,
        count: u64,
        more: bool,
    },
    Described(Box<Described>),
    Presence {
        users: Vec<PresenceOf>,
    },
    Rooms {
        rooms: Vec<RoomEntry>,
        more: bool,
    },
    Direct {
        name: Name,
    },
    Users {
        users: Vec<UserEntry>,
        more: bool,
    },
    Unread {
        rooms: Vec<UnreadEntry>,
        more: bool,
    },
    Numbers {
        first: u64,
        count: u32,
    },
    /// Of a broadcast: how many rooms took it; the others with their reasons.
    Broadcast {
        placed: u32,
        refused: Vec<(u32, ErrorCode)>,
    },
    /// Of disconnect, revoke, erase: how many it touched.
    Counted {
        count: u64,
    },
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Welcome {
    pub user: UserId,
    pub realm: Realm,
    pub run: Epoch,
    pub now: Millis,
    /// The server pings this often; silence longer than `silence_ms` ends the connection on either side.
    pub ping_ms: u32,
    pub silence_ms: u32,
    pub max_message_bytes: u32,
    pub max_rooms: u32,
    /// The highest ack level that the store can reach: the default.
    pub ack: AckLevel,
    pub expires_at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    pub room: RoomKey,
    /// Stands for the room on this connection from here on.
    pub handle: RoomHandle,
    pub start: Start,
    /// Everything above this place follows as events.
    pub from: Place,
    /// The room's end as of now; a resume is complete when `resumed` says so.
    pub end: Place,
    /// Messages so far.
    pub messages: Ordinal,
    /// One's own watermark, with its ordinal.
    pub read: Place,
    pub read_ordinal: Ordinal,
    pub info: Arc<RoomInfo>,
    pub role: Option<Role>,
    pub present: u64,
}

/// A room as it is now, for whoever does not subscribe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    pub room: RoomKey,
    pub info: Arc<RoomInfo>,
    /// The room's end as of now: what follows it was placed later.
    pub end: Place,
    /// Messages so far.
    pub messages: Ordinal,
    /// Members.
    pub count: u64,
    pub present: u64,
    /// The asker's own.
    pub role: Option<Role>,
}

/// How a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// From now on.
    Live,
    /// Every missed event follows, then the mark `resumed`.
    Resuming,
    /// The cursor cannot be continued; load what is missing before `from` by history.
    Gap(GapReason),
    /// The cursor lay beyond what was promised: drop everything above `above`, then as `Resuming`.
    Retract { above: Place },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum GapReason {
    /// Older than what is kept for replay.
    TooOld = 0,
    /// A place of a room that was deleted and created anew, or of a future that never was.
    UnknownPlace = 1,
    /// The subscription lagged further behind than what is kept.
    Lagged = 2,
}

/// What a subscription, not a command, is told: to one connection, in order with its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The catching up that a cursor asked for is complete; from here on live.
    Resumed { room: RoomHandle, at: Place },
    /// What lies between the last event and `from` is not delivered; history has what is kept.
    Gap { room: RoomHandle, reason: GapReason, from: Place },
    /// No more of this room: everything up to `at` was delivered.
    Ended { room: RoomHandle, at: Place, reason: EndReason },
    /// Who is here: after subscribing with presence, and again when presence was shed.
    Present { room: RoomHandle, users: Vec<UserId>, count: u64, complete: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EndReason {
    Removed = 0,
    RoomDeleted = 1,
    /// A newer connection of the same user in this room.
    Replaced = 2,
    AccessLost = 3,
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: ErrorCode,
    /// Which of the command's rooms it concerns, counted from 0, where the command named several and the others go on.
    pub room: Option<u32>,
    /// When trying again makes sense; 0: see the code's row.
    pub retry_after_ms: u32,
    /// What exactly, and how to mend it. Never a token, never a body.
    pub detail: String,
}

impl Refusal {
    pub fn new(code: ErrorCode) -> Refusal {
        Refusal { code, room: None, retry_after_ms: 0, detail: String::new() }
    }

    pub fn because(code: ErrorCode, detail: impl Into<String>) -> Refusal {
        Refusal { code, room: None, retry_after_ms: 0, detail: detail.into() }
    }

    pub fn later(code: ErrorCode, retry_after_ms: u32) -> Refusal {
        Refusal { code, room: None, retry_after_ms, detail: String::new() }
    }

    /// Of a command that named several rooms: this one alone is refused.
    pub fn of_room(mut self, index: u32) -> Refusal {
        self.room = Some(index);
        self
    }
}

/// A page of messages, oldest first, in their present version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub messages: Vec<Arc<Message>>,
    pub reactions: Vec<ReactionCount>,
    /// The confirmed place at which this page was fenced.
    pub fence: Place,
    pub more_before: bool,
    pub more_after: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReactionCount {
    pub target: Place,
    pub reaction: Name,
    pub count: u64,
    pub sample: Vec<UserId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    pub user: UserId,
    pub role: Option<Role>,
    pub present: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomEntry {
    pub room: RoomKey,
    pub title: String,
    pub role: Option<Role>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserEntry {
    pub user: UserId,
    pub display: String,
    pub status: Status,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadEntry {
    pub room: RoomKey,
    pub last: Place,
    pub unread: u64,
    pub last_line: Option<Arc<Message>>,
}

/// Events as a page of replay carries them.
pub type Replay = Vec<Arc<Event>>;

/// One row per kind of reply: its number in the binary encoding and its word in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReplyKind {
    Done = 80,
    Welcome = 81,
    Pong = 82,
    Subscribed = 83,
    Unsubscribed = 84,
    Placed = 85,
    History = 86,
    Roster = 87,
    Presence = 88,
    Rooms = 89,
    Direct = 90,
    Users = 91,
    Unread = 92,
    Numbers = 93,
    Broadcast = 94,
    Counted = 95,
    Refused = 96,
    Described = 97,
}

/// One row per kind of mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MarkKind {
    Resumed = 64,
    Gap = 65,
    Ended = 66,
    Present = 67,
}

words! {
    ReplyKind "reply" {
        Done = "done", Welcome = "welcome", Pong = "pong", Subscribed = "subscribed", Unsubscribed = "unsubscribed",
        Placed = "placed", History = "history", Roster = "roster", Presence = "presence", Rooms = "rooms",
        Direct = "direct", Users = "users", Unread = "unread", Numbers = "numbers", Broadcast = "broadcast",
        Counted = "counted", Refused = "refused", Described = "described",
    }
    MarkKind "mark" { Resumed = "resumed", Gap = "gap", Ended = "ended", Present = "present" }
    GapReason "gap reason" { TooOld = "too_old", UnknownPlace = "unknown_place", Lagged = "lagged" }
    EndReason "end reason" {
        Removed = "removed", RoomDeleted = "room_deleted", Replaced = "replaced", AccessLost = "access_lost",
    }
}

impl Reply {
    pub fn kind(&self) -> ReplyKind {
        match self {
            Reply::Done => ReplyKind::Done,
            Reply::Welcome(_) => ReplyKind::Welcome,
            Reply::Pong { .. } => ReplyKind::Pong,
            Reply::Subscribed(_) => ReplyKind::Subscribed,
            Reply::Unsubscribed { .. } => ReplyKind::Unsubscribed,
            Reply::Placed { .. } => ReplyKind::Placed,
            Reply::History(_) => ReplyKind::History,
            Reply::Roster { .. } => ReplyKind::Roster,
            Reply::Described(_) => ReplyKind::Described,
            Reply::Presence { .. } => ReplyKind::Presence,
            Reply::Rooms { .. } => ReplyKind::Rooms,
            Reply::Direct { .. } => ReplyKind::Direct,
            Reply::Users { .. } => ReplyKind::Users,
            Reply::Unread { .. } => ReplyKind::Unread,
            Reply::Numbers { .. } => ReplyKind::Numbers,
            Reply::Broadcast { .. } => ReplyKind::Broadcast,
            Reply::Counted { .. } => ReplyKind::Counted,
            Reply::Refused(_) => ReplyKind::Refused,
        }
    }
}

impl Mark {
    pub fn kind(&self) -> MarkKind {
        match self {
            Mark::Resumed { .. } => MarkKind::Resumed,
            Mark::Gap { .. } => MarkKind::Gap,
            Mark::Ended { .. } => MarkKind::Ended,
            Mark::Present { .. } => MarkKind::Present,
        }
    }

    pub fn room(&self) -> RoomHandle {
        match self {
            Mark::Resumed { room, .. }
            | Mark::Gap { room, .. }
            | Mark::Ended { room, .. }
            | Mark::Present { room, .. } => *room,
        }
    }
}
