//! A page of replay as chunks.

use super::building::Building;
use super::{Chunk, Pinned};
use crate::message::Lane;
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::event::Event;
use rookery_protocol::ids::Place;
use std::sync::Arc;

/// Contiguous events, the first of them behind `before`: one chunk, or as many as their size takes.
pub fn page_chunks(
    room: RoomOnWire<'_>,
    lane: Lane,
    before: Place,
    events: &[Arc<Event>],
    pinned: &Arc<Pinned>,
) -> Vec<Arc<Chunk>> {
    let mut building = Building::new(lane);
    let mut chunks = Vec::new();
    let mut before = before;
    for event in events {
        chunks.extend(building.event(room, event, before, None, pinned));
        before = event.place;
    }
    chunks.extend(building.seal(room, pinned));
    chunks.into_iter().map(Arc::new).collect()
}
