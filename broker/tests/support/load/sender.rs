//! Posts with many in flight, and again under the same keys after each kill.

use super::super::client::post;
use super::super::{BINARY, Client, Heard};
use super::judge::Promised;
use super::{ROOMS, room_name};
use rookery_protocol::command::Command;
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::ids::{AckLevel, DuplicateKey, Place};
use rookery_protocol::reply::Reply;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const IN_FLIGHT: usize = 64;
/// So many of the newest acked ones are posted again after each start: they get their first answer.
const REPEATED: usize = 3;

pub struct Acked {
    pub room: usize,
    pub n: u64,
    pub place: Place,
    pub ordinal: u64,
}

pub struct Sender {
    pub id: u64,
    next: u64,
    /// Posted and not acked: number and room, in the order of posting.
    open: BTreeMap<u64, usize>,
    pub acked: Vec<Acked>,
    /// How many those are, for others to see while it runs.
    pub count: Arc<AtomicUsize>,
}

impl Sender {
    pub fn new(id: u64) -> Sender {
        Sender { id, next: 1, open: BTreeMap::new(), acked: Vec::new(), count: Arc::default() }
    }

    pub fn user(&self) -> String {
        format!("sender-{}", self.id)
    }

    /// What it was promised, the first so many.
    pub fn promised(&self, count: usize) -> Promised<'_> {
        Promised { sender: self.id, acked: &self.acked[..count] }
    }

    /// Posts until the node is gone.
    pub fn run(&mut self, address: SocketAddr, token: &str) {
        self.speak(address, token, true);
    }

    /// Posts what is open, until all of it is acked.
    pub fn finish(&mut self, address: SocketAddr, token: &str) {
        self.speak(address, token, false);
        assert!(self.open.is_empty(), "a node that nobody kills closed the connection of {}", self.user());
    }

    fn speak(&mut self, address: SocketAddr, token: &str, more: bool) {
        let Ok(mut client) = Client::open_at(address, BINARY, "/v1/ws") else { return };
        let mut numbers = HashMap::new();
        if self.say(&mut client, &Command::Authenticate { token: token.to_owned() }).is_none() {
            return;
        }
        let repeated: Vec<(u64, usize)> =
            self.acked.iter().rev().take(REPEATED).map(|acked| (acked.n, acked.room)).collect();
        let again: Vec<(u64, usize)> = self.open.iter().map(|(n, room)| (*n, *room)).collect();
        for (n, room) in repeated.into_iter().rev().chain(again) {
            let Some(number) = self.post(&mut client, n, room) else { return };
            numbers.insert(number, n);
        }
        loop {
            while more && self.open.len() < IN_FLIGHT {
                let (n, room) = (self.next, (self.next * 31 + self.id * 7) as usize % ROOMS);
                self.next += 1;
                self.open.insert(n, room);
                let Some(number) = self.post(&mut client, n, room) else { return };
                numbers.insert(number, n);
            }
            if numbers.is_empty() && !more {
                return;
            }
            match client.next() {
                Heard::Frame(ServerFrame::Reply { reply: Reply::Welcome(_), .. }) => {}
                Heard::Frame(ServerFrame::Reply { number, reply: Reply::Placed { place, ordinal, level, .. } }) => {
                    assert_eq!(level, AckLevel::Durable);
                    let n = numbers.remove(&number).unwrap();
                    self.take_ack(n, place, ordinal.unwrap());
                }
                Heard::Frame(other) => panic!("{} heard {other:?}", self.user()),
                Heard::Closed(_) => return,
            }
        }
    }

    fn take_ack(&mut self, n: u64, place: Place, ordinal: u64) {
        match self.open.remove(&n) {
            Some(room) => {
                self.acked.push(Acked { room, n, place, ordinal });
                self.count.store(self.acked.len(), Ordering::Release);
            }
            None => {
                let first = self.acked.iter().rev().find(|acked| acked.n == n).unwrap();
                assert_eq!((first.place, first.ordinal), (place, ordinal), "a repeat of {n} got another answer");
            }
        }
    }

    /// None: the node is gone.
    fn post(&self, client: &mut Client, n: u64, room: usize) -> Option<u32> {
        let key = DuplicateKey::Stream { stream: self.id, n };
        self.say(client, &post(&room_name(room), &body(self.id, n), Some(key)))
    }

    fn say(&self, client: &mut Client, command: &Command) -> Option<u32> {
        let (number, frame) = client.frame(command);
        client.raw(&frame).ok().map(|()| number)
    }
}

pub fn body(sender: u64, n: u64) -> String {
    format!("{sender}:{n}")
}
