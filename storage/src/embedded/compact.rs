//! Compaction on demand: afterwards nothing that is gone is in any file.

use super::disk::Disk;
use super::{gather, lock};
use crate::settled::Fault;
use std::sync::Mutex;

pub fn compact(disk: &Disk, writing: &Mutex<()>) -> Result<(), Fault> {
    // A segment holds what is gone, too.
    gather::all(disk, writing)?;
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
