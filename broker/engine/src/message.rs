//! Everything that edges and homes say to each other, on one core or across cores: two closed lists.

use crate::fanout::Chunk;
use rookery_protocol::catalog::Row;
use rookery_protocol::command::{Command, Role, Status, Wants};
use rookery_protocol::dialect::contract::{Encoding, Number};
use rookery_protocol::errors::DropReason;
use rookery_protocol::event::{Fact, Notice, Signal};
use rookery_protocol::ids::{Millis, Name, Place, RoomHandle, RoomKey, RoomKind, UserId};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{EndReason, GapReason, Reply, Subscribed};
use std::sync::Arc;

/// One pinned thread of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u8);

/// A connection of one shard. The generation makes a message to a connection that is gone fall on nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    pub slot: u32,
    pub generation: u32,
}

impl ConnId {
    /// Where the node itself asks. No edge has sent the command, so none is told the answer: it would take it for one of
    /// its own, and count one less under way.
    pub const NOBODY: ConnId = ConnId { slot: u32::MAX, generation: 0 };
    /// Where a [`Caller`] asks: no connection has this slot. Its edge knows which caller by its own number of the answer.
    pub const CALLER: ConnId = ConnId { slot: u32::MAX, generation: 1 };
}

/// Somebody who asks one thing and has no connection. The shell numbers them; a number is given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller(pub u64);

/// A connection of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub shard: ShardId,
    pub conn: ConnId,
}

/// Subscriptions that get identical bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    pub encoding: Encoding,
    pub wants: Wants,
}

/// The directory that speaks for a whole realm.
pub(crate) fn realms_directory(realm: &rookery_protocol::ids::Realm) -> RoomKey {
    RoomKey { realm: realm.clone(), kind: RoomKind::Directory, name: Name::literal("*") }
}

/// Where an answer goes, and as what.
#[derive(Clone, Copy, Debug)]
pub struct ReplyTo {
    pub to: Address,
    pub number: Number,
    pub row: &'static Row,
    /// The edge's own number for a command that it split over several rooms.
    pub gather: Option<u32>,
}

/// A room, by what the asker knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RoomAddress {
    Handle(RoomHandle),
    Key(RoomKey),
}

/// A command on its way home.
#[derive(Debug)]
pub struct Envelope {
    pub room: RoomAddress,
    pub who: Arc<Principal>,
    pub reply_to: ReplyTo,
    /// Wall clock at the edge.
    pub at: Millis,
    pub command: Command,
}

/// What a home is told. Thousands wait in one turn: what makes a seldom one large is boxed.
#[derive(Debug)]
pub enum ToHome {
    /// Answered by exactly one [`ToEdge::Reply`], unless [`ConnId::NOBODY`] asks.
    Command(Box<Envelope>),
    /// One room of a subscribe or resume. Answered by [`ToEdge::Attached`], or a reply that refuses. Either carries the
    /// attach's `gather`, by which the edge knows which of a frame's rooms is meant.
    Attach(Box<Attach>),
    /// Never refused, never answered.
    Detach(Detach),
    /// The page of a lane's events after a place. Answered by one [`ToEdge::Page`] to the asking shard.
    Pull {
        room: RoomHandle,
        lane: Lane,
        after: Place,
    },
    /// To an inbox: a connection of its user is authenticated. Answered by a reply: done or refused.
    SessionOpened(Box<SessionOpened>),
    /// To an inbox. Never refused, never answered.
    SessionClosed {
        inbox: RoomKey,
        address: Address,
    },
    /// To an inbox, a lobby or a directory: the confirmed consequence of an event elsewhere.
    Effect(Box<CauseEffect>),
    /// The target has it: the cause's home forgets it.
    EffectDone(EffectId),
    /// To a lobby: what its user does now. Lost when a lane is full; repaired by the next one.
    Seen {
        lobby: RoomKey,
        user: UserId,
        status: Status,
        text: String,
        at: Millis,
    },
    /// From one home to another: a fact for a gathered answer.
    Ask {
        room: RoomKey,
        asker: RoomKey,
        ticket: u32,
        question: Box<Question>,
    },
    Answer {
        asker: RoomKey,
        ticket: u32,
        room: RoomKey,
        answer: Box<Answer>,
    },
    /// To an inbox's live subscribers: a signal from another home.
    Signal {
        room: RoomKey,
        signal: Box<Signal>,
    },
    /// To a realm's directory: what it has revoked. Answered by one [`ToEdge::Revocations`] to the asking shard.
    Revocations {
        directory: RoomKey,
    },
    /// Who is here, for a subscription whose presence was shed. Answered by [`ToEdge::Present`].
    Who {
        room: RoomHandle,
        to: Address,
    },
}

#[derive(Debug)]
pub struct Attach {
    pub room: RoomAddress,
    pub who: Arc<Principal>,
    pub reply_to: ReplyTo,
    pub at: Millis,
    pub lane: Lane,
    pub cursor: Option<Place>,
    /// From the dialect's profile, where it differs from the room's class.
    pub presence_grace_ms: Option<u32>,
}

/// Exactly one follows each [`ToEdge::Attached`], also when the home ended the subscription itself. One whose address
/// is not attached (any more) ends nothing, but its `lane_empty` holds all the same.
#[derive(Debug)]
pub struct Detach {
    pub room: RoomHandle,
    pub lane: Lane,
    pub address: Address,
    pub user: UserId,
    /// This was the last subscription of the lane on that shard: send no more chunks of it there.
    pub lane_empty: bool,
}

#[derive(Debug)]
pub struct SessionOpened {
    pub inbox: RoomKey,
    pub lobby: RoomKey,
    pub directory: RoomKey,
    pub who: Arc<Principal>,
    pub reply_to: ReplyTo,
    /// None: no cap.
    pub connections_per_user: Option<u32>,
    /// At the cap, the oldest connection gives way instead of the newest being refused.
    pub newest_wins: bool,
    pub presence_grace_ms: Option<u32>,
}

/// Unique for all time: the place of the cause, and which of its consequences.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId {
    pub cause: RoomKey,
    pub place: Place,
    pub index: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CauseEffect {
    pub id: EffectId,
    pub target: RoomKey,
    pub by: UserId,
    pub at: Millis,
    pub action: Action,
}

/// What an event of one room does in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To an inbox.
    Notify(Notice),
    /// To a directory.
    Record(Fact),
    /// To a direct room that a directory has just paired: it begins with these two members.
    BeginDirect { low: UserId, high: UserId },
    /// To a room: a user is erased; its membership ends and its bodies go. To a directory: it has never seen the user.
    EraseUser { user: UserId },
}

/// What one home wants to know of another room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// To a room: unread count and last line for this user.
    Unread { user: UserId },
    /// To a room: how it presents itself to this user.
    Card { user: UserId },
    /// To an inbox: a page of the rooms that its user belongs to, in the order of their names.
    Rooms { after: Option<Name>, limit: u32 },
    /// To a lobby: what these users do.
    Statuses { users: Vec<UserId> },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Unread {
        last: Place,
        unread: u64,
        last_line: Option<Arc<rookery_protocol::message::Message>>,
    },
    Card {
        title: String,
        role: Option<Role>,
    },
    Rooms {
        rooms: Vec<RoomKey>,
        more: bool,
    },
    /// In the order they were asked for.
    Statuses {
        statuses: Vec<Status>,
    },
    /// The room is gone or cannot say at present.
    Nothing,
}

/// What an edge is told.
#[derive(Debug)]
pub enum ToEdge {
    Chunk(Arc<Chunk>),
    Reply {
        to: ConnId,
        number: Number,
        row: &'static Row,
        gather: Option<u32>,
        reply: Reply,
    },
    /// From here on this shard gets the lane's chunks, beginning above `subscribed.end`.
    Attached {
        to: ConnId,
        number: Number,
        row: &'static Row,
        gather: Option<u32>,
        lane: Lane,
        subscribed: Box<Subscribed>,
    },
    /// Who is here: behind [`ToEdge::Attached`] of a lane that wants presence, and as the answer to [`ToHome::Who`].
    Present {
        to: ConnId,
        room: RoomHandle,
        users: Vec<UserId>,
        count: u64,
        complete: bool,
    },
    /// For every subscription of the lane that waits for what comes after `after`.
    Page {
        room: RoomHandle,
        lane: Lane,
        after: Place,
        answer: PageAnswer,
        end: Place,
    },
    /// Never skipped: comes after every chunk up to `at` and before any that follows.
    Ended {
        room: RoomHandle,
        whom: Whom,
        at: Place,
        reason: EndReason,
        close: Option<DropReason>,
    },
    /// Chunks of this room were not sent to this shard, or were taken back: what is live turns to catching up.
    Behind {
        room: RoomHandle,
        end: Place,
    },
    /// From an inbox to the connections of its user on this shard.
    Session {
        inbox: RoomKey,
        order: SessionOrder,
    },
    /// All that a realm's directory has revoked so far. None: it cannot be read at present.
    Revocations {
        realm: rookery_protocol::ids::Realm,
        facts: Option<Vec<Fact>>,
    },
    /// From a directory to every shard, as it happens.
    Revoked {
        realm: rookery_protocol::ids::Realm,
        fact: Fact,
    },
}

#[derive(Debug)]
pub enum PageAnswer {
    /// Begins at or before the place asked for, and reaches beyond it, unless the cursor is at the end already.
    Events(Arc<Chunk>),
    AtEnd,
    Gap {
        reason: GapReason,
        from: Place,
    },
    /// The place asked for lies in a tail that was taken back; ask again after `above`. `next`: as in the signal.
    Retract {
        above: Place,
        next: Place,
    },
    /// The store does not answer; ask again later.
    Later {
        retry_after_ms: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whom {
    All,
    User(UserId),
    Connection(ConnId),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionOrder {
    /// The user's buckets on this shard hold one `of`-th of what the user may do.
    Share { of: u32 },
    /// One connection, or all of the user's.
    Close { conn: Option<ConnId>, reason: DropReason },
}

/// What one shard has for another in one turn: taken in this order, as a whole.
#[derive(Debug, Default)]
pub struct Parcel {
    pub to_edge: Vec<ToEdge>,
    pub to_home: Vec<ToHome>,
    pub bytes: usize,
}

impl Parcel {
    pub fn is_empty(&self) -> bool {
        self.to_edge.is_empty() && self.to_home.is_empty()
    }
}

// Parcels cross threads; a message that could not would be found here, not in the shell.
const _: () = {
    const fn crosses_threads<T: Send>() {}
    crosses_threads::<Parcel>();
};
