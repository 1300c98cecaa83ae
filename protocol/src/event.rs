//! What can happen in a room: events have a place and are kept; signals have none and are shed first.

use crate::command::{Access, ReadMark, Role, Status};
use crate::ids::{Millis, Name, Place, RoomKey, UserId};
use crate::message::Message;
use std::sync::Arc;

/// A placed fact of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub place: Place,
    pub at: Millis,
    /// Whose command caused it.
    pub by: UserId,
    pub body: EventBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// Replay shows the message as it is now, not as it was posted; clients apply only rising versions.
    Posted(Arc<Message>),
    /// The whole message as it is now.
    Edited(Arc<Message>),
    Deleted {
        target: Place,
    },
    Reacted {
        target: Place,
        reaction: Name,
    },
    Unreacted {
        target: Place,
        reaction: Name,
    },
    Pinned {
        target: Place,
    },
    Unpinned {
        target: Place,
    },
    Joined {
        user: UserId,
        role: Role,
    },
    Left {
        user: UserId,
        why: Departure,
    },
    RoleSet {
        user: UserId,
        role: Role,
    },
    /// Also the first event of a room that was created by command.
    Updated(Arc<RoomInfo>),
    /// Of inboxes: something elsewhere concerns this user.
    Notified(Box<Notice>),
    /// Of directories: what the directory decided.
    Recorded(Box<Fact>),
    /// A place without content and ordinal.
    Void,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Departure {
    /// On the user's own wish.
    Left = 0,
    Removed = 1,
    RoomDeleted = 2,
    Erased = 3,
}

/// A room as it presents itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomInfo {
    pub title: String,
    pub topic: String,
    pub description: String,
    pub access: Access,
    pub listed: bool,
    pub archived: bool,
    pub deleted: bool,
    pub creator: Option<UserId>,
    pub created_at: Millis,
    pub metadata: String,
}

/// What an inbox is told. Carries the cause's room and place, which make it unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub room: RoomKey,
    pub place: Place,
    pub kind: NoticeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NoticeKind {
    Mentioned = 0,
    /// Now a member, by somebody else's or by one's own command.
    MemberOf = 1,
    NoLongerMember = 2,
    RoleChanged = 3,
}

/// What a directory decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    RoomListed {
        room: RoomKey,
        title: String,
    },
    RoomUnlisted {
        room: RoomKey,
    },
    NameTaken {
        name: Name,
        holder: Name,
    },
    NameReleased {
        name: Name,
    },
    /// Numbers `first .. first + count` of the counter are given away.
    NumbersTaken {
        counter: Name,
        first: u64,
        count: u32,
    },
    DirectPaired {
        low: UserId,
        high: UserId,
        room: Name,
    },
    UserSeen {
        user: UserId,
        display: String,
    },
    UserErased {
        user: UserId,
    },
    TokenRevoked {
        id: Name,
    },
    UserRevoked {
        user: UserId,
        issued_before: Millis,
    },
}

/// Something that passes: never placed, never kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    Typing {
        user: UserId,
        on: bool,
    },
    /// Of a lobby: a user's status changed.
    Presence(PresenceOf),
    /// First connection of these users subscribed (small rooms at once, medium rooms in batches).
    Connected {
        users: Vec<UserId>,
    },
    /// Last connection of these users is gone, after the grace time.
    Disconnected {
        users: Vec<UserId>,
    },
    /// Huge rooms: how many, and a few of them.
    Crowd {
        count: u64,
        sample: Vec<UserId>,
    },
    ReadUpTo {
        user: UserId,
        place: Place,
        mark: ReadMark,
    },
    /// Of an inbox: a message of this user was delivered to, or read by, somebody in a direct room.
    Report {
        room: RoomKey,
        by: UserId,
        place: Place,
        mark: ReadMark,
    },
    /// Of an inbox: a newer connection of this user takes an older one's place.
    Replaced,
    /// For rooms in the background; the unread count is the ordinal less that of one's own watermark.
    Summary {
        last: Place,
        ordinal: u64,
        by: UserId,
        at: Millis,
        line: String,
    },
    /// What stood above this place was promised to nobody and is gone; the room goes on in `next`.
    Retract {
        above: Place,
        next: Place,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresenceOf {
    pub user: UserId,
    pub status: Status,
    pub text: String,
    pub last_seen: Millis,
}

impl EventBody {
    /// The message whose version this event carries or changes.
    pub fn target(&self) -> Option<Place> {
        match self {
            EventBody::Posted(m) | EventBody::Edited(m) => Some(m.place),
            EventBody::Deleted { target }
            | EventBody::Reacted { target, .. }
            | EventBody::Unreacted { target, .. }
            | EventBody::Pinned { target }
            | EventBody::Unpinned { target } => Some(*target),
            EventBody::Joined { .. }
            | EventBody::Left { .. }
            | EventBody::RoleSet { .. }
            | EventBody::Updated(_)
            | EventBody::Notified(_)
            | EventBody::Recorded(_)
            | EventBody::Void => None,
        }
    }
}

/// One row per kind of event or signal: number and word on the wire, and the bit by which a profile says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    Posted = 1,
    Edited = 2,
    Deleted = 3,
    Reacted = 4,
    Unreacted = 5,
    Pinned = 6,
    Unpinned = 7,
    Joined = 8,
    Left = 9,
    RoleSet = 10,
    Updated = 11,
    Notified = 12,
    Recorded = 13,
    Void = 14,
    Typing = 33,
    Presence = 34,
    Connected = 35,
    Disconnected = 36,
    Crowd = 37,
    ReadUpTo = 38,
    Report = 39,
    Replaced = 40,
    Summary = 41,
    Retract = 42,
}

impl Kind {
    pub const ALL: [Kind; 24] = [
        Kind::Posted,
        Kind::Edited,
        Kind::Deleted,
        Kind::Reacted,
        Kind::Unreacted,
        Kind::Pinned,
        Kind::Unpinned,
        Kind::Joined,
        Kind::Left,
        Kind::RoleSet,
        Kind::Updated,
        Kind::Notified,
        Kind::Recorded,
        Kind::Void,
        Kind::Typing,
        Kind::Presence,
        Kind::Connected,
        Kind::Disconnected,
        Kind::Crowd,
        Kind::ReadUpTo,
        Kind::Report,
        Kind::Replaced,
        Kind::Summary,
        Kind::Retract,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Kind::Posted => "posted",
            Kind::Edited => "edited",
            Kind::Deleted => "deleted",
            Kind::Reacted => "reacted",
            Kind::Unreacted => "unreacted",
            Kind::Pinned => "pinned",
            Kind::Unpinned => "unpinned",
            Kind::Joined => "joined",
            Kind::Left => "left",
            Kind::RoleSet => "role_set",
            Kind::Updated => "updated",
            Kind::Notified => "notified",
            Kind::Recorded => "recorded",
            Kind::Void => "void",
            Kind::Typing => "typing",
            Kind::Presence => "presence",
            Kind::Connected => "connected",
            Kind::Disconnected => "disconnected",
            Kind::Crowd => "crowd",
            Kind::ReadUpTo => "read_up_to",
            Kind::Report => "report",
            Kind::Replaced => "replaced",
            Kind::Summary => "summary",
            Kind::Retract => "retract",
        }
    }

    /// A set of kinds as bits.
    pub const fn bit(self) -> u64 {
        1 << (self as u8)
    }
}

/// One row per kind of fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FactKind {
    RoomListed = 0,
    RoomUnlisted = 1,
    NameTaken = 2,
    NameReleased = 3,
    NumbersTaken = 4,
    DirectPaired = 5,
    UserSeen = 6,
    UserErased = 7,
    TokenRevoked = 8,
    UserRevoked = 9,
}

words! {
    Departure "departure" { Left = "left", Removed = "removed", RoomDeleted = "room_deleted", Erased = "erased" }
    NoticeKind "notice" {
        Mentioned = "mentioned", MemberOf = "member_of", NoLongerMember = "no_longer_member", RoleChanged = "role_changed",
    }
    FactKind "fact" {
        RoomListed = "room_listed", RoomUnlisted = "room_unlisted", NameTaken = "name_taken",
        NameReleased = "name_released", NumbersTaken = "numbers_taken", DirectPaired = "direct_paired",
        UserSeen = "user_seen", UserErased = "user_erased", TokenRevoked = "token_revoked", UserRevoked = "user_revoked",
    }
}

impl Kind {
    pub fn from_number(n: u64) -> Option<Kind> {
        Self::ALL.into_iter().find(|k| *k as u64 == n)
    }

    pub fn from_word(word: &str) -> Option<Kind> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }

    /// Signals have no place; all others are events.
    pub const fn is_signal(self) -> bool {
        self as u8 >= Kind::Typing as u8
    }
}

impl Fact {
    pub fn kind(&self) -> FactKind {
        match self {
            Fact::RoomListed { .. } => FactKind::RoomListed,
            Fact::RoomUnlisted { .. } => FactKind::RoomUnlisted,
            Fact::NameTaken { .. } => FactKind::NameTaken,
            Fact::NameReleased { .. } => FactKind::NameReleased,
            Fact::NumbersTaken { .. } => FactKind::NumbersTaken,
            Fact::DirectPaired { .. } => FactKind::DirectPaired,
            Fact::UserSeen { .. } => FactKind::UserSeen,
            Fact::UserErased { .. } => FactKind::UserErased,
            Fact::TokenRevoked { .. } => FactKind::TokenRevoked,
            Fact::UserRevoked { .. } => FactKind::UserRevoked,
        }
    }
}

impl EventBody {
    pub fn kind(&self) -> Kind {
        match self {
            EventBody::Posted(_) => Kind::Posted,
            EventBody::Edited(_) => Kind::Edited,
            EventBody::Deleted { .. } => Kind::Deleted,
            EventBody::Reacted { .. } => Kind::Reacted,
            EventBody::Unreacted { .. } => Kind::Unreacted,
            EventBody::Pinned { .. } => Kind::Pinned,
            EventBody::Unpinned { .. } => Kind::Unpinned,
            EventBody::Joined { .. } => Kind::Joined,
            EventBody::Left { .. } => Kind::Left,
            EventBody::RoleSet { .. } => Kind::RoleSet,
            EventBody::Updated(_) => Kind::Updated,
            EventBody::Notified(_) => Kind::Notified,
            EventBody::Recorded(_) => Kind::Recorded,
            EventBody::Void => Kind::Void,
        }
    }
}

impl Signal {
    pub fn kind(&self) -> Kind {
        match self {
            Signal::Typing { .. } => Kind::Typing,
            Signal::Presence(_) => Kind::Presence,
            Signal::Connected { .. } => Kind::Connected,
            Signal::Disconnected { .. } => Kind::Disconnected,
            Signal::Crowd { .. } => Kind::Crowd,
            Signal::ReadUpTo { .. } => Kind::ReadUpTo,
            Signal::Report { .. } => Kind::Report,
            Signal::Replaced => Kind::Replaced,
            Signal::Summary { .. } => Kind::Summary,
            Signal::Retract { .. } => Kind::Retract,
        }
    }
}
