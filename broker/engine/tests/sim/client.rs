//! A client: who it is, what it has of each room, what it still waits for.

use crate::judge::{AskedRoom, Sub, SubState};
use crate::ledger::Stamp;
use crate::rng::Rng;
use crate::wire::Socket;
use rookery_engine::message::ConnId;
use rookery_protocol::dialect::contract::{DialectId, Number};
use rookery_protocol::dialect::speak::Epochs;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::{AckLevel, DuplicateKey, Place, RoomHandle, UserId};
use std::collections::{BTreeMap, VecDeque};

pub struct Client {
    pub id: usize,
    pub user: UserId,
    pub dialect: DialectId,
    /// By index of the plan's rooms; the last one is the user's own inbox.
    pub rooms: Vec<Seat>,
    pub link: Option<Link>,
    /// Posts with a key that nobody has answered, oldest first.
    pub unacked: VecDeque<Posted>,
    /// The next number of this client's stream, per room.
    pub next_n: Vec<u64>,
    pub posts: u64,
    /// When it may connect again.
    pub back_at: u64,
    /// Gave way to another connection of its user at the end, and stays away.
    pub retired: bool,
}

/// What a client has of one room.
#[derive(Clone, Debug, Default)]
pub struct Seat {
    /// Wants to be subscribed whenever it can.
    pub wanted: bool,
    /// The last place it has, from earlier connections too.
    pub cursor: Option<Place>,
    /// Messages that it may want to change or react to.
    pub known: Vec<Place>,
}

/// One connection.
pub struct Link {
    /// Which connection of the whole run it is.
    pub id: u64,
    pub shard: u8,
    pub conn: ConnId,
    /// In the socket's buffer: written by the server, not read by the client.
    pub pipe: VecDeque<u8>,
    /// How much the pipe takes.
    pub window: usize,
    /// Bytes per reading, 0: never reads.
    pub pace: usize,
    pub reading: bool,
    pub socket: Socket,
    pub epochs: Epochs,
    pub subs: BTreeMap<RoomHandle, Sub>,
    pub asked: BTreeMap<Number, Asked>,
    pub next_number: Number,
    /// By room: where its posts stand that it sent once, and without a key that is looked up.
    pub placed: BTreeMap<usize, BTreeMap<Number, Place>>,
    pub welcome: bool,
    /// Its subscriptions may lag behind what the room has, so an ack may come before its event.
    pub loose: bool,
    /// The server said goodbye.
    pub closing: Option<u16>,
    /// The server closed; what is in the pipe can still be read.
    pub server_closed: bool,
}

impl Link {
    /// Whether the server had a reason to end this connection.
    pub fn may_be_closed(&self, reason: DropReason, replaced: bool) -> Result<(), String> {
        match reason {
            DropReason::Replaced if replaced => Ok(()),
            DropReason::Slow if self.loose => Ok(()),
            // A pong that nobody reads a ping for.
            DropReason::Silent if self.pace < 1000 => Ok(()),
            DropReason::NotAuthenticated if !self.welcome => Ok(()),
            DropReason::Left
            | DropReason::ProtocolError
            | DropReason::WrongForm
            | DropReason::BadText
            | DropReason::TooBig
            | DropReason::Internal
            | DropReason::Draining
            | DropReason::Slow
            | DropReason::Silent
            | DropReason::Lagged
            | DropReason::Greedy
            | DropReason::Unfinished
            | DropReason::Malformed
            | DropReason::Abusive
            | DropReason::Reset
            | DropReason::TokenExpired
            | DropReason::NotAuthenticated
            | DropReason::Revoked
            | DropReason::Replaced
            | DropReason::TooManyConnections => Err(format!("{:?} was closed as {}", self.conn, reason.word())),
        }
    }
}

/// A command under way on one connection.
#[derive(Debug)]
pub struct Asked {
    pub what: What,
    pub stamp: Stamp,
    /// Replies that are still to come.
    pub replies: u32,
}

#[derive(Debug)]
pub enum What {
    Hello,
    Subscribe(Vec<AskedRoom>),
    /// Handles that are no more when the reply is there.
    Unsubscribe,
    Post(Posted),
    /// Something else that places an event in a room, at this level.
    Change {
        room: usize,
        level: AckLevel,
    },
    /// A page of history, asked for of this room.
    History {
        room: usize,
    },
    Other,
}

/// A post as its sender remembers it.
#[derive(Clone, Debug)]
pub struct Posted {
    pub room: usize,
    pub key: Option<DuplicateKey>,
    pub body: Vec<u8>,
    pub level: Option<AckLevel>,
    pub mentions: Vec<UserId>,
    /// How often it was sent before.
    pub tries: u32,
    /// An earlier try may have been placed: its connection ended, or nobody could say.
    pub unsure: bool,
}

impl Client {
    pub fn new(id: usize, user: UserId, dialect: DialectId, rooms: usize, dice: &mut Rng) -> Client {
        Client {
            id,
            user,
            dialect,
            rooms: (0..=rooms).map(|_| Seat { wanted: dice.chance(700), ..Seat::default() }).collect(),
            link: None,
            unacked: VecDeque::new(),
            next_n: vec![1; rooms + 1],
            posts: 0,
            back_at: 0,
            retired: false,
        }
    }

    /// The connection is gone: what was read stays, what was under way may or may not have been done.
    pub fn lose_link(&mut self) {
        let Some(link) = self.link.take() else { return };
        for sub in link.subs.values() {
            self.rooms[sub.index].cursor = Some(sub.last);
        }
        let mut lost: Vec<Posted> = Vec::new();
        for asked in link.asked.into_values() {
            if let What::Post(posted) = asked.what
                && posted.key.is_some()
            {
                lost.push(Posted { unsure: true, tries: posted.tries + 1, ..posted });
            }
        }
        // In the order in which they were sent, before what waits already.
        for posted in lost.into_iter().rev() {
            self.unacked.push_front(posted);
        }
    }

    /// The live subscription to a room, by the plan's index.
    pub fn sub(&self, room: usize) -> Option<(RoomHandle, &Sub)> {
        let subs = &self.link.as_ref()?.subs;
        subs.iter().find(|(_, s)| s.index == room && s.state != SubState::Ended).map(|(h, s)| (*h, s))
    }
}
