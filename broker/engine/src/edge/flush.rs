//! What the shell does with outboxes: one vectored write per dirty connection and turn.

use super::outbox::{CLOSING, GIVE_UP, STALLED};
use super::{AfterWrite, Edge};
use crate::fanout::Outbound;
use crate::message::ConnId;
use crate::ports::Now;
use rookery_protocol::errors::DropReason;
use rookery_protocol::limits;

impl Edge {
    /// Connections that have something to write, each once, in the order in which they got it. Each is the caller's until
    /// [`Edge::wrote`] says that it is empty, or to close it; until then it is not listed again, unless it must be
    /// closed.
    pub fn take_dirty(&mut self, into: &mut Vec<ConnId>) {
        self.outboxes.take_listed(|slot, generation| into.push(ConnId { slot, generation }));
    }

    pub fn has_dirty(&self) -> bool {
        self.outboxes.any_listed()
    }

    /// What to write, in order: as many of these as one call takes.
    pub fn slices(&self, conn: ConnId) -> impl Iterator<Item = &[u8]> {
        self.outboxes.get(conn.slot, conn.generation).into_iter().flat_map(|outbox| outbox.slices())
    }

    /// The largest message that a connection may send next: a stranger gets less room than a user.
    pub fn message_limit(&self, conn: ConnId) -> usize {
        let Some(connection) = self.conns.get(conn) else { return 0 };
        let most = connection.dialect.profile().message_bytes as usize;
        let stranger = connection.session.is_none() && connection.entering.is_none();
        if stranger { most.min(limits::MESSAGE_BYTES_BEFORE_AUTH as usize) } else { most }
    }

    /// Bytes that wait for sockets, of all connections.
    pub fn queued_by_all(&self) -> u64 {
        self.outboxes.queued()
    }

    /// Bytes that wait for a connection's socket.
    pub fn queued(&self, conn: ConnId) -> usize {
        self.outboxes.get(conn.slot, conn.generation).map_or(0, |outbox| outbox.queued as usize)
    }

    /// The socket took this many bytes, possibly none.
    pub fn wrote(&mut self, now: Now, conn: ConnId, bytes: usize, out: &mut Outbound) -> AfterWrite {
        if self.outboxes.get(conn.slot, conn.generation).is_none() {
            return AfterWrite::Empty;
        }
        self.counters.sent_bytes += bytes as u64;
        let empty = self.outboxes.consume(conn.slot, bytes);
        let outbox = self.outboxes.at_mut(conn.slot);
        // Last words have one deadline for all of them.
        if outbox.has(STALLED) && bytes > 0 && !outbox.has(CLOSING) {
            outbox.set(STALLED, false);
            if let Some(connection) = self.conns.get_mut(conn) {
                connection.stalled_at = None;
            }
        }
        let outbox = self.outboxes.at(conn.slot);
        if outbox.has(CLOSING) {
            return if empty || outbox.has(GIVE_UP) { self.close_now(conn) } else { AfterWrite::More };
        }
        if outbox.hungry > 0 {
            self.feed(now, conn.slot, out);
            self.bury(now, out);
        }
        if empty { AfterWrite::Empty } else { AfterWrite::More }
    }

    /// The socket takes nothing at present. The caller waits until it does, if this says so.
    pub fn blocked(&mut self, now: Now, conn: ConnId) -> AfterWrite {
        let Some(outbox) = self.outboxes.get(conn.slot, conn.generation) else { return AfterWrite::Empty };
        if outbox.has(GIVE_UP) {
            return self.close_now(conn);
        }
        if !outbox.has(STALLED) && !outbox.has(CLOSING) {
            self.outboxes.at_mut(conn.slot).set(STALLED, true);
            if let Some(connection) = self.conns.get_mut(conn) {
                connection.stalled_at = Some(now.mono);
            }
            self.watch(now, conn);
        }
        AfterWrite::More
    }

    fn close_now(&self, conn: ConnId) -> AfterWrite {
        let reason = self.conns.get(conn).and_then(|c| c.closing);
        AfterWrite::Close(reason.unwrap_or(DropReason::Left))
    }
}
