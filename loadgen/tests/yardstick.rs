//! The yardstick as `make bench-core` starts it, at a tiny size and over the floors alone.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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

/// Polls until there is an answer; fails after a time that no healthy run needs.
fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_yardstick_leaves_no_server_behind() {
    let mut yardstick = Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(["core-yardstick", "--cores", &cores(), "--seconds", "60", "--workloads", "F1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let children = format!("/proc/{0}/task/{0}/children", yardstick.id());
    let server: u32 = eventually("a server's start", || {
        let server = fs::read_to_string(&children).ok()?.split(' ').next()?.parse().ok()?;
        // Before this it is still the yardstick's own copy.
        let command = fs::read_to_string(format!("/proc/{server}/cmdline")).ok()?;
        command.contains("--frame-overhead").then_some(server)
    });
    yardstick.kill().unwrap();
    yardstick.wait().unwrap();
    eventually("the server's end", || {
        // Gone, or dead and waiting for whoever adopts it.
        let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap_or_default();
        (status.is_empty() || status.contains("State:\tZ")).then_some(())
    });
}
