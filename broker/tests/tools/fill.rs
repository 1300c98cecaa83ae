//! A node's folder with a bit of everything in it.

use crate::support::client::{post, room};
use crate::support::{Client, Folder, JSON, Node};
use rookery_protocol::command::{Command, Post, PostExtra, ReadMark, RoomSettings};
use rookery_protocol::ids::{DuplicateKey, Name, Place};
use rookery_protocol::message::{Attachment, BodyKind};
use rookery_protocol::reply::Reply;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub const NO_LIMITS: [&str; 6] =
    ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];

pub fn node(data: Arc<Folder>) -> Node {
    Node::start_in(data, 2, &NO_LIMITS)
}

pub fn enter(node: &Node, user: &str) -> Client {
    Client::enter(node.address, JSON, &node.token(user))
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn placed(reply: Reply) -> Place {
    match reply {
        Reply::Placed { place, .. } => place,
        other => panic!("not placed: {other:?}"),
    }
}

/// Talks in a few rooms. Returns a place that was deleted.
pub fn talk(node: &Node) -> Place {
    let (mut alice, mut bob) = (enter(node, "alice"), enter(node, "bob"));
    let settings = RoomSettings { title: Some("Büro".to_owned()), ..RoomSettings::default() };
    let create = Command::Create { room: room("office"), settings: Box::new(settings), members: vec![name("bob")] };
    assert!(!matches!(alice.ask(&create), Reply::Refused(_)));
    let mut deleted = Place::START;
    for channel in ["office", "open"] {
        let first = alice.post(channel, "first, with \"quotes\", \\ and\nlines ☕");
        for n in 0..80 {
            let key = match n % 3 {
                0 => Some(DuplicateKey::Stream { stream: u64::MAX - 7, n: n + 1 }),
                1 => Some(DuplicateKey::Free(format!("order {n}").into())),
                _ => None,
            };
            placed(bob.ask(&post(channel, &format!("message {n}"), key)));
        }
        let extra = PostExtra {
            thread: Some(first),
            mentions: vec![name("bob")],
            attachments: vec![Attachment {
                name: "a.png".to_owned(),
                media_type: "image/png".to_owned(),
                url: "https://example.org/a.png".to_owned(),
                bytes: 77,
            }],
            metadata: "{\"a\":1}".to_owned(),
            ..PostExtra::default()
        };
        let full = Post {
            room: room(channel),
            kind: BodyKind::Markdown,
            body: b"*an answer*"[..].into(),
            key: None,
            ack: None,
            extra: Some(Box::new(extra)),
        };
        placed(alice.ask(&Command::Post(full)));
        let bytes = Post {
            room: room(channel),
            kind: BodyKind::Binary,
            body: vec![0, 159, 146, 150, 255].into(),
            key: None,
            ack: None,
            extra: None,
        };
        placed(alice.ask(&Command::Post(bytes)));
        let edited = alice.post(channel, "frist");
        let body = b"first"[..].into();
        let edit = Command::Edit { room: room(channel), target: edited, kind: None, body, metadata: None, ack: None };
        placed(alice.ask(&edit));
        deleted = alice.post(channel, "a secret that goes");
        placed(alice.ask(&Command::Delete { room: room(channel), target: deleted, ack: None }));
        placed(bob.ask(&Command::React { room: room(channel), target: first, reaction: name("👍") }));
        placed(alice.ask(&Command::Pin { room: room(channel), target: first }));
        bob.ask(&Command::MarkRead { room: room(channel), place: edited, mark: ReadMark::Read });
    }
    assert!(matches!(alice.ask(&Command::DirectRoom { user: name("bob") }), Reply::Direct { .. }));
    deleted
}

/// A folder that a node has left in order.
pub fn folder() -> (Arc<Folder>, PathBuf) {
    let node = node(Folder::new());
    talk(&node);
    stop(node)
}

pub fn stop(mut node: Node) -> (Arc<Folder>, PathBuf) {
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(30)).success());
    let path = node.data.path().to_owned();
    (node.data.clone(), path)
}
