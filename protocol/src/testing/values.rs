//! The small values: numbers, names, places, bodies.

use crate::command::RoomRef;
use crate::ids::{DuplicateKey, Name, Place, RoomHandle, RoomKey};
use crate::message::{Attachment, BodyKind};
use crate::wire::check::MAX_INTEGER;
use crate::words::Worded;
use proptest::collection::vec;
use proptest::prelude::*;
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

pub(super) fn names() -> impl Strategy<Value = Vec<Name>> {
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

pub(super) fn opaque() -> impl Strategy<Value = String> {
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

pub fn duplicate_key() -> impl Strategy<Value = DuplicateKey> {
    prop_oneof![
        (any::<u64>(), int()).prop_map(|(stream, n)| DuplicateKey::Stream { stream, n }),
        "[ -~]{1,64}".prop_map(|key| DuplicateKey::Free(key.into())),
    ]
}

pub(super) fn attachment() -> impl Strategy<Value = Attachment> {
    (text(), text(), text(), int()).prop_map(|(name, media_type, url, bytes)| Attachment {
        name,
        media_type,
        url,
        bytes,
    })
}

/// A kind with a body that suits it.
pub fn body() -> impl Strategy<Value = (BodyKind, Arc<[u8]>)> {
    let bodies = prop_oneof![
        4 => text().prop_map(|text| (BodyKind::Text, text.into_bytes())),
        2 => (word::<BodyKind>().prop_filter("text", |k| k.is_text()), text()).prop_map(|(k, t)| (k, t.into_bytes())),
        1 => vec(any::<u8>(), 0..60).prop_map(|bytes| (BodyKind::Binary, bytes)),
    ];
    bodies.prop_map(|(kind, body)| (kind, Arc::from(body)))
}
