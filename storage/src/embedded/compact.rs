//! Compaction on demand: afterwards nothing that is gone is in any file.

use super::disk::{Disk, Space};
use super::keys::{OWN, RoomBytes, split_room};
use super::lock;
use super::runs::{Way, runs};
use super::stage::Stage;
use crate::settled::Fault;
use crate::{RoomKey, Seq};
use std::sync::Mutex;

pub fn compact(disk: &Disk, writing: &Mutex<()>) -> Result<(), Fault> {
    gather_all(disk, writing)?;
    // What is in memory stands in no table yet, and one that was replaced goes when a later one is written. So do segments.
    renew(disk, writing)?;
    disk.merge_all()?;
    renew(disk, writing)?;
    disk.wait_for_readers();
    renew(disk, writing)
}

/// A checkpoint that certainly has something to write.
fn renew(disk: &Disk, writing: &Mutex<()>) -> Result<(), Fault> {
    let _alone = lock(writing);
    disk.note(disk.noted())?;
    disk.checkpoint()
}

/// Messages that lie in runs are kept one by one from now on: a segment holds what is gone, too.
fn gather_all(disk: &Disk, writing: &Mutex<()>) -> Result<(), Fault> {
    let view = disk.view();
    for pair in view.range(Space::Rooms, &[OWN + 1], &[u8::MAX]) {
        let (key, _) = pair?;
        if let Some((room, [])) = split_room(&key) {
            gather(disk, writing, &room)?;
        }
    }
    Ok(())
}

fn gather(disk: &Disk, writing: &Mutex<()>, room: &RoomKey) -> Result<(), Fault> {
    let bytes = RoomBytes::new(room);
    let mut next = Seq(0);
    loop {
        // One commit each, so that nobody waits for a whole room.
        let mut stage = Stage::new(disk, lock(writing));
        let meta = stage.meta(room, &bytes)?;
        let Some(run) = runs(stage.view(), room, &bytes, (next, Seq(u64::MAX)), Way::Up).next().transpose()? else {
            return Ok(());
        };
        for record in run.messages(stage.view(), room, &meta)? {
            let seq = record.place.seq;
            if seq > meta.message_floor.seq && stage.get(Space::Messages, &bytes.seq(seq))?.is_none() {
                stage.put_record(&bytes, &record);
            }
        }
        stage.remove_run(&bytes, &run);
        stage.commit()?;
        next = Seq(run.last.0.saturating_add(1));
    }
}
