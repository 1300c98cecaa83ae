//! The connections' side: sessions, admission, subscriptions, catching up, outboxes. Knows no room's content.

use crate::fanout::Outbound;
use crate::message::{ConnId, ShardId, ToEdge};
use crate::ports::{Now, Ports, Ticket};
use crate::settings::Settings;
use rookery_protocol::dialect::contract::{DialectId, Hello, Incoming};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::ids::Realm;
use rookery_protocol::principal::Principal;
use std::sync::Arc;

pub struct Edge {
    settings: Arc<Settings>,
}

/// How a connection begins.
pub struct Opening<'a> {
    pub dialect: DialectId,
    pub realm: Realm,
    pub hello: Hello<'a>,
}

/// What the shell does after writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterWrite {
    /// Nothing left.
    Empty,
    /// Write again as soon as the socket takes bytes.
    More,
    /// Everything said: close the socket.
    Close(DropReason),
}

impl Edge {
    pub fn new(settings: Arc<Settings>) -> Edge {
        Edge { settings }
    }

    /// A connection begins; its greeting and first commands follow in this turn.
    pub fn open(&mut self, now: Now, ports: &mut dyn Ports, opening: Opening<'_>, out: &mut Outbound) -> ConnId {
        let _ = (now, ports, opening, out, &self.settings);
        ConnId { slot: 0, generation: 0 }
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
        let _ = (now, ports, conn, message, out);
    }

    /// The socket is gone, or the shell ends the connection: no more of it in either direction.
    pub fn closed(&mut self, now: Now, conn: ConnId, reason: DropReason, out: &mut Outbound) {
        let _ = (now, conn, reason, out);
    }

    pub fn verified(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        ticket: Ticket,
        answer: Result<Principal, ErrorCode>,
        out: &mut Outbound,
    ) {
        let _ = (now, ports, conn, ticket, answer, out);
    }

    pub fn take(&mut self, now: Now, ports: &mut dyn Ports, from: ShardId, message: ToEdge, out: &mut Outbound) {
        let _ = (now, ports, from, message, out);
    }

    pub fn tick(&mut self, now: Now, out: &mut Outbound) {
        let _ = (now, out);
    }

    pub fn next_deadline(&self) -> Option<u64> {
        None
    }
}
