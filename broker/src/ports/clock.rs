//! The two clocks of a node: one that never goes back, one for people.

use rookery_engine::ports::Now;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Shared by all shards, so that their monotonic times compare.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { start: Instant::now() }
    }
}

impl Clock {
    pub fn now(&self) -> Now {
        Now { mono: self.micros() / 1000, wall: wall() }
    }

    pub fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

fn wall() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
