//! Messages, events and records as a busy node has them.

use rookery_protocol::dialect::contract::{DialectId, RoomOnWire};
use rookery_protocol::dialect::registry;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::{BodyKind, Message};
use rookery_storage::{Kind, Record, State};
use std::sync::Arc;

pub const DIALECTS: [(&str, DialectId); 2] = [("json", registry::NATIVE_JSON), ("binary", registry::NATIVE_BINARY)];
/// Of bodies: a word, a line, a paragraph, a page.
pub const SIZES: [usize; 4] = [32, 128, 1024, 16384];
pub const LINE: usize = 128;
pub const EPOCH: u64 = 1_790_000_000;
const AT: u64 = 1_790_000_000_000;

pub fn body(bytes: usize) -> String {
    let prose = "The quick brown fox jumps over the lazy dog, and then it does so again; ";
    prose.chars().cycle().take(bytes).collect()
}

pub fn key(name: &str) -> RoomKey {
    RoomKey { realm: Name::literal("main"), kind: RoomKind::Room, name: Name::new(name).unwrap() }
}

pub fn on_wire(key: &RoomKey, handle: RoomHandle) -> RoomOnWire<'_> {
    RoomOnWire { handle, key }
}

pub fn posted(seq: u64, body: Arc<[u8]>) -> Event {
    let (place, by) = (Place::new(EPOCH, seq), Name::literal("alice.liddell.16"));
    let message = Message {
        place,
        ordinal: seq,
        sender: by.clone(),
        posted_at: AT,
        kind: BodyKind::Text,
        body,
        version: place,
        extra: None,
    };
    Event { place, at: AT, by, body: EventBody::Posted(Arc::new(message)) }
}

/// A message as a store keeps it.
pub fn record(seq: u64) -> Record {
    let place = Place::new(EPOCH, seq);
    let kind = Kind::Message { ordinal: seq, version: place, state: State::Present, expires: None, thread: None };
    let payload = format!("{seq:016x}{}", body(LINE));
    Record { place, time: AT, kind, key: None, payload: payload.into() }
}

pub fn payloads<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    records.into_iter().flat_map(|record| record.payload.to_vec()).collect()
}
