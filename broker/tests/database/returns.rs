//! A node is killed with entries that did not settle, another goes on without its disk, and then the disk comes back.

use crate::levels::{acked, at_level, bodies, enter};
use crate::server::Keyspace;
use crate::support::client::room;
use crate::support::{Client, Folder};
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::ids::{AckLevel, Place};
use rookery_protocol::message::Message;
use rookery_protocol::reply::Reply;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[test]
fn what_a_disk_brings_back_is_said_again_and_nothing_durable_moves() {
    let keyspace = Keyspace::new();
    let (way, other_way) = (keyspace.way(), keyspace.way());
    let data = Folder::new();
    let node = keyspace.start(data.clone(), way.address);
    let mut ann = enter(&node, "ann");
    acked(ann.ask(&at_level("general", "durable", 1, None)));
    acked(ann.ask(&at_level("quiet", "durable", 1, None)));
    way.cut();
    for n in 2..=30 {
        let (level, _) = acked(ann.ask(&at_level("general", &format!("local {n}"), n, Some(AckLevel::Local))));
        assert_eq!(level, AckLevel::Local);
    }
    acked(ann.ask(&at_level("quiet", "local", 2, Some(AckLevel::Local))));
    drop(ann);
    node.signal("-KILL");
    drop(node);
    // Another node, with a folder of its own: it waits until the lease of the first is over, and goes on.
    let other = keyspace.start(Folder::new(), other_way.address);
    let mut bob = enter(&other, "bob");
    assert_eq!(bodies(&mut bob, "general"), ["durable"]);
    let mut theirs = Vec::new();
    for n in 1..=10 {
        theirs.push(acked(bob.ask(&at_level("general", &format!("theirs {n}"), n, None))).1);
    }
    drop(bob);
    other.signal("-TERM");
    drop(other);
    way.mend();
    let node = keyspace.start(data, way.address);
    let mut ann = enter(&node, "ann");
    let deadline = Instant::now() + Duration::from_secs(60);
    // Each round is a request over a socket; what has not come back yet comes with one of the next.
    let found = loop {
        let found = bodies(&mut ann, "general");
        if found.len() >= 40 || Instant::now() > deadline {
            break found;
        }
    };
    let want: Vec<String> = std::iter::once("durable".to_owned())
        .chain((1..=10).map(|n| format!("theirs {n}")))
        .chain((2..=30).map(|n| format!("local {n}")))
        .collect();
    assert_eq!(found, want, "what was durable stands where it stood; what was local is behind it, once");
    // A room that nobody else touched has its own places back.
    assert_eq!(bodies(&mut ann, "quiet"), ["durable", "local"]);
    // The sender's retry is answered with the new place.
    let (level, place) = acked(ann.ask(&at_level("general", "local 2", 2, None)));
    assert_eq!(level, AckLevel::Durable);
    assert!(place.seq > theirs[9].seq);
    assert_eq!(bodies(&mut ann, "general").len(), 40);
}

fn edit(target: Place, body: &str, ack: Option<AckLevel>) -> Command {
    let body = Arc::from(body.as_bytes());
    Command::Edit { room: room("general"), target, kind: None, body, metadata: None, ack }
}

fn messages(client: &mut Client) -> Vec<Arc<Message>> {
    let ask = Command::History { room: room("general"), from: HistoryFrom::FromOldest(0), limit: 100, thread: None };
    let Reply::History(page) = client.ask(&ask) else { panic!("no history") };
    page.messages
}

fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.body).into_owned()
}

#[test]
fn changes_that_a_disk_brings_back_are_made_again_where_nobody_else_has_changed_the_message() {
    let keyspace = Keyspace::new();
    let (way, other_way) = (keyspace.way(), keyspace.way());
    let data = Folder::new();
    let node = keyspace.start(data.clone(), way.address);
    let mut ann = enter(&node, "ann");
    let posted = ["edited", "edited twice", "deleted", "edited here and there", "edited here, deleted there"];
    let mut places = Vec::new();
    for (body, n) in posted.into_iter().zip(1..) {
        places.push(acked(ann.ask(&at_level("general", body, n, None))).1);
    }
    way.cut();
    let local = Some(AckLevel::Local);
    let mut own = |command: Command| assert_eq!(acked(ann.ask(&command)).0, AckLevel::Local);
    own(edit(places[0], "edited, here", local));
    own(edit(places[1], "edited once", local));
    own(edit(places[1], "edited twice, here", local));
    own(Command::Delete { room: room("general"), target: places[2], ack: local });
    own(edit(places[3], "edited here", local));
    own(edit(places[4], "edited here", local));
    // One that comes back itself, as it was last.
    let fresh = acked(ann.ask(&at_level("general", "fresh", 6, local))).1;
    assert_eq!(acked(ann.ask(&edit(fresh, "fresh, edited", local))).0, AckLevel::Local);
    drop(ann);
    node.signal("-KILL");
    drop(node);
    let other = keyspace.start(Folder::new(), other_way.address);
    let mut ann = enter(&other, "ann");
    acked(ann.ask(&edit(places[3], "edited there", None)));
    acked(ann.ask(&Command::Delete { room: room("general"), target: places[4], ack: None }));
    drop(ann);
    other.signal("-TERM");
    drop(other);
    way.mend();
    let node = keyspace.start(data, way.address);
    let mut bob = enter(&node, "bob");
    let want = ["edited, here", "edited twice, here", "", "edited there", "", "fresh, edited"];
    let deadline = Instant::now() + Duration::from_secs(60);
    let found = loop {
        let found = messages(&mut bob);
        if found.iter().map(|message| text(message)).eq(want) || Instant::now() > deadline {
            break found;
        }
    };
    assert_eq!(found.iter().map(|message| text(message)).collect::<Vec<_>>(), want);
    assert_eq!(
        found.iter().map(|message| message.is_deleted()).collect::<Vec<_>>(),
        [false, false, true, false, true, false]
    );
    assert!(found.iter().take(5).zip(&places).all(|(message, place)| message.place == *place), "none has moved");
    // What others have decided meanwhile stands, and that is said, once for each.
    let said = || node.log().lines().filter(|line| line.contains("changes_not_returned")).count();
    while said() < 2 && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(said(), 2, "{}", node.log());
    // Nothing is made twice, and nothing more comes back after the next start.
    let data = {
        node.signal("-TERM");
        node.over()
    };
    let before = std::fs::read_to_string(data.path().join("log")).unwrap();
    let node = keyspace.start(data, way.address);
    let mut bob = enter(&node, "bob");
    let versions = |messages: &[Arc<Message>]| messages.iter().map(|message| message.version).collect::<Vec<_>>();
    assert_eq!(versions(&messages(&mut bob)), versions(&found));
    assert!(!node.log()[before.len()..].contains("entries_overtaken"), "{}", node.log());
}
