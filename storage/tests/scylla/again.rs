//! Handed over twice, from a lower position again, rooms in another order, with crashes in the middle: the same answers.

use crate::rig::World;
use crate::server::{keyspace, runtime};
use crate::told::{Listener, Step, questions, scans};
use rookery_storage::ask::Position;
use rookery_storage::conformance::say::room;
use rookery_storage::dice::Dice;
use rookery_storage::scylla::{Scylla, ScyllaOptions};
use rookery_storage::{Entry, RoomKey, Settled};

const STORIES: u64 = 6;
const STEPS: usize = 300;

/// An owner whose journal keeps everything.
struct Owner<'a> {
    options: &'a ScyllaOptions,
    world: World,
    settled: Scylla,
    /// What each room is told, in order, and how much of it was handed over.
    rooms: Vec<(Vec<Step>, usize)>,
    dice: Dice,
    crashes: u64,
}

impl<'a> Owner<'a> {
    fn new(options: &'a ScyllaOptions, heard: &Listener, rooms: &[RoomKey], seed: u64) -> Owner<'a> {
        let settled = Scylla::open(options, runtime()).unwrap();
        let of_room = |room: &RoomKey| heard.steps.iter().filter(|step| step.room() == room).cloned().collect();
        let rooms = rooms.iter().map(|room| (of_room(room), 0)).collect();
        Owner { options, world: World(seed), settled, rooms, dice: Dice::new(seed), crashes: 0 }
    }

    /// Positions of one keyspace rise, whatever the story.
    fn entry(&self, entry: &Entry) -> Entry {
        let entry = self.world.entry(entry);
        Entry { position: Position(self.world.0 * 100_000 + entry.position.0), ..entry }
    }

    /// A few steps of a few rooms, not in the order of commits, and old entries among them.
    fn go_on(&mut self) {
        let mut entries: Vec<Entry> = Vec::new();
        for _ in 0..self.dice.below(6) {
            let at = self.dice.below(self.rooms.len() as u64) as usize;
            let done = self.rooms[at].1;
            if self.dice.per_mille(300) {
                let from = self.dice.below(done as u64 + 1) as usize;
                for step in self.rooms[at].0[from..done].iter().take(5) {
                    if let Step::Write(entry) = step {
                        entries.push(self.entry(entry));
                    }
                }
            }
            match self.rooms[at].0.get(done) {
                Some(Step::Write(entry)) => entries.push(self.entry(entry)),
                Some(Step::Trim(ask)) => {
                    self.settled.apply(std::mem::take(&mut entries)).unwrap();
                    self.world.answer(&self.settled, ask).unwrap();
                }
                None => continue,
            }
            self.rooms[at].1 += 1;
        }
        if self.dice.per_mille(120) {
            // Some of it is written, and then nothing more.
            self.settled.stop_after(self.dice.below(24));
            let whole = self.settled.apply(entries.clone()).is_ok();
            self.open_again();
            self.crashes += u64::from(!whole);
        }
        self.settled.apply(entries).unwrap();
    }

    fn open_again(&mut self) {
        self.settled.stop_after(0);
        self.settled.sync(Position(0)).unwrap_err();
        self.settled = Scylla::open(self.options, runtime()).unwrap();
    }

    fn is_done(&self) -> bool {
        self.rooms.iter().all(|(steps, done)| *done == steps.len())
    }
}

#[test]
fn entries_may_come_again_in_other_groups_and_after_crashes() {
    let (options, rooms, mut crashes) = (keyspace(), [room("a"), room("b"), room("aa")], 0);
    for seed in 1..=STORIES {
        let mut heard = Listener::hear(seed + 50, &rooms, STEPS);
        let mut owner = Owner::new(&options, &heard, &rooms, seed);
        while !owner.is_done() {
            owner.go_on();
        }
        owner.open_again();
        // All of it once more, to a store that remembers nothing.
        for (steps, _) in &owner.rooms {
            let entries = steps.iter().filter_map(|step| match step {
                Step::Write(entry) => Some(owner.entry(entry)),
                Step::Trim(_) => None,
            });
            owner.settled.apply(entries.collect()).unwrap();
        }
        for ask in rooms.iter().flat_map(|room| questions(&mut heard, room, 5000)).chain(scans()).collect::<Vec<_>>() {
            let got = owner.world.answer(&owner.settled, &ask).unwrap();
            assert_eq!(got, heard.ask(ask.clone()), "seed {seed}, {ask:?}");
        }
        crashes += owner.crashes;
    }
    assert!(crashes > 10, "{crashes} crashes");
}
