//! Messages of runs that are kept one by one from now on, so that their segments can go.

use super::disk::Disk;
use super::keys::{OWN, RoomBytes, split_room};
use super::lock;
use super::runs::{Run, Way, runs};
use super::space::Space;
use super::stage::Stage;
use crate::journal;
use crate::settled::Fault;
use crate::{RoomKey, Seq, entry};
use std::sync::Mutex;

/// A segment of which less than one in so many runs is left is worth the writing of those.
const WORTH: u64 = 4;

/// Those of every room.
pub fn all(disk: &Disk, writing: &Mutex<()>) -> Result<(), Fault> {
    let view = disk.view();
    for pair in view.range(Space::Rooms, &[OWN + 1], &[u8::MAX]) {
        let (key, _) = pair?;
        if let Some((room, [])) = split_room(&key) {
            let mut next = Seq(0);
            while let Some(run) = one(disk, writing, &room, next, |_| true)? {
                next = Seq(run.last.0.saturating_add(1));
            }
        }
    }
    Ok(())
}

/// Those of one segment that is nearly empty and that the journal has let go of. False: there is none.
pub fn emptiest(disk: &Disk, writing: &Mutex<()>) -> Result<bool, Fault> {
    let Some((segment, path)) = disk.archive().emptiest(WORTH) else { return Ok(false) };
    // The segment itself says which rooms have something in it.
    journal::entries_of(&path, segment, &mut |bytes| {
        let Ok(batch) = entry::decode(&bytes) else { return Ok(()) };
        let first = batch.events.iter().find(|record| record.is_message());
        let Some(first) = first.map(|record| record.place.seq) else { return Ok(()) };
        match one(disk, writing, &batch.room, first, |run| run.segment == segment && run.first == first) {
            Ok(_) | Err(Fault::Damaged { .. }) => Ok(()),
            Err(fault) => Err(fault),
        }
    })?;
    // What damage hides of it is not looked for again in this life.
    disk.archive().give_up(segment);
    Ok(true)
}

/// The first run of a room from this seq on, if it is one that is meant; in a commit of its own, so that nobody waits long.
fn one(
    disk: &Disk,
    writing: &Mutex<()>,
    room: &RoomKey,
    from: Seq,
    is_meant: impl Fn(&Run) -> bool,
) -> Result<Option<Run>, Fault> {
    let bytes = RoomBytes::new(room);
    let mut stage = Stage::new(disk, lock(writing));
    let meta = stage.meta(room, &bytes)?;
    let Some(run) = runs(stage.view(), room, &bytes, (from, Seq(u64::MAX)), Way::Up).next().transpose()? else {
        return Ok(None);
    };
    if !is_meant(&run) {
        return Ok(None);
    }
    for record in run.messages(stage.view(), room, &meta)? {
        let seq = record.place.seq;
        if seq > meta.message_floor.seq && stage.get(Space::Messages, &bytes.seq(seq))?.is_none() {
            stage.put_record(&bytes, &record);
        }
    }
    stage.remove_run(&bytes, &run);
    stage.commit()?;
    Ok(Some(run))
}
