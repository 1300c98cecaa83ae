//! Deadlines of one shard: a heap of (when, what). What is no longer wanted is recognised by its owner when it fires.
//!
//! A heap and no wheel, because owners keep one timer each and set it anew only when it fires: half a microsecond among
//! 100,000 (`examples/edge_cost.rs`), and 10,000 idle connections fire 400 a second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

#[derive(Debug)]
pub struct Timers<T> {
    heap: BinaryHeap<Reverse<(u64, u64, T)>>,
    count: u64,
}

impl<T: Ord> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers { heap: BinaryHeap::new(), count: 0 }
    }
}

impl<T: Ord> Timers<T> {
    /// Fires at `at` (monotonic milliseconds); those of the same time fire in the order they were set.
    pub fn set(&mut self, at: u64, what: T) {
        self.count += 1;
        self.heap.push(Reverse((at, self.count, what)));
    }

    pub fn next(&self) -> Option<u64> {
        self.heap.peek().map(|Reverse((at, _, _))| *at)
    }

    /// The next one that is due.
    pub fn due(&mut self, now: u64) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, _, what))| what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fire_in_order_and_not_early() {
        let mut timers = Timers::default();
        timers.set(20, "c");
        timers.set(10, "a");
        timers.set(10, "b");
        assert_eq!(timers.next(), Some(10));
        assert_eq!(timers.due(9), None);
        assert_eq!(timers.due(10), Some("a"));
        assert_eq!(timers.due(15), Some("b"));
        assert_eq!(timers.due(15), None);
        assert_eq!(timers.due(99), Some("c"));
        assert_eq!(timers.next(), None);
    }
}
