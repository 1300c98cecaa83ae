//! What single connections make this shard hold: replies that wait, and messages that are not finished. Above the limit
//! those that hold most go first. Events that wait are shared, and have a limit of their own: see [`super::live`].

use super::Edge;
use crate::fanout::Outbound;
use crate::message::ConnId;
use crate::ports::Now;
use rookery_protocol::errors::DropReason;

impl Edge {
    /// A connection has begun messages of so many bytes and not finished them.
    pub fn unfinished(&mut self, conn: ConnId, bytes: usize) {
        if let Some(connection) = self.conns.get_mut(conn).filter(|c| c.closing.is_none()) {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            self.unfinished += u64::from(bytes);
            self.unfinished -= u64::from(std::mem::replace(&mut connection.unfinished, bytes));
        }
    }

    /// Bytes that belong to single connections.
    pub fn held_alone(&self) -> u64 {
        self.outboxes.own_bytes() + self.unfinished
    }

    /// Cuts those that hold most until the rest is an eighth below the limit: the next byte does not cut the next one.
    pub fn relieve(&mut self, now: Now, out: &mut Outbound) {
        let limit = self.settings.limits.alone_bytes as u64;
        if self.held_alone() <= limit {
            return;
        }
        let held = |conn: ConnId, unfinished: u32| u64::from(self.outboxes.at(conn.slot).queued_own + unfinished);
        let open = self.conns.iter().filter(|c| c.closing.is_none());
        let mut holders: Vec<(u64, ConnId)> = open.map(|c| (held(c.id, c.unfinished), c.id)).collect();
        holders.sort_unstable_by_key(|(bytes, conn)| (*bytes, conn.slot));
        while let Some((bytes, conn)) = holders.pop() {
            if bytes == 0 || self.held_alone() <= limit - limit / 8 {
                return;
            }
            self.close(now, conn, DropReason::Greedy, "", out);
        }
    }
}
