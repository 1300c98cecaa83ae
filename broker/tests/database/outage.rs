//! The database is away: acks of this node's disk go on, others say that they are late; a kill in the middle loses nothing.

use crate::levels::{acked, at_level, bodies, enter};
use crate::server::Keyspace;
use crate::support::Folder;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::AckLevel;
use rookery_protocol::reply::Reply;
use std::time::{Duration, Instant};

const BEFORE: u64 = 20;
const AFTER: u64 = 20;
/// Messages a second, where the outage lasts for a while.
const RATE: u64 = 500;

/// How long the outage is, in seconds. None: as long as it takes to send some.
fn seconds() -> Option<u64> {
    std::env::var("ROOKERY_OUTAGE_SECONDS").ok().map(|text| text.parse().unwrap())
}

#[test]
fn what_was_acked_local_settles_once_when_the_database_is_back() {
    let keyspace = Keyspace::new();
    let way = keyspace.way();
    let data = Folder::new();
    let node = keyspace.start(data.clone(), way.address);
    let mut ann = enter(&node, "ann");
    let mut n = 0;
    let mut say = |ann: &mut crate::support::Client, level| {
        n += 1;
        ann.ask(&at_level("general", &format!("message {n}"), n, level))
    };
    for _ in 0..BEFORE {
        assert_eq!(acked(say(&mut ann, None)).0, AckLevel::Durable);
    }
    way.cut();
    let meanwhile = seconds().map_or(2000, |seconds| seconds * RATE);
    let cut = Instant::now();
    for sent in 0..meanwhile {
        if seconds().is_some() {
            let due = Duration::from_micros(sent * 1_000_000 / RATE);
            std::thread::sleep(due.saturating_sub(cut.elapsed()));
        }
        assert_eq!(acked(say(&mut ann, Some(AckLevel::Local))).0, AckLevel::Local, "a room at hand goes on");
    }
    // Who asks for more hears that it is late; the message stays.
    let Reply::Refused(refusal) = say(&mut ann, Some(AckLevel::Durable)) else { panic!("durable without a database") };
    assert_eq!(refusal.code, ErrorCode::NotDurable);
    drop(ann);
    node.signal("-KILL");
    drop(node);
    // It comes back while the database is away, and waits for it.
    let starting = std::thread::spawn({
        let (name, address) = (keyspace.clone(), way.address);
        move || name.start(data, address)
    });
    way.mend();
    let started = Instant::now();
    let mut node = starting.join().unwrap();
    let mut ann = enter(&node, "ann");
    // The room is read from the database, so all of it settles first.
    let first = acked(say(&mut ann, None)).0;
    let rate = meanwhile as f64 / started.elapsed().as_secs_f64();
    println!("{meanwhile} messages settled in {:?}: {rate:.0}/s", started.elapsed());
    assert!(seconds().is_none() || rate >= 3.0 * RATE as f64, "{rate:.0} messages/s settle");
    assert_eq!(first, AckLevel::Durable);
    for _ in 1..AFTER {
        assert_eq!(acked(say(&mut ann, None)).0, AckLevel::Durable);
    }
    let want: Vec<String> = (1..=BEFORE + meanwhile + 1 + AFTER).map(|n| format!("message {n}")).collect();
    assert_eq!(bodies(&mut ann, "general"), want, "each once, in order");
    // Told to stop while the database is away, it stops, and leaves to the next start what did not settle.
    way.cut();
    assert_eq!(acked(say(&mut ann, Some(AckLevel::Local))).0, AckLevel::Local);
    drop(ann);
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(30)).success());
    let data = node.over();
    way.mend();
    let node = keyspace.start(data, way.address);
    let last = bodies(&mut enter(&node, "ann"), "general").pop();
    assert_eq!(last, Some(format!("message {}", want.len() + 1)));
}
