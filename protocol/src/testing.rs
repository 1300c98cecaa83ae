//! Proptest strategies for everything that can be said, in the form in which it comes back from the wire.
//!
//! One strategy per kind, by an exhaustive match: what has no strategy does not compile.

use crate::catalog::CommandKind;
use crate::command::*;
use crate::errors::ErrorCode;
use crate::event::*;
use crate::ids::*;
use crate::message::{Attachment, BodyKind, Message, MessageExtra};
use crate::principal::Profile;
use crate::reply::*;
use crate::wire::check::MAX_INTEGER;
use crate::words::Worded;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use std::sync::Arc;

/// Small ones often, large ones sometimes, the largest now and then.
pub fn int() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..200u64, 2 => 0..(1u64 << 35), 1 => 0..=MAX_INTEGER, 1 => Just(MAX_INTEGER)]
}

pub fn int32() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0..200u32, 1 => any::<u32>()]
}

pub fn name() -> impl Strategy<Value = Name> {
    let text = prop_oneof![
        6 => "[a-z][a-z0-9_.-]{0,20}",
        2 => "[^\\p{Cc}]{1,30}",
        1 => Just("n".repeat(Name::MAX_BYTES)),
    ];
    text.prop_filter_map("a name", |text| Name::new(&text).ok())
}

pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![2 => Just(String::new()), 4 => "[ -~]{0,40}", 2 => vec(any::<char>(), 0..20).prop_map(String::from_iter)]
}

fn names() -> impl Strategy<Value = Vec<Name>> {
    vec(name(), 0..4)
}

pub fn place() -> impl Strategy<Value = Place> {
    (int(), int()).prop_map(|(epoch, seq)| Place::new(epoch, seq))
}

pub fn handle() -> impl Strategy<Value = RoomHandle> {
    int32().prop_map(RoomHandle)
}

pub fn word<T: Worded + std::fmt::Debug>() -> impl Strategy<Value = T> {
    proptest::sample::select(T::all())
}

fn opaque() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["", "{}", "0", "\"é\\n\"", "{ \"a\": [1, 2.5e3, {\"b\": null}] }", "[true,false]"])
        .prop_map(String::from)
}

pub fn room_ref() -> impl Strategy<Value = RoomRef> {
    prop_oneof![
        handle().prop_map(RoomRef::Handle),
        name().prop_map(|name| RoomRef::Room { realm: None, name }),
        (name(), name()).prop_map(|(realm, name)| RoomRef::Room { realm: Some(realm), name }),
        name().prop_map(|name| RoomRef::Direct { name }),
        Just(RoomRef::Inbox),
        Just(RoomRef::Lobby),
        Just(RoomRef::Directory),
    ]
}

pub fn room_key() -> impl Strategy<Value = RoomKey> {
    (name(), word(), name()).prop_map(|(realm, kind, name)| RoomKey { realm, kind, name })
}

fn rooms() -> impl Strategy<Value = Vec<RoomRef>> {
    vec(room_ref(), 1..4)
}

fn subscribe_rooms() -> impl Strategy<Value = Vec<SubscribeRoom>> {
    let wants = (any::<bool>(), any::<bool>()).prop_map(|(presence, summary_only)| Wants { presence, summary_only });
    let room = (room_ref(), option::of(place()), wants).prop_map(|(room, cursor, wants)| SubscribeRoom {
        room,
        cursor,
        wants,
    });
    vec(room, 1..4)
}

pub fn duplicate_key() -> impl Strategy<Value = DuplicateKey> {
    prop_oneof![
        (any::<u64>(), int()).prop_map(|(stream, n)| DuplicateKey::Stream { stream, n }),
        "[ -~]{1,64}".prop_map(|key| DuplicateKey::Free(key.into())),
    ]
}

fn attachment() -> impl Strategy<Value = Attachment> {
    (text(), text(), text(), int()).prop_map(|(name, media_type, url, bytes)| Attachment {
        name,
        media_type,
        url,
        bytes,
    })
}

/// A kind with a body that suits it.
pub fn body() -> impl Strategy<Value = (BodyKind, Vec<u8>)> {
    prop_oneof![
        4 => text().prop_map(|text| (BodyKind::Text, text.into_bytes())),
        2 => (word::<BodyKind>().prop_filter("text", |k| k.is_text()), text()).prop_map(|(k, t)| (k, t.into_bytes())),
        1 => vec(any::<u8>(), 0..60).prop_map(|bytes| (BodyKind::Binary, bytes)),
    ]
}

fn settings() -> impl Strategy<Value = RoomSettings> {
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    (texts, option::of(word()), option::of(any::<bool>()), option::of(opaque())).prop_map(
        |((title, topic, description), access, listed, metadata)| RoomSettings {
            title,
            topic,
            description,
            access,
            listed,
            metadata,
        },
    )
}

pub fn post() -> impl Strategy<Value = Post> {
    let references = (option::of(place()), names(), vec(attachment(), 0..3), opaque());
    let rest = (option::of(place()), option::of(int()), option::of(name()));
    let extra = (references, rest).prop_map(|((thread, mentions, attachments, metadata), rest)| PostExtra {
        thread,
        mentions,
        attachments,
        metadata,
        expect: rest.0,
        expires_in_ms: rest.1,
        on_behalf_of: rest.2,
    });
    (room_ref(), body(), option::of(duplicate_key()), option::of(word()), option::of(extra)).prop_map(
        |(room, (kind, body), key, ack, extra)| Post {
            room,
            kind,
            body,
            key,
            ack,
            extra: extra.filter(|extra| *extra != PostExtra::default()).map(Box::new),
        },
    )
}

fn history_from() -> impl Strategy<Value = HistoryFrom> {
    prop_oneof![
        Just(HistoryFrom::Newest),
        place().prop_map(HistoryFrom::Before),
        place().prop_map(HistoryFrom::After),
        place().prop_map(HistoryFrom::Around),
        int().prop_map(HistoryFrom::FromOldest),
        int().prop_map(HistoryFrom::FromNewest),
    ]
}

fn revocation() -> impl Strategy<Value = Revocation> {
    prop_oneof![
        name().prop_map(|id| Revocation::Token { id }),
        name().prop_map(|user| Revocation::User { user }),
        (name(), int()).prop_map(|(user, at)| Revocation::IssuedBefore { user, at }),
    ]
}

/// Any command of this kind.
pub fn command_of(kind: CommandKind) -> BoxedStrategy<Command> {
    use CommandKind as K;
    let target = || (room_ref(), place());
    let reaction = || (room_ref(), place(), name());
    let member = || (room_ref(), name());
    match kind {
        K::Authenticate => text().prop_map(|token| Command::Authenticate { token }).boxed(),
        K::Refresh => text().prop_map(|token| Command::Refresh { token }).boxed(),
        K::Resume => {
            (option::of(text()), subscribe_rooms()).prop_map(|(token, rooms)| Command::Resume { token, rooms }).boxed()
        }
        K::Ping => Just(Command::Ping).boxed(),
        K::SetStatus => (word(), text()).prop_map(|(status, text)| Command::SetStatus { status, text }).boxed(),
        K::QueryPresence => names().prop_map(|users| Command::QueryPresence { users }).boxed(),
        K::Subscribe => subscribe_rooms().prop_map(|rooms| Command::Subscribe { rooms }).boxed(),
        K::Unsubscribe => rooms().prop_map(|rooms| Command::Unsubscribe { rooms }).boxed(),
        K::Post => post().prop_map(Command::Post).boxed(),
        K::Edit => (target(), body(), any::<bool>(), option::of(opaque()), option::of(word()))
            .prop_map(|((room, target), (kind, body), keeps, metadata, ack)| {
                let kind = Some(kind).filter(|k| !(keeps && k.is_text()));
                Command::Edit { room, target, kind, body, metadata, ack }
            })
            .boxed(),
        K::Delete => (target(), option::of(word()))
            .prop_map(|((room, target), ack)| Command::Delete { room, target, ack })
            .boxed(),
        K::React => reaction().prop_map(|(room, target, reaction)| Command::React { room, target, reaction }).boxed(),
        K::Unreact => {
            reaction().prop_map(|(room, target, reaction)| Command::Unreact { room, target, reaction }).boxed()
        }
        K::Pin => target().prop_map(|(room, target)| Command::Pin { room, target }).boxed(),
        K::Unpin => target().prop_map(|(room, target)| Command::Unpin { room, target }).boxed(),
        K::MarkRead => {
            (target(), word()).prop_map(|((room, place), mark)| Command::MarkRead { room, place, mark }).boxed()
        }
        K::Typing => (room_ref(), any::<bool>()).prop_map(|(room, on)| Command::Typing { room, on }).boxed(),
        K::History => (room_ref(), history_from(), int32(), option::of(place()))
            .prop_map(|(room, from, limit, thread)| Command::History { room, from, limit, thread })
            .boxed(),
        K::Roster => (room_ref(), word(), option::of(name()), int32())
            .prop_map(|(room, of, after, limit)| Command::Roster { room, of, after, limit })
            .boxed(),
        K::Create => (room_ref(), settings(), names())
            .prop_map(|(room, settings, members)| Command::Create { room, settings, members })
            .boxed(),
        K::Update => (room_ref(), settings()).prop_map(|(room, settings)| Command::Update { room, settings }).boxed(),
        K::Archive => {
            (room_ref(), any::<bool>()).prop_map(|(room, archived)| Command::Archive { room, archived }).boxed()
        }
        K::DeleteRoom => room_ref().prop_map(|room| Command::DeleteRoom { room }).boxed(),
        K::Join => room_ref().prop_map(|room| Command::Join { room }).boxed(),
        K::Leave => room_ref().prop_map(|room| Command::Leave { room }).boxed(),
        K::Invite => (member(), word()).prop_map(|((room, user), role)| Command::Invite { room, user, role }).boxed(),
        K::RemoveMember => member().prop_map(|(room, user)| Command::RemoveMember { room, user }).boxed(),
        K::SetRole => (member(), word()).prop_map(|((room, user), role)| Command::SetRole { room, user, role }).boxed(),
        K::ListRooms => (any::<bool>(), option::of(name()), int32())
            .prop_map(|(mine, after, limit)| Command::ListRooms { mine, after, limit })
            .boxed(),
        K::DirectRoom => name().prop_map(|user| Command::DirectRoom { user }).boxed(),
        K::Users => (option::of(name()), int32()).prop_map(|(after, limit)| Command::Users { after, limit }).boxed(),
        K::Search => (text(), int32()).prop_map(|(query, limit)| Command::Search { query, limit }).boxed(),
        K::UnreadSummary => {
            (option::of(name()), int32()).prop_map(|(after, limit)| Command::UnreadSummary { after, limit }).boxed()
        }
        // The room of a broadcast's post is not said; this is how it comes back.
        K::Broadcast => (rooms(), post())
            .prop_map(|(rooms, post)| Command::Broadcast { rooms, post: Post { room: RoomRef::Inbox, ..post } })
            .boxed(),
        K::Disconnect => name().prop_map(|user| Command::Disconnect { user }).boxed(),
        K::Revoke => revocation().prop_map(Command::Revoke).boxed(),
        K::Erase => name().prop_map(|user| Command::Erase { user }).boxed(),
        K::TakeName => (name(), name()).prop_map(|(name, holder)| Command::TakeName { name, holder }).boxed(),
        K::ReleaseName => (name(), name()).prop_map(|(name, holder)| Command::ReleaseName { name, holder }).boxed(),
        K::TakeNumbers => {
            (name(), int32()).prop_map(|(counter, count)| Command::TakeNumbers { counter, count }).boxed()
        }
    }
}

pub fn command() -> impl Strategy<Value = Command> {
    Union::new(CommandKind::ALL.iter().map(|kind| command_of(*kind)))
}

fn message_extra() -> impl Strategy<Value = MessageExtra> {
    let id = option::of(any::<[u8; 16]>().prop_map(MessageId));
    let profile = (text(), text()).prop_map(|(display, avatar)| Profile { display, avatar });
    let references = (option::of(place()), names(), vec(attachment(), 0..3), opaque());
    let times = (option::of(int()), option::of(int()), option::of(int()));
    (id, profile, references, times).prop_map(|(id, profile, (thread, mentions, attachments, metadata), times)| {
        MessageExtra {
            id,
            profile,
            thread,
            mentions,
            attachments,
            metadata,
            // Not told on any wire.
            key: None,
            edited_at: times.0,
            deleted_at: times.1,
            expires_at: times.2,
        }
    })
}

pub fn message() -> impl Strategy<Value = Message> {
    let whose = (place(), int(), name(), int());
    (whose, body(), option::of(place()), option::of(message_extra())).prop_map(
        |((place, ordinal, sender, posted_at), (kind, body), version, extra)| Message {
            place,
            ordinal,
            sender,
            posted_at,
            kind,
            body: Arc::from(body),
            version: version.unwrap_or(place),
            extra: extra.filter(|extra| *extra != MessageExtra::default()).map(Box::new),
        },
    )
}

pub fn room_info() -> impl Strategy<Value = RoomInfo> {
    let texts = (text(), text(), text(), opaque());
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (texts, flags, word(), option::of(name()), int()).prop_map(
        |((title, topic, description, metadata), (listed, archived, deleted), access, creator, created_at)| RoomInfo {
            title,
            topic,
            description,
            access,
            listed,
            archived,
            deleted,
            creator,
            created_at,
            metadata,
        },
    )
}

pub fn fact_of(kind: FactKind) -> BoxedStrategy<Fact> {
    match kind {
        FactKind::RoomListed => (room_key(), text()).prop_map(|(room, title)| Fact::RoomListed { room, title }).boxed(),
        FactKind::RoomUnlisted => room_key().prop_map(|room| Fact::RoomUnlisted { room }).boxed(),
        FactKind::NameTaken => (name(), name()).prop_map(|(name, holder)| Fact::NameTaken { name, holder }).boxed(),
        FactKind::NameReleased => name().prop_map(|name| Fact::NameReleased { name }).boxed(),
        FactKind::NumbersTaken => (name(), int(), int32())
            .prop_map(|(counter, first, count)| Fact::NumbersTaken { counter, first, count })
            .boxed(),
        FactKind::DirectPaired => {
            (name(), name(), name()).prop_map(|(low, high, room)| Fact::DirectPaired { low, high, room }).boxed()
        }
        FactKind::UserSeen => (name(), text()).prop_map(|(user, display)| Fact::UserSeen { user, display }).boxed(),
        FactKind::UserErased => name().prop_map(|user| Fact::UserErased { user }).boxed(),
        FactKind::TokenRevoked => name().prop_map(|id| Fact::TokenRevoked { id }).boxed(),
        FactKind::UserRevoked => {
            (name(), int()).prop_map(|(user, issued_before)| Fact::UserRevoked { user, issued_before }).boxed()
        }
    }
}

fn notice() -> impl Strategy<Value = Notice> {
    (room_key(), place(), word()).prop_map(|(room, place, kind)| Notice { room, place, kind })
}

fn presence_of() -> impl Strategy<Value = PresenceOf> {
    (name(), word(), text(), int()).prop_map(|(user, status, text, last_seen)| PresenceOf {
        user,
        status,
        text,
        last_seen,
    })
}

/// Any event or signal of this kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    Event(Event),
    Signal(Signal),
}

pub fn happening_of(kind: Kind) -> BoxedStrategy<Happening> {
    let target = || place();
    let reaction = || (place(), name());
    let member = || (name(), word::<Role>());
    let signal = |strategy: BoxedStrategy<Signal>| strategy.prop_map(Happening::Signal).boxed();
    let body = match kind {
        Kind::Posted => message().prop_map(|m| EventBody::Posted(Arc::new(m))).boxed(),
        Kind::Edited => message().prop_map(|m| EventBody::Edited(Arc::new(m))).boxed(),
        Kind::Deleted => target().prop_map(|target| EventBody::Deleted { target }).boxed(),
        Kind::Reacted => reaction().prop_map(|(target, reaction)| EventBody::Reacted { target, reaction }).boxed(),
        Kind::Unreacted => reaction().prop_map(|(target, reaction)| EventBody::Unreacted { target, reaction }).boxed(),
        Kind::Pinned => target().prop_map(|target| EventBody::Pinned { target }).boxed(),
        Kind::Unpinned => target().prop_map(|target| EventBody::Unpinned { target }).boxed(),
        Kind::Joined => member().prop_map(|(user, role)| EventBody::Joined { user, role }).boxed(),
        Kind::Left => (name(), word()).prop_map(|(user, why)| EventBody::Left { user, why }).boxed(),
        Kind::RoleSet => member().prop_map(|(user, role)| EventBody::RoleSet { user, role }).boxed(),
        Kind::Updated => room_info().prop_map(|info| EventBody::Updated(Arc::new(info))).boxed(),
        Kind::Notified => notice().prop_map(EventBody::Notified).boxed(),
        Kind::Recorded => Union::new(FactKind::ALL.iter().map(|k| fact_of(*k))).prop_map(EventBody::Recorded).boxed(),
        Kind::Void => Just(EventBody::Void).boxed(),
        Kind::Typing => {
            return signal((name(), any::<bool>()).prop_map(|(user, on)| Signal::Typing { user, on }).boxed());
        }
        Kind::Presence => return signal(presence_of().prop_map(Signal::Presence).boxed()),
        Kind::Connected => return signal(names().prop_map(|users| Signal::Connected { users }).boxed()),
        Kind::Disconnected => return signal(names().prop_map(|users| Signal::Disconnected { users }).boxed()),
        Kind::Crowd => {
            return signal((int(), names()).prop_map(|(count, sample)| Signal::Crowd { count, sample }).boxed());
        }
        Kind::ReadUpTo => {
            let strategy = (name(), place(), word());
            return signal(strategy.prop_map(|(user, place, mark)| Signal::ReadUpTo { user, place, mark }).boxed());
        }
        Kind::Report => {
            let strategy = (room_key(), name(), place(), word());
            let report = strategy.prop_map(|(room, by, place, mark)| Signal::Report { room, by, place, mark });
            return signal(report.boxed());
        }
        Kind::Replaced => return signal(Just(Signal::Replaced).boxed()),
        Kind::Summary => {
            let strategy = (place(), int(), name(), int(), text());
            let summary =
                strategy.prop_map(|(last, ordinal, by, at, line)| Signal::Summary { last, ordinal, by, at, line });
            return signal(summary.boxed());
        }
        Kind::Retract => {
            let strategy = (place(), place());
            return signal(strategy.prop_map(|(above, next)| Signal::Retract { above, next }).boxed());
        }
    };
    (place(), int(), name(), body)
        .prop_map(|(place, at, by, mut body)| {
            // A posted message stands where its event stands.
            if let EventBody::Posted(message) = &mut body {
                Arc::make_mut(message).place = place;
            }
            Happening::Event(Event { place, at, by, body })
        })
        .boxed()
}

pub fn happening() -> impl Strategy<Value = Happening> {
    Union::new(Kind::ALL.into_iter().map(happening_of))
}

fn welcome() -> impl Strategy<Value = Welcome> {
    let sizes = (int32(), int32(), int32(), int32());
    (name(), name(), int(), int(), sizes, word(), option::of(int())).prop_map(
        |(user, realm, run, now, sizes, ack, expires_at)| Welcome {
            user,
            realm,
            run: Epoch(run),
            now,
            ping_ms: sizes.0,
            silence_ms: sizes.1,
            max_message_bytes: sizes.2,
            max_rooms: sizes.3,
            ack,
            expires_at,
        },
    )
}

fn start() -> impl Strategy<Value = Start> {
    prop_oneof![
        Just(Start::Live),
        Just(Start::Resuming),
        word().prop_map(Start::Gap),
        place().prop_map(|above| Start::Retract { above }),
    ]
}

fn subscribed() -> impl Strategy<Value = Subscribed> {
    let places = (place(), place(), place());
    let numbers = (int(), int(), int());
    (room_key(), handle(), start(), places, numbers, room_info(), option::of(word())).prop_map(
        |(room, handle, start, (from, end, read), (messages, read_ordinal, present), info, role)| Subscribed {
            room,
            handle,
            start,
            from,
            end,
            messages,
            read,
            read_ordinal,
            info: Arc::new(info),
            role,
            present,
        },
    )
}

fn page() -> impl Strategy<Value = Page> {
    let count = (place(), name(), int(), names()).prop_map(|(target, reaction, count, sample)| ReactionCount {
        target,
        reaction,
        count,
        sample,
    });
    let messages = vec(message().prop_map(Arc::new), 0..4);
    (messages, vec(count, 0..3), place(), any::<bool>(), any::<bool>()).prop_map(
        |(messages, reactions, fence, more_before, more_after)| Page {
            messages,
            reactions,
            fence,
            more_before,
            more_after,
        },
    )
}

fn refusal() -> impl Strategy<Value = Refusal> {
    (word(), option::of(int32()), int32(), text()).prop_map(|(code, room, retry_after_ms, detail)| Refusal {
        code,
        room,
        retry_after_ms,
        detail,
    })
}

/// Any reply of this kind.
pub fn reply_of(kind: ReplyKind) -> BoxedStrategy<Reply> {
    use ReplyKind as K;
    match kind {
        K::Done => Just(Reply::Done).boxed(),
        K::Welcome => welcome().prop_map(|w| Reply::Welcome(Box::new(w))).boxed(),
        K::Pong => int().prop_map(|at| Reply::Pong { at }).boxed(),
        K::Subscribed => subscribed().prop_map(|s| Reply::Subscribed(Box::new(s))).boxed(),
        K::Unsubscribed => handle().prop_map(|room| Reply::Unsubscribed { room }).boxed(),
        K::Placed => (place(), option::of(int()), word(), any::<bool>())
            .prop_map(|(place, ordinal, level, duplicate)| Reply::Placed { place, ordinal, level, duplicate })
            .boxed(),
        K::History => page().prop_map(|p| Reply::History(Box::new(p))).boxed(),
        K::Roster => {
            let entry = (name(), option::of(word()), any::<bool>()).prop_map(|(user, role, present)| RosterEntry {
                user,
                role,
                present,
            });
            (vec(entry, 0..4), int(), any::<bool>())
                .prop_map(|(members, count, more)| Reply::Roster { members, count, more })
                .boxed()
        }
        K::Presence => vec(presence_of(), 0..4).prop_map(|users| Reply::Presence { users }).boxed(),
        K::Rooms => {
            let entry = (room_key(), text(), option::of(word())).prop_map(|(room, title, role)| RoomEntry {
                room,
                title,
                role,
            });
            (vec(entry, 0..4), any::<bool>()).prop_map(|(rooms, more)| Reply::Rooms { rooms, more }).boxed()
        }
        K::Direct => name().prop_map(|name| Reply::Direct { name }).boxed(),
        K::Users => {
            let entry =
                (name(), text(), word()).prop_map(|(user, display, status)| UserEntry { user, display, status });
            (vec(entry, 0..4), any::<bool>()).prop_map(|(users, more)| Reply::Users { users, more }).boxed()
        }
        K::Unread => {
            let entry = (room_key(), place(), int(), option::of(message().prop_map(Arc::new)))
                .prop_map(|(room, last, unread, last_line)| UnreadEntry { room, last, unread, last_line });
            (vec(entry, 0..3), any::<bool>()).prop_map(|(rooms, more)| Reply::Unread { rooms, more }).boxed()
        }
        K::Numbers => (int(), int32()).prop_map(|(first, count)| Reply::Numbers { first, count }).boxed(),
        K::Broadcast => (int32(), vec((int32(), word::<ErrorCode>()), 0..4))
            .prop_map(|(placed, refused)| Reply::Broadcast { placed, refused })
            .boxed(),
        K::Counted => int().prop_map(|count| Reply::Counted { count }).boxed(),
        K::Refused => refusal().prop_map(Reply::Refused).boxed(),
    }
}

pub fn reply() -> impl Strategy<Value = Reply> {
    Union::new(ReplyKind::ALL.iter().map(|kind| reply_of(*kind)))
}

/// Any mark of this kind.
pub fn mark_of(kind: MarkKind) -> BoxedStrategy<Mark> {
    match kind {
        MarkKind::Resumed => (handle(), place()).prop_map(|(room, at)| Mark::Resumed { room, at }).boxed(),
        MarkKind::Gap => {
            (handle(), word(), place()).prop_map(|(room, reason, from)| Mark::Gap { room, reason, from }).boxed()
        }
        MarkKind::Ended => {
            (handle(), place(), word()).prop_map(|(room, at, reason)| Mark::Ended { room, at, reason }).boxed()
        }
        MarkKind::Present => (handle(), names(), int(), any::<bool>())
            .prop_map(|(room, users, count, complete)| Mark::Present { room, users, count, complete })
            .boxed(),
    }
}

pub fn mark() -> impl Strategy<Value = Mark> {
    Union::new(MarkKind::ALL.iter().map(|kind| mark_of(*kind)))
}
