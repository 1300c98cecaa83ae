//! Short words for what tests write.

use crate::batch::{Batch, Rewrite, Row, RowWrite};
use crate::record::{Kind, Record, State, Touches};
use crate::table::{Table, place_key};
use crate::{Ordinal, Place, RoomKey};
use bytes::Bytes;
use rookery_protocol::ids::{Name, RoomKind};

pub type At = (u64, u64);

pub fn place((epoch, seq): At) -> Place {
    Place::new(epoch, seq)
}

/// An ordinary room; the name is written in a test's own source.
pub fn room(name: &'static str) -> RoomKey {
    room_of("home", RoomKind::Room, name)
}

pub fn room_of(realm: &'static str, kind: RoomKind, name: &'static str) -> RoomKey {
    RoomKey { realm: Name::literal(realm), kind, name: Name::literal(name) }
}

pub fn bytes(text: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(text.as_ref())
}

pub fn message(at: At, ordinal: Ordinal, text: &str) -> Record {
    let kind = Kind::Message { ordinal, version: place(at), state: State::Present, expires: None, thread: None };
    record(at, kind, text)
}

/// A message in the thread of another.
pub fn reply(at: At, ordinal: Ordinal, root: At, text: &str) -> Record {
    let thread = Some(place(root));
    let kind = Kind::Message { ordinal, version: place(at), state: State::Present, expires: None, thread };
    record(at, kind, text)
}

pub fn expiring(at: At, ordinal: Ordinal, text: &str, expires: u64) -> Record {
    let kind =
        Kind::Message { ordinal, version: place(at), state: State::Present, expires: Some(expires), thread: None };
    record(at, kind, text)
}

pub fn change(at: At, text: &str) -> Record {
    record(at, Kind::Change { touches: Touches::Nothing }, text)
}

pub fn mark(at: At, target: At, text: &str) -> Record {
    record(at, Kind::Change { touches: Touches::Marks(place(target)) }, text)
}

/// An edit or a deletion: it holds no body.
pub fn edit(at: At, target: At) -> Record {
    record(at, Kind::Change { touches: Touches::Rewrites(place(target)) }, "")
}

pub fn void(at: At) -> Record {
    record(at, Kind::Void, "")
}

/// Times rise with places, ten to a seq.
fn record(at: At, kind: Kind, text: &str) -> Record {
    Record { place: place(at), time: at.1 * 10, kind, key: None, payload: bytes(text) }
}

pub fn keyed(record: Record, key: &str) -> Record {
    Record { key: Some(bytes(key)), ..record }
}

pub fn rewrite(target: At, version: At, text: &str) -> Rewrite {
    Rewrite { target: place(target), version: place(version), deleted: false, payload: bytes(text) }
}

pub fn deletion(target: At, version: At, stub: &str) -> Rewrite {
    Rewrite { deleted: true, ..rewrite(target, version, stub) }
}

pub fn put(table: Table, key: impl AsRef<[u8]>, value: &str) -> RowWrite {
    RowWrite { table, key: bytes(key), value: Some(bytes(value)) }
}

pub fn unput(table: Table, key: impl AsRef<[u8]>) -> RowWrite {
    RowWrite { table, key: bytes(key), value: None }
}

pub fn row(table: Table, key: impl AsRef<[u8]>, value: &str) -> Row {
    Row { table, key: bytes(key), value: bytes(value) }
}

/// The key of a row that belongs to a message.
pub fn of(target: At, rest: &str) -> Vec<u8> {
    [&place_key(place(target))[..], rest.as_bytes()].concat()
}

pub fn events(room: &RoomKey, events: Vec<Record>) -> Batch {
    Batch { events, ..Batch::new(room.clone()) }
}

pub fn rows(room: &RoomKey, rows: Vec<RowWrite>) -> Batch {
    Batch { rows, ..Batch::new(room.clone()) }
}

pub fn rewrites(room: &RoomKey, rewrites: Vec<Rewrite>) -> Batch {
    Batch { rewrites, ..Batch::new(room.clone()) }
}

/// What a rewrite leaves of a message.
pub fn rewritten(record: Record, rewrite: &Rewrite) -> Record {
    let kind = match record.kind {
        Kind::Message { ordinal, expires, thread, .. } => {
            let state = if rewrite.deleted { State::Deleted } else { State::Present };
            Kind::Message { ordinal, version: rewrite.version, state, expires, thread }
        }
        other @ (Kind::Change { .. } | Kind::Void) => other,
    };
    Record { kind, payload: rewrite.payload.clone(), ..record }
}
