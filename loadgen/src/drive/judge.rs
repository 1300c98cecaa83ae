//! The judge: which messages a room has in flight, what each listener must get next, and what went wrong.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::marker::{Code, Mark};

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
    pub fn any(&self) -> bool {
        *self != Faults::default()
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

/// One published message that some listener may still wait for.
#[derive(Clone, Copy, Default)]
struct Entry {
    code: Code,
    sent_ns: u64,
    waiting: u32,
}

/// One room: its messages in flight and where their marks lie in the frames of its listeners.
pub struct Track {
    room: u16,
    publisher: usize,
    listeners: u32,
    published: u64,
    ring: Vec<Entry>,
    /// Offset of the code in a delivery, learnt from the last one that had to be searched.
    offset: usize,
    /// A payload this long may hold a second event.
    single_end: usize,
}

impl Track {
    /// `in_flight` is how many messages may be on their way at once; older ones can no longer be timed.
    pub fn new(room: u16, publisher: usize, listeners: u32, in_flight: usize) -> Track {
        let size = in_flight.saturating_mul(2).next_power_of_two();
        let ring = vec![Entry::default(); size];
        Track { room, publisher, listeners, published: 0, ring, offset: 0, single_end: 0 }
    }

    pub fn room(&self) -> u16 {
        self.room
    }

    pub fn publisher(&self) -> usize {
        self.publisher
    }

    /// The number the next publication will have.
    pub fn published(&self) -> u64 {
        self.published
    }

    #[inline]
    fn slot(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }

    /// Enters the next message; its latency counts from `sent_ns`.
    pub fn publish(&mut self, sent_ns: u64) -> (u64, Code) {
        let number = self.published;
        let code = Mark { room: self.room, number }.encode();
        let slot = self.slot(number);
        self.ring[slot] = Entry { code, sent_ns, waiting: self.listeners };
        self.published += 1;
        (number, code)
    }

    /// Enters a payload if it is the delivery of `number` and nothing else, laid out like the last one learnt:
    /// when it was sent, and whether its last listener has it now.
    #[inline]
    pub fn take_expected(&mut self, payload: &[u8], number: u64) -> Option<(u64, bool)> {
        if payload.len() >= self.single_end {
            return None;
        }
        let code = payload.get(self.offset..)?.first_chunk::<{ size_of::<Code>() }>()?;
        let slot = self.slot(number);
        let entry = &mut self.ring[slot];
        if *code != entry.code {
            return None;
        }
        entry.waiting = entry.waiting.wrapping_sub(1);
        Some((entry.sent_ns, entry.waiting == 0))
    }

    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Remembers where the code lies in a delivery; payloads from `single_end` on are searched whole.
    pub fn learn(&mut self, offset: usize, single_end: usize) {
        self.offset = offset;
        self.single_end = single_end;
    }

    /// One listener has `number`, found off the fast path: when it was sent, and whether that was the last listener.
    pub fn delivered(&mut self, number: u64) -> (u64, bool) {
        let slot = self.slot(number);
        let entry = &mut self.ring[slot];
        entry.waiting = entry.waiting.wrapping_sub(1);
        (entry.sent_ns, entry.waiting == 0)
    }

    /// Whether the ring still knows `number`.
    pub fn remembers(&self, number: u64) -> bool {
        number < self.published && self.published - number <= self.ring.len() as u64
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

/// One subscriber's place in its room.
#[derive(Default)]
pub struct Listener {
    next: u64,
    missing: BTreeSet<u64>,
    given_up: u64,
}

impl Listener {
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

    /// How many of `published` messages this listener never got.
    pub fn lost(&self, published: u64) -> u64 {
        published.saturating_sub(self.next) + self.missing.len() as u64 + self.given_up
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
    fn a_message_is_in_flight_until_its_last_listener_has_it() {
        let mut track = Track::new(9, 0, 2, 4);
        let (number, code) = track.publish(500);
        assert_eq!(Mark::decode(&code), Some(Mark { room: 9, number: 0 }));
        assert_eq!(track.take_expected(&code, number), None);
        track.learn(0, 17);
        assert_eq!(track.take_expected(&code, number + 1), None);
        assert_eq!(track.take_expected(&[code, code].concat(), number), None);
        assert_eq!(track.take_expected(&code, number), Some((500, false)));
        assert_eq!(track.delivered(number), (500, true));
        for _ in 0..8 {
            track.publish(600);
        }
        assert!(!track.remembers(0) && track.remembers(1) && track.remembers(8) && !track.remembers(9));
    }
}
