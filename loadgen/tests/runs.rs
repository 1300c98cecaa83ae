//! Whole runs as a user starts them: the binary's floors under the binary's driver, each workload at a tiny size,
//! and a faulty line between the two that the driver must report.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread;

use common::{Floor, LOADGEN};
use serde_json::Value;

fn drive(target: &str, workload: &str, more: &[&str]) -> Output {
    Command::new(LOADGEN)
        .args(["drive", "--target", &format!("ws://{target}"), "--adapter", "floor", "--workload", workload])
        .args(["--seconds", "0.2", "--warmup", "0.05", "--json"])
        .args(more)
        .output()
        .unwrap()
}

fn outcome(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no outcome, but: {text}"))
}

fn assert_faultless(outcome: &Value) {
    for fault in ["lost", "duplicated", "reordered", "unexpected", "damaged", "refused"] {
        assert_eq!(outcome["faults"][fault], 0, "{fault} in {outcome:#}");
    }
    assert!(outcome["operations"].as_u64().unwrap() > 0, "{outcome:#}");
}

#[test]
fn every_stream_workload_runs_faultless_over_both_floors() {
    let cases: [(&str, &[&str]); 5] = [
        ("A", &[]),
        ("F1", &["--per-room", "5", "--rate", "1000"]),
        ("F2", &["--per-room", "5", "--window", "8"]),
        ("F3", &["--rooms", "7", "--per-room", "3", "--publishers", "2", "--window", "9"]),
        ("F4", &["--per-room", "40", "--window", "8"]),
    ];
    for mode in ["batching", "per-frame"] {
        let floor = Floor::start(mode, 0);
        for (workload, sizes) in cases {
            let output =
                drive(&floor.address, workload, &[&["--server-pid", &floor.child.id().to_string()], sizes].concat());
            let outcome = outcome(&output);
            assert!(output.status.success(), "{mode} {workload}: {outcome:#}");
            assert_faultless(&outcome);
            assert!(outcome["latency_us"]["p50"].as_f64().unwrap() > 0.0);
            assert!(outcome["server_cpu_us_each"].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn connections_come_and_go_and_leave_nothing_behind() {
    let floor = Floor::start("batching", 0);
    let output = drive(&floor.address, "C", &["--connections", "10", "--server-pid", &floor.child.id().to_string()]);
    assert!(output.status.success());
    assert_faultless(&outcome(&output));
}

#[test]
fn idle_connections_are_weighed() {
    let floor = Floor::start("batching", 0);
    let output = drive(&floor.address, "I", &["--connections", "600", "--server-pid", &floor.child.id().to_string()]);
    let outcome = outcome(&output);
    assert!(output.status.success());
    let each = outcome["memory_bytes_each"].as_f64().unwrap();
    assert!((0.0..4_096.0).contains(&each), "{each} bytes for an idle connection of a floor");
    let unweighed = drive(&floor.address, "I", &["--connections", "1"]);
    assert_eq!(unweighed.status.code(), Some(2));
}

#[test]
fn frames_have_the_size_that_was_asked_for() {
    let floor = Floor::start("batching", 90);
    let more = ["--per-room", "3", "--body", "200", "--padding", "60"];
    let outcome = outcome(&drive(&floor.address, "F2", &more));
    assert_faultless(&outcome);
    assert_eq!(outcome["delivery_overhead"], 90.0);
    assert_eq!(outcome["publish_overhead"], 65.0);
}

#[test]
fn a_target_that_is_none_is_an_error_and_not_a_result() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 2048];
        assert!(stream.read(&mut request).unwrap() > 0);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").unwrap();
    });
    let output = drive(&address, "A", &[]);
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("404"));
}

/// What the faulty line does to the tenth delivery.
#[derive(Clone, Copy)]
enum Fault {
    Lose,
    Double,
}

/// Carries one connection to `target` and commits one fault on the way back.
fn faulty_line(target: String, fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (near, _) = listener.accept().unwrap();
        let far = TcpStream::connect(target).unwrap();
        let (mut near_in, mut far_out) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut near_in, &mut far_out));
        let (mut far, mut near) = (BufReader::new(far), near);
        let mut line = Vec::new();
        while line != b"\r\n" {
            line.clear();
            far.read_until(b'\n', &mut line).unwrap();
            near.write_all(&line).unwrap();
        }
        for nth in 0.. {
            let mut head = [0; 2];
            if far.read_exact(&mut head).is_err() {
                return;
            }
            let mut frame = head.to_vec();
            frame.resize(2 + usize::from(head[1]), 0);
            far.read_exact(&mut frame[2..]).unwrap();
            let times = match fault {
                _ if nth != 10 => 1,
                Fault::Lose => 0,
                Fault::Double => 2,
            };
            // The driver may already be gone: that is its right, not our failure.
            if (0..times).any(|_| near.write_all(&frame).is_err()) {
                return;
            }
        }
    });
    address
}

#[test]
fn a_fault_on_the_line_fails_the_run_and_is_named() {
    let floor = Floor::start("batching", 0);
    // Bodies below 126 bytes keep the line's frame reader to one form of length.
    for (fault, lost, duplicated) in [(Fault::Lose, 1, 0), (Fault::Double, 0, 1)] {
        let output = drive(&faulty_line(floor.address.clone(), fault), "A", &["--body", "64", "--window", "4"]);
        let outcome = outcome(&output);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(outcome["faults"]["lost"], lost, "{outcome:#}");
        assert_eq!(outcome["faults"]["duplicated"], duplicated, "{outcome:#}");
    }
}
