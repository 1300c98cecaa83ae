//! A thousand sockets cut at a random byte under traffic, and resumed: nothing lost, doubled or out of order.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::command::{Command, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::{DuplicateKey, Place};
use rookery_protocol::reply::{Reply, Start};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::client::{masked, post, room};
use support::{BINARY, Client, Heard, JSON, Node, Tongue};

const ROOMS: usize = 5;
const POSTS_PER_ROOM: u64 = 1500;
const READERS: usize = 20;
const CUTS_PER_READER: usize = 50;

/// Seeded, so that a failure can be looked at again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

fn name(room: usize) -> String {
    format!("cut-{room}")
}

fn tongue(i: usize) -> Tongue {
    if i.is_multiple_of(2) { JSON } else { BINARY }
}

/// Posts numbered bodies; its own socket is cut in the middle of a frame now and then, and what was not acked is sent
/// again under its key.
fn write(node: &Node, token: &str, i: usize) {
    let mut dice = Dice(i as u64);
    let mut client = Client::enter(node.address, tongue(i), token);
    for n in 1..=POSTS_PER_ROOM {
        let command = post(&name(i), &format!("{n}"), Some(DuplicateKey::Stream { stream: i as u64, n }));
        if dice.roll(50) == 0 {
            let mut payload = Vec::new();
            client.tongue.speak.say(1, &command, &mut payload);
            let frame = masked(if client.tongue.text { 1 } else { 2 }, &payload);
            let cut = dice.roll(frame.len() as u64 + 1) as usize;
            let _ = client.raw(&frame[..cut]);
            drop(client);
            client = Client::enter(node.address, tongue(i), token);
        }
        let reply = client.ask(&command);
        assert!(matches!(reply, Reply::Placed { .. }), "{reply:?}");
    }
}

/// Reads a room from its beginning to its end over as many sockets as it takes.
fn read(node: &Node, token: &str, i: usize, cuts: &AtomicUsize) {
    let mut dice = Dice(1000 + i as u64);
    let mut last = Place::START;
    let mut bodies = HashSet::new();
    let mut mine = 0;
    while (bodies.len() as u64) < POSTS_PER_ROOM || mine < CUTS_PER_READER {
        let mut client = Client::enter(node.address, tongue(i), token);
        client.cut_after = (mine < CUTS_PER_READER).then(|| 300 + dice.roll(6_000) as usize);
        // Once everything is there, further sockets read the beginning again, so that each one is cut in traffic.
        if bodies.len() as u64 == POSTS_PER_ROOM && client.cut_after.is_some() {
            last = Place::START;
            bodies.clear();
        }
        let rooms = vec![SubscribeRoom { room: room(&name(i % ROOMS)), cursor: Some(last), wants: Wants::default() }];
        client.say(&Command::Subscribe { rooms });
        while (bodies.len() as u64) < POSTS_PER_ROOM {
            match client.next() {
                Heard::Frame(ServerFrame::Event { event, .. }) => {
                    assert_eq!(event.place.seq.0, last.seq.0 + 1, "reader {i}: not the next one");
                    last = event.place;
                    if let EventBody::Posted(message) = event.body {
                        let body = String::from_utf8(message.body.to_vec()).unwrap();
                        assert_eq!(body, (bodies.len() + 1).to_string(), "reader {i}: lost, doubled or out of order");
                        assert!(bodies.insert(body));
                    }
                }
                Heard::Frame(ServerFrame::Reply { reply: Reply::Subscribed(subscribed), .. }) => {
                    assert_eq!(subscribed.start, Start::Resuming, "reader {i}");
                }
                Heard::Frame(_) => {}
                Heard::Closed(_) => break,
            }
        }
        mine += 1;
        cuts.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_sockets_cut_and_resumed() {
    let options = ["--commands-per-second", "0", "--user-commands-per-second", "0", "--connections-per-user", "1000"];
    let node = Node::start_with(2, &options);
    let cuts = AtomicUsize::new(0);
    let tokens: Vec<String> = (0..ROOMS + READERS).map(|i| node.token(&format!("user-{i}"))).collect();
    std::thread::scope(|scope| {
        let (writers, readers) = tokens.split_at(ROOMS);
        let (node, cuts) = (&node, &cuts);
        for (i, token) in writers.iter().enumerate() {
            scope.spawn(move || write(node, token, i));
        }
        for (i, token) in readers.iter().enumerate() {
            scope.spawn(move || read(node, token, i, cuts));
        }
    });
    assert!(cuts.load(Ordering::Relaxed) >= READERS * CUTS_PER_READER);
}
