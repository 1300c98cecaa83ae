//! Replies and marks.

use super::happenings::{message, presence_of, room_info};
use super::values::{handle, int, int32, name, names, place, room_key, text, word};
use crate::errors::ErrorCode;
use crate::ids::Epoch;
use crate::reply::{
    Described, Mark, MarkKind, Page, ReactionCount, Refusal, Reply, ReplyKind, RoomEntry, RosterEntry, Start,
    Subscribed, UnreadEntry, UserEntry, Welcome,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::Union;
use std::sync::Arc;

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

fn described() -> impl Strategy<Value = Described> {
    let numbers = (int(), int(), int());
    (room_key(), room_info(), place(), numbers, option::of(word())).prop_map(
        |(room, info, end, (messages, count, present), role)| Described {
            room,
            info: Arc::new(info),
            end,
            messages,
            count,
            present,
            role,
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
        K::Described => described().prop_map(|d| Reply::Described(Box::new(d))).boxed(),
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
