//! What the threads of a run share about a room: which messages were sent into it, when, and which threads still wait.
//!
//! A room's seats may be spread over several threads. A message costs the sharing a few words, a delivery costs it nothing:
//! each thread keeps its own copy of what it needs ([`super::track`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The send time of a message that is too old to be timed.
pub const UNTIMED: u64 = u64::MAX;

/// How many messages one sender has on their way.
pub type InFlight = Arc<AtomicU32>;

pub struct Line {
    pub room: u16,
    published: AtomicU64,
    sent_ns: Box<[AtomicU64]>,
    /// Threads of which some listener does not have the message yet.
    waiting: Box<[AtomicU32]>,
    in_flight: InFlight,
}

impl Line {
    /// `remembered` is how many messages can still be timed.
    pub fn new(room: u16, in_flight: InFlight, remembered: usize) -> Line {
        let size = remembered.next_power_of_two();
        let sent_ns = (0..size).map(|_| AtomicU64::new(0)).collect();
        let waiting = (0..size).map(|_| AtomicU32::new(0)).collect();
        Line { room, published: AtomicU64::new(0), sent_ns, waiting, in_flight }
    }

    /// The number that the next message will have.
    pub fn published(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    pub fn remembered(&self) -> usize {
        self.sent_ns.len()
    }

    /// Enters the next message, for which so many threads wait, and returns its number. Only its room's sender calls it.
    pub fn publish(&self, sent_ns: u64, threads: u32) -> u64 {
        let number = self.published.load(Ordering::Relaxed);
        let slot = self.slot(number);
        self.sent_ns[slot].store(sent_ns, Ordering::Relaxed);
        self.waiting[slot].store(threads, Ordering::Relaxed);
        if threads > 0 {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        self.published.store(number + 1, Ordering::Release);
        number
    }

    /// When a message was to be sent; [`UNTIMED`] if that is forgotten.
    pub fn sent_ns(&self, number: u64) -> u64 {
        let published = self.published();
        if number >= published || published - number > self.sent_ns.len() as u64 {
            return UNTIMED;
        }
        self.sent_ns[self.slot(number)].load(Ordering::Relaxed)
    }

    /// All listeners of one thread have it.
    pub fn done(&self, number: u64) {
        if self.waiting[self.slot(number)].fetch_sub(1, Ordering::Relaxed) == 1 {
            self.in_flight.fetch_sub(1, Ordering::Release);
        }
    }

    /// A message that was entered will come to nobody.
    pub fn forget(&self) {
        self.in_flight.fetch_sub(1, Ordering::Release);
    }

    fn slot(&self, number: u64) -> usize {
        number as usize & (self.sent_ns.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_in_flight_until_the_last_thread_has_it() {
        let in_flight = InFlight::default();
        let line = Line::new(3, in_flight.clone(), 4);
        assert_eq!((line.publish(500, 2), line.publish(600, 1)), (0, 1));
        assert_eq!(in_flight.load(Ordering::Relaxed), 2);
        line.done(0);
        assert_eq!(in_flight.load(Ordering::Relaxed), 2);
        line.done(0);
        line.done(1);
        assert_eq!(in_flight.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_long_ago_or_not_yet_sent_has_no_time() {
        let line = Line::new(3, InFlight::default(), 4);
        (0..6).for_each(|n| _ = line.publish(100 + n, 0));
        assert_eq!([0, 1, 2, 5, 6].map(|number| line.sent_ns(number)), [UNTIMED, UNTIMED, 102, 105, UNTIMED]);
    }
}
