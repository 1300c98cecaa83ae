//! What everything on the native wires is made of: one row per thing that can be said, with its fields in order.
//!
//! Both native encodings and the byte tables of `docs/protocol/` are made from these rows, so none can say what another
//! cannot. A row reads `Variant { field: Form }`; `field as word` where the wire calls it otherwise. The forms below are
//! types without values: each encoding says how it writes and reads them.
//! Posts, edits, history requests, revocations and messages have layouts of their own, in each encoding's folder.

use std::marker::PhantomData;

/// A token.
pub struct Token;
/// A string of at most [`crate::limits::TEXT_FIELD_BYTES`].
pub struct Text;
/// A string bounded by its message alone. Of the server's side.
pub struct Long;
/// One JSON value, opaque to us. Empty: none.
pub struct Opaque;
/// A checked [`crate::ids::Name`].
pub struct NameOf;
/// Below 2^53.
pub struct Int;
/// Below 2^32.
pub struct Int32;
/// Rows of a page; absent: [`crate::limits::PAGE_DEFAULT`].
pub struct Limit;
pub struct Flag;
/// A flag that is true when a text encoding leaves it out.
pub struct On;
pub struct PlaceOf;
pub struct RunOf;
pub struct Handle;
/// A [`crate::command::RoomRef`].
pub struct RefOf;
/// [`crate::command::Wants`].
pub struct WantsOf;
/// [`crate::reply::Start`].
pub struct StartOf;
/// Index of a room and why it refused.
pub struct RefusedRoom;
/// A [`crate::message::Message`] with its place.
pub struct MessageOf;
/// A value of a closed list.
pub struct Word<T>(PhantomData<T>);
/// May be left out.
pub struct Opt<C>(PhantomData<C>);
/// Text encodings leave out the default (an empty string or list, zero, false, the first of a list).
pub struct Or<C>(PhantomData<C>);
pub struct List<C, const MAX: usize>(PhantomData<C>);
/// A structure of its own.
pub struct Rec<T>(PhantomData<T>);
pub struct Shared<C>(PhantomData<C>);
pub struct Boxed<C>(PhantomData<C>);

pub const ROOMS: usize = crate::limits::ROOMS_PER_FRAME as usize;
pub const QUERIED: usize = crate::limits::PRESENCE_QUERY_USERS as usize;
pub const CREATED: usize = crate::limits::CREATE_MEMBERS as usize;
pub const MENTIONED: usize = crate::limits::MENTIONS as usize;
pub const ATTACHED: usize = crate::limits::ATTACHMENTS as usize;
/// Lists that the server writes: bounded by the core, and by the bytes of the frame.
pub const MANY: usize = 1 << 20;

/// Commands, but for post, edit, history, broadcast and revoke.
macro_rules! each_command {
    ($then:ident) => {
        $then! {
            Authenticate { token: Token }
            Refresh { token: Token }
            Resume { token: Opt<Token>, rooms: Or<List<Rec<SubscribeRoom>, ROOMS>> }
            Ping {}
            SetStatus { status: Word<Status>, text: Or<Text> }
            QueryPresence { users: List<NameOf, QUERIED> }
            Subscribe { rooms: List<Rec<SubscribeRoom>, ROOMS> }
            Unsubscribe { rooms: List<RefOf, ROOMS> }
            Delete { room: RefOf, target: PlaceOf, ack: Opt<Word<AckLevel>> }
            React { room: RefOf, target: PlaceOf, reaction: NameOf }
            Unreact { room: RefOf, target: PlaceOf, reaction: NameOf }
            Pin { room: RefOf, target: PlaceOf }
            Unpin { room: RefOf, target: PlaceOf }
            MarkRead { room: RefOf, place: PlaceOf, mark as state: Or<Word<ReadMark>> }
            Typing { room: RefOf, on: On }
            Roster { room: RefOf, of: Or<Word<RosterOf>>, after: Opt<NameOf>, limit: Limit }
            Create { room: RefOf, settings: Or<Boxed<Rec<RoomSettings>>>, members: Or<List<NameOf, CREATED>> }
            Update { room: RefOf, settings: Boxed<Rec<RoomSettings>> }
            Archive { room: RefOf, archived: On }
            DeleteRoom { room: RefOf }
            Join { room: RefOf }
            Leave { room: RefOf }
            Invite { room: RefOf, user: NameOf, role: Or<Word<Role>> }
            RemoveMember { room: RefOf, user: NameOf }
            SetRole { room: RefOf, user: NameOf, role: Word<Role> }
            Describe { room: RefOf }
            ListRooms { mine: Or<Flag>, after: Opt<NameOf>, limit: Limit }
            DirectRoom { user: NameOf }
            Users { after: Opt<NameOf>, limit: Limit }
            Search { query: Text, limit: Limit }
            UnreadSummary { after: Opt<NameOf>, limit: Limit }
            Disconnect { user: NameOf }
            Erase { user: NameOf }
            TakeName { name: NameOf, holder: NameOf }
            ReleaseName { name: NameOf, holder: NameOf }
            TakeNumbers { counter: NameOf, count: Int32 }
        }
    };
}

/// Structures inside commands, events and replies.
macro_rules! each_record {
    ($then:ident) => {
        $then! {
            SubscribeRoom { room: RefOf, cursor: Opt<PlaceOf>, wants: Or<WantsOf> }
            RoomSettings {
                title: Opt<Text>, topic: Opt<Text>, description: Opt<Text>, access: Opt<Word<Access>>,
                listed: Opt<Flag>, metadata: Opt<Opaque>,
            }
            Attachment { url: Text, name: Or<Text>, media_type: Or<Text>, bytes: Or<Int> }
            RoomKey { realm: NameOf, kind: Word<RoomKind>, name: NameOf }
            RoomInfo {
                title: Or<Text>, topic: Or<Text>, description: Or<Text>, access: Or<Word<Access>>, listed: Or<Flag>,
                archived: Or<Flag>, deleted: Or<Flag>, creator: Opt<NameOf>, created_at: Int, metadata: Or<Opaque>,
            }
            PresenceOf { user: NameOf, status: Word<Status>, text: Or<Text>, last_seen: Or<Int> }
            Notice { room as about: Rec<RoomKey>, place: PlaceOf, kind as notice: Word<NoticeKind> }
            Welcome {
                user: NameOf, realm: NameOf, run: RunOf, now: Int, ping_ms: Int32, silence_ms: Int32,
                max_message_bytes: Int32, max_rooms: Int32, ack: Word<AckLevel>, expires_at: Opt<Int>,
            }
            Subscribed {
                room: Rec<RoomKey>, handle: Handle, start: StartOf, from: PlaceOf, end: PlaceOf,
                messages: Int, read: PlaceOf, read_ordinal as read_n: Int, info: Shared<Rec<RoomInfo>>,
                role: Opt<Word<Role>>, present: Int,
            }
            Page {
                messages: List<MessageOf, MANY>, reactions: Or<List<Rec<ReactionCount>, MANY>>, fence: PlaceOf,
                more_before: Or<Flag>, more_after: Or<Flag>,
            }
            Described {
                room: Rec<RoomKey>, info: Shared<Rec<RoomInfo>>, end: PlaceOf, messages: Int, count: Int, present: Int,
                role: Opt<Word<Role>>,
            }
            ReactionCount { target: PlaceOf, reaction: NameOf, count: Int, sample: Or<List<NameOf, MANY>> }
            RosterEntry { user: NameOf, role: Opt<Word<Role>>, present: Or<Flag> }
            RoomEntry { room: Rec<RoomKey>, title: Or<Text>, role: Opt<Word<Role>> }
            UserEntry { user: NameOf, display: Or<Text>, status: Word<Status> }
            UnreadEntry { room: Rec<RoomKey>, last: PlaceOf, unread: Int, last_line: Opt<MessageOf> }
            Refusal {
                code as error: Word<ErrorCode>, room as item: Opt<Int32>, retry_after_ms as retry_ms: Or<Int32>,
                detail: Or<Long>,
            }
        }
    };
}

/// Events, but for posted and edited; then those that are a structure.
macro_rules! each_event {
    ($then:ident) => {
        $then! {
            Deleted { target: PlaceOf }
            Reacted { target: PlaceOf, reaction: NameOf }
            Unreacted { target: PlaceOf, reaction: NameOf }
            Pinned { target: PlaceOf }
            Unpinned { target: PlaceOf }
            Joined { user: NameOf, role: Word<Role> }
            Left { user: NameOf, why: Word<Departure> }
            RoleSet { user: NameOf, role: Word<Role> }
            Void {}
        }
    };
}

/// What a directory decided.
macro_rules! each_fact {
    ($then:ident) => {
        $then! {
            RoomListed { room as about: Rec<RoomKey>, title: Or<Text> }
            RoomUnlisted { room as about: Rec<RoomKey> }
            NameTaken { name: NameOf, holder: NameOf }
            NameReleased { name: NameOf }
            NumbersTaken { counter: NameOf, first: Int, count: Int32 }
            DirectPaired { low: NameOf, high: NameOf, room as name: NameOf }
            UserSeen { user: NameOf, display: Or<Text> }
            UserErased { user: NameOf }
            TokenRevoked { id as token_id: NameOf }
            UserRevoked { user: NameOf, issued_before: Int }
        }
    };
}

/// Signals, but for presence, which is a structure.
macro_rules! each_signal {
    ($then:ident) => {
        $then! {
            Typing { user: NameOf, on: On }
            Connected { users: List<NameOf, MANY> }
            Disconnected { users: List<NameOf, MANY> }
            Crowd { count: Int, sample: Or<List<NameOf, MANY>> }
            ReadUpTo { user: NameOf, place: PlaceOf, mark as state: Word<ReadMark> }
            Report { room as about: Rec<RoomKey>, by: NameOf, place: PlaceOf, mark as state: Word<ReadMark> }
            Replaced {}
            Summary { last: PlaceOf, ordinal as n: Int, by: NameOf, at: Int, line: Or<Long> }
            Retract { above: PlaceOf, next: PlaceOf }
        }
    };
}

/// Replies, but for those that are a structure: welcome, subscribed, history, described, refused.
macro_rules! each_reply {
    ($then:ident) => {
        $then! {
            Done {}
            Pong { at: Int }
            Unsubscribed { room: Handle }
            Placed { place: PlaceOf, ordinal as n: Opt<Int>, level: Word<AckLevel>, duplicate: Or<Flag> }
            Roster { members: List<Rec<RosterEntry>, MANY>, count: Int, more: Or<Flag> }
            Presence { users: List<Rec<PresenceOf>, MANY> }
            Rooms { rooms: List<Rec<RoomEntry>, MANY>, more: Or<Flag> }
            Direct { name: NameOf }
            Users { users: List<Rec<UserEntry>, MANY>, more: Or<Flag> }
            Unread { rooms: List<Rec<UnreadEntry>, MANY>, more: Or<Flag> }
            Numbers { first: Int, count: Int32 }
            Broadcast { placed: Int32, refused: Or<List<RefusedRoom, MANY>> }
            Counted { count: Int }
        }
    };
}

/// Marks; each begins with its room.
macro_rules! each_mark {
    ($then:ident) => {
        $then! {
            Resumed { room: Handle, at: PlaceOf }
            Gap { room: Handle, reason: Word<GapReason>, from: PlaceOf }
            Ended { room: Handle, at: PlaceOf, reason: Word<EndReason> }
            Present { room: Handle, users: List<NameOf, MANY>, count: Int, complete: Or<Flag> }
        }
    };
}

pub(crate) use {each_command, each_event, each_fact, each_mark, each_record, each_reply, each_signal};
