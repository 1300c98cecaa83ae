//! Rooms of an embedded store are taken over as they are kept: whole, once, and what comes behind them fits.

use crate::server::{keyspace, runtime};
use crate::told::{Listener, Step, questions};
use rookery_storage::ask::{Ask, Position};
use rookery_storage::checksum::room_sum;
use rookery_storage::conformance::say::{events, message, put, room, unput};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{Batch, Entry, Fault, Name, Outcome, RoomKey, Settled, Table, walk};
use tempfile::TempDir;

const STORIES: u64 = 4;
const STEPS: usize = 260;

/// A story in an embedded store up to some step, and what comes behind it.
struct Source {
    heard: Listener,
    old: Embedded,
    rest: Vec<Step>,
    position: Position,
    _folder: TempDir,
}

fn source(seed: u64, rooms: &[RoomKey], part: usize) -> Source {
    let folder = tempfile::tempdir().unwrap();
    let old = Embedded::open(folder.path(), &EmbeddedOptions::default()).unwrap();
    let heard = Listener::hear(seed, rooms, STEPS);
    let split = heard.steps.len() * part / 4;
    let mut position = Position(0);
    for step in &heard.steps[..split] {
        if let Step::Write(entry) = step {
            position = entry.position;
        }
        carry_out(&old, step);
    }
    let rest = heard.steps[split..].to_vec();
    Source { heard, old, rest, position, _folder: folder }
}

fn carry_out(settled: &dyn Settled, step: &Step) {
    match step {
        Step::Write(entry) => settled.apply(vec![entry.clone()]).unwrap(),
        Step::Trim(ask) => drop(settled.answer(ask).unwrap()),
    }
}

fn sums(settled: &dyn Settled, rooms: &[RoomKey]) -> Vec<rookery_storage::checksum::RoomSum> {
    rooms.iter().map(|room| room_sum(&mut |ask| settled.answer(ask), room, walk::END).unwrap()).collect()
}

/// The rooms of one story, which no other story has.
fn rooms_of(seed: u64) -> [RoomKey; 2] {
    ["a", "b"].map(|name| RoomKey { realm: Name::new(&format!("realm {seed}")).unwrap(), ..room(name) })
}

fn listed(settled: &dyn Settled) -> Vec<RoomKey> {
    let Outcome::Rooms(page) = settled.answer(&Ask::Rooms { after: None, limit: 100 }).unwrap() else { panic!() };
    page.rooms
}

fn again(options: &ScyllaOptions, new: Scylla) -> Scylla {
    new.stop_after(0);
    new.sync(Position(0)).unwrap_err();
    Scylla::open(options, runtime()).unwrap()
}

#[test]
fn a_filled_room_is_the_room_and_goes_on_as_it_would_have() {
    let options = keyspace();
    let mut new = Scylla::open(&options, runtime()).unwrap();
    for seed in 1..=STORIES {
        let rooms = rooms_of(seed);
        let mut source = source(seed + 400, &rooms, 2);
        // Positions of one keyspace rise, whatever the story.
        let there = listed(&source.old);
        let filled = new.fill(&source.old, &there, source.position).unwrap();
        assert_eq!(filled.rooms, there.len() as u64);
        assert!(filled.records > 0 && filled.bytes > 0);
        assert_eq!(sums(&new, &rooms), sums(&source.old, &rooms), "story {seed}");
        assert_eq!(new.fill(&source.old, &there, source.position), Ok(filled), "twice is once");
        assert_eq!(sums(&new, &rooms), sums(&source.old, &rooms), "story {seed}, twice");
        new = again(&options, new);
        // What it has already is passed over.
        let entries = source.heard.steps.iter().filter_map(|step| match step {
            Step::Write(entry) if entry.position <= source.position => Some(entry.clone()),
            Step::Write(_) | Step::Trim(_) => None,
        });
        new.apply(entries.collect()).unwrap();
        assert_eq!(sums(&new, &rooms), sums(&source.old, &rooms), "story {seed}, handed over again");
        for step in &source.rest {
            carry_out(&new, step);
            carry_out(&source.old, step);
        }
        assert_eq!(sums(&new, &rooms), sums(&source.old, &rooms), "story {seed}, to its end");
        for ask in rooms.iter().flat_map(|room| questions(&mut source.heard, room, 5000)).collect::<Vec<_>>() {
            assert_eq!(new.answer(&ask).unwrap(), source.heard.ask(ask.clone()), "story {seed}, {ask:?}");
        }
        // An older copy takes nothing away from a room that went on.
        let older = self::source(seed + 400, &rooms, 1);
        new.fill(&older.old, &listed(&older.old), older.position).unwrap();
        assert_eq!(sums(&new, &rooms), sums(&source.old, &rooms), "story {seed}, an older copy");
    }
}

#[test]
fn a_newer_copy_replaces_an_older_one() {
    let options = keyspace();
    let new = Scylla::open(&options, runtime()).unwrap();
    for seed in 1..=STORIES {
        let rooms = rooms_of(seed);
        let mut newest = source(seed + 500, &rooms, 4);
        for part in [1, 2, 4] {
            let copy = source(seed + 500, &rooms, part);
            new.fill(&copy.old, &listed(&copy.old), copy.position).unwrap();
            let there = listed(&copy.old);
            assert_eq!(sums(&new, &there), sums(&copy.old, &there), "story {seed}, part {part}");
        }
        for ask in rooms.iter().flat_map(|room| questions(&mut newest.heard, room, 5000)).collect::<Vec<_>>() {
            assert_eq!(new.answer(&ask).unwrap(), newest.heard.ask(ask.clone()), "story {seed}, {ask:?}");
        }
    }
}

fn entry(position: u64, batch: Batch) -> Entry {
    Entry::new(Position(position), batch)
}

/// A room with many records and rows.
fn large() -> (Embedded, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let old = Embedded::open(folder.path(), &EmbeddedOptions::default()).unwrap();
    let mut batch = events(&room("a"), (1..=300).map(|seq| message((1, seq), seq, "words")).collect());
    batch.rows = (0..90).map(|n| put(Table::Members, format!("user {n}"), "1")).collect();
    batch.rows.push(put(Table::PendingEffects, "effect", "x"));
    old.apply(vec![entry(1, batch)]).unwrap();
    (old, folder)
}

#[test]
fn a_room_that_is_killed_half_way_is_not_there() {
    let (old, _folder) = large();
    let (options, mut stopped) = (keyspace(), 0);
    for requests in 0.. {
        let new = Scylla::open(&options, runtime()).unwrap();
        new.stop_after(requests);
        let done = new.fill(&old, &[room("a")], Position(1)).is_ok();
        let new = again(&options, new);
        if done {
            assert_eq!(sums(&new, &[room("a")]), sums(&old, &[room("a")]));
            break;
        }
        stopped += 1;
        assert_eq!(listed(&new), [], "after {requests} requests");
        let load = new.answer(&Ask::Load { room: room("a") }).unwrap();
        assert_eq!(load, Outcome::Loaded(Box::default()), "after {requests} requests");
        let row = Ask::Row { room: room("a"), table: Table::Members, key: "user 1".into() };
        assert_eq!(new.answer(&row).unwrap(), Outcome::Row(None));
        for table in [Table::Members, Table::PendingEffects] {
            let scan = new.answer(&Ask::Scan { table, after: None, limit: 9 }).unwrap();
            let Outcome::Scanned(page) = scan else { panic!("{scan:?}") };
            assert!(page.rows.is_empty(), "after {requests} requests");
        }
    }
    assert!(stopped > 8, "{stopped} requests");
}

#[test]
fn rows_of_a_copy_that_was_given_up_do_not_come_back() {
    let (old, _folder) = large();
    let options = keyspace();
    let new = Scylla::open(&options, runtime()).unwrap();
    // Its rows are there, where it stands is not.
    for requests in (1..40).rev() {
        new.stop_after(requests);
        if new.fill(&old, &[room("a")], Position(1)).is_err() {
            break;
        }
    }
    let new = again(&options, new);
    let gone = Batch { rows: vec![unput(Table::Members, "user 7")], ..Batch::new(room("a")) };
    old.apply(vec![entry(2, gone)]).unwrap();
    new.fill(&old, &[room("a")], Position(2)).unwrap();
    assert_eq!(sums(&new, &[room("a")]), sums(&old, &[room("a")]));
}

#[test]
fn a_room_of_another_node_is_not_touched() {
    let (old, _folder) = large();
    let options = keyspace();
    let other = ScyllaOptions { journal: 8, ..options.clone() };
    let theirs = Scylla::open(&other, runtime()).unwrap();
    theirs.apply(vec![entry(1, events(&room("a"), vec![message((1, 1), 1, "theirs")]))]).unwrap();
    let before = sums(&theirs, &[room("a")]);
    drop(theirs);
    let new = Scylla::open(&options, runtime()).unwrap();
    let fault = new.fill(&old, &[room("a")], Position(1)).unwrap_err();
    assert!(matches!(&fault, Fault::Damaged { what, .. } if what.contains("another node")), "{fault}");
    assert_eq!(sums(&new, &[room("a")]), before);
}
