//! One room's listeners, by lane and shard, and the chunks under construction.

use super::building::Building;
use super::{Chunk, Outbound, Pinned};
use crate::message::{Address, Lane, ShardId, ToEdge};
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::dialect::registry;
use rookery_protocol::event::{Event, Kind, Signal};
use rookery_protocol::ids::Place;
use smallvec::SmallVec;
use std::sync::Arc;

/// Costs nothing but its own size while nobody listens.
#[derive(Debug, Default)]
pub struct RoomFanout {
    lanes: SmallVec<[LaneState; 1]>,
}

#[derive(Debug)]
struct LaneState {
    lane: Lane,
    /// Bit per shard that gets this lane's chunks.
    shards: u64,
    chunk: Building,
}

impl RoomFanout {
    pub fn is_idle(&self) -> bool {
        self.lanes.is_empty()
    }

    pub fn listens(&self, lane: Lane, shard: ShardId) -> bool {
        self.lanes.iter().any(|l| l.lane == lane && l.shards & bit(shard) != 0)
    }

    /// Shards that listen on any lane.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> + use<> {
        let all = self.lanes.iter().fold(0, |bits, l| bits | l.shards);
        each_shard(all)
    }

    /// From the next event on, `shard` gets this lane's chunks. What was written before must be sealed first.
    pub fn listen(&mut self, lane: Lane, shard: ShardId) {
        match self.lanes.iter_mut().find(|l| l.lane == lane) {
            Some(state) => state.shards |= bit(shard),
            None => self.lanes.push(LaneState { lane, shards: bit(shard), chunk: Building::new(lane) }),
        }
    }

    /// Whether some lane is told signals of this kind.
    pub fn wants(&self, kind: Kind) -> bool {
        self.lanes.iter().any(|l| wants(l.lane, kind))
    }

    /// What was written before must be sealed first, if others still listen.
    pub fn unlisten(&mut self, lane: Lane, shard: ShardId) {
        if let Some(i) = self.lanes.iter().position(|l| l.lane == lane) {
            self.lanes[i].shards &= !bit(shard);
            if self.lanes[i].shards == 0 {
                self.lanes.swap_remove(i);
            }
        }
    }

    /// Writes an event once for each lane in use. `before` is the room's place before it.
    pub fn event(
        &mut self,
        room: RoomOnWire<'_>,
        event: &Event,
        before: Place,
        origin: Option<Address>,
        pinned: &Arc<Pinned>,
        out: &mut Outbound,
    ) {
        for state in self.lanes.iter_mut().filter(|state| !state.lane.wants.summary_only) {
            if let Some(full) = state.chunk.event(room, event, before, origin, pinned) {
                state.send(full, out);
            }
        }
    }

    /// Writes a signal for the lanes that want it. `at` is the room's place now.
    pub fn signal(&mut self, room: RoomOnWire<'_>, signal: &Signal, at: Place, origin: Option<Address>) {
        for state in self.lanes.iter_mut().filter(|state| wants(state.lane, signal.kind())) {
            let dialect = registry::get(state.lane.encoding.dialect);
            if dialect.profile().says & signal.kind().bit() != 0 {
                state.chunk.signal(room, signal, at, origin);
            }
        }
    }

    /// Takes back what stands above a place, in a chunk of its own, for every lane: one that cannot say it has to know.
    /// `from` is what listeners were given, `next` where the room goes on.
    pub fn retract(
        &mut self,
        room: RoomOnWire<'_>,
        from: Place,
        above: Place,
        next: Place,
        pinned: &Arc<Pinned>,
        out: &mut Outbound,
    ) {
        self.seal(room, pinned, out);
        for state in &mut self.lanes {
            state.chunk.signal(room, &Signal::Retract { above, next }, from, None);
            state.chunk.go_back(above);
        }
        self.seal(room, pinned, out);
    }

    /// Closes the chunks under construction and sends them to the shards that listen.
    pub fn seal(&mut self, room: RoomOnWire<'_>, pinned: &Arc<Pinned>, out: &mut Outbound) {
        for state in &mut self.lanes {
            if let Some(chunk) = state.chunk.seal(room, pinned) {
                state.send(chunk, out);
            }
        }
    }
}

impl LaneState {
    fn send(&self, chunk: Chunk, out: &mut Outbound) {
        let chunk = Arc::new(chunk);
        for shard in each_shard(self.shards) {
            out.ordered(shard, ToEdge::Chunk(chunk.clone()));
        }
    }
}

/// Which lanes a signal is for.
fn wants(lane: Lane, kind: Kind) -> bool {
    match kind {
        Kind::Summary => lane.wants.summary_only,
        Kind::Connected | Kind::Disconnected | Kind::Crowd => lane.wants.presence,
        Kind::Retract => true,
        Kind::Typing | Kind::Presence | Kind::ReadUpTo | Kind::Report | Kind::Replaced => !lane.wants.summary_only,
        Kind::Posted
        | Kind::Edited
        | Kind::Deleted
        | Kind::Reacted
        | Kind::Unreacted
        | Kind::Pinned
        | Kind::Unpinned
        | Kind::Joined
        | Kind::Left
        | Kind::RoleSet
        | Kind::Updated
        | Kind::Notified
        | Kind::Recorded
        | Kind::Void => false,
    }
}

fn bit(shard: ShardId) -> u64 {
    1 << shard.0
}

fn each_shard(bits: u64) -> impl Iterator<Item = ShardId> {
    (0..64u8).filter(move |s| bits & (1 << s) != 0).map(ShardId)
}
