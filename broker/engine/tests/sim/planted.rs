//! The simulation on trial: every planted fault must be found, and nothing may be found where none is.

use crate::{Outcome, demand, run::run, search};
use rookery_engine::planted::{Bug, plant};

/// Seeds within which each fault must show.
const WITHIN: u64 = 200;

fn look_for(bug: Option<Bug>) -> (u64, Option<Outcome>) {
    search(1, WITHIN, |seed| {
        plant(bug);
        let outcome = run(seed, false);
        plant(None);
        outcome
    })
}

#[test]
fn planted_bugs_are_caught() {
    // Otherwise a seed that fails by itself would pass for a find.
    if let (_, Some(outcome)) = look_for(None) {
        demand(&outcome);
    }
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let (ran, failed) = look_for(Some(bug));
        match failed {
            Some(outcome) => {
                println!("{bug:?}: after {ran} seeds, by seed {}: {}", outcome.seed, outcome.verdict.unwrap_err());
            }
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found within {WITHIN} seeds: {missed:?}");
}
