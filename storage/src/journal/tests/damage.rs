//! Damaged, missing and foreign files: never a wrong entry, the rest is read, what is missing is told.

use super::layout::newer_head;
use super::{Hand, options};
use crate::Position;
use crate::dice::Dice;
use crate::journal::faulty::FaultyDisk;
use crate::journal::layout::{ENTRY_HEAD, SEGMENT_HEAD};
use crate::journal::segments::path_of;
use crate::journal::{Damage, OpenError, Options, What};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn small() -> Options {
    options(SEGMENT_HEAD as u64 + 400, 1 << 30)
}

fn body(n: u64) -> Vec<u8> {
    (0..n * 7 % 50).map(|byte| (byte + n) as u8).collect()
}

/// A journal of a few segments that was closed in order: its files, and where each entry lies.
fn journal() -> (Files, BTreeMap<u64, (PathBuf, Range<usize>)>) {
    let disk = FaultyDisk::new(1);
    let mut hand = Hand::open(&disk, &small()).unwrap();
    let mut n = 0;
    while n < 40 {
        let bodies: Vec<Vec<u8>> = (0..1 + n % 4).map(|more| body(n + more + 1)).collect();
        let told = hand.write(&bodies.iter().map(Vec::as_slice).collect::<Vec<_>>());
        n += bodies.len() as u64;
        assert_eq!(told.last().unwrap().result, Ok(Position(n)));
    }
    let (entries, damaged) = hand.read_all();
    assert_eq!((entries.len() as u64, damaged.len()), (n, 0));
    hand.writer.finish();
    drop(hand);
    let mut files = disk.files();
    files.retain(|path, _| path.extension().is_some_and(|ending| ending == "segment"));
    assert!(files.len() >= 4);
    let mut places = BTreeMap::new();
    for (path, bytes) in &files {
        for at in SEGMENT_HEAD..bytes.len() - ENTRY_HEAD {
            let position = u64::from_le_bytes(*bytes[at + 8..].first_chunk().unwrap());
            let length = u32::from_le_bytes(*bytes[at + 4..].first_chunk().unwrap()) as usize;
            let end = at + ENTRY_HEAD + length;
            if (1..=n).contains(&position) && bytes.get(at + ENTRY_HEAD..end) == Some(&body(position)) {
                places.entry(position).or_insert((path.clone(), at..end));
            }
        }
    }
    assert_eq!(places.len() as u64, n);
    (files, places)
}

fn positions(damaged: &[Damage]) -> BTreeSet<u64> {
    damaged.iter().flat_map(|damage| damage.from.0..damage.until.0).collect()
}

/// Opens these files and returns what is missing, having checked that it is told and that the rest is right.
fn missing(files: &Files, end: u64, context: &str) -> BTreeSet<u64> {
    let disk = FaultyDisk::with_files(2, files);
    let mut hand =
        Hand::open(&disk, &Options { above: Position(end), ..small() }).unwrap_or_else(|e| panic!("{context}: {e}"));
    let (entries, damaged) = hand.read_all();
    for (position, bytes) in &entries {
        assert!(*bytes == body(*position), "{context}: a wrong entry at {position}");
    }
    let read: BTreeSet<u64> = entries.iter().map(|(position, _)| *position).collect();
    assert_eq!(read.len(), entries.len(), "{context}: none twice");
    let missing: BTreeSet<u64> = (1..=end).filter(|position| !read.contains(position)).collect();
    // A first segment of which nothing is left is told as a damaged file, and its entries as the gap they are.
    let mut told = positions(&damaged);
    if hand.found.damaged.iter().any(|damage| damage.segment == 1 && damage.what == What::Segment) {
        told.extend(1..hand.found.first.0);
    }
    assert_eq!(told, missing, "{context}: told when read");
    assert!(positions(&hand.found.damaged).is_subset(&missing), "{context}");
    let told = hand.write(&[b"goes on"]);
    assert_eq!(told[0].result, Ok(Position(end + 1)), "{context}");
    missing
}

#[test]
fn every_flipped_byte_costs_the_entry_that_it_lies_in() {
    let (files, places) = journal();
    let end = places.len() as u64;
    for (path, bytes) in &files {
        for at in (0..bytes.len()).filter(|at| *at < 70 || *at > SEGMENT_HEAD - 6 || at % 256 == 0) {
            let mut flipped = files.clone();
            flipped.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
            let hit = places.iter().filter(|(_, (file, range))| file == path && range.contains(&at));
            let hit: BTreeSet<u64> = hit.map(|(position, _)| *position).collect();
            let context = format!("byte {at} of {}", path.display());
            assert_eq!(missing(&flipped, end, &context), hit, "{context}");
        }
    }
}

#[test]
fn cut_at_every_byte_a_segment_keeps_what_lies_before() {
    let (files, places) = journal();
    let end = places.len() as u64;
    for (path, bytes) in &files {
        for at in (SEGMENT_HEAD - 5..bytes.len()).chain([0, 1, 63, 64, 65]) {
            let mut cut = files.clone();
            cut.get_mut(path).unwrap().truncate(at);
            let hit = places.iter().filter(|(_, (file, range))| file == path && range.end > at);
            let hit: BTreeSet<u64> = hit.map(|(position, _)| *position).collect();
            let context = format!("{} cut at {at}", path.display());
            assert_eq!(missing(&cut, end, &context), hit, "{context}");
        }
    }
}

#[test]
fn blocks_that_are_zeroed_doubled_or_mixed_cost_no_more_than_they_hold() {
    let (files, places) = journal();
    let end = places.len() as u64;
    let paths: Vec<&PathBuf> = files.keys().collect();
    for seed in 0..1000 {
        let mut dice = Dice::new(seed);
        let mut changed = files.clone();
        let path = paths[dice.below(paths.len() as u64) as usize];
        let bytes = changed.get_mut(path).unwrap();
        let length = 1 + dice.below(300) as usize;
        let at = SEGMENT_HEAD - 100 + dice.below((bytes.len() - SEGMENT_HEAD) as u64) as usize;
        let range = at..(at + length).min(bytes.len());
        match dice.below(3) {
            0 => bytes[range.clone()].fill(0),
            1 => bytes[range.clone()].fill_with(|| dice.roll() as u8),
            _ => {
                let other = &files[paths[dice.below(paths.len() as u64) as usize]];
                let from = dice.below((other.len() - range.len()) as u64) as usize;
                bytes[range.clone()].copy_from_slice(&other[from..from + range.len()]);
            }
        }
        let touched =
            |(file, held): &(PathBuf, Range<usize>)| file == path && held.start < range.end && range.start < held.end;
        let hit: BTreeSet<u64> =
            places.iter().filter(|(_, place)| touched(place)).map(|(position, _)| *position).collect();
        let context = format!("seed {seed}: {range:?} of {}", path.display());
        let missing = missing(&changed, end, &context);
        assert!(missing.is_subset(&hit), "{context}: {missing:?} are missing, {hit:?} were hit");
    }
}

#[test]
fn a_missing_segment_is_told_when_opening_and_reading_goes_on_behind_it() {
    let (mut files, places) = journal();
    let path = path_of(Path::new("journal"), 2);
    assert!(files.remove(&path).is_some());
    let held: BTreeSet<u64> = places.iter().filter(|(_, (file, _))| *file == path).map(|(n, _)| *n).collect();
    let hand = Hand::open(&FaultyDisk::with_files(2, &files), &small()).unwrap();
    assert_eq!(positions(&hand.found.damaged), held);
    assert_eq!((hand.found.damaged[0].segment, hand.found.damaged[0].what), (2, What::Segment));
    assert_eq!(missing(&files, places.len() as u64, "without the second"), held);
}

/// Nobody knows how far positions went: no settled store is ahead.
#[test]
fn a_segment_that_is_cut_inside_its_head_is_told_when_opening() {
    let (files, places) = journal();
    let paths: Vec<&PathBuf> = files.keys().collect();
    for (number, path) in (1..).zip(&paths) {
        let held = places.iter().filter(|(_, (file, _))| file == *path).map(|(position, _)| *position);
        let held: BTreeSet<u64> = held.collect();
        for length in [0, 1, 39, 40, 63, 64, 65, SEGMENT_HEAD - 1] {
            let mut cut = files.clone();
            cut.get_mut(*path).unwrap().truncate(length);
            let hand = Hand::open(&FaultyDisk::with_files(2, &cut), &small()).unwrap();
            let context = format!("{} cut at {length}: {:?}", path.display(), hand.found.damaged);
            let told = |damage: &&Damage| damage.segment == number && damage.what == What::Segment;
            let damaged: Vec<Damage> = hand.found.damaged.iter().filter(told).copied().collect();
            assert!(!damaged.is_empty() && damaged.len() == hand.found.damaged.len(), "{context}");
            // (The last used bytes of its head are zeros, so it can be read without them.)
            if length >= 40 {
                // Of the newest nobody knows how many it held.
                let is_last = number == paths.len() as u64;
                let lost = if is_last { BTreeSet::new() } else { held.clone() };
                assert_eq!((damaged.len(), positions(&damaged)), (1, lost), "{context}");
                assert_eq!(damaged[0].from, Position(*held.first().unwrap()), "{context}");
            }
        }
    }
}

#[test]
fn an_empty_folder_and_one_that_was_just_begun_are_journals_without_entries() {
    let head = |length: usize| {
        let disk = FaultyDisk::new(3);
        drop(Hand::open(&disk, &small()).unwrap());
        let mut bytes = disk.files().remove(&path_of(Path::new("journal"), 1)).unwrap();
        bytes.truncate(length);
        bytes
    };
    for length in [0, 1, 30, 63, 64, 65, 4095, 4096] {
        for name in ["journal-0000000000000001.segment", "journal.next"] {
            let files = Files::from([(Path::new("journal").join(name), head(length))]);
            let disk = FaultyDisk::with_files(2, &files);
            let mut hand = Hand::open(&disk, &small()).unwrap();
            assert_eq!((hand.found.first, hand.found.end, hand.found.torn), (Position(1), Position(0), false));
            // A segment has its name only once its head's block is whole.
            let told = usize::from(name != "journal.next" && length < SEGMENT_HEAD);
            assert_eq!((hand.found.damaged.len(), positions(&hand.found.damaged).len()), (told, 0));
            assert_eq!(hand.write(&[b"first"])[0].result, Ok(Position(1)), "{name} of {length} bytes");
            drop(hand);
            let names: Vec<_> = disk.files().into_keys().filter(|path| path.ends_with("journal.next")).collect();
            assert_eq!(names, [] as [PathBuf; 0]);
        }
    }
}

#[test]
fn a_newer_folder_is_refused_as_newer_and_foreign_files_are_named_and_left_alone() {
    let (files, _) = journal();
    let open = |name: &str, bytes: &[u8]| {
        let mut files = files.clone();
        files.insert(Path::new("journal").join(name), bytes.to_vec());
        let disk = FaultyDisk::with_files(2, &files);
        let error = Hand::open(&disk, &small()).err();
        assert_eq!(disk.files()[&Path::new("journal").join(name)], bytes, "{name} is left alone");
        error
    };
    let error = open("journal-00000000000000ff.segment", &newer_head()).unwrap();
    assert!(matches!(error, OpenError::Newer { version: 2, .. }), "{error}");
    let copied = files[&path_of(Path::new("journal"), 1)].clone();
    for (name, bytes) in
        [("journal-00000000000000ff.segment", &copied[..]), ("journal-1.segment", b"x"), ("journal-old", b"")]
    {
        match open(name, bytes).unwrap() {
            OpenError::Foreign { name: named } => assert_eq!(named, name),
            other @ (OpenError::Locked | OpenError::Newer { .. } | OpenError::Io { .. }) => panic!("{name}: {other}"),
        }
    }
    assert!(open("notes.txt", b"mine").is_none());
}

#[test]
fn a_folder_has_one_journal_at_a_time() {
    let disk = FaultyDisk::new(1);
    let hand = Hand::open(&disk, &small()).unwrap();
    assert!(matches!(Hand::open(&disk, &small()), Err(OpenError::Locked)));
    drop(hand);
    assert!(Hand::open(&disk, &small()).is_ok());
}

#[test]
fn a_reader_that_stayed_away_too_long_is_told_the_gap() {
    let (files, places) = journal();
    let disk = FaultyDisk::with_files(2, &files);
    let mut hand = Hand::open(&disk, &small()).unwrap();
    hand.writer.release(Position(20));
    let first = hand.log.first();
    assert!(first > Position(10) && first <= Position(21), "{first:?}");
    let page = hand.log.read(Position(3), 1 << 20).unwrap();
    assert_eq!(page.gap, Some(Position(first.0 - 1)));
    assert_eq!(page.entries.len() as u64, places.len() as u64 + 1 - first.0);
    assert_eq!((page.entries[0].0, page.reached), (first, page.end));
    assert_eq!(hand.log.read(page.end, 1).unwrap().entries, []);
    assert_eq!(hand.log.read(Position(first.0 - 1), 0).unwrap().entries, [], "no room, no entry");
    assert_eq!(hand.log.read(Position(first.0 - 1), 1).unwrap().entries.len(), 1, "but one where there is any");
}

/// A power cut may keep later pages of the last group and lose earlier ones.
#[test]
fn a_torn_tail_ends_before_its_first_bad_entry_whatever_follows() {
    let disk = FaultyDisk::new(1);
    let mut hand = Hand::open(&disk, &small()).unwrap();
    assert_eq!(hand.write(&[b"synced before"])[0].result, Ok(Position(1)));
    assert_eq!(hand.write(&[b"good", b"torn away", b"behind", b"it"])[3].result, Ok(Position(5)));
    drop(hand);
    let mut files = disk.files();
    let torn = files.values_mut().find_map(|bytes| {
        let at = bytes.windows(9).position(|window| window == b"torn away")?;
        bytes.get_mut(at..at + 9)
    });
    torn.unwrap().fill(0);
    let disk = FaultyDisk::with_files(2, &files);
    let mut hand = Hand::open(&disk, &small()).unwrap();
    assert_eq!((hand.found.end, hand.found.torn), (Position(2), true));
    assert_eq!(hand.found.damaged, [], "it was never finished");
    assert_eq!(hand.write(&[b"new"])[0].result, Ok(Position(3)));
    drop(hand);
    let hand = Hand::open(&disk, &small()).unwrap();
    let (entries, damaged) = hand.read_all();
    let bodies: Vec<&[u8]> = entries.iter().map(|(_, body)| &body[..]).collect();
    assert_eq!((bodies, damaged), (vec![&b"synced before"[..], b"good", b"new"], vec![]));
}
