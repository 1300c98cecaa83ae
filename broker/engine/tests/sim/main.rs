//! The seeded simulation: several shards, a store that is late and fails, a far sequencer, full lanes, slow clients,
//! cut connections, unclean stops; judged by a plain model that shares no code with the engine.
//!
//! `ROOKERY_SIM_SEEDS=N` seeds for `seeds_hold` (200), `ROOKERY_SIM_FIRST=S` the first of them (1).
//! With `ROOKERY_SIM_ALL` set every failing seed is named, instead of stopping at the first.
//! One seed with its whole trace: `ROOKERY_SIM_SEED=123 cargo test -p rookery-engine --test sim one_seed -- --nocapture`
#![allow(clippy::unwrap_used)]

mod agenda;
mod callers;
mod carrier;
mod client;
mod end;
mod far;
mod hear;
mod journal;
mod judge;
mod lanes;
mod ledger;
mod node;
mod outside;
mod pages;
mod plan;
#[cfg(feature = "planted")]
mod planted;
mod rng;
mod run;
mod sequencer;
mod tables;
mod trace;
mod wire;
mod wishes;
mod world;

use run::{Outcome, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn number(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")),
        Err(_) => default,
    }
}

/// Seeds over all cores; the failed one with the lowest number, and how many ran.
fn search(first: u64, count: u64, run: impl Fn(u64) -> Outcome + Sync) -> (u64, Option<Outcome>) {
    let all = std::env::var("ROOKERY_SIM_ALL").is_ok();
    let next = AtomicU64::new(first);
    let ran = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let failed: Mutex<Option<Outcome>> = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    let outcome = run(seed);
                    ran.fetch_add(1, Ordering::Relaxed);
                    if let Err(wrong) = &outcome.verdict {
                        stop.store(!all, Ordering::Relaxed);
                        if all {
                            println!("seed {seed} after {} steps: {wrong}", outcome.steps);
                        }
                        let mut failed = failed.lock().unwrap();
                        if failed.as_ref().is_none_or(|f| f.seed > seed) {
                            *failed = Some(outcome);
                        }
                    }
                }
            });
        }
    });
    (ran.into_inner(), failed.into_inner().unwrap())
}

fn demand(outcome: &Outcome) {
    if let Err(wrong) = &outcome.verdict {
        panic!(
            "{}\nseed {} after {} steps: {wrong}\nreplay: ROOKERY_SIM_SEED={} cargo test -p rookery-engine --test sim one_seed -- --nocapture",
            outcome.trace, outcome.seed, outcome.steps, outcome.seed
        );
    }
}

#[test]
fn seeds_hold() {
    let (first, count) = (number("ROOKERY_SIM_FIRST", 1), number("ROOKERY_SIM_SEEDS", 200));
    let started = std::time::Instant::now();
    let (ran, failed) = search(first, count, |seed| run(seed, false));
    if let Some(outcome) = &failed {
        demand(outcome);
    }
    assert_eq!(ran, count);
    println!("{ran} seeds from {first} hold, in {:?}", started.elapsed());
}

#[test]
fn one_seed() {
    let loud = std::env::var("ROOKERY_SIM_SEED").is_ok();
    let outcome = run(number("ROOKERY_SIM_SEED", 1), loud);
    println!("seed {}: {} steps, hash {:016x}", outcome.seed, outcome.steps, outcome.hash);
    demand(&outcome);
}

#[test]
fn a_seed_replays_exactly() {
    for seed in [1, 2, 3, 5, 8, 13, 21, 34] {
        let (a, b) = (run(seed, false), run(seed, false));
        assert!(a.steps > 100, "seed {seed} does next to nothing");
        assert_eq!((a.hash, a.steps), (b.hash, b.steps), "seed {seed} does not replay");
    }
}
