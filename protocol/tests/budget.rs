//! What a delivered message costs around its body, WebSocket header included.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Language, NATIVE, payloads};
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::{BodyKind, Message};
use rookery_protocol::wire::frames::Frames;
use std::sync::Arc;

const BODY: usize = 128;

fn delivered(language: &Language, room: u32, seq: u64, ordinal: u64, opens_epoch: bool) -> usize {
    let sender = Name::new("sender-of-16-byt").unwrap();
    assert_eq!(sender.as_str().len(), 16);
    let place = Place::new(1_790_000_000, seq);
    let message = Message {
        place,
        ordinal,
        sender: sender.clone(),
        posted_at: 1_790_000_000_000,
        kind: BodyKind::Text,
        body: Arc::from(&[b'x'; BODY][..]),
        version: place,
        extra: None,
    };
    let event = Event { place, at: message.posted_at, by: sender, body: EventBody::Posted(Arc::new(message)) };
    let key = RoomKey { realm: Name::literal("r"), kind: RoomKind::Room, name: Name::literal("n") };
    let mut frames = Frames::new();
    language.dialect().event(0, RoomOnWire { handle: RoomHandle(room), key: &key }, &event, opens_epoch, &mut frames);
    assert_eq!(payloads(frames.as_bytes()).len(), 1);
    frames.len() - BODY
}

#[test]
fn a_delivered_message_stays_within_its_budget() {
    for language in NATIVE {
        let budget = match language.word {
            "json" => 160,
            _ => 40,
        };
        for (room, seq, ordinal) in [(1, 42, 42), (300, 20_000, 19_900), (16_000, 2_000_000, 1_999_900)] {
            let around = delivered(language, room, seq, ordinal, false);
            assert!(around <= budget, "{}: {around} B around", language.word);
        }
        // Once per epoch the epoch is said too.
        assert!(delivered(language, 1, 42, 42, true) <= budget + 5);
    }
    // The usual case is pinned, so that nobody adds a byte without seeing it here.
    let usual: Vec<_> = NATIVE.iter().map(|l| delivered(l, 300, 20_000, 19_990, false)).collect();
    assert_eq!(usual, [105, 39]);
}
