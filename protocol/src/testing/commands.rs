//! Commands.

use super::values::{attachment, body, duplicate_key, int, int32, name, names, opaque, place, room_ref, text, word};
use crate::catalog::CommandKind;
use crate::command::{Command, HistoryFrom, Post, PostExtra, Revocation, RoomRef, RoomSettings, SubscribeRoom, Wants};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;

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

fn settings() -> impl Strategy<Value = Box<RoomSettings>> {
    let texts = (option::of(text()), option::of(text()), option::of(text()));
    (texts, option::of(word()), option::of(any::<bool>()), option::of(opaque())).prop_map(
        |((title, topic, description), access, listed, metadata)| {
            Box::new(RoomSettings { title, topic, description, access, listed, metadata })
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
        K::Describe => room_ref().prop_map(|room| Command::Describe { room }).boxed(),
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
            .prop_map(|(rooms, post)| Command::Broadcast {
                rooms,
                post: Box::new(Post { room: RoomRef::Inbox, ..post }),
            })
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
