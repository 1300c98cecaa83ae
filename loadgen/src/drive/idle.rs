//! Workload I: many connections that subscribe and then say nothing; what one of them costs the target in memory.

use std::io;
use std::thread;
use std::time::Duration;

use super::Options;
use super::crowd::Crowd;
use super::ledger::Ledger;
use super::net::Net;
use super::outcome::Outcome;
use crate::adapter;
use crate::measure::{self, Reading};

/// Memory is read until it has stood still for a second, so that what a target gives back soon is not held against it.
const SETTLE_STEP: Duration = Duration::from_millis(200);
const SETTLE_STILL: usize = 5;
const SETTLE_READINGS: usize = 25;

pub fn run(options: &Options, connections: usize, per_room: usize) -> io::Result<Outcome> {
    let pid = options.server_pid.ok_or_else(|| io::Error::other("workload I needs --server-pid"))?;
    let adapter = adapter::make(options.adapter, &options.settings);
    let net = Net::new(options.target)?;
    let mut ledger = Ledger::new(Vec::new(), 0, adapter.opcode(), Vec::new())?;
    let mut crowd = Crowd::new(net, adapter);
    let (memory_before, before) = (measure::private_memory(pid)?, Reading::take(options.server_pid)?);
    crowd.gather(connections, &mut ledger, |index| u16::try_from(index / per_room).ok())?;
    let memory = settle(pid)?;
    let spent = Reading::take(options.server_pid)?.since(&before);
    let mut outcome = Outcome::new(options.workload, options.adapter, connections as u64, spent);
    outcome.memory_bytes_each = Some((memory as f64 - memory_before as f64) / connections as f64);
    outcome.faults = ledger.faults;
    Ok(outcome)
}

fn settle(pid: u32) -> io::Result<u64> {
    let (mut last, mut still) = (measure::private_memory(pid)?, 0);
    for _ in 0..SETTLE_READINGS {
        thread::sleep(SETTLE_STEP);
        let now = measure::private_memory(pid)?;
        still = if now == last { still + 1 } else { 0 };
        last = now;
        if still == SETTLE_STILL {
            break;
        }
    }
    Ok(last)
}
