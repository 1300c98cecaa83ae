//! One room's listeners, by lane and shard, and the chunks under construction.

use super::{Chunk, ChunkEntry, Outbound, Pinned};
use crate::message::{Address, Lane, ShardId, ToEdge};
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::dialect::registry;
use rookery_protocol::event::{Event, Kind, Signal};
use rookery_protocol::ids::Place;
use rookery_protocol::limits;
use rookery_protocol::wire::frames::Frames;
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
    frames: Frames,
    entries: Vec<ChunkEntry>,
    before: Place,
    last: Place,
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
            None => self.lanes.push(LaneState {
                lane,
                shards: bit(shard),
                frames: Frames::new(),
                entries: Vec::new(),
                before: Place::START,
                last: Place::START,
            }),
        }
    }

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
        let bit_of_kind = event.body.kind().bit();
        for state in &mut self.lanes {
            if state.lane.wants.summary_only {
                continue;
            }
            if state.entries.is_empty() {
                state.before = before;
            }
            if state.frames.len() >= limits::CHUNK_BYTES as usize / 2 {
                state.seal(room, pinned, out);
                state.before = before;
            }
            state.last = event.place;
            state.entries.push(ChunkEntry { offset: state.frames.len() as u32, seq: event.place.seq.0, origin });
            let dialect = registry::get(state.lane.encoding.dialect);
            // What a dialect cannot say is an entry without bytes: the place passes, unseen.
            if dialect.profile().says & bit_of_kind != 0 {
                let opens_epoch = before.epoch != event.place.epoch;
                dialect.event(state.lane.encoding.variant, room, event, opens_epoch, &mut state.frames);
            }
        }
    }

    /// Writes a signal for the lanes that want it. `at` is the room's place now.
    pub fn signal(&mut self, room: RoomOnWire<'_>, signal: &Signal, at: Place, origin: Option<Address>) {
        let kind = signal.kind();
        for state in &mut self.lanes {
            let dialect = registry::get(state.lane.encoding.dialect);
            if !wants(state.lane, kind) || dialect.profile().says & kind.bit() == 0 {
                continue;
            }
            if state.entries.is_empty() {
                state.before = at;
                state.last = at;
            }
            state.entries.push(ChunkEntry { offset: state.frames.len() as u32, seq: 0, origin });
            dialect.signal(state.lane.encoding.variant, room, signal, &mut state.frames);
        }
    }

    /// Closes the chunks under construction and sends them to the shards that listen.
    pub fn seal(&mut self, room: RoomOnWire<'_>, pinned: &Arc<Pinned>, out: &mut Outbound) {
        for state in &mut self.lanes {
            state.seal(room, pinned, out);
        }
    }
}

impl LaneState {
    fn seal(&mut self, room: RoomOnWire<'_>, pinned: &Arc<Pinned>, out: &mut Outbound) {
        if self.entries.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.frames).into_bytes();
        let entries = std::mem::take(&mut self.entries);
        let chunk = Arc::new(Chunk::new(room.handle, self.lane, self.before, self.last, bytes, entries, pinned));
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
