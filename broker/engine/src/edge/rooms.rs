//! Rooms as an edge knows them: by lane, who is live and who is catching up. Nothing of their content.

use crate::message::Lane;
use foldhash::fast::FixedState;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::{Place, RoomHandle, RoomKey};
use rookery_protocol::reply::EndReason;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::BuildHasher;

/// Never walked through: the order of a map must not show.
pub(super) struct Rooms(HashMap<RoomHandle, EdgeRoom, FixedState>);

pub(super) struct EdgeRoom {
    pub key: RoomKey,
    pub lanes: SmallVec<[EdgeLane; 1]>,
}

pub(super) struct EdgeLane {
    pub lane: Lane,
    /// Its dialect's clients get their own events back.
    pub echo: bool,
    /// How far this shard was given the lane's chunks: up to here the live ones have everything.
    pub place: Place,
    /// Slots of connections. Each knows its index here.
    pub live: Vec<u32>,
    /// Each connection knows its index here.
    pub catching: Vec<CatchUp>,
    /// Pages under way, by the place asked for.
    pub pulls: SmallVec<[Place; 1]>,
}

/// A subscription that pulls.
#[derive(Debug)]
pub(super) struct CatchUp {
    pub slot: u32,
    pub waits: Waits,
    /// A cursor asked for this: its end is told.
    pub asked: bool,
    /// The last place given.
    pub cursor: Place,
    /// The subscription is over as soon as it has been fed this far.
    pub ending: Option<Box<Ending>>,
}

impl CatchUp {
    /// Everything that still stands up to the end was given: the rest of it was taken back, or went with its room.
    pub fn end_here(&mut self) {
        if let Some(ending) = &mut self.ending {
            ending.at = self.cursor;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    No,
    ForPage,
    ForTimer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    pub at: Place,
    pub reason: EndReason,
    pub close: Option<DropReason>,
}

impl EdgeLane {
    pub fn is_empty(&self) -> bool {
        self.live.is_empty() && self.catching.is_empty()
    }

    /// Summaries are signals: such a lane has no place to fall behind.
    pub fn has_places(&self) -> bool {
        !self.lane.wants.summary_only
    }

    pub fn slots(&self) -> impl Iterator<Item = u32> {
        self.live.iter().copied().chain(self.catching.iter().map(|c| c.slot))
    }
}

impl Rooms {
    pub fn new(seed: u64) -> Rooms {
        Rooms(HashMap::with_hasher(FixedState::with_seed(seed)))
    }

    /// Equal for equal keys, and seldom for others.
    pub fn tag(&self, key: &RoomKey) -> u32 {
        self.0.hasher().hash_one(key) as u32
    }

    pub fn get(&self, room: RoomHandle) -> Option<&EdgeRoom> {
        self.0.get(&room)
    }

    pub fn lane(&self, room: RoomHandle, lane: Lane) -> Option<&EdgeLane> {
        self.0.get(&room)?.lanes.iter().find(|l| l.lane == lane)
    }

    pub fn lane_mut(&mut self, room: RoomHandle, lane: Lane) -> Option<&mut EdgeLane> {
        self.0.get_mut(&room)?.lanes.iter_mut().find(|l| l.lane == lane)
    }

    /// The lane, and whether it is new here; then it is given chunks from `end` on.
    pub fn enter(
        &mut self,
        room: RoomHandle,
        key: &RoomKey,
        lane: Lane,
        echo: bool,
        end: Place,
    ) -> (&mut EdgeLane, bool) {
        let entry = self.0.entry(room).or_insert_with(|| EdgeRoom { key: key.clone(), lanes: SmallVec::new() });
        let known = entry.lanes.iter().position(|l| l.lane == lane);
        let index = known.unwrap_or_else(|| {
            let (live, catching) = (Vec::new(), Vec::new());
            entry.lanes.push(EdgeLane { lane, echo, place: end, live, catching, pulls: SmallVec::new() });
            entry.lanes.len() - 1
        });
        (&mut entry.lanes[index], known.is_none())
    }

    pub fn remove_lane(&mut self, room: RoomHandle, lane: Lane) {
        if let Some(entry) = self.0.get_mut(&room) {
            entry.lanes.retain(|l| l.lane != lane);
            if entry.lanes.is_empty() {
                self.0.remove(&room);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}
