//! Three nodes of the database, each with a copy of everything: one of them may be dead.

use crate::cassandra::Cassandra;
use crate::levels::{at_level, enter};
use crate::server::Keyspace;
use crate::support::load::judge::Promised;
use crate::support::load::sender::{Acked, body};
use crate::support::load::{ROOMS, judge, room_name};
use crate::support::{Client, Folder};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::AckLevel;
use rookery_protocol::reply::Reply;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SERVERS: usize = 3;
const SENDERS: u64 = 8;
/// Of so many posts one waits for `durable`.
const DURABLE_ONE_IN: u64 = 4;
/// Durable acks of each sender in each part of the story.
const PER_PART: u64 = 100;
/// While a database dies, a durable ack may take this long, and a local one hardly longer than ever.
const MOMENT: Duration = Duration::from_secs(8);
/// No part takes longer.
const PATIENCE: Duration = Duration::from_secs(180);

struct Sender {
    id: u64,
    acked: Vec<Acked>,
    /// The longest time that an ack took, by level: local, durable. The same post is asked for until it is acked.
    longest: [Duration; 2],
    /// How often a durable ack was refused as late.
    late: u64,
}

impl Sender {
    fn run(&mut self, client: &mut Client, durable: &AtomicU64, over: &AtomicBool) {
        for n in 1.. {
            let room = (n * 31 + self.id * 7) as usize % ROOMS;
            let level = if n % DURABLE_ONE_IN == 0 { AckLevel::Durable } else { AckLevel::Local };
            let post = at_level(&room_name(room), &body(self.id, n), n, Some(level));
            let since = Instant::now();
            let (place, ordinal) = loop {
                match client.ask(&post) {
                    Reply::Placed { level: reached, place, ordinal, .. } => {
                        assert!(reached >= level);
                        break (place, ordinal.unwrap());
                    }
                    Reply::Refused(refusal) if refusal.code == ErrorCode::NotDurable => {
                        self.late += 1;
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                    }
                    other => panic!("{n} of {}: {other:?}", self.id),
                }
            };
            self.acked.push(Acked { room, n, place, ordinal });
            let longest = &mut self.longest[usize::from(level == AckLevel::Durable)];
            *longest = since.elapsed().max(*longest);
            if level == AckLevel::Durable {
                durable.fetch_add(1, Ordering::Relaxed);
                if over.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
    }
}

/// The senders stop, however the story ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until every sender had so many more durable acks.
fn go_on(counts: &[AtomicU64]) {
    let read = || counts.iter().map(|count| count.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let (before, since) = (read(), Instant::now());
    while read().iter().zip(&before).any(|(now, before)| now - before < PER_PART) {
        assert!(since.elapsed() < PATIENCE, "from {before:?} to {:?} durable acks", read());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
#[ignore = "three database nodes take 3 GB and up to four minutes; `make prove` runs it"]
fn one_database_node_of_three_may_die() {
    let mut cassandra = Cassandra::start(SERVERS);
    let keyspace = Keyspace::on(&cassandra.servers);
    let node = keyspace.start_on_all(Folder::new());
    let senders = (0..SENDERS).map(|id| Sender { id, acked: Vec::new(), longest: [Duration::ZERO; 2], late: 0 });
    let mut senders: Vec<Sender> = senders.collect();
    let counts: Vec<AtomicU64> = senders.iter().map(|_| AtomicU64::new(0)).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&over);
        for (sender, durable) in senders.iter_mut().zip(&counts) {
            let (mut client, over) = (enter(&node, &format!("sender-{}", sender.id)), &over);
            scope.spawn(move || sender.run(&mut client, durable, over));
        }
        let part = |what: &str| {
            let since = Instant::now();
            go_on(&counts);
            println!("{what}: {PER_PART} durable acks and more of each sender in {:?}", since.elapsed());
        };
        part("three of three");
        cassandra.kill(0);
        part("the first was killed");
        cassandra.again(0);
        part("the first is back");
        cassandra.kill(1);
        part("the second was killed");
    });
    node.signal("-TERM");
    drop(node.over());
    // Another node with nothing on its disk, while the second database node is still dead.
    let node = keyspace.start_on_all(Folder::new());
    let promised: Vec<_> = senders.iter().map(|s| Promised { sender: s.id, acked: &s.acked }).collect();
    let counted = judge(&node, &promised, &[]);
    let acked: usize = senders.iter().map(|sender| sender.acked.len()).sum();
    assert_eq!(counted, acked, "each once");
    let late: u64 = senders.iter().map(|sender| sender.late).sum();
    let longest = |level: usize| senders.iter().map(|sender| sender.longest[level]).max().unwrap();
    println!(
        "{acked} acked, {counted} read back, each where its ack said; the longest wait for a local ack {:?}, for a durable \
         one {:?}, {late} of them refused as late",
        longest(0),
        longest(1)
    );
    assert_eq!(late, 0);
    assert!(longest(1) < MOMENT, "a durable ack took {:?}", longest(1));
}
