//! Whether two stores keep the same, room by room, while the node goes on.

use rookery_protocol::ids::RoomKey;
use rookery_storage::both::Both;
use rookery_storage::checksum::{RoomSum, room_sum};
use rookery_storage::persistent::Moving;
use rookery_storage::settled::{Fault, Settled};
use rookery_storage::walk;
use std::sync::Arc;

/// One room: whether they agree.
pub fn agree(moving: &Moving, both: &Arc<Both>, room: &RoomKey) -> Result<bool, Fault> {
    // Most rooms are quiet: two looks at them agree, whoever writes elsewhere.
    if let (Ok(old), Ok(new)) = (sum(&*both.old, room), sum(&*both.new, room))
        && old == new
    {
        return Ok(true);
    }
    let present: Arc<dyn Settled> = both.clone();
    moving.alone(room, |settled| {
        if !Arc::ptr_eq(settled, &present) {
            return Err(Fault::Io("the settled store has failed".to_owned()));
        }
        if let Some(lost) = both.lost() {
            return Err(lost);
        }
        match (sum(&*both.old, room), sum(&*both.new, room)) {
            (Ok(old), Ok(new)) => Ok(old == new),
            // What cannot be read is not the same as anything.
            (Err(fault @ Fault::Damaged { .. }), _) | (_, Err(fault @ Fault::Damaged { .. })) => {
                tracing::error!(event = "room_not_compared", room = %room.name, %fault);
                Ok(false)
            }
            (Err(fault), _) | (_, Err(fault)) => Err(fault),
        }
    })
}

fn sum(settled: &dyn Settled, room: &RoomKey) -> Result<RoomSum, Fault> {
    room_sum(&mut |ask| settled.answer(ask), room, walk::END)
}
