//! The engine by itself: the same records in one tree, without anything of ours. What settling costs beyond it is ours.

use lsm_tree::{AbstractTree, Config, SequenceNumberCounter};
use rookery_storage::dice::Dice;
use std::path::Path;
use std::time::Instant;

const RECORDS: u64 = 400_000;
const GROUP: u64 = 512;
const BODY: usize = 240;
const MEMTABLE_BYTES: u64 = 16 << 20;

/// Records per second, each room's one behind the other, committed in groups and written out as the store does it.
pub fn records_per_second(folder: &Path, rooms: u64) -> f64 {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let numbers = SequenceNumberCounter::default();
    let tree = Config::new(folder.path(), numbers.clone(), SequenceNumberCounter::default()).open().unwrap();
    let write_out = || {
        let flushing = tree.get_flush_lock();
        tree.rotate_memtable();
        tree.flush(&flushing, numbers.get()).unwrap();
    };
    let mut dice = Dice::new(1);
    let mut groups: Vec<Vec<(Vec<u8>, Vec<u8>)>> = Vec::new();
    for first in (0..RECORDS).step_by(GROUP as usize) {
        groups.push(
            (first..first + GROUP)
                .map(|n| {
                    let key = [&b"main\0room-"[..], &(n % rooms).to_be_bytes(), &(n / rooms).to_be_bytes()].concat();
                    let noise = std::iter::repeat_with(|| dice.roll().to_le_bytes()).flatten();
                    (key, noise.take(BODY).collect())
                })
                .collect(),
        );
    }
    let begun = Instant::now();
    for group in groups {
        if tree.active_memtable().size() > MEMTABLE_BYTES {
            write_out();
        }
        let number = numbers.next();
        for (key, value) in group {
            tree.insert(key, value, number);
        }
    }
    write_out();
    RECORDS as f64 / begun.elapsed().as_secs_f64()
}
