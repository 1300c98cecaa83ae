//! The memory store beside the naive one, under histories that shrink to the shortest one that fails.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Plain, memory};
use proptest::prelude::*;
use rookery_storage::conformance::bench::Bench;
use rookery_storage::conformance::say::room;
use rookery_storage::conformance::story::tell;

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_answers_as_the_naive_store_does(numbers in prop::collection::vec(any::<u64>(), 1..200)) {
        let mut rig = Plain::new(memory);
        let told = tell(&mut Bench::new(&mut rig), &[room("a"), room("b")], &numbers);
        prop_assert!(told.is_ok(), "{}", told.unwrap_err());
    }
}
