//! A server that does wrong on purpose: the judge names each fault, and counts it as often as it was done.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Floor, record, run};
use serde_json::Value;

const SEATS: u64 = 100;

/// A room of a hundred, 2,000 messages a second: some two hundred thousand deliveries, of which one in so many is wrong;
/// and how many that were.
fn against(fault: &str, every: u64) -> (Value, u64) {
    let floor = Floor::with(&["--fault", fault, "--every", &every.to_string()]);
    let output = run(&floor.address, "f1", &["--rate", "2000", "--seconds", "1", "--seats", &SEATS.to_string()]);
    let record = record(&output);
    let wrong = record["posted"].as_u64().unwrap() * SEATS / every;
    assert!(wrong > 0, "{record:#}");
    (record, wrong)
}

fn faults(record: &Value) -> [u64; 6] {
    let faults = ["lost", "duplicated", "reordered", "unexpected", "damaged", "refused"];
    faults.map(|fault| record["faults"][fault].as_u64().unwrap())
}

#[test]
fn what_was_lost_doubled_or_swapped_is_counted_to_the_last_one() {
    let (lose, wrong) = against("lose", 10_000);
    assert_eq!(faults(&lose), [wrong, 0, 0, 0, 0, 0]);
    let (double, wrong) = against("double", 10_000);
    assert_eq!(faults(&double), [0, wrong, 0, 0, 0, 0]);
    let (swap, wrong) = against("swap", 10_000);
    let [lost, duplicated, reordered, ..] = faults(&swap);
    // The very last one may be held back for ever: then it is lost, as nothing came behind which it could come.
    assert_eq!((lost + reordered, duplicated), (wrong, 0), "{swap:#}");
    assert!(lost <= 1);
    for record in [lose, double, swap] {
        assert_eq!(record["verdict"]["word"], "FAIL", "{record:#}");
    }
}

#[test]
fn a_stall_stands_in_the_percentiles_of_everybody_who_waited() {
    let (record, _) = against("stall", 50_000);
    assert_eq!(faults(&record), [0; 6]);
    let delivery = &record["latency"]["delivery"];
    // What was to be sent during a stall of 200 ms came up to so much later: that is how long people waited, although the
    // server answered each message at once when it had got it.
    assert!(delivery["p99_us"].as_f64().unwrap() > 100_000.0, "{delivery:#}");
    assert!(delivery["max_us"].as_f64().unwrap() > 200_000.0, "{delivery:#}");
}

#[test]
fn a_wrong_byte_is_seen_where_whole_bodies_are_compared() {
    // At a slow pace every delivery is the last of its read, and all of them are compared whole.
    let floor = Floor::with(&["--fault", "damage", "--every", "50"]);
    let record = record(&run(&floor.address, "f1", &["--rate", "100", "--seconds", "1", "--seats", "10"]));
    let wrong = record["posted"].as_u64().unwrap() * 10 / 50;
    let found = record["faults"]["damaged"].as_u64().unwrap();
    assert!(found > 0 && found <= wrong, "{record:#}");
}
