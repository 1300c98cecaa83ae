//! Whole runs as a user starts them: the binary's floors under the binary's load, each kind of scenario at a tiny size.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use common::{Floor, assert_counted_alike, assert_faultless, record, run};

#[test]
fn every_way_to_talk_runs_faultless_over_both_floors() {
    let cases: [(&str, &[&str]); 6] = [
        ("a", &[]),
        ("f1", &["--seats", "5", "--rate", "1000"]),
        ("f2", &["--seats", "5", "--in-flight", "8"]),
        ("f3", &["--rooms", "7", "--seats", "3", "--senders", "2", "--in-flight", "9"]),
        ("f4", &["--seats", "40", "--in-flight", "8"]),
        ("zipf", &["--rooms", "20", "--seats", "30", "--senders", "5"]),
    ];
    for mode in ["batching", "per-frame"] {
        let floor = Floor::start(mode, 0);
        for (scenario, sizes) in cases {
            let pid = floor.child.id().to_string();
            let output = run(&floor.address, scenario, &[&["--server-pid", &pid], sizes].concat());
            let record = record(&output);
            assert_faultless(&record);
            assert_counted_alike(&record);
            assert!(record["totals"]["deliveries"].as_u64().unwrap() > 0, "{mode} {scenario}: {record:#}");
            assert!(record["latency"]["delivery"]["p50_us"].as_f64().unwrap() > 0.0);
            assert!(record["cost"]["server_us_per_delivery"].as_f64().unwrap() > 0.0);
        }
    }
}

#[test]
fn the_seats_of_a_room_may_be_spread_over_threads() {
    let floor = Floor::start("batching", 0);
    for pace in [["--rate", "500"], ["--in-flight", "8"]] {
        // The same core twice: two threads wherever the test runs.
        let cores = common_core();
        let output =
            run(&floor.address, "f1", &[&["--seats", "7", "--cores", &format!("{cores},{cores}")][..], &pace].concat());
        let record = record(&output);
        assert_faultless(&record);
        assert!(record["totals"]["deliveries"].as_u64().unwrap() > 0, "{record:#}");
    }
}

/// The first core that this process may use.
fn common_core() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    list.trim().split([',', '-']).next().unwrap().to_owned()
}

#[test]
fn connections_come_and_go_and_leave_nothing_behind() {
    let floor = Floor::start("batching", 0);
    let record = record(&run(&floor.address, "churn", &["--rooms", "10"]));
    assert_faultless(&record);
    assert!(record["totals"]["cycles"].as_u64().unwrap() > 10, "{record:#}");
    assert!(record["latency"]["cycle"]["p50_us"].as_f64().unwrap() > 0.0);
}

#[test]
fn idle_connections_are_weighed() {
    let floor = Floor::start("batching", 0);
    let pid = floor.child.id().to_string();
    let record = record(&run(&floor.address, "idle", &["--rooms", "60", "--server-pid", &pid]));
    assert_faultless(&record);
    let each = record["cost"]["server_bytes_per_connection"].as_f64().unwrap();
    assert!((0.0..4_096.0).contains(&each), "{each} bytes for an idle connection of a floor");
}

#[test]
fn frames_have_the_size_that_was_asked_for() {
    let floor = Floor::start("batching", 90);
    let more = ["--seats", "3", "--body", "200", "--padding", "60"];
    let record = record(&run(&floor.address, "f2", &more));
    assert_faultless(&record);
    assert_eq!(record["cost"]["delivery_overhead_bytes"], 90.0);
    assert_eq!(record["cost"]["post_overhead_bytes"], 65.0);
}

#[test]
fn expectations_decide_the_exit_status() {
    let floor = Floor::start("batching", 0);
    let more = |bound: &'static str| ["--seats", "3", "--expect", "lost=0", "--expect", bound];
    let held = run(&floor.address, "f1", &more("deliveries/s>1"));
    // Whether the load had the CPU that it needs is not what is asked here.
    assert!(record(&held)["expectations"].as_array().unwrap().iter().all(|one| one["held"] == true));
    let broken = run(&floor.address, "f1", &more("p50<1us"));
    assert_eq!(broken.status.code(), Some(1));
    let record = record(&broken);
    assert_eq!(record["verdict"]["word"], "FAIL");
    let sentence = record["verdict"]["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("FAIL  ") && sentence.contains("expected p50<1us, found "), "{sentence}");
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
    let output = run(&address, "a", &[]);
    server.join().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("404"));
}

#[test]
fn what_cannot_be_run_is_said_in_a_line() {
    for (scenario, more, words) in [
        ("nosuch", &[][..], "neither a file nor one of lobby"),
        ("f1", &["--senders", "2"], "posts.senders: 2 senders for 1 rooms"),
        ("f1", &["--cores", "4000"], "this process may use"),
        ("f1", &["--expect", "p98<1ms"], "is no figure of a run"),
    ] {
        let output = run("127.0.0.1:1", scenario, more);
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && text.contains(words), "{scenario} {more:?}: {text}");
    }
}
