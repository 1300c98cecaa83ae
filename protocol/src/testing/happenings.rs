//! Events and signals.

use super::values::{attachment, body, int, int32, name, names, opaque, place, room_key, text, word};
use crate::command::Role;
use crate::event::{Event, EventBody, Fact, FactKind, Kind, Notice, PresenceOf, RoomInfo, Signal};
use crate::ids::MessageId;
use crate::message::{Message, MessageExtra};
use crate::principal::Profile;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use std::sync::Arc;

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
            body,
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

pub(super) fn presence_of() -> impl Strategy<Value = PresenceOf> {
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
        Kind::Notified => notice().prop_map(|notice| EventBody::Notified(Box::new(notice))).boxed(),
        Kind::Recorded => Union::new(FactKind::ALL.iter().map(|k| fact_of(*k)))
            .prop_map(|fact| EventBody::Recorded(Box::new(fact)))
            .boxed(),
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
