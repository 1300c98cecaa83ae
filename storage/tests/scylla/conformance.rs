//! The whole suite, and many random histories beside the naive store.

use crate::rig::Keyspace;
use rookery_storage::conformance::bench::Bench;
use rookery_storage::conformance::say::room;
use rookery_storage::conformance::story::tell;
use rookery_storage::conformance::{Rig, run};
use rookery_storage::dice::Dice;

const CHECKS: usize = 45;
const STORIES: u64 = 40;

#[test]
fn the_database_keeps_every_promise() {
    let report = run(&mut Keyspace::new());
    let text: String = report.breaches.iter().map(|breach| format!("{breach}\n")).collect();
    assert_eq!(text, "");
    assert!(report.not_applicable.is_empty());
    assert_eq!(report.passed.len(), CHECKS);
}

#[test]
fn the_database_answers_as_the_naive_store_does() {
    let mut rig = Keyspace::new();
    for seed in 0..STORIES {
        rig.open();
        let mut dice = Dice::new(seed + 2000);
        let numbers: Vec<u64> = (0..200).map(|_| dice.roll()).collect();
        let told = tell(&mut Bench::new(&mut rig), &[room("a"), room("b")], &numbers);
        assert!(told.is_ok(), "story {seed}: {}", told.unwrap_err());
        // What the next one finds is not remembered, but read.
        if seed % 4 == 3 {
            assert!(rig.crash());
        }
    }
}
