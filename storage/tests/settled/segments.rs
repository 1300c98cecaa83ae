//! Segments that messages are read from: they come with their first run and go with the last, and copies are made good.

use crate::rig::{copy, small};
use crate::written::write;
use rookery_storage::ask::{Ask, Keep, Position};
use rookery_storage::conformance::say::{deletion, edit, events, message, room};
use rookery_storage::embedded::Embedded;
use rookery_storage::{Batch, Entry, Fault, Outcome, Place, Record, Settled};
use std::path::{Path, PathBuf};

const EACH: u64 = 8;

/// Eight messages of each of two rooms, turn by turn.
fn turns(turns: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    for turn in 0..turns {
        for name in ["a", "b"] {
            let first = turn * EACH + 1;
            let posted = (first..first + EACH).map(|seq| message((1, seq), seq, &format!("{name} {seq}"))).collect();
            entries.push(Entry::new(Position(entries.len() as u64 + 1), events(&room(name), posted)));
        }
    }
    entries
}

fn segments(store: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> =
        std::fs::read_dir(store.join("segments")).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn fetch(settled: &Embedded, name: &'static str, seqs: std::ops::Range<u64>) -> Result<Vec<String>, Fault> {
    let places = seqs.map(|seq| Place::new(1, seq)).collect();
    let Outcome::Fetched(records) = settled.answer(&Ask::Fetch { room: room(name), places, now: 0 })? else {
        panic!("not fetched")
    };
    let text = |record: Option<Record>| {
        record.map_or(String::new(), |record| String::from_utf8_lossy(&record.payload).into_owned())
    };
    Ok(records.into_iter().map(text).collect())
}

fn texts(name: &'static str, seqs: std::ops::Range<u64>) -> Vec<String> {
    seqs.map(|seq| format!("{name} {seq}")).collect()
}

#[test]
fn a_segment_goes_with_its_last_message() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut entries = turns(800);
    let _journal = write(files.path(), entries.iter_mut());
    let end = entries.len() as u64;
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    settled.apply(entries).unwrap();
    settled.sync(Position(end)).unwrap();
    let all = segments(folder.path());
    assert!(all.len() > 3, "{all:?}");
    let trim = |name: &'static str, keep: u64| {
        let trim = Ask::Trim { room: room(name), keep: Keep { messages: keep, ..Keep::ALL }, now: 0 };
        let Outcome::Trimmed(trimmed) = settled.answer(&trim).unwrap() else { panic!("not trimmed") };
        settled.sync(Position(end)).unwrap();
        settled.sync(Position(end)).unwrap();
        trimmed.messages
    };
    // The other room's messages lie in the same ones.
    assert_eq!(trim("a", 0), 800 * EACH);
    assert_eq!(segments(folder.path()), all);
    assert_eq!(trim("b", 20), 800 * EACH - 20);
    let left = segments(folder.path());
    assert!(left.len() < 3 && !left.is_empty() && left.iter().all(|segment| all.contains(segment)), "{left:?}");
    let last = 800 * EACH - 19..800 * EACH + 1;
    assert_eq!(fetch(&settled, "b", last.clone()), Ok(texts("b", last.clone())));
    drop(settled);
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    assert_eq!(fetch(&settled, "b", last.clone()), Ok(texts("b", last)));
    assert_eq!(fetch(&settled, "a", 1..9), Ok(vec![String::new(); 8]));
}

#[test]
fn a_segment_that_is_nearly_empty_goes_when_there_is_time() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut entries = turns(400);
    // A third room has a little of every segment.
    let seldom = |turn: u64| {
        let posted = (turn..turn + 4).map(|seq| message((1, seq), seq, &format!("c {seq}"))).collect();
        events(&room("c"), posted)
    };
    let mut with = Vec::new();
    for (turn, entry) in entries.into_iter().enumerate() {
        if turn % 40 == 39 {
            with.push(Entry::new(Position(0), seldom(turn as u64 / 40 * 4 + 1)));
        }
        with.push(entry);
    }
    entries = with;
    (1..).zip(&mut entries).for_each(|(position, entry)| entry.position = Position(position));
    let journal = write(files.path(), entries.iter_mut());
    let end = Position(entries.len() as u64);
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    settled.apply(entries).unwrap();
    settled.sync(end).unwrap();
    let all = segments(folder.path());
    assert!(all.len() > 3, "{all:?}");
    for name in ["a", "b"] {
        let trim = Ask::Trim { room: room(name), keep: Keep { messages: 0, ..Keep::ALL }, now: 0 };
        assert!(matches!(settled.answer(&trim), Ok(Outcome::Trimmed(_))));
    }
    // As long as the journal has them, they cost nothing.
    assert_eq!(settled.tidy(), Ok(false));
    drop(journal);
    std::fs::remove_dir_all(files.path().join("journal")).unwrap();
    for left in (0..all.len()).rev() {
        assert_eq!(settled.tidy(), Ok(true));
        settled.sync(end).unwrap();
        settled.sync(end).unwrap();
        assert_eq!(segments(folder.path()).len(), left);
        assert_eq!(fetch(&settled, "c", 1..81), Ok(texts("c", 1..81)));
    }
    assert_eq!(settled.tidy(), Ok(false));
}

#[test]
fn a_message_that_was_changed_stands_before_its_run() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut entries = turns(1);
    // In the same group as the run, so that it is looked for among what is not committed.
    entries.push(Entry::new(
        Position(3),
        Batch {
            events: vec![edit((1, 9), (1, 3))],
            rewrites: vec![deletion((1, 3), (1, 9), "gone")],
            ..Batch::new(room("a"))
        },
    ));
    // And one that is changed by the batch that brings it.
    let posted = (10..15).map(|seq| message((1, seq), seq - 1, &format!("a {seq}")));
    entries.push(Entry::new(
        Position(4),
        Batch {
            events: posted.chain([edit((1, 15), (1, 12))]).collect(),
            rewrites: vec![deletion((1, 12), (1, 15), "gone")],
            ..Batch::new(room("a"))
        },
    ));
    let _journal = write(files.path(), entries.iter_mut());
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    settled.apply(entries).unwrap();
    let mut want = [texts("a", 1..9), vec![String::new()], texts("a", 10..15)].concat();
    (want[2], want[11]) = ("gone".to_owned(), "gone".to_owned());
    assert_eq!(fetch(&settled, "a", 1..15), Ok(want));
}

#[test]
fn a_restored_copy_gets_the_journals_own_file() {
    let (files, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut entries = turns(6);
    let _journal = write(files.path(), entries.iter_mut());
    let (one, other) = (root.path().join("one"), root.path().join("other"));
    let settled = Embedded::open(&one, &small()).unwrap();
    settled.apply(entries[..6].to_vec()).unwrap();
    settled.sync(Position(6)).unwrap();
    drop(settled);
    copy(&one, &other);
    // A copy that was made when the file was shorter.
    for segment in segments(&other) {
        std::fs::File::options().write(true).open(segment).unwrap().set_len(4096 + 700).unwrap();
    }
    std::fs::write(other.join("segments/00000000000000ff"), "of nobody").unwrap();
    let settled = Embedded::open(&other, &small()).unwrap();
    assert!(!other.join("segments/00000000000000ff").exists());
    assert!(matches!(fetch(&settled, "b", 17..25), Err(Fault::Damaged { room: Some(_), .. })));
    settled.apply(entries[6..].to_vec()).unwrap();
    for name in ["a", "b"] {
        assert_eq!(fetch(&settled, name, 1..49), Ok(texts(name, 1..49)));
    }
}

#[test]
fn damage_in_a_segment_costs_a_message_and_pages_of_its_batch() {
    let (files, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut entries = turns(10);
    let _journal = write(files.path(), entries.iter_mut());
    let settled = Embedded::open(folder.path(), &small()).unwrap();
    settled.apply(entries).unwrap();
    settled.sync(Position(20)).unwrap();
    let segment = segments(folder.path()).remove(0);
    let mut bytes = std::fs::read(&segment).unwrap();
    let at = bytes.windows(4).position(|bytes| bytes == b"b 20").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    for seq in 1..81 {
        let got = fetch(&settled, "b", seq..seq + 1);
        let hit = seq == 20;
        assert_eq!(got.is_err(), hit, "{seq}: {got:?}");
        assert!(hit || got == Ok(texts("b", seq..seq + 1)));
    }
    assert_eq!(fetch(&settled, "a", 1..81), Ok(texts("a", 1..81)));
    // Who changes one of them holds nobody up.
    let changed = Batch {
        events: vec![edit((1, 81), (1, 20)), edit((1, 82), (1, 30))],
        rewrites: vec![deletion((1, 20), (1, 81), "gone"), deletion((1, 30), (1, 82), "gone")],
        ..Batch::new(room("b"))
    };
    settled.apply(vec![Entry::new(Position(21), changed)]).unwrap();
    assert!(fetch(&settled, "b", 20..21).is_err());
    assert_eq!(fetch(&settled, "b", 30..31), Ok(vec!["gone".to_owned()]));
}
