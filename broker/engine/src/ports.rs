//! What the engine asks of the world. Each call answers at once, or `None`: then the answer comes later as a [`Fact`].
//!
//! The shell carries these out with stores, sequencers and keys; a test with whatever it wants to go wrong.

use crate::message::{Caller, CauseEffect, ConnId, EffectId, Parcel, ShardId};
use crate::settings::{Keep, RoomClass};
use core::net::IpAddr;
use rookery_protocol::command::{HistoryFrom, ReadMark, Role};
use rookery_protocol::event::{Event, Fact as DirectoryFact, RoomInfo};
use rookery_protocol::ids::{
    DuplicateKey, Epoch, Millis, Name, Ordinal, Place, Realm, RoomHandle, RoomKey, Seq, UserId,
};
use rookery_protocol::message::{BodyKind, Message};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;
use std::sync::Arc;

/// Time as the engine knows it: given from outside with every call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds that never go back. For every deadline.
    pub mono: u64,
    /// For people. Orders nothing.
    pub wall: Millis,
}

/// Pairs a question with its late answer. Rises; never given twice by one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

pub trait Ports {
    /// Bytes that may still be sent to that shard.
    fn lane_room(&self, to: ShardId) -> usize;

    /// Must take what fits into [`Ports::lane_room`]; one parcel is always taken when nothing is under way.
    fn send(&mut self, to: ShardId, parcel: Parcel);

    /// The next place in a room, in the order of asking.
    fn sequence(&mut self, ticket: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced>;

    /// Whether the store takes more at present. While it does not, nothing is given a place.
    fn takes_writes(&self) -> bool {
        true
    }

    /// Events and rows of one room, atomically, in the order of asking.
    fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored>;

    /// Everything about a room that is not a page. None of the answers is shared.
    fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>>;

    fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>>;

    /// A room is forgotten for now: a store may note what makes its next load cheap.
    fn rests(&mut self, _room: &RoomKey) {}

    /// Who shows this token. Where a realm's hook has a say in that, it is asked, too.
    fn verify(&mut self, ticket: Ticket, conn: ConnId, shown: &Shown<'_>) -> Option<Verdict>;

    /// Whether a realm's hook allows something; asked only where [`Decides`](crate::settings::Decides) says that it has a
    /// say. One ruling for each of the rooms, in their order. A late answer comes, whatever becomes of the hook.
    fn consult(&mut self, whom: Consulting, matter: &Matter<'_>) -> Option<Vec<Ruling>> {
        let _ = whom;
        Some(vec![Ok(()); matter.rooms.len()])
    }

    /// A directory has revoked something: what was allowed to this user or token is to be asked again.
    fn revoked(&mut self, _realm: &Realm, _fact: &DirectoryFact) {}
}

/// A token that somebody shows to a realm.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub realm: &'a Realm,
    pub token: &'a str,
    pub at: Millis,
    /// Where its connection comes from, if anybody knows.
    pub address: Option<IpAddr>,
}

pub type Verdict = Result<Principal, Refusal>;

/// What a hook is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    pub verb: Consulted,
    pub who: &'a Arc<Principal>,
    /// Not empty, and all of one realm: that of the hook.
    pub rooms: &'a [RoomKey],
    /// What is to be said there.
    pub body: Option<Said<'a>>,
    pub address: Option<IpAddr>,
    pub at: Millis,
}

/// What somebody wants to say.
pub type Said<'a> = (BodyKind, &'a Arc<[u8]>);

/// What a hook may have a say in, once somebody is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consulted {
    /// To read in a room: to subscribe, and to page through its history.
    Subscribe,
    /// To say something in a room: to post, and to edit.
    Post,
}

pub type Ruling = Result<(), Refusal>;

/// Who waits for rulings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consulting {
    Connection { conn: ConnId, ticket: Ticket },
    Caller(Caller),
}

/// A late answer.
#[derive(Debug)]
pub enum Fact {
    Sequenced {
        room: RoomHandle,
        ticket: Ticket,
        answer: Sequenced,
    },
    Stored {
        room: RoomHandle,
        ticket: Ticket,
        answer: Stored,
    },
    Loaded {
        room: RoomHandle,
        ticket: Ticket,
        image: Result<Box<RoomImage>, StoreFault>,
    },
    Fetched {
        room: RoomHandle,
        ticket: Ticket,
        answer: Result<Fetched, StoreFault>,
    },
    Verified {
        conn: ConnId,
        ticket: Ticket,
        answer: Verdict,
    },
    Consulted {
        whom: Consulting,
        rulings: Vec<Ruling>,
    },
    /// In a cluster: an event that another node proposed, with its place.
    Foreign {
        room: RoomKey,
        event: Box<Foreign>,
    },
    /// The store takes writes again; rooms that refused may try.
    StoreBack,
    /// At the start of a run, of each room of this shard with effects that are not confirmed where they lead: it is
    /// loaded, and sends them again, though nobody asks for it.
    Undone {
        room: RoomKey,
    },
}

#[derive(Debug)]
pub struct SequenceRequest<'a> {
    pub room: &'a RoomKey,
    /// Goes back with a late answer.
    pub handle: RoomHandle,
    /// The highest place this node has given or seen given in the room, in flight included.
    pub after: Place,
    /// The epoch that a place given now belongs to: above the one of `after` where it opens a new one.
    pub run: Epoch,
    pub key: Option<(&'a UserId, &'a DuplicateKey)>,
    pub expect: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequenced {
    Placed(Place),
    Duplicate(Place),
    Unexpected,
    /// Nobody can say; the proposal may or may not come back as a foreign event.
    Unknown,
}

/// An event as another node proposed it, and whose message key it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    pub event: Event,
    pub rows: Vec<Row>,
    /// Its proposer's rights do not come from the room (a backend): they are not checked again.
    pub privileged: bool,
}

/// What a room writes in one turn.
#[derive(Debug)]
pub struct Batch {
    pub room: RoomKey,
    pub handle: RoomHandle,
    pub class: Arc<RoomClass>,
    pub events: Vec<Arc<Event>>,
    pub rows: Vec<Row>,
}

/// A change of one row of a room's tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    Info(Arc<RoomInfo>),
    /// A message in its present version, in its place: an edit, or the stub that a deletion leaves.
    Rewrite(Arc<Message>),
    Member {
        user: UserId,
        role: Option<Role>,
    },
    Reaction {
        target: Place,
        reaction: Name,
        user: UserId,
        on: bool,
    },
    Pin {
        target: Place,
        on: bool,
    },
    Watermark {
        user: UserId,
        mark: ReadMark,
        place: Place,
        ordinal: Ordinal,
    },
    /// The highest number of a sender's stream, and its place.
    Stream {
        user: UserId,
        stream: u64,
        n: u64,
        place: Place,
    },
    /// Every duplicate key finds its place as long as its message is kept.
    Key {
        user: UserId,
        key: DuplicateKey,
        place: Place,
    },
    /// Sent again after a crash until its target has it.
    EffectPending(Box<CauseEffect>),
    EffectDone(EffectId),
    /// An effect of another room was taken here.
    EffectTaken(EffectId),
    /// Of a directory.
    Fact(DirectoryFact),
    /// Of a directory: a token or a user was revoked, and when.
    Revoked {
        fact: DirectoryFact,
        at: Millis,
    },
    /// Of a directory: every token that this could be about has ended by itself.
    Outlived(DirectoryFact),
    /// Of an inbox: a room that its user belongs to.
    Belongs {
        room: RoomKey,
        role: Option<Role>,
    },
    /// Before everything else of its batch: events above this place are taken back.
    Retract {
        above: Place,
    },
    /// Before everything else of its batch: the room was deleted, and all that was stored of it goes, events and rows.
    /// Its highest place is remembered; ordinals begin again at 1, and what follows has a higher epoch.
    Wipe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Confirmed: it will not be taken back.
    Done,
    /// After `Done`, of a store whose reach is above what confirms: it has reached that.
    Settled,
    /// Not stored, and what was submitted after it for this room is not either. `run` numbers what follows:
    /// a number that no room was given before.
    Failed { run: Epoch },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFault;

/// A room as its tables say it is, all of it settled. A room that was never touched: the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomImage {
    /// None: nobody created it.
    pub info: Option<Arc<RoomInfo>>,
    pub epochs: Vec<(Epoch, Seq)>,
    pub last: Place,
    pub messages: Ordinal,
    /// The oldest place from which replay is whole.
    pub replay_from: Place,
    pub members: Vec<(UserId, Role)>,
    pub reactions: Vec<(Place, Name, UserId)>,
    pub pins: Vec<Place>,
    pub watermarks: Vec<(UserId, ReadMark, Place, Ordinal)>,
    /// (user, stream, highest n, its place): all of them, or at least `STREAMS_PER_ROOM` of the newest.
    pub streams: Vec<(UserId, u64, u64, Place)>,
    pub effects_pending: Vec<CauseEffect>,
    pub effects_taken: Vec<EffectId>,
    pub facts: Vec<DirectoryFact>,
    /// What was revoked, and when. 0: nobody knows any more.
    pub revoked: Vec<(DirectoryFact, Millis)>,
    pub belongs: Vec<(RoomKey, Role)>,
    /// The newest events, contiguous up to `last`, as replay shows them.
    pub recent: Vec<Arc<Event>>,
}

/// What a decision or a page needs from the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The message at a place, as it is now.
    Message(Place),
    /// The place that a duplicate key was given.
    Key { user: UserId, key: DuplicateKey },
    /// The highest number of a duplicate stream; only asked where [`RoomImage::streams`] was not all of them.
    Stream { user: UserId, stream: u64 },
    /// Messages, oldest first, at or below the fence.
    Page { from: HistoryFrom, limit: u32, thread: Option<Place>, fence: Place },
    /// Events after a place, as replay shows them, at or below the fence.
    Replay { after: Place, limit: u32, fence: Place },
    /// Places of a sender's messages after a place.
    BySender { user: UserId, after: Place, limit: u32 },
    /// Rooms of this one's realm in which a user has said something that still stands, and directories that have seen the
    /// user, in the order of their keys, after one of them. It looks at every message there is, at some rooms each time.
    SaidIn { user: UserId, after: Option<RoomKey>, limit: u32 },
    /// Messages whose expiry has come.
    Expired { at: Millis, limit: u32 },
    /// Drops what need not be kept; the answer is the place of the oldest message that is left.
    Trim { keep: Keep, at: Millis },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    Message(Option<Arc<Message>>),
    Place(Option<Place>),
    /// Number and place.
    Stream(Option<(u64, Place)>),
    Page {
        messages: Vec<Arc<Message>>,
        more_before: bool,
        more_after: bool,
    },
    /// None: the place is older than what replay keeps.
    Replay(Option<Vec<Arc<Event>>>),
    Places(Vec<Place>),
    /// `reached`: from where to ask on. None: these are the last.
    Rooms {
        rooms: Vec<RoomKey>,
        reached: Option<RoomKey>,
    },
}
