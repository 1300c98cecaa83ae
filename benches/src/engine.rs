//! The engine by itself: the same records in one keyspace, without anything of ours. What settling costs beyond it is ours.

use fjall::{Database, KeyspaceCreateOptions, PersistMode};
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
    let database = Database::builder(folder.path()).worker_threads(1).manual_journal_persist(true).open().unwrap();
    let options = || KeyspaceCreateOptions::default().manual_journal_persist(true).max_memtable_size(u64::MAX);
    let messages = database.keyspace("messages", options).unwrap();
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
        use fjall::AbstractTree;
        if messages.tree.active_memtable().size() > MEMTABLE_BYTES {
            messages.rotate_memtable().unwrap();
        }
        let mut batch = database.batch();
        for (key, value) in group {
            batch.insert(&messages, key, value);
        }
        batch.commit().unwrap();
    }
    database.persist(PersistMode::SyncData).unwrap();
    RECORDS as f64 / begun.elapsed().as_secs_f64()
}
