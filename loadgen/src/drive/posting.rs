//! Saying messages: when the next one is due, what has no ack yet, and saying it again after a lost connection.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io;
use std::sync::atomic::Ordering;

use super::acked::Acked;
use super::client::Step;
use super::seating::SenderPlan;
use super::worker::Worker;
use crate::adapter::{Key, Place};
use crate::marker::{self, Mark};
use crate::record::What;
use crate::scenario::Pace;
use crate::show::Phase;

/// Who comes back says so many at once, so that it does not meet the target's own limit.
const IN_THE_AIR: usize = 32;

/// A message may have come to everybody long before its ack, which may wait for a disk. Targets bound what is unanswered.
const UNANSWERED_MOST: usize = 512;

#[derive(Clone, Copy)]
struct Post {
    sender: usize,
    room: u16,
    number: u64,
    sent_ns: u64,
}

pub struct Sender {
    pub plan: SenderPlan,
    /// Index of its client.
    pub client: usize,
    turn: usize,
    next_ns: f64,
    in_the_air: usize,
    /// Where only members may speak: how many of its rooms it has joined.
    pub joined: usize,
    /// Entered, and to be sent when there is a connection.
    waiting: VecDeque<Post>,
}

#[derive(Default)]
pub struct Posting {
    pub senders: Vec<Sender>,
    /// Sent and not answered, by language and command.
    pending: HashMap<(usize, u32), Post>,
    acked: BTreeMap<u16, Acked>,
    body: Vec<u8>,
    pub published: u64,
    pub payload_bytes: u64,
    /// Tells this run's keys from those of others.
    stream: u64,
}

impl Posting {
    pub fn new(body: Vec<u8>, stream: u64) -> Posting {
        Posting { body, stream, ..Posting::default() }
    }

    pub fn add(&mut self, plan: SenderPlan, client: usize) {
        let waiting = VecDeque::new();
        self.senders.push(Sender { plan, client, turn: 0, next_ns: 0.0, in_the_air: 0, joined: 0, waiting });
    }

    /// Everything that was sent is answered.
    pub fn is_quiet(&self) -> bool {
        self.pending.is_empty() && self.senders.iter().all(|sender| sender.waiting.is_empty())
    }

    pub fn take_acked(&mut self) -> Vec<(u16, Acked)> {
        std::mem::take(&mut self.acked).into_iter().collect()
    }

    /// Bytes of publications that were not their bodies.
    pub fn overhead_bytes(&self) -> i64 {
        self.payload_bytes as i64 - (self.published * self.body.len() as u64) as i64
    }
}

impl Worker {
    /// The schedule begins now.
    pub fn begin_posting(&mut self, now_ns: u64) {
        let rate = self.control.rate();
        for sender in &mut self.posting.senders {
            sender.next_ns = now_ns as f64 + sender.plan.nth as f64 * 1e9 / rate.max(1e-9);
        }
    }

    /// Says everything that is due, one write per sender.
    pub fn post_due(&mut self, now_ns: u64) -> io::Result<()> {
        for index in 0..self.posting.senders.len() {
            let mut said = false;
            while let Some(intended_ns) = self.due(index, now_ns) {
                self.post(index, intended_ns);
                said = true;
            }
            if said {
                self.flush(self.posting.senders[index].client)?;
            }
        }
        Ok(())
    }

    /// When this sender's next message should have gone out, if that is not in the future.
    fn due(&mut self, index: usize, now_ns: u64) -> Option<u64> {
        let all = f64::from(self.orders.scenario.posts.senders);
        let sender = &mut self.posting.senders[index];
        match self.pace {
            Pace::Silent => None,
            Pace::InFlight(window) => {
                let is_in = self.clients[sender.client].step == Step::In;
                let has_room = sender.plan.in_flight.load(Ordering::Acquire) < window;
                (is_in && has_room && sender.in_the_air < UNANSWERED_MOST).then_some(now_ns)
            }
            Pace::Rate(_) => {
                let rate = self.control.rate();
                if rate <= 0.0 {
                    sender.next_ns = now_ns as f64;
                    return None;
                }
                let intended_ns = sender.next_ns;
                if intended_ns > now_ns as f64 {
                    return None;
                }
                sender.next_ns += all * 1e9 / rate;
                Some(intended_ns as u64)
            }
        }
    }

    fn post(&mut self, index: usize, sent_ns: u64) {
        let sender = &mut self.posting.senders[index];
        let room = sender.plan.rooms[sender.turn];
        sender.turn = (sender.turn + 1) % sender.plan.rooms.len();
        let line = &self.lines[usize::from(room)];
        let threads = if matches!(self.pace, Pace::InFlight(_)) { self.threads_of[usize::from(room)] } else { 0 };
        let number = line.publish(sent_ns, threads);
        self.posting.published += 1;
        self.ledger.tally.counts.posts += 1;
        let post = Post { sender: index, room, number, sent_ns };
        // Keys of a stream must rise: nothing overtakes what waits.
        let is_held = !sender.waiting.is_empty() || self.orders.returns && sender.in_the_air >= IN_THE_AIR;
        if is_held || self.clients[sender.client].step != Step::In {
            sender.waiting.push_back(post);
        } else {
            self.send(post);
        }
    }

    fn send(&mut self, post: Post) {
        let Post { sender, room, number, .. } = post;
        let key = self.orders.returns.then_some(Key { stream: self.posting.stream ^ u64::from(room), number });
        marker::stamp(&mut self.posting.body, &Mark { room, number }.encode());
        let body = std::mem::take(&mut self.posting.body);
        let mut command = 0;
        let client = self.posting.senders[sender].client;
        let language = self.clients[client].language;
        let length = self.queue(client, |adapter, who, out| command = adapter.publish(who, room, &body, key, out));
        self.posting.body = body;
        self.posting.payload_bytes += length as u64;
        if command != 0 {
            self.posting.senders[sender].in_the_air += 1;
            self.posting.pending.insert((language, command), post);
        }
    }

    /// What waited for a connection, as far as it may go now.
    pub fn send_waiting(&mut self, sender: usize) -> io::Result<()> {
        let mut said = false;
        while self.posting.senders[sender].in_the_air < IN_THE_AIR {
            let Some(post) = self.posting.senders[sender].waiting.pop_front() else { break };
            self.send(post);
            said = true;
        }
        if said { self.flush(self.posting.senders[sender].client) } else { Ok(()) }
    }

    /// The sender's connection is gone: what was not answered is to be said again, in its order.
    pub fn unsend(&mut self, sender: usize) {
        let mut back: Vec<Post> =
            self.posting.pending.extract_if(|_, post| post.sender == sender).map(|(_, post)| post).collect();
        back.sort_unstable_by_key(|post| (post.sent_ns, post.room, post.number));
        let sender = &mut self.posting.senders[sender];
        sender.in_the_air = 0;
        if self.orders.returns {
            back.into_iter().rev().for_each(|post| sender.waiting.push_front(post));
        }
    }

    pub fn acked(&mut self, language: usize, command: u32, place: Option<Place>, now_ns: u64) -> io::Result<()> {
        let Some(post) = self.posting.pending.remove(&(language, command)) else { return Ok(()) };
        self.ledger.tally.counts.acks += 1;
        self.ledger.tally.time(What::Ack, now_ns.saturating_sub(post.sent_ns));
        if let Some(place) = place {
            self.posting.acked.entry(post.room).or_default().note(post.number, place);
        }
        self.answered(post.sender)
    }

    /// A refused message is on its way to nobody. False: the command was no message.
    pub fn refused_post(&mut self, language: usize, command: u32) -> io::Result<bool> {
        let Some(post) = self.posting.pending.remove(&(language, command)) else { return Ok(false) };
        self.refused.push((post.room, post.number));
        if matches!(self.pace, Pace::InFlight(_)) {
            self.lines[usize::from(post.room)].forget();
        }
        self.answered(post.sender)?;
        Ok(true)
    }

    fn answered(&mut self, sender: usize) -> io::Result<()> {
        self.posting.senders[sender].in_the_air = self.posting.senders[sender].in_the_air.saturating_sub(1);
        if self.phase != Phase::Gathering && !self.posting.senders[sender].waiting.is_empty() {
            return self.send_waiting(sender);
        }
        Ok(())
    }
}
