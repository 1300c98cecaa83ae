//! What one thread knows of a room in which it has seats: the messages that its listeners wait for, ready to be compared,
//! and where marks lie in the frames of each language.

use std::sync::Arc;

use super::line::{Line, UNTIMED};
use crate::marker::{Code, Mark};

/// One message that some listener of this thread may still wait for.
#[derive(Clone, Copy)]
struct Entry {
    code: Code,
    number: u64,
    sent_ns: u64,
    waiting: u32,
}

const NONE: Entry = Entry { code: [0; 16], number: u64::MAX, sent_ns: UNTIMED, waiting: 0 };

/// How deliveries of one language look.
#[derive(Clone, Copy, Default)]
struct Learnt {
    /// Offset of the code in a delivery, from the last one that had to be searched.
    offset: usize,
    /// A payload this long may hold a second event.
    single_end: usize,
}

pub struct Track {
    pub line: Arc<Line>,
    /// Those of this thread whom a message waits for.
    listeners: u32,
    ring: Vec<Entry>,
    learnt: Vec<Learnt>,
}

impl Track {
    pub fn new(line: Arc<Line>, listeners: u32, languages: usize) -> Track {
        let ring = vec![NONE; line.remembered()];
        Track { line, listeners, ring, learnt: vec![Learnt::default(); languages] }
    }

    /// Enters a payload if it is the delivery of `number` and nothing else, laid out like the last one learnt: when it was
    /// sent. `number` may be one that was not sent yet.
    // A call of its own, in each of the loops that want it, would cost a tenth of a delivery.
    #[inline(always)]
    pub fn take_expected(&mut self, payload: &[u8], number: u64, language: usize) -> Option<u64> {
        let Learnt { offset, single_end } = self.learnt[language];
        if payload.len() >= single_end {
            return None;
        }
        let code = payload.get(offset..)?.first_chunk::<{ size_of::<Code>() }>()?;
        let slot = number as usize & (self.ring.len() - 1);
        if *code != self.ring[slot].code && !self.fill(number, code) {
            return None;
        }
        Some(self.enter(slot))
    }

    /// One listener has what stands in a slot.
    #[inline]
    fn enter(&mut self, slot: usize) -> u64 {
        let entry = &mut self.ring[slot];
        entry.waiting = entry.waiting.wrapping_sub(1);
        if entry.waiting == 0 {
            self.line.done(entry.number);
        }
        entry.sent_ns
    }

    /// The first of this thread's listeners gets a message: it is copied from what is shared. False: it is not that one.
    #[cold]
    fn fill(&mut self, number: u64, code: &Code) -> bool {
        let slot = number as usize & (self.ring.len() - 1);
        if self.ring[slot].number == number || number >= self.line.published() {
            return false;
        }
        let expected = Mark { room: self.line.room, number }.encode();
        // Only once it came, so that a listener far behind does not push out what the others wait for.
        if expected != *code {
            return false;
        }
        self.ring[slot] = Entry { code: expected, number, sent_ns: self.line.sent_ns(number), waiting: self.listeners };
        true
    }

    /// One listener has `number`, found off the fast path: when it was sent. None: nobody sent it.
    pub fn delivered(&mut self, number: u64) -> Option<u64> {
        if number >= self.line.published() {
            return None;
        }
        let slot = number as usize & (self.ring.len() - 1);
        let code = Mark { room: self.line.room, number }.encode();
        if self.ring[slot].number != number {
            self.fill(number, &code);
        }
        Some(self.enter(slot))
    }

    /// One listener was told that it will not get these.
    pub fn forgo(&mut self, numbers: std::ops::Range<u64>) {
        let forgotten = numbers.end.saturating_sub(self.ring.len() as u64).max(numbers.start);
        for number in forgotten..numbers.end {
            self.delivered(number);
        }
    }

    pub fn offset(&self, language: usize) -> usize {
        self.learnt[language].offset
    }

    /// Remembers where the code lies in a delivery; payloads from `single_end` on are searched whole.
    pub fn learn(&mut self, language: usize, offset: usize, single_end: usize) {
        self.learnt[language] = Learnt { offset, single_end };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::line::InFlight;
    use std::sync::atomic::Ordering;

    #[test]
    fn a_message_is_taken_by_each_listener_and_done_with_the_last() {
        let in_flight = InFlight::default();
        let line = Arc::new(Line::new(9, in_flight.clone(), 8));
        let mut track = Track::new(line.clone(), 2, 2);
        let number = line.publish(500, 1);
        let code = Mark { room: 9, number }.encode();
        assert_eq!(track.take_expected(&code, number, 0), None, "nothing is learnt yet");
        track.learn(0, 0, 17);
        assert_eq!(track.take_expected(&code, number, 1), None, "of another language");
        assert_eq!(track.take_expected(&code, number + 1, 0), None);
        assert_eq!(track.take_expected(&[code, code].concat(), number, 0), None);
        assert_eq!(track.take_expected(&code, number, 0), Some(500));
        assert_eq!(in_flight.load(Ordering::Relaxed), 1);
        assert_eq!(track.delivered(number), Some(500));
        assert_eq!(in_flight.load(Ordering::Relaxed), 0);
        assert_eq!(track.delivered(number + 1), None);
    }

    #[test]
    fn what_a_listener_forgoes_is_on_its_way_to_it_no_more() {
        let in_flight = InFlight::default();
        let line = Arc::new(Line::new(9, in_flight.clone(), 8));
        let mut track = Track::new(line.clone(), 1, 1);
        (0..5).for_each(|_| _ = line.publish(500, 1));
        track.delivered(0);
        track.forgo(1..5);
        assert_eq!(in_flight.load(Ordering::Relaxed), 0);
    }
}
