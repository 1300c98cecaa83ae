//! One core's worth of engine: an edge, a home, and the messages between them and other shards.
//!
//! Driven from outside: the shell (or a test) tells what happened and calls [`Shard::turn`] once after each batch.
//! Then it writes out what [`Edge`] has for each dirty connection, and calls [`Shard::after_writes`].

use crate::edge::{AfterWrite, Edge, Opening};
use crate::fanout::Outbound;
use crate::home::Home;
use crate::message::{Caller, ConnId, Parcel, ShardId, ToEdge, ToHome};
use crate::planted::{self, Bug};
use crate::ports::{Fact, Now, Ports};
use crate::settings::{Limits, Settings};
use rookery_protocol::command::Command;
use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::RoomHandle;
use rookery_protocol::principal::Principal;
use std::collections::BTreeSet;
use std::sync::Arc;

pub struct Shard {
    settings: Arc<Settings>,
    pub edge: Edge,
    pub home: Home,
    out: Outbound,
    /// Per shard: rooms whose chunks were left out because the lane was full. Told as `Behind` when there is room.
    behind: Vec<BTreeSet<RoomHandle>>,
    /// Empty lists, kept for their allocations.
    spare: (Vec<ToHome>, [Vec<ToEdge>; 2]),
}

/// What a turn leaves to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    Idle,
    /// Something for a full lane waits: call `turn` again when the lane has moved.
    LaneFull,
}

impl Shard {
    pub fn new(settings: Arc<Settings>) -> Shard {
        Shard {
            edge: Edge::new(settings.clone()),
            home: Home::new(settings.clone()),
            out: Outbound::new(settings.shards),
            behind: (0..settings.shards).map(|_| BTreeSet::new()).collect(),
            spare: Default::default(),
            settings,
        }
    }

    /// Other limits and classes are in force from now on. Everything else of the settings has to be what it was, and so has
    /// what a room's events were delivered and stored by: [`RoomClass::access`](crate::settings::RoomClass::access),
    /// `deliver`, `on_failure` and `max_members` are those of the room's next load.
    pub fn configure(&mut self, settings: Arc<Settings>) {
        self.edge.configure(settings.clone());
        self.home.configure(settings.clone());
        self.settings = settings;
    }

    /// Those in force.
    pub fn limits(&self) -> &Limits {
        &self.settings.limits
    }

    fn me(&self) -> ShardId {
        self.settings.shard
    }

    /// A connection begins; its greeting and first commands belong to this turn.
    pub fn open(&mut self, now: Now, ports: &mut dyn Ports, opening: Opening<'_>) -> ConnId {
        self.edge.open(now, ports, opening, &mut self.out)
    }

    /// One whole message of a connection.
    pub fn receive(&mut self, now: Now, ports: &mut dyn Ports, conn: ConnId, message: Incoming<'_>) {
        self.edge.receive(now, ports, conn, message, &mut self.out);
    }

    /// The socket is gone.
    pub fn closed(&mut self, now: Now, conn: ConnId, reason: DropReason) {
        self.edge.closed(now, conn, reason, &mut self.out);
    }

    /// Something was heard of a connection that was no whole message: bytes, a pong.
    pub fn heard(&mut self, now: Now, conn: ConnId) {
        self.edge.heard(now, conn);
    }

    /// The largest message that a connection may send next.
    pub fn message_limit(&self, conn: ConnId) -> usize {
        self.edge.message_limit(conn)
    }

    /// Ends a connection with last words. It is gone only when [`Shard::closed`] says so.
    pub fn close(&mut self, now: Now, conn: ConnId, reason: DropReason, detail: &str) {
        self.edge.close(now, conn, reason, detail, &mut self.out);
    }

    /// The client has closed its side.
    pub fn client_closes(&mut self, now: Now, conn: ConnId, code: Option<u16>) {
        self.edge.client_closes(now, conn, code, &mut self.out);
    }

    /// The client has sent a ping.
    pub fn pong(&mut self, now: Now, conn: ConnId, payload: &[u8]) {
        self.edge.pong(now, conn, payload, &mut self.out);
    }

    /// Ends all connections, and each that still comes: the node is about to stop.
    pub fn drain(&mut self, now: Now, reason: DropReason) {
        self.edge.drain(now, reason, &mut self.out);
    }

    /// Connections that have something to write: see [`Edge::take_dirty`].
    pub fn take_dirty(&mut self, into: &mut Vec<ConnId>) {
        self.edge.take_dirty(into);
    }

    /// What to write to a connection: see [`Edge::slices`].
    pub fn slices(&self, conn: ConnId) -> impl Iterator<Item = &[u8]> {
        self.edge.slices(conn)
    }

    /// Its socket took so many bytes. May ask homes for more: see [`Shard::wants_turn`].
    pub fn wrote(&mut self, now: Now, conn: ConnId, bytes: usize) -> AfterWrite {
        self.edge.wrote(now, conn, bytes, &mut self.out)
    }

    /// Its socket takes nothing at present.
    pub fn blocked(&mut self, now: Now, conn: ConnId) -> AfterWrite {
        self.edge.blocked(now, conn)
    }

    /// It has begun messages of so many bytes and not finished them.
    pub fn unfinished(&mut self, conn: ConnId, bytes: usize) {
        self.edge.unfinished(conn, bytes);
    }

    /// Whether something waits for [`Shard::turn`].
    pub fn wants_turn(&self) -> bool {
        self.home.wants_end() || (0..self.settings.shards).any(|shard| !self.out.is_empty(ShardId(shard)))
    }

    /// A command of somebody without a connection: see [`Edge::call`].
    pub fn call(&mut self, now: Now, ports: &mut dyn Ports, caller: Caller, who: Arc<Principal>, command: Command) {
        self.edge.call(now, ports, caller, who, command, &mut self.out);
    }

    /// What another shard sent. Homes decide at once; their chunks wait for the turn's end.
    pub fn parcel(&mut self, now: Now, ports: &mut dyn Ports, from: ShardId, parcel: Parcel) {
        for message in parcel.to_edge {
            self.edge.take(now, ports, from, message, &mut self.out);
        }
        for message in parcel.to_home {
            self.home.take(now, ports, from, message, &mut self.out);
        }
    }

    /// A late answer to something that a port was asked.
    pub fn fact(&mut self, now: Now, ports: &mut dyn Ports, fact: Fact) {
        match fact {
            Fact::Verified { conn, ticket, answer } => {
                self.edge.verified(now, ports, conn, ticket, answer, &mut self.out);
            }
            Fact::Consulted { whom, rulings } => {
                self.edge.consulted(now, ports, whom, rulings, &mut self.out);
            }
            Fact::Sequenced { .. }
            | Fact::Stored { .. }
            | Fact::Loaded { .. }
            | Fact::Fetched { .. }
            | Fact::Foreign { .. }
            | Fact::StoreBack
            | Fact::Undone { .. } => self.home.fact(now, ports, fact, &mut self.out),
        }
    }

    /// Fires what is due.
    pub fn tick(&mut self, now: Now, ports: &mut dyn Ports) {
        self.edge.tick(now, &mut self.out);
        self.home.tick(now, ports, &mut self.out);
    }

    pub fn next_deadline(&self) -> Option<u64> {
        match (self.edge.next_deadline(), self.home.next_deadline()) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Ends a turn: local commands are decided, chunks sealed and handed to connections, parcels sent.
    pub fn turn(&mut self, now: Now, ports: &mut dyn Ports) -> TurnEnd {
        let me = self.me();
        self.edge.relieve(now, &mut self.out);
        // Taking a chunk can ask for a page, and a page may be answered at once: a few rounds end it, because every
        // subscription asks for one page at a time and stops at its outbox's mark.
        loop {
            // Homes first: what a fact or a parcel left here before the turn holds replies that must come behind the
            // chunks of the same events, and those are sealed only now.
            let mut to_home = self.out.take_home(me, std::mem::take(&mut self.spare.0));
            for message in to_home.drain(..) {
                self.home.take(now, ports, me, message, &mut self.out);
            }
            self.spare.0 = spared(to_home);
            self.home.end_turn(now, ports, &mut self.out);
            self.out.settle(me);
            let mut to_edge = self.out.take_edge(me, std::mem::take(&mut self.spare.1));
            for message in to_edge.iter_mut().flat_map(|list| list.drain(..)) {
                self.edge.take(now, ports, me, message, &mut self.out);
            }
            self.spare.1 = to_edge.map(spared);
            if self.out.is_empty(me) && !self.home.wants_end() {
                break;
            }
        }
        let mut end = TurnEnd::Idle;
        for to in (0..self.settings.shards).map(ShardId).filter(|s| *s != me) {
            if !self.send(now, ports, to) {
                end = TurnEnd::LaneFull;
            }
        }
        end
    }

    /// Every socket is written: the store gets what nobody waits for. May leave something: see [`Shard::wants_turn`].
    pub fn after_writes(&mut self, now: Now, ports: &mut dyn Ports) {
        self.home.submit_rest(now, ports, &mut self.out);
    }

    /// Sends what waits for a shard. A lane that is too full gets everything but chunks, whose rooms are noted.
    fn send(&mut self, now: Now, ports: &mut dyn Ports, to: ShardId) -> bool {
        let behind = &mut self.behind[usize::from(to.0)];
        if self.out.is_empty(to) && behind.is_empty() {
            return true;
        }
        let room = ports.lane_room(to);
        if self.out.waiting(to) <= room {
            for handle in std::mem::take(behind) {
                if let Some(end) = self.home.end_of(handle) {
                    self.out.late(to, ToEdge::Behind { room: handle, end });
                }
            }
            let parcel = self.out.take(to);
            if !parcel.is_empty() {
                ports.send(to, parcel);
            }
            return true;
        }
        // Only what nothing repairs stays: replies (their number is bounded by reservation), endings, and messages home.
        let mut parcel = self.out.take(to);
        parcel.bytes = 0;
        parcel.to_edge.retain(|message| match message {
            ToEdge::Chunk(chunk) => {
                behind.insert(chunk.room);
                false
            }
            ToEdge::Reply { .. } if planted::is(Bug::ReplyLostInFullLane) => false,
            ToEdge::Reply { .. }
            | ToEdge::Attached { .. }
            | ToEdge::Present { .. }
            | ToEdge::Page { .. }
            | ToEdge::Ended { .. }
            | ToEdge::Behind { .. }
            | ToEdge::Session { .. }
            | ToEdge::Revocations { .. }
            | ToEdge::Revoked { .. } => true,
        });
        let _ = now;
        self.out.put_back(to, parcel);
        false
    }
}

/// A list that a burst has made large is not kept.
fn spared<T>(list: Vec<T>) -> Vec<T> {
    const SPARED_BYTES: usize = 256 * 1024;
    if list.capacity() * size_of::<T>() <= SPARED_BYTES { list } else { Vec::new() }
}
