//! Chunks to live subscriptions. The loop over receivers is [`super::outbox::Outboxes::push_to_all`].

use super::Edge;
use crate::fanout::{Chunk, ChunkEntry, Outbound};
use crate::message::{Address, ConnId};
use crate::planted::{self, Bug};
use crate::ports::Now;
use std::ops::Range;
use std::sync::Arc;

impl Edge {
    pub(super) fn chunk(&mut self, now: Now, chunk: &Arc<Chunk>, out: &mut Outbound) {
        let Some(lane) = self.rooms.lane_mut(chunk.room, chunk.lane) else { return };
        self.counters.chunks += 1;
        if lane.has_places() {
            if chunk.before != lane.place {
                self.skipped(now, chunk.room, chunk.lane, chunk.last, out);
                return;
            }
            lane.place = chunk.last;
        }
        let limits = &self.settings.limits;
        // When slow receivers pin too much, only those that are nearly empty are still pushed to.
        let pinned_too_much = chunk.pinned_bytes() > limits.pinned_bytes;
        let high = if pinned_too_much { limits.outbox_low_bytes } else { limits.outbox_high_bytes };
        let high = u32::try_from(high).unwrap_or(u32::MAX);
        let mut above = std::mem::take(&mut self.above);
        if chunk.has_signals() || (!lane.echo && chunk.has_origins()) {
            self.push_with_care(chunk, high, &mut above);
        } else {
            self.outboxes.push_to_all(&lane.live, chunk, high, &mut above);
            self.counters.deliveries += chunk.events() * (lane.live.len() - above.len()) as u64;
        }
        self.counters.lagged += above.len() as u64;
        above.retain(|_| !planted::is(Bug::OutboxDropsSilently));
        for &slot in &above {
            if planted::is(Bug::ChunkTwiceAfterLag) {
                self.outboxes.push(slot, chunk, 0..chunk.bytes().len());
            }
            self.fall_back(slot, chunk.room, chunk.before);
        }
        above.clear();
        self.above = above;
    }

    /// For chunks that not every receiver gets as a whole: signals are shed first, and who does not want its own
    /// events back does not get them.
    fn push_with_care(&mut self, chunk: &Arc<Chunk>, high: u32, above: &mut Vec<u32>) {
        let Some(lane) = self.rooms.lane(chunk.room, chunk.lane) else { return };
        let shed_mark = u32::try_from(self.settings.limits.outbox_shed_bytes).unwrap_or(u32::MAX);
        let all = 0..chunk.bytes().len();
        let only_signals = chunk.before == chunk.last;
        let senders = if lane.echo { Vec::new() } else { self.local_senders(chunk) };
        let mut shed = std::mem::take(&mut self.shed);
        for &slot in &lane.live {
            let queued = self.outboxes.at(slot).queued;
            let sheds = chunk.has_signals() && queued > shed_mark;
            if sheds {
                shed.push(slot);
            }
            if only_signals && sheds {
                continue;
            }
            if queued > high {
                above.push(slot);
                continue;
            }
            let sender = senders.iter().find(|c| c.slot == slot);
            if !sheds && sender.is_none() {
                self.outboxes.push(slot, chunk, all.clone());
                self.counters.deliveries += chunk.events();
                continue;
            }
            let me = sender.map(|conn| Address { shard: self.settings.shard, conn: *conn });
            let keeps = |e: &ChunkEntry| !(sheds && e.seq == 0) && (me.is_none() || e.origin != me);
            self.counters.deliveries += push_entries(&mut self.outboxes, slot, chunk, all.clone(), keeps);
        }
        self.counters.shed += shed.len() as u64;
        if chunk.lane.wants.presence {
            for &slot in &shed {
                self.presence_due(slot, chunk.room);
            }
        }
        shed.clear();
        self.shed = shed;
    }

    /// Connections of this shard whose own commands are in the chunk.
    fn local_senders(&self, chunk: &Chunk) -> Vec<ConnId> {
        let mut senders: Vec<ConnId> = Vec::new();
        for origin in chunk.entries().iter().filter_map(|e| e.origin) {
            if origin.shard == self.settings.shard && !senders.contains(&origin.conn) {
                senders.push(origin.conn);
            }
        }
        // The slot may belong to somebody else by now, who wants everything.
        senders.retain(|c| self.conns.get(*c).is_some());
        senders
    }

    /// A part of a page to one connection.
    pub(super) fn push_page(&mut self, slot: u32, chunk: &Arc<Chunk>, range: Range<usize>, echo: bool) {
        let Some(connection) = self.conns.at(slot) else { return };
        let me = Some(Address { shard: self.settings.shard, conn: connection.id });
        if echo || !chunk.has_origins() {
            self.counters.deliveries += chunk.events_within(&range);
            self.outboxes.push(slot, chunk, range);
        } else {
            self.counters.deliveries += push_entries(&mut self.outboxes, slot, chunk, range, |e| e.origin != me);
        }
    }
}

/// Those entries within `range` that it keeps; neighbours become one run. How many of them are events.
fn push_entries(
    outboxes: &mut super::outbox::Outboxes,
    slot: u32,
    chunk: &Arc<Chunk>,
    range: Range<usize>,
    keeps: impl Fn(&ChunkEntry) -> bool,
) -> u64 {
    let mut events = 0;
    for (i, entry) in chunk.entries().iter().enumerate() {
        let bytes = chunk.range(i);
        if bytes.start >= range.start && bytes.end <= range.end && keeps(entry) {
            outboxes.push(slot, chunk, bytes);
            events += u64::from(entry.seq != 0);
        }
    }
    events
}
