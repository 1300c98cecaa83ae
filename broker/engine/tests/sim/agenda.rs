//! What will happen when: the simulation's only clock.

use rookery_engine::ports::{Fact, Now};
use rookery_protocol::ids::RoomKey;
use std::collections::BTreeMap;

/// Everything that can happen.
pub enum Happening {
    /// The oldest parcel under way from one shard to another arrives.
    Parcel {
        from: u8,
        to: u8,
    },
    /// A port's late answer arrives at a shard.
    Fact {
        shard: u8,
        fact: Box<Fact>,
    },
    /// The sequencer turns to the oldest thing in a room's queue.
    Number {
        room: usize,
    },
    /// The journal of a shard syncs what was submitted.
    Sync {
        shard: u8,
    },
    /// Another node stores what it placed in a room.
    Settle {
        room: RoomKey,
    },
    Turn {
        shard: u8,
    },
    Tick {
        shard: u8,
    },
    /// A client wants something.
    Act {
        client: usize,
    },
    /// A client's socket gives it bytes.
    Read {
        client: usize,
        link: u64,
    },
    Fault(Fault),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    StoreFails,
    StoreRecovers,
    LanesNarrow,
    LanesWiden,
    /// The node stops without a word.
    Crash,
    /// Retention: old changes of a room go.
    Forget,
    /// No more faults: everything must drain.
    Peace,
}

#[derive(Default)]
pub struct Agenda {
    now: u64,
    count: u64,
    entries: BTreeMap<(u64, u64), (u32, Happening)>,
}

/// Wall clock at the simulation's first millisecond; any date will do.
const WALL_START: u64 = 1_700_000_000_000;

impl Agenda {
    pub fn now(&self) -> Now {
        Now { mono: self.now, wall: WALL_START + self.now }
    }

    /// Happenings of one time happen in the order they were set.
    /// `life`: the node's life that it belongs to; what belongs to an ended life does not happen.
    pub fn at(&mut self, time: u64, life: u32, what: Happening) {
        self.count += 1;
        self.entries.insert((time.max(self.now), self.count), (life, what));
    }

    pub fn after(&mut self, delay: u64, life: u32, what: Happening) {
        self.at(self.now + delay, life, what);
    }

    /// Moves time to the next happening that is not later than `until`.
    pub fn next(&mut self, until: u64) -> Option<(u32, Happening)> {
        let entry = self.entries.first_entry()?;
        if entry.key().0 > until {
            return None;
        }
        let ((time, _), happening) = entry.remove_entry();
        self.now = time;
        Some(happening)
    }

    pub fn forward(&mut self, to: u64) {
        self.now = self.now.max(to);
    }
}
