//! One seed from its first happening to its verdict.

use crate::plan::Plan;
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub struct Outcome {
    pub seed: u64,
    pub hash: u64,
    pub steps: u64,
    pub verdict: Result<(), String>,
    /// The last lines of the trace, if something is wrong.
    pub trace: String,
}

/// Lines kept for people.
const KEPT: usize = 120;
/// Logical time that draining may take, and that must pass at rest. A world in which a page holds one event and takes its
/// time may need more to catch up: as long as the reason of its unrest moves, and within a bound.
const DRAIN_MS: u64 = 120_000;
const CATCH_UP_MS: u64 = 10 * DRAIN_MS;
const REST_MS: u64 = 15_000;

pub fn run(seed: u64, loud: bool) -> Outcome {
    let mut world = World::new(Plan::new(seed), KEPT, loud);
    if loud {
        println!("{:#?}", world.outside.plan);
    }
    let verdict = catch_unwind(AssertUnwindSafe(|| live(&mut world)))
        .unwrap_or_else(|panic| Err(format!("panic: {}", words(&*panic))));
    let trace = &world.outside.trace;
    let told = if verdict.is_err() { trace.last() } else { String::new() };
    Outcome { seed, hash: trace.hash(), steps: trace.steps, verdict, trace: told }
}

fn live(world: &mut World) -> Result<(), String> {
    let end = world.outside.plan.fault_ms;
    go(world, end + 1)?;
    let mut until = end;
    let (mut reason, mut since) = (String::new(), end);
    loop {
        until += 500;
        go(world, until)?;
        let Some(why) = world.unrest() else { break };
        if why != reason {
            (reason, since) = (why, until);
        }
        if until > since + DRAIN_MS || until > end + CATCH_UP_MS {
            return Err(format!("does not come to rest: {reason}"));
        }
    }
    let rested = until;
    until += REST_MS;
    go(world, until)?;
    // Pings come and go at rest too.
    while let Some(why) = world.unrest() {
        until += 250;
        go(world, until)?;
        if until > rested + DRAIN_MS {
            return Err(format!("does not stay at rest: {why}"));
        }
    }
    world.add_up()
}

fn go(world: &mut World, until: u64) -> Result<(), String> {
    while world.step(until) {}
    match world.outside.wrong.take() {
        Some(wrong) => Err(wrong),
        None => {
            world.outside.agenda.forward(until);
            Ok(())
        }
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (None, Some(text)) => (*text).to_owned(),
        (None, None) => "without words".to_owned(),
    }
}
