//! What reading a post and writing its event and reply costs, in both native languages.
//! `cargo run --release -p rookery-protocol --example codec_timing`

use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::{Command, Post, RoomRef};
use rookery_protocol::dialect::contract::{DialectId, Form, Incoming, RoomOnWire, Stage, Talk};
use rookery_protocol::dialect::registry;
use rookery_protocol::dialect::speak::Epochs;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{AckLevel, DuplicateKey, Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::{BodyKind, Message};
use rookery_protocol::reply::Reply;
use rookery_protocol::wire::frames::Frames;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: u32 = 400;
const CALLS: u32 = 1_000;

/// The fastest and the median of many short rounds, in nanoseconds per call: the first is what the code costs, the second
/// what else the machine was doing. An argument chooses lines that contain it.
fn time(what: &str, mut call: impl FnMut()) {
    if std::env::args().nth(1).is_some_and(|wanted| !what.contains(&wanted)) {
        return;
    }
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..CALLS {
                call();
            }
            begin.elapsed().as_nanos() as f64 / f64::from(CALLS)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{what:<45} {:>7.1} ns, median {:>7.1} ns", rounds[0], rounds[rounds.len() / 2]);
}

fn main() {
    let body = "The quick brown fox jumps over the lazy dog, and then it does so again; ".repeat(2)[..128].to_owned();
    for id in [registry::NATIVE_JSON, registry::NATIVE_BINARY] {
        language(id, &body);
    }
}

/// The transport has checked text already, so the check is not timed.
fn incoming(form: Form, bytes: &[u8]) -> Incoming<'_> {
    match form {
        Form::Text => Incoming::Text(std::str::from_utf8(bytes).unwrap_or_default()),
        Form::Binary | Form::Either => Incoming::Binary(bytes),
    }
}

fn size(incoming: Incoming<'_>) -> usize {
    match incoming {
        Incoming::Text(text) => text.len(),
        Incoming::Binary(bytes) => bytes.len(),
    }
}

fn language(id: DialectId, body: &str) {
    let dialect = registry::get(id);
    let Some(speaker) = registry::speaker(id) else { return };
    let (name, form) = (dialect.profile().name, dialect.profile().form);
    let key = RoomKey { realm: Name::literal("default"), kind: RoomKind::Room, name: Name::literal("general") };
    let room = RoomOnWire { handle: RoomHandle(300), key: &key };
    let place = Place::new(1_790_000_000, 20_000);
    let sender = Name::literal("alice.liddell.16");
    let message = Message {
        place,
        ordinal: 19_990,
        sender: sender.clone(),
        posted_at: 1_790_000_000_000,
        kind: BodyKind::Text,
        body: Arc::from(body.as_bytes()),
        version: place,
        extra: None,
    };
    let event = Event { place, at: message.posted_at, by: sender, body: EventBody::Posted(Arc::new(message)) };
    let reply = Reply::Placed { place, ordinal: Some(19_990), level: AckLevel::Local, duplicate: false };
    let post = |key| {
        Command::Post(Post {
            room: RoomRef::Handle(RoomHandle(300)),
            kind: BodyKind::Text,
            body: body.as_bytes().into(),
            key,
            ack: None,
            extra: None,
        })
    };

    for (what, key) in [("", None), (" with a key", Some(DuplicateKey::Stream { stream: 9_876_543_210_123, n: 77 }))] {
        let mut said = Vec::new();
        speaker.say(7, &post(key), &mut said);
        let mut talk = Talk::default();
        let said = incoming(form, &said);
        time(&format!("{name}: read a post{what} ({} B)", size(said)), || {
            dialect.receive(&mut Stage::default(), black_box(said), &mut talk);
            assert_eq!(talk.commands.len(), 1);
            talk.commands.clear();
        });
    }
    let mut frames = Frames::with_capacity(4096);
    dialect.event(0, room, &event, false, &mut frames);
    let around = frames.len() - body.len();
    time(&format!("{name}: write a posted ({around} B around)"), || {
        frames.clear();
        dialect.event(0, room, black_box(&event), false, &mut frames);
    });
    let payload = frames.as_bytes()[4..].to_vec();
    let incoming = incoming(form, &payload);
    time(&format!("{name}: write a placed"), || {
        frames.clear();
        dialect.reply(&mut Stage::default(), 7, CommandKind::Post.row(), black_box(&reply), &mut frames);
    });
    let (mut epochs, mut heard) = (Epochs::default(), Vec::new());
    time(&format!("{name}: client hears a posted"), || {
        heard.clear();
        let understood = speaker.hear(&mut epochs, black_box(incoming), &mut heard);
        assert!(understood.is_ok() && heard.len() == 1);
    });
}
