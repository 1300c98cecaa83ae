//! Compaction on demand: afterwards nothing that is gone is in any file.

use super::disk::{Disk, Space, fault, own_key};
use super::lock;
use super::stage::Stage;
use crate::dice::Dice;
use crate::settled::Fault;
use std::sync::Mutex;

/// The engine seals a journal only when this much was written to it.
const JOURNAL_BYTES: usize = 64 * 1024 * 1024;
/// The letter of its key.
pub const FILLER: u8 = b'f';
const FILLER_BYTES: usize = 1024 * 1024;

pub fn compact(disk: &Disk, commits: &Mutex<u64>) -> Result<(), Fault> {
    // What was deleted stands in the engine's journal as well, which is removed once it was sealed and flushed.
    fill_journal(disk, commits)?;
    flush(disk, commits)?;
    for space in Space::ALL {
        disk.space(space).major_compact().map_err(fault)?;
    }
    // What came meanwhile may hold the sealed journal back; and tables that were replaced go with the next flush.
    flush(disk, commits)?;
    while disk.database.journal_count() > 1 {
        flush(disk, commits)?;
    }
    Ok(())
}

/// Writes as much of nothing as makes the journal full. There is no other way to have it sealed.
fn fill_journal(disk: &Disk, commits: &Mutex<u64>) -> Result<(), Fault> {
    let key = own_key(FILLER, None);
    let index = disk.space(Space::Index);
    // Chance does not compress.
    let mut dice = Dice::new(0);
    let filler: Vec<u8> =
        std::iter::repeat_with(|| dice.roll().to_le_bytes()).take(FILLER_BYTES / 8).flatten().collect();
    for _ in 0..=JOURNAL_BYTES / FILLER_BYTES {
        let _writing = lock(commits);
        disk.make_room()?;
        index.insert(key.clone(), filler.clone()).map_err(fault)?;
    }
    let _writing = lock(commits);
    index.remove(key).map_err(fault)
}

fn flush(disk: &Disk, commits: &Mutex<u64>) -> Result<(), Fault> {
    // Only who has something to flush lets go of old tables, too.
    Stage::new(disk, &mut lock(commits)).write()?;
    for space in Space::ALL {
        let keyspace = disk.space(space);
        keyspace.rotate_memtable().map_err(fault)?;
        disk.wait(|| keyspace.sealed_memtable_count() > 0)?;
    }
    Ok(())
}
