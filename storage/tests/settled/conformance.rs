//! The whole suite, and many random histories beside the naive store.

use crate::rig::Folders;
use rookery_storage::conformance::bench::Bench;
use rookery_storage::conformance::run;
use rookery_storage::conformance::say::room;
use rookery_storage::conformance::story::tell;
use rookery_storage::dice::Dice;

const CHECKS: usize = 45;

#[test]
fn the_embedded_store_keeps_every_promise() {
    let report = run(&mut Folders::new());
    let text: String = report.breaches.iter().map(|breach| format!("{breach}\n")).collect();
    assert_eq!(text, "");
    assert!(report.not_applicable.is_empty());
    assert_eq!(report.passed.len(), CHECKS);
}

#[test]
fn the_embedded_store_answers_as_the_naive_store_does() {
    use rookery_storage::conformance::Rig;
    let mut rig = Folders::new();
    for seed in 0..120 {
        rig.open();
        let mut dice = Dice::new(seed + 1000);
        let numbers: Vec<u64> = (0..200).map(|_| dice.roll()).collect();
        let told = tell(&mut Bench::new(&mut rig), &[room("a"), room("b")], &numbers);
        assert!(told.is_ok(), "story {seed}: {}", told.unwrap_err());
    }
}
