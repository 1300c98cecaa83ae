//! Random lives of a journal on a faulty disk, each ended by a crash, judged by a plain list.

use super::{Hand, options};
use crate::Position;
use crate::dice::Dice;
use crate::journal::faulty::{Faults, FaultyDisk};
use crate::journal::{Options, State};
use std::collections::{BTreeMap, BTreeSet};

/// What the outside knows.
#[derive(Default)]
struct Truth {
    /// Answered with a position, or seen after a crash, and not released.
    kept: BTreeMap<u64, Vec<u8>>,
    /// Failed, or never answered, and nothing has succeeded since: may come back once more.
    limbo: BTreeSet<Vec<u8>>,
    released: u64,
    written: u64,
    failed: u64,
    /// The disk has ever failed.
    faults: bool,
}

impl Truth {
    fn answered(&mut self, entries: Vec<Vec<u8>>, hand: &mut Hand, disk: &FaultyDisk, context: &str) {
        let slices: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let answers = hand.write(&slices);
        if disk.stopped() {
            // Nobody lives to hear them. What a group of them says is not known, so each may be there.
            self.limbo.extend(entries);
            return;
        }
        assert_eq!(answers.len(), entries.len(), "{context}: each is answered once");
        for ((answer, entry), ticket) in answers.into_iter().zip(entries).zip(0..) {
            assert_eq!(answer.ticket, ticket, "{context}: in order");
            match answer.result {
                Ok(Position(position)) => {
                    self.written += 1;
                    self.limbo.clear();
                    let last = self.kept.keys().next_back().copied().unwrap_or(self.released);
                    assert!(position > last, "{context}: {position} was given after {last}");
                    self.kept.insert(position, entry);
                }
                Err(_) => {
                    self.failed += 1;
                    self.limbo.insert(entry);
                }
            }
        }
    }

    fn compare(&mut self, hand: &Hand, fresh: bool, context: &str) {
        let (entries, damaged) = hand.read_all();
        assert_eq!(damaged, [], "{context}: no bit was flipped");
        let first = hand.log.first().0;
        assert!(first <= self.released + 1, "{context}: {first} is the first, only {} were released", self.released);
        let last = self.kept.keys().next_back().copied().unwrap_or(0);
        let mut expected = first;
        for (position, body) in &entries {
            assert_eq!(*position, expected, "{context}: dense");
            expected += 1;
            match self.kept.get(position) {
                Some(entry) => assert!(entry == body, "{context}: another entry at {position}"),
                None if *position <= self.released => {}
                None => {
                    assert!(fresh && *position > last, "{context}: nobody was told of {position}");
                    assert!(self.limbo.remove(&body[..]), "{context}: {position} is dead, or there twice");
                }
            }
        }
        assert!(expected > last, "{context}: ends at {} and not at {last}", expected - 1);
        if fresh {
            let seen = entries.into_iter().filter(|(position, _)| *position > last.max(self.released));
            self.kept.extend(seen.map(|(position, body)| (position, body.to_vec())));
        }
    }
}

fn entry(dice: &mut Dice, id: u64) -> Vec<u8> {
    let filler = match dice.below(20) {
        0 => dice.below(20_000),
        1..=4 => dice.below(3000),
        _ => dice.below(200),
    };
    let mut entry = id.to_le_bytes().to_vec();
    entry.extend((0..filler).map(|n| (n % 251) as u8));
    entry
}

fn faults(dice: &mut Dice) -> Faults {
    let often = |dice: &mut Dice| if dice.per_mille(300) { dice.below(300) as u32 } else { 0 };
    Faults {
        short_write: often(dice),
        failed_write: often(dice),
        failed_sync: often(dice),
        failed_name: often(dice),
        space: dice.per_mille(300).then(|| dice.below(200_000)),
        stop_after: dice.per_mille(500).then(|| dice.below(150)),
    }
}

fn life(dice: &mut Dice, disk: &FaultyDisk, options: &Options, truth: &mut Truth, id: &mut u64, context: &str) {
    if dice.per_mille(200) {
        truth.faults = true;
        // An opening that ends at any point, or fails, changes nothing.
        disk.set_faults(Faults { stop_after: Some(dice.below(25)), ..faults(dice) });
        drop(Hand::open(disk, options));
        if dice.per_mille(500) {
            disk.cut_power();
        } else {
            disk.kill();
        }
    }
    disk.set_faults(Faults::default());
    let mut hand = Hand::open(disk, options).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert_eq!(hand.found.damaged, [], "{context}");
    truth.compare(&hand, true, context);
    assert_eq!(hand.log.end(), hand.found.end, "{context}");

    for _ in 0..dice.below(25) {
        match dice.below(20) {
            0 => {
                truth.faults = true;
                disk.set_faults(faults(dice));
            }
            1 => disk.set_faults(Faults::default()),
            2 => hand.writer.seal(),
            3 | 4 => {
                let up_to = hand.log.first().0 + dice.below(hand.log.end().0 + 2 - hand.log.first().0);
                let up_to = up_to.min(hand.log.end().0);
                truth.released = truth.released.max(up_to);
                truth.kept.retain(|position, _| *position > truth.released);
                hand.writer.release(Position(up_to));
            }
            5..=7 => hand.writer.revive(),
            _ => {
                let entries = (0..1 + dice.below(6)).map(|_| {
                    *id += 1;
                    entry(dice, *id)
                });
                truth.answered(entries.collect(), &mut hand, disk, context);
                let used = hand.log.shared.health.counts().used;
                // Room that could not be given back is counted until its segment goes.
                assert!(truth.faults || used <= options.most_bytes, "{context}: {used} bytes");
            }
        }
        if disk.stopped() {
            break;
        }
        if dice.per_mille(200) {
            disk.spared(|| truth.compare(&hand, false, context));
        }
    }
    if !disk.stopped() && dice.per_mille(200) {
        // An orderly end, after which writing works whatever happened before.
        disk.set_faults(Faults::default());
        hand.writer.revive();
        assert_eq!(hand.log.shared.health.state(), State::Writing, "{context}");
        hand.writer.finish();
    }
    drop(hand);
    match dice.below(2) {
        0 => disk.kill(),
        _ => disk.cut_power(),
    }
}

#[test]
fn what_was_answered_is_there_and_what_failed_stays_away() {
    let (mut written, mut failed, mut revived) = (0, 0, 0);
    let seeds = std::env::var("JOURNAL_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(2000);
    for seed in 0..seeds {
        let mut dice = Dice::new(seed);
        let disk = FaultyDisk::new(dice.roll());
        let options = options(8192 << dice.below(4), if dice.per_mille(200) { 150_000 } else { 1 << 30 });
        let (mut truth, mut id) = (Truth::default(), 0);
        for number in 0..2 + dice.below(4) {
            let before = truth.kept.len();
            life(&mut dice, &disk, &options, &mut truth, &mut id, &format!("seed {seed}, life {number}"));
            revived += usize::from(truth.kept.len() > before);
        }
        written += truth.written;
        failed += truth.failed;
    }
    assert!(written > 10 * seeds && failed > seeds && revived > seeds as usize, "{written} {failed} {revived}");
}
