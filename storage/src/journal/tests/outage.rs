//! A disk that is full or fails: what is said, what is dead, and that writing goes on by itself.

use super::{Hand, options};
use crate::Position;
use crate::answer::Failure;
use crate::journal::faulty::{Faults, FaultyDisk};
use crate::journal::{Disk, Options, State};

fn full(space: u64) -> Faults {
    Faults { space: Some(space), ..Faults::default() }
}

fn why(hand: &Hand) -> Option<Failure> {
    match hand.log.shared.health.state() {
        State::Writing => None,
        State::Down { why, .. } => Some(why),
    }
}

fn bodies(hand: &Hand) -> Vec<Vec<u8>> {
    hand.read_all().0.into_iter().map(|(_, body)| body.to_vec()).collect()
}

#[test]
fn a_full_disk_fails_as_full_keeps_what_was_written_and_goes_on_when_there_is_room() {
    let disk = FaultyDisk::new(1);
    let options = options(64 << 10, 1 << 30);
    let mut hand = Hand::open(&disk, &options).unwrap();
    disk.set_faults(full(300 << 10));
    let entry = vec![7; 10_000];
    let mut written = 0;
    while hand.write(&[&entry])[0].result.is_ok() {
        written += 1;
        assert!(written < 100);
    }
    assert!(written >= 10, "{written}");
    assert_eq!(why(&hand), Some(Failure::Full));
    assert_eq!(hand.write(&[b"at once"])[0].result, Err(Failure::Full));
    hand.writer.revive();
    assert_eq!(why(&hand), Some(Failure::Full), "still full");
    assert_eq!(bodies(&hand).len(), written);
    // A crash on a full disk: it opens, reads, and says that it is full.
    drop(hand);
    disk.cut_power();
    let mut hand = Hand::open(&disk, &options).unwrap();
    assert_eq!((bodies(&hand).len(), why(&hand)), (written, Some(Failure::Full)));
    // Old segments can be let go though the disk is full, and that is room enough.
    let end = hand.log.end();
    hand.writer.release(end);
    assert_eq!(why(&hand), None);
    assert_eq!(hand.write(&[b"again"])[0].result, Ok(Position(end.0 + 1)));
}

/// Of the reserve; a quarter of it has to be free beside it.
const RESERVE: u64 = 256 << 10;

#[test]
fn who_finds_no_room_beside_the_journal_gets_its_reserve_and_nothing_new_comes_in_between() {
    let disk = FaultyDisk::new(1);
    let options = Options { reserve_bytes: RESERVE, ..options(64 << 10, 1 << 30) };
    let mut hand = Hand::open(&disk, &options).unwrap();
    let taken = RESERVE + (64 << 10);
    disk.set_faults(full(taken + RESERVE / 4));
    hand.writer.check_room();
    assert_eq!(why(&hand), None, "there is room: it failed for another reason");
    disk.set_faults(full(taken + RESERVE / 4 - 1));
    let free = disk.free(&options.folder).unwrap();
    hand.writer.check_room();
    assert_eq!(why(&hand), Some(Failure::Full));
    assert_eq!(disk.free(&options.folder).unwrap(), free + RESERVE, "the reserve is there for others");
    assert_eq!(hand.write(&[b"new"])[0].result, Err(Failure::Full));
    hand.writer.revive();
    assert_eq!(why(&hand), Some(Failure::Full), "what was given up is not taken back from those who need it");
    disk.set_faults(full(taken + RESERVE / 4));
    hand.writer.revive();
    assert_eq!(why(&hand), None);
    assert_eq!(disk.free(&options.folder).unwrap(), RESERVE / 4, "the reserve is taken again");
    assert_eq!(hand.write(&[b"new"])[0].result, Ok(Position(1)));
}

#[test]
fn the_bound_of_all_segments_holds_until_something_is_released() {
    let disk = FaultyDisk::new(1);
    let mut hand = Hand::open(&disk, &options(32 << 10, 100_000)).unwrap();
    let entry = vec![7; 5_000];
    let mut written = 0;
    while hand.write(&[&entry])[0].result.is_ok() {
        written += 1;
        assert!(hand.log.shared.health.counts().used <= 100_000);
    }
    assert!(written > 10);
    assert_eq!(hand.write(&[&entry])[0].result, Err(Failure::Full));
    assert_eq!(why(&hand), None, "a bound is no outage");
    for round in 1..20 {
        hand.writer.release(Position(written));
        let told = hand.write(&[&entry]);
        written += 1;
        assert_eq!(told[0].result, Ok(Position(written)), "round {round}");
    }
}

#[test]
fn after_a_failed_sync_its_segment_is_done_and_its_entries_are_dead() {
    for seed in 0..50 {
        let disk = FaultyDisk::new(seed);
        let options = options(64 << 10, 1 << 30);
        let mut hand = Hand::open(&disk, &options).unwrap();
        assert_eq!(hand.write(&[b"one", b"two"])[1].result, Ok(Position(2)));
        let before = hand.log.shared.segments.lock().list.len();
        disk.set_faults(Faults { failed_sync: 1000, ..Faults::default() });
        assert_eq!(hand.write(&[b"dead"])[0].result, Err(Failure::Unavailable));
        assert_eq!(why(&hand), Some(Failure::Unavailable));
        disk.set_faults(Faults::default());
        assert_eq!(hand.write(&[b"too early"])[0].result, Err(Failure::Unavailable), "only a new segment ends it");
        hand.writer.revive();
        assert_eq!(why(&hand), None);
        assert_eq!(hand.log.shared.segments.lock().list.len(), before + 1);
        assert_eq!(hand.write(&[b"three"])[0].result, Ok(Position(3)));
        drop(hand);
        disk.cut_power();
        let hand = Hand::open(&disk, &options).unwrap();
        assert_eq!(bodies(&hand), [&b"one"[..], b"two", b"three"]);
    }
}

#[test]
fn sealed_and_released_no_body_is_left_in_any_file() {
    let disk = FaultyDisk::new(1);
    let mut hand = Hand::open(&disk, &options(64 << 10, 1 << 30)).unwrap();
    let secret = b"a secret that was deleted";
    assert_eq!(hand.write(&[b"x", secret])[1].result, Ok(Position(2)));
    hand.writer.release(Position(2));
    let holds = |disk: &FaultyDisk| {
        disk.files().values().any(|bytes| bytes.windows(secret.len()).any(|window| window == secret))
    };
    assert!(holds(&disk), "the active segment stays");
    hand.writer.seal();
    hand.writer.release(Position(2));
    assert!(!holds(&disk));
    assert_eq!((hand.log.first(), hand.log.end()), (Position(3), Position(2)));
    drop(hand);
    disk.cut_power();
    assert!(!holds(&disk));
    let hand = Hand::open(&disk, &options(64 << 10, 1 << 30)).unwrap();
    assert_eq!(hand.found.end, Position(2), "positions go on though no entry is left");
}

#[test]
fn an_entry_larger_than_a_segment_has_one_of_its_own() {
    let disk = FaultyDisk::new(1);
    let mut hand = Hand::open(&disk, &options(16 << 10, 1 << 30)).unwrap();
    let large = vec![3; 100_000];
    let told = hand.write(&[b"a", &large, b"b"]);
    assert!(told.iter().all(|written| written.result.is_ok()));
    assert_eq!(bodies(&hand), [&b"a"[..], &large, b"b"]);
}
