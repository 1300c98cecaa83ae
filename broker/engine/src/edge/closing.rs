//! The end of connections: last words, what is taken back from homes, and the slot that is free again.

use super::Edge;
use super::admission::connection_pace;
use super::connection::Connection;
use super::outbox::{CLOSING, GIVE_UP};
use crate::fanout::Outbound;
use crate::message::{ConnId, SessionOrder};
use crate::ports::Now;
use rookery_protocol::errors::DropReason;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Realm, RoomKey};
use rookery_protocol::limits;
use rookery_protocol::wire::frames::Frames;

impl Edge {
    /// Ends a connection with its language's last words. What was queued goes out before them, except on a socket
    /// that takes nothing: there only what fits at once.
    pub fn close(&mut self, now: Now, conn: ConnId, reason: DropReason, detail: &str, out: &mut Outbound) {
        let back = matches!(reason, DropReason::Draining | DropReason::Internal)
            .then(|| format!("come back (elsewhere) and resume in {} ms", back_in(conn)));
        let detail = back.as_deref().unwrap_or(detail);
        self.close_saying(now, conn, reason, out, |connection, frames| {
            connection.dialect.goodbye(&mut connection.stage, reason, detail, frames);
        });
    }

    /// The client has closed: answered in kind, with its own code.
    pub fn client_closes(&mut self, now: Now, conn: ConnId, code: Option<u16>, out: &mut Outbound) {
        self.close_saying(now, conn, DropReason::Left, out, |_, frames| match code {
            Some(code) => frames.close(code, ""),
            None => frames.close_without_code(),
        });
    }

    /// A ping's answer: the same payload, in order with everything else. It costs what a command costs; above that rate it
    /// is not answered.
    pub fn pong(&mut self, now: Now, conn: ConnId, payload: &[u8], out: &mut Outbound) {
        let pace = connection_pace(&self.settings.limits);
        let Some(connection) = self.conns.get_mut(conn) else { return };
        if connection.bucket.check(now.mono, pace).is_ok() {
            connection.bucket.take(pace);
            self.say(conn, |_, _, frames| frames.pong(payload));
        } else {
            self.misbehaved(now, conn);
        }
        self.bury(now, out);
    }

    fn close_saying(
        &mut self,
        now: Now,
        conn: ConnId,
        reason: DropReason,
        out: &mut Outbound,
        last_words: impl FnOnce(&mut Connection, &mut Frames),
    ) {
        let Some(connection) = self.conns.get_mut(conn).filter(|c| c.closing.is_none()) else { return };
        self.counters.drop(reason);
        let at_once = matches!(reason, DropReason::Slow | DropReason::Greedy);
        if at_once {
            self.outboxes.cut(conn.slot);
        }
        self.outboxes.own(conn.slot, |frames| last_words(connection, frames));
        self.let_go(conn, out);
        if let Some(connection) = self.conns.get_mut(conn) {
            connection.closing = Some(reason);
            connection.stalled_at = Some(now.mono);
        }
        let outbox = self.outboxes.at_mut(conn.slot);
        outbox.set(CLOSING, true);
        outbox.set(GIVE_UP, at_once);
        self.outboxes.relist(conn.slot);
        self.watch(now, conn);
    }

    /// The socket is gone: so is the connection. The shell says so for each that it opened, exactly once.
    pub fn closed(&mut self, now: Now, conn: ConnId, reason: DropReason, out: &mut Outbound) {
        let _ = now;
        let Some(connection) = self.conns.get(conn) else { return };
        if connection.closing.is_none() {
            self.counters.drop(reason);
            self.let_go(conn, out);
        }
        self.conns.remove(conn);
        self.outboxes.shut(conn.slot);
    }

    /// All of them, each with its last words; and whoever still comes.
    pub fn drain(&mut self, now: Now, reason: DropReason, out: &mut Outbound) {
        self.leaving = Some(reason);
        let all: Vec<ConnId> = self.conns.iter().map(|c| c.id).collect();
        for conn in all {
            self.close(now, conn, reason, "", out);
        }
    }

    /// Closes those that were found wanting during the call that ends here.
    pub(super) fn bury(&mut self, now: Now, out: &mut Outbound) {
        while let Some((conn, reason)) = self.doomed.pop() {
            self.close(now, conn, reason, "", out);
        }
    }

    /// No event and no reply reaches it from here on.
    fn let_go(&mut self, conn: ConnId, out: &mut Outbound) {
        while let Some(room) = self.conns.get(conn).and_then(|c| c.subs.last()).map(|s| s.room) {
            self.detach(conn, room, out);
        }
        self.close_session(conn, out);
        if let Some(connection) = self.conns.get_mut(conn) {
            connection.entering = None;
            self.unfinished -= u64::from(std::mem::take(&mut connection.unfinished));
            connection.held = None;
        }
    }

    /// An inbox's word about the connections of its user.
    pub(super) fn session_order(&mut self, inbox: &RoomKey, order: SessionOrder) {
        let Some(number) = self.users.find(&inbox.realm, &inbox.name) else { return };
        match order {
            SessionOrder::Share { of } => {
                if let Some(user) = self.users.get_mut(number) {
                    user.of = of.max(1);
                }
            }
            SessionOrder::Close { conn: Some(conn), reason } => {
                let user = self.users.get(number);
                if user.is_some_and(|u| u.conns.contains(&conn.slot)) {
                    self.doomed.push((conn, reason));
                }
            }
            SessionOrder::Close { conn: None, reason } => {
                let slots = self.users.get(number).map(|u| u.conns.clone()).unwrap_or_default();
                let conns = slots.iter().filter_map(|slot| self.conns.at(*slot)).map(|c| (c.id, reason));
                self.doomed.extend(conns);
            }
        }
    }

    /// A directory's word about tokens and users.
    pub(super) fn revoked(&mut self, realm: &Realm, fact: &Fact) {
        self.revocations.learn(realm, fact);
        let sessions = self.conns.iter().filter_map(|c| c.session.as_ref().map(|s| (c.id, &s.principal)));
        let gone = sessions.filter(|(_, p)| self.revocations.hold(p));
        self.doomed.extend(gone.map(|(id, _)| (id, DropReason::Revoked)));
    }
}

/// When a client of a node that stops may come back: all of them at once would be a storm for the others.
fn back_in(conn: ConnId) -> u64 {
    // Neighbouring slots lie far apart: the golden ratio, as a fraction of 2^32.
    let spread = u64::from(conn.slot.wrapping_mul(0x9e37_79b9));
    (spread * limits::DRAIN_SPREAD_MS) >> 32
}
