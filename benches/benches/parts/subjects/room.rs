//! One room's command, beside looking a room up in a table and pushing the body to a list.
//!
//! Ours decides a post with a stream key, gives it its place, applies it, makes the store's batch and the reply; and writes
//! the event where somebody listens. The floor does what no room can do without.

use super::audience::ROOM;
use super::values::{DIALECTS, LINE, body, key};
use super::world::{HERE, Yes, at, principal, settings};
use super::{Pair, Visit};
use rookery_engine::fanout::Outbound;
use rookery_engine::home::Home;
use rookery_engine::message::{Address, Attach, ConnId, Envelope, Lane, ReplyTo, RoomAddress, ToEdge, ToHome};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::{Command, Post, RoomRef, Wants};
use rookery_protocol::dialect::contract::{DialectId, Encoding};
use rookery_protocol::ids::{DuplicateKey, Name, RoomHandle};
use rookery_protocol::message::BodyKind;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Reply;
use std::collections::HashMap;
use std::sync::Arc;

/// Place and body.
type Posted = (u64, Arc<[u8]>);

struct Room {
    home: Home,
    out: Outbound,
    handle: RoomHandle,
    who: Arc<Principal>,
    body: Arc<[u8]>,
    posts: u64,
    made: u64,
    turns: u64,
    replies: Vec<ToEdge>,
    table: HashMap<RoomHandle, Vec<Posted>>,
    next: u64,
}

fn reply_to() -> ReplyTo {
    let conn = ConnId { slot: 1, generation: 1 };
    ReplyTo { to: Address { shard: HERE, conn }, number: 1, row: CommandKind::Post.row(), gather: Some(1) }
}

impl Room {
    fn new(posts: u64, listens: Option<DialectId>) -> Room {
        let mut home = Home::new(settings());
        let mut out = Outbound::new(1);
        let who = Arc::new(principal(Name::literal("main"), Name::literal("ann")));
        // Who wants summaries only is written no event, and keeps the room at hand.
        let wants = Wants { presence: false, summary_only: listens.is_none() };
        let encoding = Encoding { dialect: listens.unwrap_or(DIALECTS[0].1), variant: 0 };
        let attach = Attach {
            room: RoomAddress::Key(key(ROOM)),
            who: who.clone(),
            reply_to: reply_to(),
            at: 0,
            lane: Lane { encoding, wants },
            cursor: None,
            presence_grace_ms: None,
        };
        home.take(at(0), &mut Yes, HERE, ToHome::Attach(Box::new(attach)), &mut out);
        home.end_turn(at(0), &mut Yes, &mut out);
        let told = out.take(HERE).to_edge;
        let attached = |told: &ToEdge| {
            if let ToEdge::Attached { subscribed, .. } = told { Some(subscribed.handle) } else { None }
        };
        let handle = told.iter().find_map(attached).unwrap();
        Room {
            home,
            out,
            handle,
            who,
            body: body(LINE).as_bytes().into(),
            posts,
            made: 0,
            turns: 0,
            replies: Vec::new(),
            // Among others, as a room is.
            table: (0..1000).map(|other| (RoomHandle(other), Vec::new())).collect(),
            next: 0,
        }
    }
}

impl Pair for Room {
    type Input = Vec<ToHome>;

    fn input(&mut self) -> Vec<ToHome> {
        let post = |n| {
            let command = Command::Post(Post {
                room: RoomRef::Handle(self.handle),
                kind: BodyKind::Text,
                body: self.body.clone(),
                key: Some(DuplicateKey::Stream { stream: 9, n }),
                ack: None,
                extra: None,
            });
            let (room, who) = (RoomAddress::Handle(self.handle), self.who.clone());
            ToHome::Command(Box::new(Envelope { room, who, reply_to: reply_to(), at: self.turns, command }))
        };
        let first = self.made + 1;
        self.made += self.posts;
        (first..first + self.posts).map(post).collect()
    }

    fn rounds(&self) -> u64 {
        16
    }

    fn ours(&mut self, commands: Vec<ToHome>) {
        self.turns += 1;
        for command in commands {
            self.home.take(at(self.turns), &mut Yes, HERE, command, &mut self.out);
        }
        self.home.end_turn(at(self.turns), &mut Yes, &mut self.out);
        self.home.submit_rest(at(self.turns), &mut Yes, &mut self.out);
        self.replies = self.out.take(HERE).to_edge;
    }

    fn floor(&mut self, commands: Vec<ToHome>) {
        self.table.get_mut(&self.handle).unwrap().clear();
        for command in commands {
            let ToHome::Command(envelope) = command else { continue };
            let RoomAddress::Handle(handle) = envelope.room else { continue };
            let Command::Post(post) = envelope.command else { continue };
            self.next += 1;
            self.table.get_mut(&handle).unwrap().push((self.next, post.body));
        }
    }

    /// How far the posts' places are from the first one's.
    fn left(&mut self) -> [Vec<u8>; 2] {
        let commands = self.input();
        self.ours(commands);
        let placed = |told: &ToEdge| {
            if let ToEdge::Reply { reply: Reply::Placed { place, .. }, .. } = told { Some(place.seq.0) } else { None }
        };
        let ours: Vec<u64> = self.replies.iter().filter_map(placed).collect();
        let commands = self.input();
        self.floor(commands);
        let floor: Vec<u64> = self.table[&self.handle].iter().map(|(n, _)| *n).collect();
        assert_eq!(ours.len() as u64, self.posts);
        [ours, floor].map(|places| places.iter().map(|place| (place - places[0]) as u8).collect())
    }
}

pub fn pairs(visit: &mut impl Visit) {
    for posts in [1, 64] {
        visit.pair(&format!("room, {posts} a turn, nobody listens"), "command", posts, || Room::new(posts, None));
        for (language, dialect) in DIALECTS {
            let name = format!("room, {posts} a turn, heard in {language}");
            visit.pair(&name, "command", posts, || Room::new(posts, Some(dialect)));
        }
    }
}
