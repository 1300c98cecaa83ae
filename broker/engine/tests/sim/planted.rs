//! The simulation on trial: every planted fault must be found.

use crate::{run::run, search};
use rookery_engine::planted::{Bug, plant};

/// Seeds within which each fault must show.
const WITHIN: u64 = 200;

#[test]
fn planted_bugs_are_caught() {
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        let (ran, failed) = search(1, WITHIN, |seed| {
            plant(Some(bug));
            let outcome = run(seed, false);
            plant(None);
            outcome
        });
        match failed {
            Some(outcome) => {
                println!("{bug:?}: after {ran} seeds, by seed {}: {}", outcome.seed, outcome.verdict.unwrap_err());
            }
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "not found within {WITHIN} seeds: {missed:?}");
}
