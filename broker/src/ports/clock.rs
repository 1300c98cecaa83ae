//! The two clocks of a node: one that never goes back, one for people.

use rookery_engine::ports::Now;
use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Shared by all shards, so that their monotonic times compare.
#[derive(Clone, Debug)]
pub struct Clock {
    start: Instant,
    /// What the wall clock was ahead of the other when it was read last, and when that was.
    ahead: Cell<(u64, u64)>,
}

/// The wall clock is read so often; between, it follows the other one, because each reading costs.
const WALL_EVERY_MS: u64 = 100;

impl Default for Clock {
    fn default() -> Clock {
        Clock { start: Instant::now(), ahead: Cell::new((wall(), 0)) }
    }
}

impl Clock {
    /// One whose monotonic time began then.
    #[cfg(test)]
    pub fn started(start: Instant) -> Clock {
        Clock { start, ..Clock::default() }
    }

    /// When its monotonic time began.
    pub fn start(&self) -> Instant {
        self.start
    }

    pub fn now(&self) -> Now {
        self.at(self.micros())
    }

    /// The time of a reading.
    pub fn at(&self, micros: u64) -> Now {
        let mono = micros / 1000;
        let (ahead, read) = self.ahead.get();
        if mono.saturating_sub(read) < WALL_EVERY_MS {
            return Now { mono, wall: ahead + mono };
        }
        let wall = wall();
        self.ahead.set((wall.saturating_sub(mono), mono));
        Now { mono, wall }
    }

    pub fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
