//! Parts of the broker beside their floors, in nanoseconds. `make bench-micro` runs all of it; a word behind
//! `cargo bench -p rookery-benches --bench parts --` chooses the pairs whose name has it.
// A measurement that cannot be made ends with what was wrong.
#![allow(clippy::unwrap_used)]

mod beside;
#[path = "../../src/quiet.rs"]
mod quiet;
mod subjects;

use beside::{Beside, SAMPLES};
use criterion::Criterion;
use quiet::{Machine, QUIET};
use std::path::Path;
use std::time::Duration;

/// As the broker has it.
#[global_allocator]
static ALLOCATOR: rookery::allocator::Allocator = rookery::allocator::Allocator;

fn main() {
    // Inside the folder of what cargo builds, wherever that is: the disk that is measured.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut criterion = Criterion::default()
        .sample_size(SAMPLES)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1200))
        .nresamples(2000)
        .without_plots()
        .output_directory(&folder.join("criterion"))
        .configure_from_args();
    let machine = Machine::now();
    let mut beside = Beside::new(&mut criterion);
    subjects::all(&mut beside, folder);
    beside.print();
    let stolen = machine.stolen();
    println!("\nothers took {:.1} % of the machine's CPU meanwhile", stolen * 100.0);
    if stolen > QUIET {
        println!("that is much: measure the pairs with a * again");
    }
}
