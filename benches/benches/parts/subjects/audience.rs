//! An edge with connections that are subscribed to one room and live, and a home that is only pretended.

use super::values::{EPOCH, key};
use super::world::{HERE, Yes, at, settings};
use rookery_engine::edge::{Edge, Opening};
use rookery_engine::fanout::Outbound;
use rookery_engine::message::{Attach, ConnId, Lane, ReplyTo, ToEdge, ToHome};
use rookery_engine::placement;
use rookery_protocol::command::{Command, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::{DialectId, Encoding, Form, Hello, Incoming};
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::{Name, Place, RoomHandle};
use rookery_protocol::reply::{Reply, Start, Subscribed};
use std::sync::Arc;

pub struct Audience {
    edge: Edge,
    out: Outbound,
    pub lane: Lane,
}

/// The room that all of them listen to.
pub const ROOM: &str = "general";

pub fn handle() -> RoomHandle {
    placement::handle(1, HERE, 1).unwrap()
}

impl Audience {
    pub fn new(dialect: DialectId, receivers: usize) -> Audience {
        let lane = Lane { encoding: Encoding { dialect, variant: 0 }, wants: Wants::default() };
        let mut audience = Audience { edge: Edge::new(settings()), out: Outbound::new(1), lane };
        let realm = Name::literal("main");
        audience.give(ToEdge::Revocations { realm, facts: Some(Vec::new()) });
        for n in 0..receivers {
            audience.join(dialect, &format!("user-{n}"));
        }
        // What they were greeted with.
        let mut dirty = Vec::new();
        audience.take_dirty(&mut dirty);
        for conn in dirty {
            audience.wrote(conn, audience.slices(conn).map(<[u8]>::len).sum());
        }
        audience
    }

    fn join(&mut self, dialect: DialectId, user: &str) {
        let hello = Hello { path: "/", query: "", token: Some(user) };
        let opening = Opening { before: &[], dialect, realm: Name::literal("main"), hello, address: None };
        let conn = self.edge.open(at(0), &mut Yes, opening, &mut self.out);
        self.play_home();
        let room = RoomRef::Room { realm: None, name: Name::literal(ROOM) };
        let rooms = vec![SubscribeRoom { room, cursor: None, wants: Wants::default() }];
        let mut said = Vec::new();
        registry::speaker(dialect).unwrap().say(1, &Command::Subscribe { rooms }, &mut said);
        let incoming = match registry::get(dialect).profile().form {
            Form::Text => Incoming::Text(std::str::from_utf8(&said).unwrap()),
            Form::Binary | Form::Either => Incoming::Binary(&said),
        };
        self.edge.receive(at(0), &mut Yes, conn, incoming, &mut self.out);
        self.play_home();
    }

    fn play_home(&mut self) {
        for message in self.out.take(HERE).to_home {
            if let ToHome::SessionOpened(opened) = message {
                let ReplyTo { to, number, row, gather } = opened.reply_to;
                self.give(ToEdge::Reply { to: to.conn, number, row, gather, reply: Reply::Done });
            } else if let ToHome::Attach(attach) = message {
                self.attach(&attach);
            }
        }
    }

    fn attach(&mut self, attach: &Attach) {
        let end = Place::new(EPOCH, 0);
        let subscribed = Box::new(Subscribed {
            room: key(ROOM),
            handle: handle(),
            start: Start::Live,
            from: end,
            end,
            messages: 0,
            read: Place::START,
            read_ordinal: 0,
            info: Arc::default(),
            role: None,
            present: 1,
        });
        let ReplyTo { to, number, row, gather } = attach.reply_to;
        self.give(ToEdge::Attached { to: to.conn, number, row, gather, lane: attach.lane, subscribed });
    }

    pub fn give(&mut self, message: ToEdge) {
        self.edge.take(at(1), &mut Yes, HERE, message, &mut self.out);
    }

    /// Who has something to write. Each has to be told what was [written](Audience::wrote).
    pub fn take_dirty(&mut self, into: &mut Vec<ConnId>) {
        self.edge.take_dirty(into);
    }

    pub fn slices(&self, conn: ConnId) -> impl Iterator<Item = &[u8]> {
        self.edge.slices(conn)
    }

    pub fn wrote(&mut self, conn: ConnId, bytes: usize) {
        self.edge.wrote(at(1), conn, bytes, &mut self.out);
    }
}
