//! The yardstick as `make bench-core` starts it, at a tiny size and over the floors alone.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

/// The first core that this process may use, twice: a test has no second core to itself.
fn cores() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let core = list.trim().split([',', '-']).next().unwrap();
    format!("{core},{core}")
}

fn yardstick(cores: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["core-yardstick", "--cores", cores, "--seconds", "0.2", "--warmup", "0.05"])
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn floors_alone_are_measured_round_by_round_and_judged() {
    let output = yardstick(&cores(), &["--rounds", "2", "--workloads", "A,F2", "--json"]);
    let text = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no report, but: {text}"));
    // A over the floor, F2 over both floors, twice.
    let samples = report["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 6);
    for sample in samples {
        assert_eq!(sample["result"]["Ok"]["faults"]["lost"], 0, "{sample:#}");
    }
    let rulings = report["rulings"].as_array().unwrap();
    assert_eq!(rulings.len(), 1, "one criterion needs floors alone: {rulings:#?}");
    assert!(rulings[0]["value"].as_f64().unwrap() > 1.0);
    assert_eq!(rulings[0]["rounds"], 2);
    // On a shared core the figure itself proves nothing; that the exit status follows from it does.
    assert_eq!(output.status.code(), Some(if report["passed"] == true { 0 } else { 1 }));
}

#[test]
fn people_get_a_table() {
    let output = yardstick(&cores(), &["--rounds", "1", "--workloads", "F1"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    let line = text.lines().find(|line| line.starts_with("F1  floor")).unwrap();
    assert!(line.ends_with('%'), "{line}");
    assert!(text.trim_end().ends_with("all criteria met"));
}

#[test]
fn what_cannot_be_measured_is_said() {
    let no_broker = yardstick(&cores(), &["--broker", "/nonexistent/rookery"]);
    let no_core = yardstick("0,100000", &[]);
    for (output, word) in [(no_broker, "No such file"), (no_core, "may use")] {
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(word), "{text}");
    }
}
