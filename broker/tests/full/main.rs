//! A disk without room: writes are refused aloud, what is served is right, nothing acked is lost, and writing begins again
//! by itself once there is room.
// Whatever this story does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod disk;

use disk::Disk;
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::Signal;
use rookery_protocol::ids::{DuplicateKey, Place};
use rookery_protocol::reply::Reply;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::client::{post, room};
use support::{BINARY, Client, Heard, JSON, Node};

const ROOMS: [&str; 3] = ["one", "two", "three"];
/// Posts until the disk is full, at most.
const MOST: u64 = 60_000;
/// Writing goes on within this after there is room again.
const BACK: Duration = Duration::from_secs(5);
const WHILE_FULL: u64 = 2;

struct Sender {
    client: Client,
    n: u64,
    /// What was acked, of each room.
    acked: [BTreeMap<Place, String>; ROOMS.len()],
}

impl Sender {
    /// Posts into one room after the other. What it was refused with.
    fn post(&mut self, bytes: usize) -> Result<(), ErrorCode> {
        self.n += 1;
        let at = self.n as usize % ROOMS.len();
        let body = format!("{}:{}", self.n, "x".repeat(bytes));
        let key = DuplicateKey::Stream { stream: 1, n: self.n };
        match self.client.ask(&post(ROOMS[at], &body, Some(key))) {
            Reply::Placed { place, .. } => {
                assert!(self.acked[at].insert(place, body).is_none(), "{place} was given twice");
                Ok(())
            }
            Reply::Refused(refusal) => Err(refusal.code),
            other => panic!("{other:?}"),
        }
    }
}

/// None: it is refused.
fn newest(node: &Node, room_name: &str) -> Option<BTreeMap<Place, String>> {
    let mut client = Client::enter(node.address, JSON, &node.token("reader"));
    let history = Command::History { room: room(room_name), from: HistoryFrom::Newest, limit: 50, thread: None };
    let page = match client.ask(&history) {
        Reply::History(page) => page,
        Reply::Refused(_) => return None,
        other => panic!("{other:?}"),
    };
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    Some(page.messages.iter().map(|message| (message.place, text(&message.body))).collect())
}

/// Every acked message is there, and nothing that was refused.
fn judge(node: &Node, sender: &Sender) {
    for (name, acked) in ROOMS.iter().zip(&sender.acked) {
        let mut client = Client::enter(node.address, BINARY, &node.token("judge"));
        let mut from = HistoryFrom::FromOldest(0);
        let mut found = BTreeMap::new();
        loop {
            let history = Command::History { room: room(name), from, limit: 50, thread: None };
            let Reply::History(page) = client.ask(&history) else { panic!("{name} cannot be read") };
            for message in &page.messages {
                found.insert(message.place, String::from_utf8(message.body.to_vec()).unwrap());
            }
            let Some(last) = page.messages.last() else { break };
            from = HistoryFrom::After(last.place);
        }
        assert!(found == *acked, "{name}: {} found, {} acked", found.len(), acked.len());
    }
}

/// Nothing was promised, and the sender knows.
fn is_told(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::NotStored | ErrorCode::ReadOnly | ErrorCode::Busy)
}

/// A signal comes through.
fn hears(watcher: &mut Client, typist: &mut Client) {
    typist.say(&Command::Typing { room: room(ROOMS[0]), on: true });
    loop {
        match watcher.next_unasked() {
            Heard::Frame(ServerFrame::Signal { signal: Signal::Typing { .. }, .. }) => return,
            Heard::Frame(_) => {}
            Heard::Closed(why) => panic!("closed: {why:?}"),
        }
    }
}

fn listeners(node: &Node) -> (Client, Client) {
    let mut watcher = Client::enter(node.address, JSON, &node.token("watcher"));
    let mut typist = Client::enter(node.address, JSON, &node.token("typist"));
    for client in [&mut watcher, &mut typist] {
        client.subscribe(ROOMS[0], None);
    }
    (watcher, typist)
}

/// What is served of a room, once its store has found its way around.
fn newest_in_time(node: &Node, room_name: &str) -> BTreeMap<Place, String> {
    let begun = Instant::now();
    loop {
        if let Some(newest) = newest(node, room_name) {
            return newest;
        }
        assert!(begun.elapsed() < BACK, "{room_name} cannot be read while the disk is full");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn story<D: Disk>(mut disk: D) {
    let node = disk.start();
    let client = Client::enter(node.address, BINARY, &node.token("sender"));
    let mut sender = Sender { client, n: 0, acked: Default::default() };
    for _ in 0..300 {
        sender.post(100).unwrap();
    }
    disk.fill(&node);
    let mut refused = None;
    for _ in 0..MOST {
        if let Err(code) = sender.post(4000) {
            refused = Some(code);
            break;
        }
    }
    let before = sender.acked.iter().map(BTreeMap::len).sum::<usize>();
    let code = refused.unwrap_or_else(|| panic!("a full disk took {before} posts"));
    assert!(is_told(code), "{code:?}");
    for _ in 0..WHILE_FULL {
        let code = sender.post(4000).expect_err("there is no room");
        assert!(is_told(code), "{code:?}");
    }
    let mut read = 0;
    for (name, acked) in ROOMS.iter().zip(&sender.acked) {
        let newest = if D::READS { Some(newest_in_time(&node, name)) } else { newest(&node, name) };
        let Some(newest) = newest else { continue };
        let want: BTreeMap<_, _> = acked.iter().rev().take(50).map(|(place, body)| (*place, body.clone())).collect();
        assert!(newest == want, "{name}: what is served while the disk is full");
        read += 1;
    }
    let free = Instant::now();
    disk.free(&node);
    let mut tries = 0;
    while sender.acked.iter().map(BTreeMap::len).sum::<usize>() < before + 100 {
        tries += 1;
        if sender.post(100).is_err() {
            assert!(free.elapsed() < BACK, "no room again after {:?}", free.elapsed());
            // Not to be right, but not to ask a thousand times a second either.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    let (back, rooms) = (free.elapsed(), ROOMS.len());
    println!(
        "{before} acked until the disk was full ({code:?}), {read} of {rooms} rooms read meanwhile; {tries} posts until 100 \
         more were acked, {back:?} after room came"
    );
    let (mut watcher, mut typist) = listeners(&node);
    hears(&mut watcher, &mut typist);
    judge(&node, &sender);
    node.signal("-KILL");
    drop(node.over());
    let node = disk.start();
    judge(&node, &sender);
}

#[test]
fn a_full_disk_costs_nothing_that_was_acked() {
    story(disk::Limited::new());
}

#[test]
#[ignore = "needs a small file system of its own; scripts/disk-full.sh makes one and runs this"]
fn a_full_file_system_costs_nothing_that_was_acked() {
    story(disk::Small::of_the_script());
}
