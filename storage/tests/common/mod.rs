//! The engines that the tests of this crate judge.
#![allow(dead_code)] // Each test file uses its own part.

use rookery_storage::conformance::{Report, Rig, run};
use rookery_storage::faulty::{FaultPlan, Faulty};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{AckLevel, Store};

pub fn memory() -> Memory {
    Memory::new(MemoryOptions { feed_bytes: 64 << 20, seed: 7, ..MemoryOptions::default() })
}

/// A store that answers at once and dies with its process.
pub struct Plain<S, F> {
    pub make: F,
    pub store: S,
}

impl<S: Store, F: FnMut() -> S> Plain<S, F> {
    pub fn new(mut make: F) -> Plain<S, F> {
        Plain { store: make(), make }
    }
}

impl<S: Store, F: FnMut() -> S> Rig for Plain<S, F> {
    fn open(&mut self) {
        self.store = (self.make)();
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn wait(&mut self) {}

    fn crash(&mut self) -> bool {
        false
    }
}

/// A late store, which crashes like one with a journal.
pub struct Late {
    pub seed: u64,
    pub reach: AckLevel,
    pub store: Faulty<Memory>,
}

impl Late {
    pub fn new(seed: u64, reach: AckLevel) -> Late {
        Late { seed, reach, store: Faulty::new(memory(), FaultPlan::late(seed, reach)) }
    }
}

impl Rig for Late {
    fn open(&mut self) {
        self.seed += 1;
        self.store = Faulty::new(memory(), FaultPlan::late(self.seed, self.reach));
    }

    fn store(&mut self) -> &mut dyn Store {
        &mut self.store
    }

    fn wait(&mut self) {
        self.store.step();
    }

    fn crash(&mut self) -> bool {
        self.store.crash();
        true
    }
}

/// Breaches as text, one a line.
pub fn breaches(rig: &mut dyn Rig) -> (Report, String) {
    let report = run(rig);
    let text = report.breaches.iter().map(|breach| format!("{breach}\n")).collect();
    (report, text)
}
