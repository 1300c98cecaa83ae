//! The adapters were written from the specification; here the protocol crate says whether it understands them, and they it.

use std::sync::Arc;

use rookery_protocol::command::{Command, HistoryFrom, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::{DialectId, Incoming, RoomOnWire, Stage, Talk};
use rookery_protocol::dialect::registry::{self, NATIVE_BINARY, NATIVE_JSON};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::{Event, EventBody, RoomInfo, Signal};
use rookery_protocol::ids::{AckLevel, DuplicateKey, Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::{BodyKind, Message};
use rookery_protocol::reply::{GapReason, Mark as Marked, Page, Refusal, Reply, Start, Subscribed};
use rookery_protocol::wire::frames::Frames;

use super::{Adapter, Heard, Item, Key, Kind, Place as At, Settings, Start as Begin, Who, make};
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
fn heard(adapter: &mut dyn Adapter, id: DialectId, asked: &Command, reply: &Reply) -> Vec<Heard> {
    let mut frames = Frames::new();
    registry::get(id).reply(&mut Stage::default(), 7, asked.row(), reply, &mut frames);
    let bytes = frames.into_bytes();
    let header = frame::read_header(&bytes).unwrap().unwrap();
    assert_eq!(header.opcode, adapter.opcode());
    assert_eq!(header.frame_len(), bytes.len());
    let mut heard = Vec::new();
    adapter.hear(&bytes[header.header_len..], &mut heard);
    heard
}

fn room(number: u16) -> RoomRef {
    RoomRef::Room { realm: None, name: Name::new(&format!("load-{number}")).unwrap() }
}

#[test]
fn commands_are_understood_as_they_are_meant() {
    for (kind, id) in BOTH {
        let mut adapter = make(&kind.into(), &Settings::default());
        let mut say = |write: &dyn Fn(&mut dyn Adapter, &mut Vec<u8>)| {
            let mut payload = Vec::new();
            write(adapter.as_mut(), &mut payload);
            understood(id, &payload)
        };
        let one = SubscribeRoom { room: room(3), cursor: None, wants: Wants::default() };
        let again = SubscribeRoom { cursor: Some(Place::new(7, 42)), ..one.clone() };
        assert_eq!(
            say(&|adapter, out| adapter.subscribe(Who::default(), 3, None, out)),
            [Command::Subscribe { rooms: vec![one] }]
        );
        let after = At { epoch: 7, seq: 42 };
        let resumed = say(&|adapter, out| adapter.subscribe(Who::default(), 3, Some(after), out));
        assert_eq!(resumed, [Command::Subscribe { rooms: vec![again] }]);
        assert_eq!(
            say(&|adapter, out| _ = adapter.leave(Who::default(), 300, out)),
            [Command::Unsubscribe { rooms: vec![room(300)] }]
        );

        let mut body = marker::template(200);
        marker::stamp(&mut body, &Mark { room: 3, number: 9 }.encode());
        let stream = Key { stream: u64::MAX - 3, number: 77 };
        for key in [None, Some(stream)] {
            let posts = say(&|adapter, out| _ = adapter.publish(Who::default(), 3, &body, key, out));
            let [Command::Post(post)] = posts.as_slice() else { panic!("{posts:?}") };
            assert_eq!((&post.room, &*post.body, post.kind), (&room(3), &*body, BodyKind::Text));
            assert!(post.ack.is_none() && post.extra.is_none());
            let meant = key.map(|Key { stream, number }| DuplicateKey::Stream { stream, n: number });
            assert_eq!(post.key, meant);
        }
        for (skip, from) in [(None, HistoryFrom::Newest), (Some(5_000), HistoryFrom::FromOldest(5_000))] {
            let pages = say(&|adapter, out| _ = adapter.page(3, skip, 50, out));
            assert_eq!(pages, [Command::History { room: room(3), from, limit: 50, thread: None }]);
        }
        let typing = say(&|adapter, out| assert!(adapter.typing(Who::default(), 3, true, out)));
        assert_eq!(typing, [Command::Typing { room: room(3), on: true }]);
    }
}

#[test]
fn replies_are_heard_as_they_are_meant() {
    let unsubscribe = Command::Unsubscribe { rooms: vec![room(1)] };
    let subscribed = |start| {
        Reply::Subscribed(Box::new(Subscribed {
            room: RoomKey {
                realm: Name::new("default").unwrap(),
                kind: RoomKind::ALL[0],
                name: Name::new("load-1").unwrap(),
            },
            handle: RoomHandle(5),
            start,
            from: Place::new(1, 9),
            end: Place::new(1, 10),
            messages: Default::default(),
            read: Place::new(1, 1),
            read_ordinal: Default::default(),
            info: Arc::new(RoomInfo::default()),
            role: None,
            present: 0,
        }))
    };
    let from = Some(At { epoch: 1, seq: 9 });
    let starts = [
        (Start::Live, Begin::Live),
        (Start::Resuming, Begin::Resuming),
        (Start::Gap(GapReason::ALL[0]), Begin::Gap),
        (Start::Retract { above: Place::new(1, 7) }, Begin::Retract(At { epoch: 1, seq: 7 })),
    ];
    let placed = |duplicate| Reply::Placed {
        place: Place::new(1_790_000_000, 42),
        ordinal: Some(Default::default()),
        level: AckLevel::Accepted,
        duplicate,
    };
    let refused = Reply::Refused(Refusal::because(ErrorCode::RateLimited, "commands per second"));
    for (kind, id) in BOTH {
        let mut adapter = make(&kind.into(), &Settings::default());
        let mut hear = |reply: &Reply| heard(adapter.as_mut(), id, &unsubscribe, reply);
        for (start, meant) in starts {
            assert_eq!(hear(&subscribed(start)), [Heard::Subscribed { start: meant, from }]);
        }
        assert_eq!(hear(&Reply::Unsubscribed { room: RoomHandle(5) }), [Heard::Left]);
        let acked = Heard::Acked { command: 7, place: Some(At { epoch: 1_790_000_000, seq: 42 }) };
        assert_eq!([hear(&placed(false)), hear(&placed(true))], [[acked.clone()], [acked]]);
        assert_eq!(hear(&Reply::Done), []);
        let items = [Item { place: At { epoch: 1, seq: 5 }, mark: Some(Mark { room: 2, number: 77 }) }];
        assert_eq!(hear(&page()), [Heard::Page { command: 7, items: items.to_vec(), more: true }]);
        let heard = hear(&refused);
        let [Heard::Refused { command: Some(7), why }] = heard.as_slice() else { panic!("{heard:?}") };
        assert!(why.contains(if kind == Kind::RookeryJson { "rate_limited" } else { "16" }), "{why}");
    }
}

/// A message of history with a mark.
fn page() -> Reply {
    let messages = vec![Arc::new(message(Place::new(1, 5), Mark { room: 2, number: 77 }))];
    let fence = Place::new(1, 9);
    Reply::History(Box::new(Page { messages, reactions: Vec::new(), fence, more_before: false, more_after: true }))
}

fn message(place: Place, mark: Mark) -> Message {
    let mut body = marker::template(128);
    marker::stamp(&mut body, &mark.encode());
    Message {
        place,
        ordinal: Default::default(),
        version: place,
        sender: Name::new("load-100").unwrap(),
        kind: BodyKind::Text,
        body: body.into(),
        posted_at: 1_790_000_000_000,
        extra: None,
    }
}

#[test]
fn marks_and_signals_are_heard_as_they_are_meant() {
    let key =
        RoomKey { realm: Name::new("default").unwrap(), kind: RoomKind::ALL[0], name: Name::new("load-2").unwrap() };
    for (kind, id) in BOTH {
        let hear = |frames: Frames| {
            let bytes = frames.into_bytes();
            let header = frame::read_header(&bytes).unwrap().unwrap();
            let (mut heard, mut adapter) = (Vec::new(), make(&kind.into(), &Settings::default()));
            assert!(!adapter.is_delivery(&bytes[header.header_len..]));
            adapter.hear(&bytes[header.header_len..], &mut heard);
            heard
        };
        let mut frames = Frames::new();
        let gap = Marked::Gap { room: RoomHandle(5), reason: GapReason::ALL[0], from: Place::new(1, 9) };
        registry::get(id).mark(&mut Stage::default(), &gap, &mut frames);
        assert_eq!(hear(frames), [Heard::Gap { from: Some(At { epoch: 1, seq: 9 }) }]);
        let mut frames = Frames::new();
        let retract = Signal::Retract { above: Place::new(1, 9), next: Place::new(2, 10) };
        registry::get(id).signal(0, RoomOnWire { handle: RoomHandle(1), key: &key }, &retract, &mut frames);
        assert_eq!(hear(frames), [Heard::Retracted { above: At { epoch: 1, seq: 9 } }]);
    }
}

#[test]
fn a_delivery_carries_its_mark_unchanged_and_tells_its_place() {
    let mark = Mark { room: 2, number: 77 };
    let (place, by) = (Place::new(1_790_000_000, 42), Name::new("load-100").unwrap());
    let key =
        RoomKey { realm: Name::new("default").unwrap(), kind: RoomKind::ALL[0], name: Name::new("load-2").unwrap() };
    for (kind, id) in BOTH {
        for opens_epoch in [false, true] {
            let message = message(place, mark);
            let event =
                Event { place, at: message.posted_at, by: by.clone(), body: EventBody::Posted(Arc::new(message)) };
            let mut frames = Frames::new();
            let room = RoomOnWire { handle: RoomHandle(1), key: &key };
            registry::get(id).event(0, room, &event, opens_epoch, &mut frames);
            let bytes = frames.into_bytes();
            let header = frame::read_header(&bytes).unwrap().unwrap();
            let payload = &bytes[header.header_len..];
            let at = marker::find(payload, 0).unwrap();
            assert_eq!(payload[at..].first_chunk().and_then(Mark::decode), Some(mark));
            assert_eq!(marker::find(payload, at), None);
            let adapter = make(&kind.into(), &Settings::default());
            assert!(adapter.is_delivery(payload));
            assert_eq!(adapter.place(payload), Some((opens_epoch.then_some(1_790_000_000), 42)));
        }
    }
}
