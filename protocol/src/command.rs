//! What can be asked. One variant per command; [`crate::catalog`] has one row for each.

use crate::ids::{AckLevel, DuplicateKey, Name, Place, Realm, RoomHandle, UserId};
use crate::message::{Attachment, BodyKind};
use std::sync::Arc;

/// How a client names a room. The kind is part of the form, never of a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoomRef {
    /// As told when subscribing; valid on the connection that is subscribed.
    Handle(RoomHandle),
    /// An ordinary room, of the principal's realm unless another is named.
    Room { realm: Option<Realm>, name: Name },
    /// A room of two, by the name that [`Command::DirectRoom`] answered.
    Direct { name: Name },
    /// The principal's own.
    Inbox,
    /// Of the principal's organisation, or realm.
    Lobby,
    /// Of the principal's organisation, or realm.
    Directory,
}

/// Moved several times on its way home, so what makes a seldom variant large is boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    // --- of a session
    Authenticate {
        token: String,
    },
    Refresh {
        token: String,
    },
    /// Authenticate (if a token is given) and subscribe, in one frame.
    Resume {
        token: Option<String>,
        rooms: Vec<SubscribeRoom>,
    },
    Ping,
    SetStatus {
        status: Status,
        text: String,
    },
    QueryPresence {
        users: Vec<UserId>,
    },

    // --- of a room
    Subscribe {
        rooms: Vec<SubscribeRoom>,
    },
    Unsubscribe {
        rooms: Vec<RoomRef>,
    },
    Post(Post),
    Edit {
        room: RoomRef,
        target: Place,
        kind: Option<BodyKind>,
        body: Arc<[u8]>,
        metadata: Option<String>,
        ack: Option<AckLevel>,
    },
    Delete {
        room: RoomRef,
        target: Place,
        ack: Option<AckLevel>,
    },
    React {
        room: RoomRef,
        target: Place,
        reaction: Name,
    },
    Unreact {
        room: RoomRef,
        target: Place,
        reaction: Name,
    },
    Pin {
        room: RoomRef,
        target: Place,
    },
    Unpin {
        room: RoomRef,
        target: Place,
    },
    MarkRead {
        room: RoomRef,
        place: Place,
        mark: ReadMark,
    },
    Typing {
        room: RoomRef,
        on: bool,
    },
    History {
        room: RoomRef,
        from: HistoryFrom,
        limit: u32,
        thread: Option<Place>,
    },
    Roster {
        room: RoomRef,
        of: RosterOf,
        after: Option<UserId>,
        limit: u32,
    },
    Create {
        room: RoomRef,
        settings: Box<RoomSettings>,
        members: Vec<UserId>,
    },
    Update {
        room: RoomRef,
        settings: Box<RoomSettings>,
    },
    Archive {
        room: RoomRef,
        archived: bool,
    },
    DeleteRoom {
        room: RoomRef,
    },
    Join {
        room: RoomRef,
    },
    Leave {
        room: RoomRef,
    },
    Invite {
        room: RoomRef,
        user: UserId,
        role: Role,
    },
    RemoveMember {
        room: RoomRef,
        user: UserId,
    },
    SetRole {
        room: RoomRef,
        user: UserId,
        role: Role,
    },
    Describe {
        room: RoomRef,
    },

    // --- of a realm
    ListRooms {
        mine: bool,
        after: Option<Name>,
        limit: u32,
    },
    DirectRoom {
        user: UserId,
    },
    Users {
        after: Option<UserId>,
        limit: u32,
    },
    Search {
        query: String,
        limit: u32,
    },
    UnreadSummary {
        after: Option<Name>,
        limit: u32,
    },

    // --- of a backend
    Broadcast {
        rooms: Vec<RoomRef>,
        post: Box<Post>,
    },
    Disconnect {
        user: UserId,
    },
    Revoke(Revocation),
    Erase {
        user: UserId,
    },
    TakeName {
        name: Name,
        holder: Name,
    },
    ReleaseName {
        name: Name,
        holder: Name,
    },
    TakeNumbers {
        counter: Name,
        count: u32,
    },
}

/// One room to subscribe to, with a cursor if the client has been there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscribeRoom {
    pub room: RoomRef,
    /// The last place the client has; [`Place::START`] asks for everything that is kept. None: from now on.
    pub cursor: Option<Place>,
    pub wants: Wants,
}

/// Which signals a subscription asks for. Part of the lane: subscriptions that want the same share their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Wants {
    /// Who comes and goes in this room.
    pub presence: bool,
    /// No events at all: a summary at most once a second, for rooms in the background.
    pub summary_only: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Ignored in [`Command::Broadcast`], which names its rooms itself.
    pub room: RoomRef,
    pub kind: BodyKind,
    /// Shared from here to the reader: nobody on the way looks into it.
    pub body: Arc<[u8]>,
    pub key: Option<DuplicateKey>,
    /// None: the highest level that the store can reach.
    pub ack: Option<AckLevel>,
    pub extra: Option<Box<PostExtra>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PostExtra {
    pub thread: Option<Place>,
    pub mentions: Vec<UserId>,
    pub attachments: Vec<Attachment>,
    pub metadata: String,
    /// Post only if the room's last place is this one.
    pub expect: Option<Place>,
    pub expires_in_ms: Option<u64>,
    /// Backends may post for a user.
    pub on_behalf_of: Option<UserId>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ReadMark {
    Delivered = 0,
    #[default]
    Read = 1,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    #[default]
    Online = 0,
    Away = 1,
    Busy = 2,
    Offline = 3,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    #[default]
    Member = 0,
    Admin = 1,
    Owner = 2,
}

/// Where a page of history begins. Pages are always given oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryFrom {
    Newest,
    Before(Place),
    After(Place),
    Around(Place),
    /// `n` messages left out, counted from the oldest.
    FromOldest(u64),
    /// `n` messages left out, counted from the newest.
    FromNewest(u64),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum RosterOf {
    /// Who belongs to the room.
    #[default]
    Members = 0,
    /// Who is subscribed now.
    Present = 1,
}

/// Who may enter a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Access {
    /// Everybody of the realm.
    #[default]
    Open = 0,
    /// Whose token names the room in its claims.
    Claims = 1,
    /// Members.
    Members = 2,
}

/// What can be said about a room; None leaves it as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomSettings {
    pub title: Option<String>,
    pub topic: Option<String>,
    pub description: Option<String>,
    pub access: Option<Access>,
    /// Listed in the directory.
    pub listed: Option<bool>,
    /// One JSON value, opaque to us.
    pub metadata: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    Token { id: Name },
    User { user: UserId },
    IssuedBefore { user: UserId, at: u64 },
}

words! {
    ReadMark "read mark" { Delivered = "delivered", Read = "read" }
    Status "status" { Online = "online", Away = "away", Busy = "busy", Offline = "offline" }
    Role "role" { Member = "member", Admin = "admin", Owner = "owner" }
    RosterOf "roster of" { Members = "members", Present = "present" }
    Access "access" { Open = "open", Claims = "claims", Members = "members" }
}
