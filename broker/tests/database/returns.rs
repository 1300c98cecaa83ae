//! A node is killed with entries that did not settle, another goes on without its disk, and then the disk comes back.

use crate::levels::{acked, at_level, bodies, enter};
use crate::server::Keyspace;
use crate::support::Folder;
use rookery_protocol::ids::AckLevel;
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
