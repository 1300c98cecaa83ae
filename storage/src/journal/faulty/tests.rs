//! The faulty disk itself: it forgets what was not synced, and fails when told to.

use super::*;

fn path() -> PathBuf {
    PathBuf::from("folder/file")
}

fn bytes_of(disk: &FaultyDisk) -> Option<Vec<u8>> {
    disk.files().remove(&path())
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_any_pages_of_the_rest() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..200 {
        let disk = FaultyDisk::new(seed);
        let file = disk.create(&path()).unwrap();
        assert_eq!(file.write_at(&[1; 3 * PAGE], 0).unwrap(), 3 * PAGE);
        file.sync().unwrap();
        disk.sync_folder(Path::new("folder")).unwrap();
        assert_eq!(file.write_at(&[2; 2 * PAGE], PAGE as u64).unwrap(), 2 * PAGE);
        disk.cut_power();
        let bytes = bytes_of(&disk).expect("its name was made lasting");
        assert_eq!(bytes.len(), 3 * PAGE);
        outcomes.insert([bytes[0], bytes[PAGE], bytes[2 * PAGE]]);
    }
    assert_eq!(outcomes, BTreeSet::from([[1, 1, 1], [1, 1, 2], [1, 2, 1], [1, 2, 2]]));
}

#[test]
fn a_name_without_a_synced_folder_may_go_and_a_removed_one_may_come_back() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..100 {
        let disk = FaultyDisk::new(seed);
        disk.create(&path()).unwrap();
        disk.sync_folder(Path::new("folder")).unwrap();
        disk.remove(&path()).unwrap();
        disk.create(Path::new("folder/other")).unwrap();
        disk.cut_power();
        outcomes.insert((bytes_of(&disk).is_some(), disk.files().len()));
    }
    assert_eq!(outcomes, BTreeSet::from([(false, 0), (false, 1), (true, 1), (true, 2)]));
}

#[test]
fn after_a_failed_sync_a_later_one_succeeds_and_proves_nothing() {
    let lost = (0..100).filter(|seed| {
        let disk = FaultyDisk::new(*seed);
        let file = disk.create(&path()).unwrap();
        disk.sync_folder(Path::new("folder")).unwrap();
        assert_eq!(file.write_at(b"words", 0).unwrap(), 5);
        disk.set_faults(Faults { failed_sync: 1000, ..Faults::default() });
        assert!(file.sync().is_err());
        disk.set_faults(Faults::default());
        file.sync().unwrap();
        assert_eq!(bytes_of(&disk).unwrap(), b"words", "it still reads as written");
        disk.cut_power();
        bytes_of(&disk).unwrap() != b"words"
    });
    assert!((20..80).contains(&lost.count()));
}

#[test]
fn a_full_disk_takes_what_fits_and_says_so() {
    let disk = FaultyDisk::new(1);
    disk.set_faults(Faults { space: Some(10), ..Faults::default() });
    let file = disk.create(&path()).unwrap();
    assert_eq!(file.write_at(&[1; 20], 0).unwrap(), 10);
    assert_eq!(file.write_at(&[1; 10], 10).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.reserve(11).unwrap_err().kind(), io::ErrorKind::StorageFull);
    disk.remove(&path()).unwrap();
    assert_eq!(disk.create(Path::new("folder/other")).unwrap().write_at(&[1; 10], 0).unwrap(), 10);
}

#[test]
fn a_lock_is_held_by_one_until_it_is_dropped_or_its_process_ends() {
    let disk = FaultyDisk::new(1);
    let held = disk.lock(&path()).unwrap();
    assert_eq!(disk.lock(&path()).err().unwrap().kind(), io::ErrorKind::WouldBlock);
    drop(held);
    let held = disk.lock(&path()).unwrap();
    disk.kill();
    assert!(disk.lock(&path()).is_ok());
    drop(held);
}
