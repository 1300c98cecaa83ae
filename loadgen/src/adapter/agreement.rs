//! The adapters were written from the specification; here the protocol crate says whether it understands them, and they it.

use std::sync::Arc;

use rookery_protocol::command::{Command, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::{DialectId, Incoming, RoomOnWire, Stage, Talk};
use rookery_protocol::dialect::registry::{self, NATIVE_BINARY, NATIVE_JSON};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{Event, EventBody, RoomInfo};
use rookery_protocol::ids::{AckLevel, Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::{BodyKind, Message};
use rookery_protocol::reply::{Refusal, Reply, Start, Subscribed};
use rookery_protocol::wire::frames::Frames;

use super::{Adapter, Heard, Kind, Settings, make};
use crate::marker::{self, Mark};
use crate::ws::frame;

const BOTH: [(Kind, DialectId); 2] = [(Kind::RookeryJson, NATIVE_JSON), (Kind::RookeryBinary, NATIVE_BINARY)];

/// What the target understands of one message of an adapter.
fn understood(id: DialectId, payload: &[u8]) -> Vec<Command> {
    let incoming = if id == NATIVE_JSON {
        Incoming::Text(std::str::from_utf8(payload).unwrap())
    } else {
        Incoming::Binary(payload)
    };
    let mut talk = Talk::default();
    registry::get(id).receive(&mut Stage::default(), incoming, &mut talk);
    assert!(talk.refused.is_empty() && talk.close.is_none(), "{:?}", talk.refused);
    assert!(talk.commands.iter().all(|asked| asked.number > 0), "a number that pairs replies");
    talk.commands.into_iter().map(|asked| asked.command).collect()
}

/// What an adapter hears when the target replies.
fn heard(adapter: &mut dyn Adapter, id: DialectId, asked: &Command, reply: &Reply) -> Heard {
    let mut frames = Frames::new();
    registry::get(id).reply(&mut Stage::default(), 7, asked.row(), reply, &mut frames);
    let bytes = frames.into_bytes();
    let header = frame::read_header(&bytes).unwrap().unwrap();
    assert_eq!(header.opcode, adapter.opcode());
    assert_eq!(header.frame_len(), bytes.len());
    adapter.hear(&bytes[header.header_len..])
}

fn room(number: u16) -> RoomRef {
    RoomRef::Room { realm: None, name: Name::new(&format!("load-{number}")).unwrap() }
}

#[test]
fn commands_are_understood_as_they_are_meant() {
    for (kind, id) in BOTH {
        let mut adapter = make(kind, &Settings::default());
        let mut say = |write: &dyn Fn(&mut dyn Adapter, &mut Vec<u8>)| {
            let mut payload = Vec::new();
            write(adapter.as_mut(), &mut payload);
            understood(id, &payload)
        };
        let one = SubscribeRoom { room: room(3), cursor: None, wants: Wants::default() };
        assert_eq!(say(&|adapter, out| adapter.subscribe(3, out)), [Command::Subscribe { rooms: vec![one] }]);
        assert_eq!(say(&|adapter, out| adapter.leave(300, out)), [Command::Unsubscribe { rooms: vec![room(300)] }]);

        let mut body = marker::template(200);
        marker::stamp(&mut body, &Mark { room: 3, number: 9 }.encode());
        let posts = say(&|adapter, out| adapter.publish(3, 9, &body, out));
        let [Command::Post(post)] = posts.as_slice() else { panic!("{posts:?}") };
        assert_eq!((&post.room, &*post.body, post.kind), (&room(3), &*body, BodyKind::Text));
        assert!(post.key.is_none() && post.ack.is_none() && post.extra.is_none());
    }
}

#[test]
fn replies_are_heard_as_they_are_meant() {
    let unsubscribe = Command::Unsubscribe { rooms: vec![room(1)] };
    let subscribed = Reply::Subscribed(Box::new(Subscribed {
        room: RoomKey {
            realm: Name::new("default").unwrap(),
            kind: RoomKind::ALL[0],
            name: Name::new("load-1").unwrap(),
        },
        handle: RoomHandle(5),
        start: Start::Live,
        from: Place::new(1, 1),
        end: Place::new(1, 1),
        messages: Default::default(),
        read: Place::new(1, 1),
        read_ordinal: Default::default(),
        info: Arc::new(RoomInfo::default()),
        role: None,
        present: 0,
    }));
    let placed = |duplicate| Reply::Placed {
        place: Place::new(1_790_000_000, 42),
        ordinal: Some(Default::default()),
        level: AckLevel::Accepted,
        duplicate,
    };
    let refused = Reply::Refused(Refusal::because(ErrorCode::RateLimited, "commands per second"));
    for (kind, id) in BOTH {
        let mut adapter = make(kind, &Settings::default());
        let mut hear = |reply: &Reply| heard(adapter.as_mut(), id, &unsubscribe, reply);
        assert_eq!(hear(&subscribed), Heard { subscribed: 1, ..Heard::default() });
        assert_eq!(hear(&Reply::Unsubscribed { room: RoomHandle(5) }), Heard { left: 1, ..Heard::default() });
        assert_eq!(hear(&placed(false)), Heard { acked: 1, ..Heard::default() });
        assert_eq!(hear(&placed(true)), Heard { acked: 1, ..Heard::default() });
        assert_eq!(hear(&Reply::Done), Heard::default());
        let reason = hear(&refused).refused.unwrap();
        assert!(reason.contains(if kind == Kind::RookeryJson { "rate_limited" } else { "16" }), "{reason}");
    }
}

#[test]
fn a_delivery_carries_its_mark_unchanged() {
    let mut body = marker::template(128);
    let mark = Mark { room: 2, number: 77 };
    marker::stamp(&mut body, &mark.encode());
    let (place, by) = (Place::new(1_790_000_000, 42), Name::new("load-100").unwrap());
    let key =
        RoomKey { realm: Name::new("default").unwrap(), kind: RoomKind::ALL[0], name: Name::new("load-2").unwrap() };
    for (_, id) in BOTH {
        let message = Message {
            place,
            ordinal: Default::default(),
            version: place,
            sender: by.clone(),
            kind: BodyKind::Text,
            body: body.clone().into(),
            posted_at: 1_790_000_000_000,
            extra: None,
        };
        let event = Event { place, at: message.posted_at, by: by.clone(), body: EventBody::Posted(Arc::new(message)) };
        let mut frames = Frames::new();
        let room = RoomOnWire { handle: RoomHandle(1), key: &key };
        registry::get(id).event(0, room, &event, false, &mut frames);
        let bytes = frames.into_bytes();
        let header = frame::read_header(&bytes).unwrap().unwrap();
        let payload = &bytes[header.header_len..];
        let at = marker::find(payload, 0).unwrap();
        assert_eq!(payload[at..].first_chunk().and_then(Mark::decode), Some(mark));
        assert_eq!(marker::find(payload, at), None);
    }
}
