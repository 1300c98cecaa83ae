//! The kept fuzz corpus on stable: every seed as it is, then mutations of it for some seconds. `make fuzz` goes on from
//! there with coverage; a finding of either becomes a seed.
#![allow(clippy::unwrap_used)]

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

#[path = "../fuzz/bodies/guard.rs"]
mod guard;

/// How long mutations run: a bound for the test, not a goal.
const AT_MOST: Duration = Duration::from_secs(5);
/// Fewer than this many in that time would mean that nothing was tested.
const AT_LEAST: u64 = 2_000;
const START: u64 = 0x5EED_0001;

fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/guard");
    let mut seeds: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap())
        })
        .collect();
    // The folder's order differs from machine to machine; the mutations must not.
    seeds.sort();
    seeds
}

#[test]
fn every_kept_seed_holds() {
    let seeds = seeds();
    assert!(seeds.len() >= 100, "{} seeds", seeds.len());
    for (name, data) in &seeds {
        assert!(catch_unwind(|| guard::check(data)).is_ok(), "seed {name}");
    }
}

#[test]
fn mutations_of_the_kept_seeds_hold() {
    let seeds: Vec<Vec<u8>> = seeds().into_iter().map(|(_, data)| data).collect();
    let start = Instant::now();
    let mut tried = 0;
    while start.elapsed() < AT_MOST {
        // Each from its own number, so that one number replays a failure.
        let number = START + tried;
        let data = mutated(&seeds, number);
        assert!(catch_unwind(|| guard::check(&data)).is_ok(), "mutation {number} fails: {data:02x?}");
        tried += 1;
    }
    println!("{tried} mutations from {START:#x} on");
    assert!(tried >= AT_LEAST, "only {tried} mutations in {AT_MOST:?}");
}

/// SplitMix64: every number is a good start.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

fn mutated(seeds: &[Vec<u8>], number: u64) -> Vec<u8> {
    let mut random = Random(number);
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.below(5) {
        let at = random.below(data.len());
        match random.below(8) {
            // Another stream behind this one, or a piece of it inside.
            0 => data.extend_from_slice(seeds[random.below(seeds.len())].get(3..).unwrap_or_default()),
            1 => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len());
                let piece = other[from..(from + random.below(40)).min(other.len())].to_vec();
                data.splice(at..at, piece);
            }
            2 => data.truncate(at),
            3 => {
                let end = (at + random.below(16)).min(data.len());
                data.drain(at..end);
            }
            4 => {
                let end = (at + random.below(64)).min(data.len());
                let piece = data[at..end].to_vec();
                data.splice(at..at, piece);
            }
            5 => data.insert(at, [0x00, 0x01, 0x7D, 0x7E, 0x7F, 0x80, 0x81, 0x88, 0x89, 0xFE, 0xFF][random.below(11)]),
            6 => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            _ => {
                if let Some(byte) = data.get_mut(at) {
                    *byte = random.below(256) as u8;
                }
            }
        }
        data.truncate(20_000);
    }
    data
}
