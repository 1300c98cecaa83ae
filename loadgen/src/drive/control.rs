//! What the run tells its threads, and what they tell it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use super::acked::Acked;
use super::judge::Faults;
use super::tally::Tally;
use crate::record::{Carried, Gaps};
use crate::show::Phase;

const PHASES: [Phase; 5] = [Phase::Gathering, Phase::WarmUp, Phase::Window, Phase::Draining, Phase::Checking];

#[derive(Default)]
pub struct Control {
    phase: AtomicU8,
    /// When the phase began, in nanoseconds of the run.
    begun_ns: AtomicU64,
    rate: AtomicU64,
}

impl Control {
    pub fn enter(&self, phase: Phase, now: Duration) {
        self.begun_ns.store(now.as_nanos() as u64, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Release);
    }

    #[inline]
    pub fn phase(&self) -> Phase {
        PHASES[usize::from(self.phase.load(Ordering::Acquire)).min(PHASES.len() - 1)]
    }

    pub fn begun_ns(&self) -> u64 {
        self.begun_ns.load(Ordering::Relaxed)
    }

    /// Messages a second, all senders together.
    #[inline]
    pub fn rate(&self) -> f64 {
        f64::from_bits(self.rate.load(Ordering::Relaxed))
    }

    pub fn set_rate(&self, rate: f64) {
        self.rate.store(rate.to_bits(), Ordering::Relaxed);
    }
}

/// From one thread.
pub enum Report {
    /// All its connections are in their seats.
    Gathered,
    /// What it counted since the last report.
    Counted(Box<Counted>),
    /// It has nothing more to wait for.
    Over(Box<Ending>),
    Failed(std::io::Error),
}

pub struct Counted {
    pub phase: Phase,
    /// Which second of the phase, from 0.
    pub second: u32,
    pub tally: Tally,
    /// Of the whole run so far.
    pub faults: Faults,
    pub gaps: Gaps,
    pub connections: u64,
}

/// What a thread knows at the end.
pub struct Ending {
    pub faults: Faults,
    pub gaps: Gaps,
    pub first_refusal: Option<String>,
    /// Why a connection ended that nobody had ended.
    pub broken: Option<String>,
    pub acked: Vec<(u16, Acked)>,
    pub deliveries: u64,
    pub overhead_bytes: i64,
    pub published: u64,
    pub publish_overhead_bytes: i64,
    /// Of the kernel, and of ours what no tally has: handshakes.
    pub carried: Carried,
}
