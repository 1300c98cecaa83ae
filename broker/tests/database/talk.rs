//! Traffic that goes on while a node moves: talkers who remember what was acked, and rooms with a bit of everything.

use crate::levels::enter;
use crate::support::client::{post, room};
use crate::support::load::judge::Promised;
use crate::support::load::sender::{Acked, body};
use crate::support::load::{ROOMS, judge, room_name};
use crate::support::{BINARY, Client, Heard, Node};
use rookery_protocol::command::{Command, HistoryFrom, Post, PostExtra, ReadMark, RoomSettings, RosterOf};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{DuplicateKey, Name, Place};
use rookery_protocol::message::BodyKind;
use rookery_protocol::reply::Reply;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};

/// Posts into all rooms in turn, and again under the same key whatever was not acked.
pub struct Talker {
    id: u64,
    next: u64,
    open: BTreeMap<u64, usize>,
    acked: Vec<Acked>,
}

impl Talker {
    pub fn new(id: u64) -> Talker {
        Talker { id, next: 1, open: BTreeMap::new(), acked: Vec::new() }
    }

    /// So many more, with so many in flight.
    pub fn say(&mut self, node: &Node, count: u64, window: usize) {
        let until = self.next + count;
        self.speak(node, window, |talker| talker.next < until);
        assert!(self.open.is_empty(), "a node that nobody kills closed a connection");
    }

    /// One after the other, until it is told to end or the node is gone.
    pub fn go_on(&mut self, node: &Node, is_over: &AtomicBool) {
        self.speak(node, 1, |_| !is_over.load(Ordering::Acquire));
    }

    fn speak(&mut self, node: &Node, window: usize, more: impl Fn(&Talker) -> bool) {
        let token = node.token(&format!("sender-{}", self.id));
        let Ok(mut client) = Client::open_at(node.address, BINARY, "/v1/ws") else { return };
        let (_, hello) = client.frame(&Command::Authenticate { token });
        let mut numbers = HashMap::new();
        let say = |client: &mut Client, numbers: &mut HashMap<u32, u64>, id: u64, n: u64, to: usize| {
            let key = DuplicateKey::Stream { stream: id, n };
            let (number, frame) = client.frame(&post(&room_name(to), &body(id, n), Some(key)));
            numbers.insert(number, n);
            client.raw(&frame).is_ok()
        };
        if client.raw(&hello).is_err() {
            return;
        }
        for (n, to) in &self.open {
            if !say(&mut client, &mut numbers, self.id, *n, *to) {
                return;
            }
        }
        loop {
            while self.open.len() < window && more(self) {
                let (n, to) = (self.next, (self.next * 31 + self.id * 7) as usize % ROOMS);
                self.next += 1;
                self.open.insert(n, to);
                if !say(&mut client, &mut numbers, self.id, n, to) {
                    return;
                }
            }
            if self.open.is_empty() {
                return;
            }
            match client.next() {
                Heard::Frame(ServerFrame::Reply { reply: Reply::Welcome(_), .. }) => {}
                Heard::Frame(ServerFrame::Reply { number, reply: Reply::Placed { place, ordinal, .. } }) => {
                    let n = numbers.remove(&number).unwrap();
                    let room = self.open.remove(&n).unwrap();
                    self.acked.push(Acked { room, n, place, ordinal: ordinal.unwrap() });
                }
                Heard::Frame(other) => panic!("sender {} heard {other:?}", self.id),
                Heard::Closed(_) => return,
            }
        }
    }
}

/// Everything that was acked stands where it was acked, once and in order; the number of messages.
pub fn judged(node: &Node, talkers: &[Talker]) -> usize {
    let promised: Vec<_> = talkers.iter().map(|talker| Promised { sender: talker.id, acked: &talker.acked }).collect();
    judge(node, &promised, &[])
}

fn placed(reply: Reply) -> Place {
    match reply {
        Reply::Placed { place, .. } => place,
        other => panic!("not placed: {other:?}"),
    }
}

const SIDE_ROOMS: [&str; 3] = ["office", "open", "again"];
/// Rooms with a word each: there are more of them than are moved at a time.
const SMALL: usize = 250;

/// Rooms with edits, deletions, reactions, pins, threads, expiries, members, and one that was removed and made anew.
pub fn story(node: &Node) {
    let (mut alice, mut bob) = (enter(node, "alice"), enter(node, "bob"));
    let settings = RoomSettings { title: Some("Büro".to_owned()), ..RoomSettings::default() };
    for name in ["office", "again"] {
        let members = vec![Name::new("bob").unwrap()];
        let create = Command::Create { room: room(name), settings: Box::new(settings.clone()), members };
        assert!(!matches!(alice.ask(&create), Reply::Refused(_)));
        if name == "again" {
            alice.post(name, "gone with its room");
            assert!(!matches!(alice.ask(&Command::DeleteRoom { room: room(name) }), Reply::Refused(_)));
            let members = vec![Name::new("bob").unwrap()];
            let create = Command::Create { room: room(name), settings: Box::new(settings.clone()), members };
            // While the old one is being cleared the answer is "busy": again, then.
            while let Reply::Refused(refusal) = alice.ask(&create) {
                assert_eq!(refusal.code, ErrorCode::Busy);
            }
        }
    }
    for name in SIDE_ROOMS {
        let first = alice.post(name, "first");
        for n in 0..70 {
            placed(bob.ask(&post(name, &format!("message {n}"), Some(DuplicateKey::Free(format!("{n}").into())))));
        }
        for (thread, expires_in_ms) in [(Some(first), None), (None, Some(3_600_000)), (Some(first), Some(7_200_000))] {
            let extra = PostExtra { thread, expires_in_ms, ..PostExtra::default() };
            let body = b"an answer, or passing"[..].into();
            let extra = Some(Box::new(extra));
            placed(alice.ask(&Command::Post(Post {
                room: room(name),
                kind: BodyKind::Markdown,
                body,
                key: None,
                ack: None,
                extra,
            })));
        }
        let edited = alice.post(name, "frist");
        let body = b"first"[..].into();
        placed(alice.ask(&Command::Edit {
            room: room(name),
            target: edited,
            kind: None,
            body,
            metadata: None,
            ack: None,
        }));
        let deleted = alice.post(name, "a secret that goes");
        placed(alice.ask(&Command::Delete { room: room(name), target: deleted, ack: None }));
        placed(bob.ask(&Command::React { room: room(name), target: first, reaction: Name::new("👍").unwrap() }));
        placed(alice.ask(&Command::Pin { room: room(name), target: first }));
        bob.ask(&Command::MarkRead { room: room(name), place: edited, mark: ReadMark::Read });
    }
    for n in 0..SMALL {
        alice.post(&format!("small-{n}"), "a word");
    }
}

/// All that a client sees of those rooms.
pub fn sight(node: &Node) -> Vec<String> {
    let mut alice = enter(node, "alice");
    let mut seen = Vec::new();
    for name in SIDE_ROOMS {
        for (from, thread) in [(0, None), (60, None)] {
            let from = HistoryFrom::FromOldest(from);
            seen.push(format!("{:?}", alice.ask(&Command::History { room: room(name), from, limit: 100, thread })));
        }
        let of = RosterOf::Members;
        seen.push(format!("{:?}", alice.ask(&Command::Roster { room: room(name), of, after: None, limit: 100 })));
    }
    for n in [0, SMALL / 2, SMALL - 1] {
        let from = HistoryFrom::Newest;
        let history = Command::History { room: room(&format!("small-{n}")), from, limit: 9, thread: None };
        seen.push(format!("{:?}", alice.ask(&history)));
    }
    assert!(!seen.iter().any(|seen| seen.contains("Refused") || seen.contains("a secret")), "{seen:?}");
    seen
}
