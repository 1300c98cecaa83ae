//! What an ack says, and what is there afterwards.

use crate::server::Keyspace;
use crate::support::client::{post, room};
use crate::support::{Client, Folder, JSON, Node};
use rookery_protocol::command::{Command, HistoryFrom, Post};
use rookery_protocol::ids::{AckLevel, DuplicateKey, Place};
use rookery_protocol::reply::Reply;

pub fn at_level(name: &str, body: &str, n: u64, ack: Option<AckLevel>) -> Command {
    let Command::Post(plain) = post(name, body, Some(DuplicateKey::Stream { stream: 7, n })) else { unreachable!() };
    Command::Post(Post { ack, ..plain })
}

/// The level and the place that an ack names.
pub fn acked(reply: Reply) -> (AckLevel, Place) {
    match reply {
        Reply::Placed { level, place, .. } => (level, place),
        other => panic!("{other:?}"),
    }
}

/// Every body of a room, oldest first, page by page.
pub fn bodies(client: &mut Client, name: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let from = HistoryFrom::FromOldest(bodies.len() as u64);
        let reply = client.ask(&Command::History { room: room(name), from, limit: 100, thread: None });
        let Reply::History(page) = reply else { panic!("{reply:?}") };
        bodies.extend(page.messages.iter().map(|m| String::from_utf8_lossy(&m.body).into_owned()));
        if !page.more_after {
            return bodies;
        }
    }
}

pub fn enter(node: &Node, user: &str) -> Client {
    Client::enter(node.address, JSON, &node.token(user))
}

#[test]
fn acks_name_what_they_reached_and_history_survives_node_and_disk() {
    let keyspace = Keyspace::new();
    assert!(keyspace.migrate().contains("was done already"), "twice is once");
    let way = keyspace.way();
    let node = keyspace.start(Folder::new(), way.address);
    let mut ann = enter(&node, "ann");
    let (level, first) = acked(ann.ask(&at_level("general", "one", 1, None)));
    assert_eq!(level, AckLevel::Durable, "the highest that the store can reach");
    let (level, _) = acked(ann.ask(&at_level("general", "two", 2, Some(AckLevel::Local))));
    assert!(level >= AckLevel::Local);
    let (level, third) = acked(ann.ask(&at_level("general", "three", 3, Some(AckLevel::Durable))));
    assert_eq!(level, AckLevel::Durable);
    assert_eq!(bodies(&mut ann, "general"), ["one", "two", "three"]);
    drop(ann);
    // The folder goes with the node: what was durable is in the database.
    drop(node);
    let node = keyspace.start(Folder::new(), way.address);
    let mut bob = enter(&node, "bob");
    assert_eq!(bodies(&mut bob, "general"), ["one", "two", "three"]);
    let mut ann = enter(&node, "ann");
    let (_, again) = acked(ann.ask(&at_level("general", "one", 1, None)));
    assert_eq!(again, first, "sent twice is sent once, on another node too");
    let (_, next) = acked(ann.ask(&at_level("general", "four", 4, None)));
    assert_eq!(next.seq.0, third.seq.0 + 1);
    assert!(next.epoch > third.epoch);
}
