//! What this shard's homes and edges have for other shards, and for its own, until the turn ends.
//!
//! Within a turn chunks and endings keep their order; replies come behind them, so an ack follows its event.

use crate::message::{Parcel, ShardId, ToEdge, ToHome};
use crate::planted::{self, Bug};

#[derive(Debug)]
pub struct Outbound {
    lanes: Vec<LaneOut>,
}

#[derive(Debug, Default)]
struct LaneOut {
    ordered: Vec<ToEdge>,
    late: Vec<ToEdge>,
    to_home: Vec<ToHome>,
    bytes: usize,
}

/// What a message costs in a lane beyond the bytes it carries; a round figure, because only the bound matters.
const MESSAGE_COST: usize = 128;

impl Outbound {
    pub fn new(shards: u8) -> Outbound {
        Outbound { lanes: (0..shards).map(|_| LaneOut::default()).collect() }
    }

    /// Chunks and endings.
    pub fn ordered(&mut self, to: ShardId, message: ToEdge) {
        let lane = &mut self.lanes[usize::from(to.0)];
        lane.bytes += MESSAGE_COST;
        if let ToEdge::Chunk(chunk) = &message {
            lane.bytes += chunk.bytes().len();
        }
        lane.ordered.push(message);
    }

    /// Replies and whatever else must not overtake this turn's chunks.
    pub fn late(&mut self, to: ShardId, message: ToEdge) {
        let lane = &mut self.lanes[usize::from(to.0)];
        lane.bytes += MESSAGE_COST;
        lane.late.push(message);
    }

    /// Ends a round of a turn for other shards: what a later round adds comes behind this one's replies, so an ending
    /// never overtakes the answer of the subscription that it ends.
    pub fn settle(&mut self, me: ShardId) {
        for (_, lane) in self.lanes.iter_mut().enumerate().filter(|(shard, _)| *shard != usize::from(me.0)) {
            if planted::is(Bug::ReplyOvertakesEvent) {
                std::mem::swap(&mut lane.ordered, &mut lane.late);
            }
            if !lane.late.is_empty() {
                lane.ordered.append(&mut lane.late);
            }
        }
    }

    pub fn to_home(&mut self, to: ShardId, message: ToHome) {
        let lane = &mut self.lanes[usize::from(to.0)];
        lane.bytes += MESSAGE_COST;
        if let ToHome::Command(envelope) = &message {
            lane.bytes += body_bytes(&envelope.command);
        }
        lane.to_home.push(message);
    }

    /// Bytes waiting for a shard.
    pub fn waiting(&self, to: ShardId) -> usize {
        self.lanes[usize::from(to.0)].bytes
    }

    pub fn is_empty(&self, to: ShardId) -> bool {
        let lane = &self.lanes[usize::from(to.0)];
        lane.ordered.is_empty() && lane.late.is_empty() && lane.to_home.is_empty()
    }

    /// What waits for this shard's own homes, in exchange for an empty list. Nobody counts the bytes of a shard's lane
    /// to itself.
    pub fn take_home(&mut self, me: ShardId, empty: Vec<ToHome>) -> Vec<ToHome> {
        std::mem::replace(&mut self.lanes[usize::from(me.0)].to_home, empty)
    }

    /// What waits for this shard's own edge, in two lists of which the second comes behind the first, in exchange for
    /// empty ones.
    pub fn take_edge(&mut self, me: ShardId, empty: [Vec<ToEdge>; 2]) -> [Vec<ToEdge>; 2] {
        let lane = &mut self.lanes[usize::from(me.0)];
        lane.bytes = 0;
        let [ordered, late] = empty;
        let taken = [std::mem::replace(&mut lane.ordered, ordered), std::mem::replace(&mut lane.late, late)];
        if planted::is(Bug::ReplyOvertakesEvent) {
            let [ordered, late] = taken;
            return [late, ordered];
        }
        taken
    }

    /// Everything for one shard, in the order in which it must be taken.
    pub fn take(&mut self, to: ShardId) -> Parcel {
        let lane = std::mem::take(&mut self.lanes[usize::from(to.0)]);
        let mut to_edge = lane.ordered;
        if to_edge.is_empty() {
            to_edge = lane.late;
        } else {
            to_edge.extend(lane.late);
        }
        Parcel { to_edge, to_home: lane.to_home, bytes: lane.bytes }
    }
}

impl Outbound {
    /// What could not be sent goes first next time.
    pub fn put_back(&mut self, to: ShardId, parcel: Parcel) {
        let lane = &mut self.lanes[usize::from(to.0)];
        lane.bytes += MESSAGE_COST * (parcel.to_edge.len() + parcel.to_home.len());
        lane.ordered.splice(0..0, parcel.to_edge);
        lane.to_home.splice(0..0, parcel.to_home);
    }
}

fn body_bytes(command: &rookery_protocol::command::Command) -> usize {
    use rookery_protocol::command::Command;
    if let Command::Post(post) = command { post.body.len() } else { 0 }
}
