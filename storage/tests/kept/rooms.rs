//! Checksums and the check of a room.

use crate::story::{Told, batches, rooms, tell};
use rookery_storage::checksum::{RoomSum, room_sum};
use rookery_storage::conformance::say::put;
use rookery_storage::verify::{self, Finding};
use rookery_storage::walk::{self, END};
use rookery_storage::{Ask, Batch, Fault, Kind, Outcome, Replay, RoomKey, Settled, State, Table, Touches};

fn sums(ask: &mut walk::Asker<'_>) -> Vec<(RoomKey, RoomSum)> {
    let mut sums = Vec::new();
    walk::rooms::<Fault>(ask, &mut |ask, room| {
        let sum = room_sum(ask, &room, END)?;
        sums.push((room, sum));
        Ok(())
    })
    .unwrap();
    sums
}

#[test]
fn two_engines_that_keep_the_same_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut memory, embedded) = tell(folder.path(), 300);
    let ours = sums(&mut |ask| memory.ask(ask));
    let mut listed: Vec<_> = rooms();
    listed.sort();
    assert_eq!(ours.iter().map(|(room, _)| room.clone()).collect::<Vec<_>>(), listed);
    assert_eq!(ours, sums(&mut |ask| embedded.answer(ask)));
    let (_, whole) = &ours[1];
    assert_eq!((whole.messages, whole.changes), (201, 100));
    assert!(whole.rows > 10);
    let (_, trimmed) = ours.iter().find(|(room, _)| *room == rooms()[3]).unwrap();
    assert_eq!(trimmed.messages, 60);
}

/// The way of the sum is fixed: another program that follows its description gets this number.
#[test]
fn the_sum_of_a_known_room_is_known() {
    let mut memory = Told::memory();
    let room = rooms()[1].clone();
    batches(&room, 10).into_iter().for_each(|batch| memory.write(batch));
    let sum = room_sum(&mut |ask| memory.ask(ask), &room, END).unwrap();
    assert_eq!(format!("{:032x}", sum.sum), "e2a9bbed6753253fbe63f5e1eca2ce09");
}

type Spoil = dyn Fn(&mut Vec<Batch>);

#[test]
fn whatever_differs_shows_in_the_sum() {
    let room = rooms()[1].clone();
    let sum_of = |spoil: &Spoil| {
        let mut told = batches(&room, 40);
        spoil(&mut told);
        let mut memory = Told::memory();
        told.into_iter().for_each(|batch| memory.write(batch));
        room_sum(&mut |ask| memory.ask(ask), &room, END).unwrap().sum
    };
    let spoils: [&Spoil; 9] = [
        &|_| {},
        &|told| told[4].events[0].time += 1,
        &|told| told[4].events[0].payload = "other".into(),
        &|told| told[2].events[0].key = Some("other".into()),
        &|told| told[2].events[0].key = None,
        &|told| told[32].rewrites.clear(),
        &|told| drop(told.pop()),
        &|told| told[0].rows.push(put(Table::Members, "bob", "1")),
        &|told| {
            told[15].events[0].kind = Kind::Change { touches: Touches::Nothing };
        },
    ];
    let sums: Vec<u128> = spoils.iter().map(|spoil| sum_of(spoil)).collect();
    for (n, sum) in sums.iter().enumerate() {
        assert!(!sums[..n].contains(sum), "spoil {n} makes no difference");
    }
}

fn findings(room: &RoomKey, ask: &mut walk::Asker<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut seen = 0;
    verify::room(ask, room, &mut |_| seen += 1, &mut |finding| found.push(finding));
    assert!(seen > 0 || room.name.as_str() == "empty" || !found.is_empty());
    found
}

#[test]
fn a_sound_store_is_found_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (mut memory, embedded) = tell(folder.path(), 300);
    for room in rooms() {
        assert_eq!(findings(&room, &mut |ask| memory.ask(ask)), []);
        assert_eq!(findings(&room, &mut |ask| embedded.answer(ask)), []);
    }
}

/// One wrong answer each; every one of them is noticed.
#[test]
fn every_wrong_answer_is_found() {
    type Spoil = fn(&Ask, &mut Outcome) -> bool;
    let spoils: &[(&str, Spoil)] = &[
        ("a message is left out", |_, outcome| match outcome {
            Outcome::Page(page) if page.records.len() > 9 => page.records.remove(4).place.seq.0 > 0,
            _ => false,
        }),
        ("an ordinal is wrong", |_, outcome| match outcome {
            Outcome::Page(page) if page.records.len() > 9 => match &mut page.records[4].kind {
                Kind::Message { ordinal, .. } => {
                    *ordinal += 1;
                    true
                }
                _ => false,
            },
            _ => false,
        }),
        ("a message stands elsewhere", |_, outcome| match outcome {
            Outcome::Page(page) if page.records.len() > 9 => {
                page.records.swap(3, 4);
                true
            }
            _ => false,
        }),
        ("an event is not replayed", |_, outcome| match outcome {
            Outcome::Replay(replay) => match &mut **replay {
                Replay::Run(run) if run.items.len() > 9 => run.items.remove(5).record.place.seq.0 > 0,
                _ => false,
            },
            _ => false,
        }),
        ("nothing can be replayed", |_, outcome| match outcome {
            Outcome::Replay(replay) => {
                **replay = Replay::Gone { floor: rookery_storage::Place::new(1, 20) };
                true
            }
            _ => false,
        }),
        ("a duplicate key is lost", |_, outcome| match outcome {
            Outcome::Found(found) => found.take().is_some(),
            _ => false,
        }),
        ("a count is wrong", |_, outcome| match outcome {
            Outcome::Counted(count) => {
                *count += 1;
                true
            }
            _ => false,
        }),
        ("an ordinal leads elsewhere", |ask, outcome| match (ask, outcome) {
            (Ask::Page(ask), Outcome::Page(page)) if ask.limit == 1 && ask.thread.is_none() => {
                page.records.clear();
                true
            }
            _ => false,
        }),
        ("a thread has lost a message", |ask, outcome| match (ask, outcome) {
            (Ask::Page(ask), Outcome::Page(page)) if ask.thread.is_some() => page.records.pop().is_some(),
            _ => false,
        }),
        ("what expires is forgotten", |_, outcome| match outcome {
            Outcome::Expired(places) => places.pop().is_some(),
            _ => false,
        }),
        ("a row is lost", |_, outcome| match outcome {
            Outcome::Row(row) => row.take().is_some(),
            _ => false,
        }),
        ("a message is expired", |_, outcome| match outcome {
            Outcome::Page(page) if page.records.len() > 9 => match &mut page.records[1].kind {
                Kind::Message { state, expires: Some(_), .. } => {
                    *state = State::Expired;
                    true
                }
                _ => false,
            },
            _ => false,
        }),
    ];
    let room = rooms()[1].clone();
    let mut memory = Told::memory();
    batches(&room, 300).into_iter().for_each(|batch| memory.write(batch));
    for (what, spoil) in spoils {
        let mut spoiled = false;
        let found = findings(&room, &mut |ask| {
            let mut outcome = memory.ask(ask)?;
            spoiled = spoiled || spoil(ask, &mut outcome);
            Ok(outcome)
        });
        assert!(spoiled, "{what}: never happened");
        assert!(!found.is_empty(), "{what}: not found");
        assert!(found.iter().all(|finding| finding.room.as_ref() == Some(&room)));
    }
}

#[test]
fn a_fault_is_said_with_its_place_and_the_rest_is_looked_at() {
    let room = rooms()[1].clone();
    let mut memory = Told::memory();
    batches(&room, 300).into_iter().for_each(|batch| memory.write(batch));
    let bad = rookery_storage::Place::new(1, 21);
    let mut seen = Vec::new();
    let mut found = Vec::new();
    let mut ask = |ask: &Ask| {
        let outcome = memory.ask(ask)?;
        let place = Some(bad);
        let damaged = Fault::Damaged { room: Some(room.clone()), place, what: "it is damaged".to_owned() };
        match &outcome {
            Outcome::Page(page) if page.records.iter().any(|record| record.place == bad) => Err(damaged),
            _ => Ok(outcome),
        }
    };
    verify::room(&mut ask, &room, &mut |record| seen.push(record.place), &mut |finding| found.push(finding));
    assert_eq!(found[0].place, Some(bad));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(seen.iter().any(|place| *place > bad));
}
