//! The connections' side: sessions, admission, subscriptions, catching up, outboxes. Knows no room's content.
//!
//! Read in this order:
//! 1. [`connection`], [`rooms`], [`outbox`]: what is remembered. [`users`], [`awaited`]: what else.
//! 2. The way in: [`dispatch`], or [`call`] without a connection → [`admission`], [`fields`] → [`route`], [`address`], [`consult`] →
//!    [`session`], [`subscribe`], [`broadcast`]. [`queue`]: what waits on it.
//! 3. The way out: [`replies`], [`attach`], [`live`], [`catchup`], [`ended`], [`presence`] → [`flush`].
//! 4. [`deadlines`], [`budget`] and [`closing`].

mod address;
mod admission;
mod attach;
mod awaited;
mod broadcast;
mod bucket;
mod budget;
mod call;
mod catchup;
mod closing;
mod connection;
mod consult;
mod counters;
mod deadlines;
mod dispatch;
mod ended;
mod fields;
mod flush;
mod links;
mod live;
mod outbox;
mod presence;
mod queue;
mod replies;
mod revocations;
mod rooms;
mod route;
mod session;
mod subscribe;
mod users;

pub use counters::Counters;

use crate::fanout::Outbound;
use crate::message::{ConnId, Lane, ShardId, ToEdge};
use crate::ports::{Now, Ports, Ticket, Verdict};
use crate::settings::Settings;
use crate::timers::Timers;
use awaited::{Attaching, Awaited, Gather};
use bucket::Bucket;
use call::Callers;
use connection::{Connection, Connections, Refusals};
use core::net::IpAddr;
use deadlines::Due;
use foldhash::fast::FixedState;
use outbox::Outboxes;
use revocations::Revocations;
use rookery_protocol::dialect::contract::{Asked, Dialect, DialectId, Form, Hello, Incoming, Stage, Talk};
use rookery_protocol::dialect::registry;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::{Realm, RoomKey};
use rookery_protocol::reply::Mark;
use rooms::{Ending, Rooms};
use slab::Slab;
use smallvec::SmallVec;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use users::Users;

pub struct Edge {
    settings: Arc<Settings>,
    /// The registry; a test has its own.
    dialects: fn(DialectId) -> &'static dyn Dialect,
    conns: Connections,
    outboxes: Outboxes,
    rooms: Rooms,
    users: Users,
    callers: Callers,
    awaited: Awaited,
    gathers: Slab<Gather>,
    attaching: HashMap<(RoomKey, Lane), Attaching, FixedState>,
    timers: Timers<Due>,
    /// Commands sent to each shard whose replies have not come: each has a place reserved in the lane back.
    under_way: Vec<u32>,
    revocations: Revocations,
    tickets: u64,
    /// Bytes of messages that connections have begun and not finished.
    unfinished: u64,
    /// The node is about to stop, and this is what everybody is told.
    leaving: Option<DropReason>,
    /// Whether any realm has a hook: if not, that is all that a command learns of hooks.
    hooked: bool,
    pub counters: Counters,

    // What one call leaves for its own end.
    doomed: Vec<(ConnId, DropReason)>,
    settling: Vec<(ConnId, VecDeque<Asked>)>,

    // Kept for their allocations.
    talk: Talk,
    above: Vec<u32>,
    shed: Vec<u32>,

    pulls_at: u64,
    pulls_then: u32,
}

/// How a connection begins.
pub struct Opening<'a> {
    /// Written before anything of its dialect: what its transport still owes.
    pub before: &'a [u8],
    pub dialect: DialectId,
    pub realm: Realm,
    pub hello: Hello<'a>,
    /// Where it comes from, if anybody knows.
    pub address: Option<IpAddr>,
}

/// What the shell does after writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterWrite {
    /// Nothing left.
    Empty,
    /// Write again as soon as the socket takes bytes.
    More,
    /// Everything said, or no use in saying more: close the socket, then tell [`Edge::closed`].
    Close(DropReason),
}

impl Edge {
    pub fn new(settings: Arc<Settings>) -> Edge {
        Edge::with_dialects(settings, registry::get)
    }

    pub fn configure(&mut self, settings: Arc<Settings>) {
        self.hooked = settings.has_hooks();
        self.settings = settings;
    }

    fn with_dialects(settings: Arc<Settings>, dialects: fn(DialectId) -> &'static dyn Dialect) -> Edge {
        // Names come from clients: the key of the placement keeps them from aiming at one place of a map, too.
        let seed = settings.placement_key;
        Edge {
            dialects,
            conns: Connections::default(),
            outboxes: Outboxes::default(),
            rooms: Rooms::new(seed),
            users: Users::new(seed),
            callers: Callers::new(seed),
            awaited: Slab::new(),
            gathers: Slab::new(),
            attaching: HashMap::with_hasher(FixedState::with_seed(seed)),
            timers: Timers::default(),
            under_way: vec![0; usize::from(settings.shards)],
            revocations: Revocations::default(),
            tickets: 0,
            unfinished: 0,
            leaving: None,
            hooked: settings.has_hooks(),
            counters: Counters::default(),
            doomed: Vec::new(),
            settling: Vec::new(),
            talk: Talk::default(),
            above: Vec::new(),
            shed: Vec::new(),
            pulls_at: 0,
            pulls_then: 0,
            settings,
        }
    }

    /// A connection begins; its greeting and first commands follow in this turn.
    pub fn open(&mut self, now: Now, ports: &mut dyn Ports, opening: Opening<'_>, out: &mut Outbound) -> ConnId {
        let id = self.conns.reserve();
        let limits = &self.settings.limits;
        let dialect = (self.dialects)(opening.dialect);
        let mut stage = Stage::default();
        let mut talk = std::mem::take(&mut self.talk);
        dialect.open(&mut stage, &opening.hello, &mut talk);
        self.conns.put(Connection {
            id,
            dialect_id: opening.dialect,
            dialect,
            stage,
            realm: opening.realm,
            address: opening.address,
            session: None,
            entering: None,
            held: None,
            subs: SmallVec::new(),
            attaching: SmallVec::new(),
            in_flight: 0,
            bucket: Bucket::full(now.mono, admission::connection_pace(limits)),
            refusals: Refusals::default(),
            enter_by: session::enter_by(now, limits),
            heard_at: now.mono,
            pinged_at: now.mono,
            unfinished: 0,
            stalled_at: None,
            check_at: u64::MAX,
            pulls: 0,
            feed_next: 0,
            closing: None,
        });
        self.outboxes.open(id.slot, id.generation);
        if !opening.before.is_empty() {
            self.outboxes.own(id.slot, |frames| frames.raw(opening.before));
        }
        self.counters.opened += 1;
        self.hear(now, ports, id, &mut talk, out);
        self.talk = talk;
        if let Some(reason) = self.leaving {
            self.doomed.push((id, reason));
        }
        self.watch(now, id);
        self.bury(now, out);
        id
    }

    /// One whole message.
    pub fn receive(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        message: Incoming<'_>,
        out: &mut Outbound,
    ) {
        let Some(connection) = self.conns.get_mut(conn).filter(|c| c.closing.is_none()) else { return };
        connection.heard_at = now.mono;
        let fits = match (connection.dialect.profile().form, message) {
            (Form::Either, _) | (Form::Text, Incoming::Text(_)) | (Form::Binary, Incoming::Binary(_)) => true,
            (Form::Text, Incoming::Binary(_)) | (Form::Binary, Incoming::Text(_)) => false,
        };
        if fits {
            let mut talk = std::mem::take(&mut self.talk);
            connection.dialect.receive(&mut connection.stage, message, &mut talk);
            self.hear(now, ports, conn, &mut talk, out);
            self.talk = talk;
        } else {
            self.doomed.push((conn, DropReason::WrongForm));
        }
        self.bury(now, out);
    }

    /// A verification that took its time.
    pub fn verified(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        ticket: Ticket,
        answer: Verdict,
        out: &mut Outbound,
    ) {
        self.token_verified(now, ports, conn, ticket, answer, out);
        self.settle(now, ports, out);
        self.bury(now, out);
    }

    /// A message from a home.
    pub fn take(&mut self, now: Now, ports: &mut dyn Ports, from: ShardId, message: ToEdge, out: &mut Outbound) {
        match message {
            ToEdge::Chunk(chunk) => self.chunk(now, &chunk, out),
            ToEdge::Reply { to, number, row, gather, reply } => {
                self.reply(now, ports, from, to, (number, row), gather, reply, out);
            }
            ToEdge::Attached { number, row, gather, lane, subscribed, .. } => {
                self.attached(now, from, (number, row), gather, lane, subscribed, out);
            }
            ToEdge::Present { to, room, users, count, complete } => {
                self.present(to, &Mark::Present { room, users, count, complete });
            }
            ToEdge::Page { room, lane, after, answer, end } => {
                self.page(now, room, lane, after, &answer, end, out);
            }
            ToEdge::Ended { room, whom, at, reason, close } => {
                self.ended(now, room, &whom, Ending { at, reason, close }, out);
            }
            ToEdge::Behind { room, end } => self.behind(now, room, end, out),
            ToEdge::Session { inbox, order } => self.session_order(&inbox, order),
            ToEdge::Revocations { realm, facts } => {
                self.revocations_known(now, ports, &realm, facts, out);
                self.settle(now, ports, out);
            }
            ToEdge::Revoked { realm, fact } => {
                self.revoked(&realm, &fact);
                ports.revoked(&realm, &fact);
            }
        }
        self.bury(now, out);
    }

    /// How many connections there are, the closing ones included, and how many rooms they listen to.
    pub fn size(&self) -> (usize, usize) {
        (self.conns.len(), self.rooms.len())
    }
}

// A test picks out of our enums what it looks at.
#[cfg(test)]
#[allow(clippy::wildcard_enum_match_arm)]
mod tests;
