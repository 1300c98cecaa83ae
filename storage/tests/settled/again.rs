//! Handed over twice, from a lower position again, rooms in another order, with crashes between: the same answers.

use crate::rig::{copy, small};
use crate::told::{Listener, Step, questions, scans};
use crate::written::write;
use rookery_storage::ask::Position;
use rookery_storage::conformance::say::room;
use rookery_storage::dice::Dice;
use rookery_storage::embedded::Embedded;
use rookery_storage::{Entry, RoomKey, Settled};
use std::path::PathBuf;

/// An owner whose journal keeps everything.
struct Owner {
    root: tempfile::TempDir,
    folders: u64,
    settled: Embedded,
    /// What each room is told, in order, and how much of it was handed over.
    rooms: Vec<(Vec<Step>, usize)>,
    dice: Dice,
}

impl Owner {
    fn new(heard: &Listener, rooms: &[RoomKey], seed: u64) -> Owner {
        let root = tempfile::tempdir().unwrap();
        let settled = Embedded::open(&root.path().join("0"), &small()).unwrap();
        let of_room = |room: &RoomKey| heard.steps.iter().filter(|step| step.room() == room).cloned().collect();
        let rooms = rooms.iter().map(|room| (of_room(room), 0)).collect();
        Owner { root, folders: 0, settled, rooms, dice: Dice::new(seed) }
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join(self.folders.to_string())
    }

    /// Everything below the first entry that was not handed over.
    fn reached(&self) -> Position {
        let undone = self.rooms.iter().flat_map(|(steps, done)| &steps[*done..]);
        let first = undone.filter_map(|step| match step {
            Step::Write(entry) => Some(entry.position.0),
            Step::Trim(_) => None,
        });
        Position(first.min().map_or(u64::MAX, |first| first - 1))
    }

    /// A few steps of a few rooms, not in the order of commits, and old entries among them.
    fn go_on(&mut self) {
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..self.dice.below(6) {
            let at = self.dice.below(self.rooms.len() as u64) as usize;
            let (steps, done) = &mut self.rooms[at];
            if self.dice.per_mille(300) {
                let from = self.dice.below(*done as u64 + 1) as usize;
                let old = steps[from..*done].iter().take(5).filter_map(|step| match step {
                    Step::Write(entry) => Some(entry.clone()),
                    Step::Trim(_) => None,
                });
                entries.extend(old);
            }
            match steps.get(*done) {
                Some(Step::Write(entry)) => entries.push(entry.clone()),
                Some(Step::Trim(ask)) => {
                    self.settled.apply(std::mem::take(&mut entries)).unwrap();
                    self.settled.answer(ask).unwrap();
                }
                None => continue,
            }
            *done += 1;
            if let Step::Trim(_) = &steps[*done - 1] {
                // A trim is no entry: nobody would hand it over again.
                let reached = self.reached();
                self.settled.sync(reached).unwrap();
            }
        }
        self.settled.apply(entries).unwrap();
    }

    /// What reached the disk by now, and what the journal still has on top of it.
    fn crash(&mut self) {
        let old = self.folder();
        self.folders += 1;
        copy(&old, &self.folder());
        let settled = Embedded::open(&self.folder(), &small()).unwrap();
        drop(std::mem::replace(&mut self.settled, settled));
        std::fs::remove_dir_all(old).unwrap();
        let watermark = self.settled.watermark();
        for (steps, done) in &self.rooms {
            let entries = steps[..*done].iter().filter_map(|step| match step {
                Step::Write(entry) if entry.position > watermark => Some(entry.clone()),
                Step::Write(_) | Step::Trim(_) => None,
            });
            self.settled.apply(entries.collect()).unwrap();
        }
    }

    fn is_done(&self) -> bool {
        self.rooms.iter().all(|(steps, done)| *done == steps.len())
    }
}

#[test]
fn entries_may_come_again_in_other_groups_and_after_crashes() {
    let rooms = [room("a"), room("b"), room("aa")];
    let mut crashes = 0;
    for seed in 0..24 {
        let mut heard = Listener::hear(seed, &rooms, 500);
        let folder = tempfile::tempdir().unwrap();
        // Every other story lies in a journal.
        let _journal = seed.is_multiple_of(2).then(|| write(folder.path(), heard.entries()));
        let mut owner = Owner::new(&heard, &rooms, seed);
        while !owner.is_done() {
            owner.go_on();
            if owner.dice.per_mille(30) {
                let reached = owner.reached();
                owner.settled.sync(reached).unwrap();
            }
            if owner.dice.per_mille(20) {
                owner.crash();
                crashes += 1;
            }
        }
        owner.crash();
        for ask in rooms.iter().flat_map(|room| questions(&mut heard, room, 5000)).chain(scans()).collect::<Vec<_>>() {
            let got = owner.settled.answer(&ask).unwrap();
            assert_eq!(got, heard.ask(ask.clone()), "seed {seed}, {ask:?}");
        }
    }
    assert!(crashes > 20, "{crashes} crashes");
}
