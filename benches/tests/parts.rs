//! What is measured does what it is held against: both halves of every pair leave the same behind.
#![allow(clippy::unwrap_used)]

#[path = "../benches/parts/subjects/mod.rs"]
mod subjects;

use subjects::{Pair, Visit};

/// What of a name says that a disk or a thread is waited for, which CPU time does not see.
const WAITING: [&str; 4] = ["there and back", "journal", "store on disk", "whole store"];

#[derive(Default)]
struct Look {
    pairs: usize,
}

impl Visit for Look {
    fn pair<P: Pair>(&mut self, name: &str, one: &str, count: u64, mut make: impl FnMut() -> P) {
        assert_eq!(P::WAITS, WAITING.iter().any(|word| name.contains(word)), "{name}");
        let mut pair = make();
        for _ in 0..3 {
            let [ours, floor] = pair.left();
            pair.between();
            assert!(ours == floor, "{name}: {} bytes and {}", ours.len(), floor.len());
            assert!(!ours.is_empty() && !one.is_empty() && count > 0, "{name} did nothing");
            // As they are timed: several at once, of one half only.
            for half in [P::ours, P::floor] {
                let inputs: Vec<P::Input> = (0..pair.rounds().min(3)).map(|_| pair.input()).collect();
                inputs.into_iter().for_each(|input| half(&mut pair, input));
                pair.between();
            }
        }
        self.pairs += 1;
    }
}

#[test]
fn both_halves_of_every_pair_do_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let mut look = Look::default();
    subjects::all(&mut look, folder.path());
    assert!(look.pairs > 40, "{}", look.pairs);
}
