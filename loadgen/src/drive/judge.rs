//! The judge: what each listener must get next, and what went wrong.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Numbers of one listener that may be missing at the same time before the rest is given up as lost.
const MISSING_MAX: usize = 100_000;

/// What a run got wrong. Anything but zeros is a failed run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Published, never delivered to a listener.
    pub lost: u64,
    /// Delivered again to the same listener.
    pub duplicated: u64,
    /// Delivered after a later one.
    pub reordered: u64,
    /// Never published in that room.
    pub unexpected: u64,
    /// Delivered with a body that differs from the published one.
    pub damaged: u64,
    /// Commands the target refused.
    pub refused: u64,
}

impl Faults {
    pub fn add(&mut self, other: &Faults) {
        let Faults { lost, duplicated, reordered, unexpected, damaged, refused } = other;
        self.lost += lost;
        self.duplicated += duplicated;
        self.reordered += reordered;
        self.unexpected += unexpected;
        self.damaged += damaged;
        self.refused += refused;
    }

    pub fn sum(&self) -> u64 {
        self.named().iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// Each count beside its name, in the order in which people read them.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        let Faults { lost, duplicated, reordered, unexpected, damaged, refused } = *self;
        [
            ("lost", lost),
            ("duplicated", duplicated),
            ("reordered", reordered),
            ("unexpected", unexpected),
            ("damaged", damaged),
            ("refused", refused),
        ]
    }
}

/// What a delivery out of the fast path turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    InOrder,
    /// Numbers were left out before it; they may still come.
    Ahead,
    /// One of the numbers that had been left out.
    Late,
    Again,
}

/// The number that a listener waits for which does not know yet where it begins: no message has it.
const UNKNOWN: u64 = u64::MAX;

/// One listener's place in its room.
#[derive(Default)]
pub struct Listener {
    next: u64,
    /// While `next` is unknown: the first number that is owed to it. What comes first may lie below, but not above.
    owed: u64,
    missing: BTreeSet<u64>,
    given_up: u64,
}

impl Listener {
    /// One to whom everything from `owed` on must come, and perhaps some before it.
    pub fn from(owed: u64) -> Listener {
        Listener { next: UNKNOWN, owed, ..Listener::default() }
    }

    #[inline]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The fast path: exactly the next one came.
    #[inline]
    pub fn step(&mut self) {
        self.next += 1;
    }

    pub fn judge(&mut self, number: u64) -> Verdict {
        if self.next == UNKNOWN {
            self.next = self.owed.min(number);
        }
        if number == self.next {
            self.next += 1;
            return Verdict::InOrder;
        }
        if number > self.next {
            let missing = &mut self.missing;
            let room = (MISSING_MAX - missing.len().min(MISSING_MAX)) as u64;
            let kept = (number - self.next).min(room);
            self.given_up += number - self.next - kept;
            missing.extend(number - kept..number);
            self.next = number + 1;
            return Verdict::Ahead;
        }
        if self.missing.remove(&number) { Verdict::Late } else { Verdict::Again }
    }

    /// It was told that nothing below `number` will come any more: which it forgoes.
    pub fn skip_to(&mut self, number: u64) -> std::ops::Range<u64> {
        let first = if self.next == UNKNOWN { self.owed } else { self.next };
        let skipped = first.min(number)..number;
        *self =
            Listener { missing: std::mem::take(&mut self.missing), given_up: self.given_up, ..Listener::from(number) };
        skipped
    }

    /// The last so many that it got are gone, and may come again.
    pub fn retract(&mut self, count: u64) {
        if self.next != UNKNOWN {
            self.next = self.next.saturating_sub(count);
        }
    }

    /// How many are missing between those that came.
    pub fn holes(&self) -> u64 {
        self.missing.len() as u64 + self.given_up
    }

    /// How many of `published` messages it never got.
    pub fn lost(&self, published: u64) -> u64 {
        let next = if self.next == UNKNOWN { self.owed } else { self.next };
        published.saturating_sub(next) + self.holes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(numbers: &[u64]) -> (Listener, Vec<Verdict>) {
        let mut listener = Listener::default();
        let verdicts = numbers.iter().map(|&number| listener.judge(number)).collect();
        (listener, verdicts)
    }

    #[test]
    fn a_clean_run_has_nothing_to_report() {
        let (listener, verdicts) = feed(&[0, 1, 2, 3]);
        assert_eq!(verdicts, [Verdict::InOrder; 4]);
        assert_eq!(listener.lost(4), 0);
    }

    #[test]
    fn a_lost_one_a_doubled_one_and_a_swap_each_get_their_name() {
        let (listener, verdicts) = feed(&[0, 2, 3]);
        assert_eq!(verdicts, [Verdict::InOrder, Verdict::Ahead, Verdict::InOrder]);
        assert_eq!(listener.lost(4), 1);

        let (listener, verdicts) = feed(&[0, 1, 1, 0, 2]);
        assert_eq!(verdicts[2..], [Verdict::Again, Verdict::Again, Verdict::InOrder]);
        assert_eq!(listener.lost(3), 0);

        let (listener, verdicts) = feed(&[0, 2, 1, 3]);
        assert_eq!(verdicts, [Verdict::InOrder, Verdict::Ahead, Verdict::Late, Verdict::InOrder]);
        assert_eq!(listener.lost(4), 0);
    }

    #[test]
    fn a_tail_that_never_came_is_lost_and_a_huge_gap_costs_bounded_memory() {
        let (listener, _) = feed(&[0, 1]);
        assert_eq!(listener.lost(5), 3);
        let (listener, verdicts) = feed(&[0, 10_000_000]);
        assert_eq!(verdicts[1], Verdict::Ahead);
        assert_eq!(listener.missing.len(), MISSING_MAX);
        assert_eq!(listener.lost(10_000_001), 9_999_999);
    }

    #[test]
    fn whoever_joins_is_owed_what_is_said_from_then_on() {
        let mut early = Listener::from(5);
        assert_eq!([3, 4, 5].map(|number| early.judge(number)), [Verdict::InOrder; 3]);
        assert_eq!(early.lost(6), 0);
        let mut late = Listener::from(5);
        assert_eq!(late.judge(7), Verdict::Ahead);
        assert_eq!((late.lost(8), late.holes()), (2, 2));
        assert_eq!(Listener::from(5).lost(9), 4);
    }

    #[test]
    fn what_was_told_to_be_missing_is_not_lost() {
        let (mut listener, _) = feed(&[0, 1, 2]);
        assert_eq!(listener.skip_to(10), 3..10);
        assert_eq!(listener.judge(9), Verdict::InOrder, "it had been sent before the gap was told");
        assert_eq!((listener.judge(10), listener.lost(11)), (Verdict::InOrder, 0));
        listener.retract(2);
        assert_eq!([9, 10].map(|number| listener.judge(number)), [Verdict::InOrder; 2]);
    }
}
