//! Every engine of this crate passes the whole suite.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Late, Plain, breaches, memory};
use rookery_storage::AckLevel;
use rookery_storage::conformance::naive::Naive;

const CHECKS: usize = 45;
const CRASH_CHECKS: [&str; 2] = ["what completed survives a crash", "what was under way in a crash is whole or gone"];

#[test]
fn memory_keeps_every_promise() {
    let (report, text) = breaches(&mut Plain::new(memory));
    assert_eq!(text, "");
    assert_eq!(report.not_applicable, CRASH_CHECKS);
    assert_eq!(report.passed.len(), CHECKS - CRASH_CHECKS.len());
}

#[test]
fn a_late_store_keeps_every_promise() {
    for (seed, reach) in [(100, AckLevel::Local), (200, AckLevel::Durable)] {
        let (report, text) = breaches(&mut Late::new(seed, reach));
        assert_eq!(text, "", "seed {seed}");
        assert!(report.not_applicable.is_empty());
        assert_eq!(report.passed.len(), CHECKS);
    }
}

/// The store that others are compared with keeps what it claims to keep: all but bytes of a page, and the tail.
#[test]
fn the_naive_store_breaks_only_what_it_says() {
    let (report, _) = breaches(&mut Plain::new(Naive::default));
    let broken: Vec<&str> = report.breaches.iter().map(|breach| breach.check).collect();
    let unbounded = [
        "a page of large messages stays within its bytes",
        "replay of large messages stays within its bytes",
        "the tail gives every batch once, in order",
        "the tail leaves out what failed",
    ];
    assert_eq!(broken, unbounded);
}
