//! A copy of the whole store at one moment, in a folder of its own, while others write.

use super::disk::{Disk, Space, fault, own_key};
use super::sealed::number_value;
use super::{EmbeddedOptions, marks};
use crate::ask::Position;
use crate::settled::Fault;
use fjall::PersistMode;
use std::path::Path;

/// Told after so much was copied.
const STEP: u64 = 16 * 1024 * 1024;

/// Copies what one snapshot shows, checksums and all. `progress` is told how many bytes there are so far; what it says
/// no to is left half done.
///
/// `synced`: the watermark before this was called. What is shown has all up to there, but may say less.
pub fn copy(disk: &Disk, synced: Position, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<(), Fault> {
    let view = disk.view();
    let target = Disk::open(folder, &EmbeddedOptions::default())?;
    let (mut bytes, mut told) = (0u64, 0u64);
    for space in Space::ALL {
        // In the order of keys, so it goes into tables at once, without the engine's journal.
        let mut into = target.space(space).start_ingestion().map_err(fault)?;
        for pair in view.range(space, &[], &[u8::MAX]) {
            let (key, value) = pair?;
            if key[..] == own_key(super::compact::FILLER, None) {
                continue;
            }
            bytes += (key.len() + value.len()) as u64;
            into.write(&key[..], &value[..]).map_err(fault)?;
            if bytes - told >= STEP {
                told = bytes;
                if !progress(bytes) {
                    return Err(Fault::Io("the copy was given up".to_owned()));
                }
            }
        }
        into.finish().map_err(fault)?;
    }
    progress(bytes);
    let watermark = number_value(synced.0);
    target.space(Space::Rooms).insert(marks::watermark_key(), watermark).map_err(fault)?;
    target.database.persist(PersistMode::SyncAll).map_err(fault)
}
