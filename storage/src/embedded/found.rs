//! A room that begins where another store's has got to: what came before its first record is not there, but counted.

use super::faults::damaged;
use super::keys::RoomBytes;
use super::stage::Stage;
use crate::answer::RoomState;
use crate::meta::RoomMeta;
use crate::settled::Fault;
use crate::{Epoch, RoomKey};

/// Lets a room that was never written stand as this one stands, without its messages and rows: the next batch continues
/// it. False: there is such a room already.
pub fn found(stage: &mut Stage<'_>, room: &RoomKey, stands: &RoomState) -> Result<bool, Fault> {
    let bytes = RoomBytes::new(room);
    if stage.meta(room, &bytes)? != RoomMeta::default() {
        return Ok(false);
    }
    let mut begins = RoomMeta::default();
    begins.newest = stands.newest;
    begins.sealed = stands.sealed;
    begins.floor = stands.newest;
    begins.message_floor = stands.newest;
    begins.change_floor = stands.newest.seq;
    begins.next_ordinal = stands.next_ordinal;
    begins.epochs.clone_from(&stands.epochs);
    if begins.place_at(stands.newest.seq) != stands.newest {
        return Err(damaged(room, Some(stands.newest), "its epochs do not lead to its newest place"));
    }
    stage.put_meta(room, &bytes, begins);
    stage.commit()?;
    Ok(true)
}

/// The room goes on above this epoch only.
pub fn seal(stage: &mut Stage<'_>, room: &RoomKey, epoch: Epoch) -> Result<(), Fault> {
    let bytes = RoomBytes::new(room);
    let mut meta = stage.meta(room, &bytes)?;
    meta.sealed = meta.sealed.max(Some(epoch));
    stage.put_meta(room, &bytes, meta);
    stage.commit()
}
