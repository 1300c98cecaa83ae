//! Against the real broker: whatever clients do, and whatever happens to the broker meanwhile, the judge is right about it.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::{LOADGEN, assert_counted_alike, assert_faultless, record};
use tempfile::TempDir;

const SECRET: &str = "of brokers that live for seconds, on loopback only";

/// Its own limits are not what is tested here.
const WITHOUT_LIMITS: [&str; 4] = [
    "ROOKERY_LIMITS__COMMANDS_PER_SECOND",
    "ROOKERY_LIMITS__USER_COMMANDS_PER_SECOND",
    "ROOKERY_ROOM__EVENTS_PER_SECOND",
    "ROOKERY_LIMITS__CONNECTIONS_PER_USER",
];

/// The broker beside this crate's own binary, where a build of the workspace puts both.
fn broker() -> PathBuf {
    let path = Path::new(LOADGEN).with_file_name("rookery");
    assert!(path.exists(), "{} is not built: `cargo build -p rookery` first", path.display());
    path
}

/// A broker on a folder of its own, ended with the test.
struct Broker {
    child: Child,
    address: String,
    folder: TempDir,
}

impl Broker {
    fn start() -> Broker {
        let folder = TempDir::new().unwrap();
        let child = Broker::serve(folder.path(), "127.0.0.1:0");
        let mut broker = Broker { child, address: String::new(), folder };
        broker.address = broker.listening();
        broker
    }

    fn serve(folder: &Path, listen: &str) -> Child {
        Command::new(broker())
            .args(["serve", "--store", "embedded", "--shards", "2", "--listen", listen, "--data"])
            .arg(folder.join("data"))
            .env("ROOKERY_AUTH__SECRET", SECRET)
            .envs(WITHOUT_LIMITS.map(|limit| (limit, "0")))
            .stdout(File::create(folder.join("output")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Where it listens, once it does.
    fn listening(&self) -> String {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.folder.path().join("output")).unwrap();
            let line = text.split_inclusive('\n').find(|line| line.ends_with('\n') && line.contains("127.0.0.1:"));
            if let Some((_, rest)) = line.and_then(|line| line.split_once("127.0.0.1:")) {
                let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
                return format!("127.0.0.1:{port}");
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "the broker did not come up: {text}");
            thread::yield_now();
        }
    }

    /// As a crash ends it, and at once started again on the same folder and port.
    fn crash(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = Broker::serve(self.folder.path(), &self.address);
        self.listening();
    }

    fn run(&self, scenario: &str, more: &[&str]) -> Command {
        let mut command = Command::new(LOADGEN);
        command
            .args(["run", scenario, "--target", &format!("ws://{}", self.address), "--secret", SECRET, "--json"])
            .args(["--plain", "--warm-up", "0.2"])
            .args(more);
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn whatever_clients_do_nothing_is_lost_and_every_promise_is_kept() {
    let broker = Broker::start();
    let pid = broker.child.id().to_string();
    let cases: [(&str, &[&str], &str); 6] = [
        ("chat", &["--rooms", "5", "--senders", "5", "--seconds", "3"], "cycles"),
        ("storm", &["--rooms", "10", "--seats", "5", "--senders", "2", "--rate", "300", "--seconds", "4"], "joins"),
        ("slow", &["--rooms", "2", "--senders", "2", "--rate", "100"], "deliveries"),
        ("mixed", &["--seats", "5", "--language", "rookery-json,rookery-binary"], "deliveries"),
        ("churn", &["--rooms", "20"], "cycles"),
        ("f3", &["--rooms", "9", "--senders", "3", "--language", "rookery-binary"], "acks"),
    ];
    for (scenario, more, counted) in cases {
        let output =
            broker.run(scenario, &[&["--seconds", "1", "--server-pid", &pid], more].concat()).output().unwrap();
        let record = record(&output);
        assert_faultless(&record);
        assert_counted_alike(&record);
        assert!(record["totals"][counted].as_u64().unwrap() > 0, "{scenario}: {record:#}");
        assert_eq!(record["acks"]["broken"], 0, "{scenario}: {record:#}");
        if scenario == "storm" {
            assert!(record["gaps"]["resumed"].as_u64().unwrap() > 0, "{record:#}");
            assert_eq!(record["gaps"]["told"], 0, "{record:#}");
        }
        if scenario != "churn" {
            assert_eq!(record["acks"]["checked"], record["acks"]["given"], "{scenario}: {record:#}");
            assert!(record["acks"]["given"].as_u64().unwrap() > 0, "{scenario}: {record:#}");
        }
    }
}

/// A figure of the broker's own, over all shards.
fn shown(broker: &Broker, metric: &str) -> u64 {
    let mut socket = TcpStream::connect(&broker.address).unwrap();
    write!(socket, "GET /metrics HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", broker.address).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix('{'));
    let values: Vec<u64> = lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(!values.is_empty(), "{metric}: {text}");
    values.iter().sum()
}

/// Waits for what the broker shows, which is half a second old at most.
fn comes_close(expected: f64, shown: impl Fn() -> u64) {
    let begun = Instant::now();
    loop {
        let found = shown() as f64;
        if (found - expected).abs() < expected / 100.0 {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the broker shows {found}, and we counted {expected}");
        thread::yield_now();
    }
}

#[test]
fn loadgen_the_broker_and_the_kernel_count_the_same() {
    let broker = Broker::start();
    let cases: [(&str, &[&str]); 4] = [
        ("f1", &["--seats", "50"]),
        ("f2", &["--seats", "50", "--language", "rookery-binary"]),
        ("f3", &["--rooms", "10", "--senders", "2"]),
        ("f4", &["--seats", "200"]),
    ];
    for (scenario, more) in cases {
        let before = ["rookery_deliveries_total", "rookery_sent_bytes_total"].map(|metric| shown(&broker, metric));
        let more = [&["--seconds", "1", "--no-history-check"], more].concat();
        let record = record(&broker.run(scenario, &more).output().unwrap());
        assert_faultless(&record);
        assert_counted_alike(&record);
        let carried = &record["carried"];
        comes_close(carried["deliveries"].as_f64().unwrap(), || shown(&broker, "rookery_deliveries_total") - before[0]);
        let bytes = carried["kernel_bytes_in"].as_f64().unwrap();
        comes_close(bytes, || shown(&broker, "rookery_sent_bytes_total") - before[1]);
    }
}

#[test]
fn history_is_read_from_anywhere() {
    let broker = Broker::start();
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("small.toml");
    fs::write(&file, "[rooms]\ncount = 2\nseats = 3\n[posts]\nrate = 20.0\n[pages]\nrate = 100.0\nprepared = 500\n")
        .unwrap();
    let record = record(&broker.run(file.to_str().unwrap(), &["--seconds", "1"]).output().unwrap());
    assert_faultless(&record);
    assert_eq!(record["scenario"]["name"], "small");
    assert!(record["latency"]["page"]["count"].as_u64().unwrap() > 50, "{record:#}");
}

#[test]
fn a_broker_that_is_killed_three_times_loses_nothing_that_it_promised() {
    let mut broker = Broker::start();
    // It is stopped when the broker has come back three times, however long that takes.
    let sizes = ["--rooms", "10", "--senders", "2", "--rate", "1000", "--seconds", "120", "--returns"];
    let mut run = broker.run("rooms", &sizes).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(run.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut seconds = lines.inspect(|line| println!("{line}")).filter(|line| line.starts_with("window"));
    for _ in 0..3 {
        seconds.next().unwrap();
        broker.crash();
        // Everybody is back when something is delivered again in a second in which nothing is cut: lines tell the sum.
        let mut cut = String::new();
        seconds.by_ref().find(|line| {
            let now = line.split_once("disconnects").map(|(_, count)| count.to_owned()).unwrap_or_default();
            let settled = !now.is_empty() && now == cut && line.contains("deliveries/s");
            cut = now;
            settled
        });
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&run), rustix::process::Signal::INT).unwrap();
    seconds.for_each(drop);
    let record = record(&run.wait_with_output().unwrap());
    assert_faultless(&record);
    // Whoever was still away when the next crash came has not come back from both.
    assert!(record["gaps"]["disconnects"].as_u64().unwrap() >= 2 * 82, "{:#}", record["gaps"]);
    assert!(record["gaps"]["resumed"].as_u64().unwrap() >= 2 * 80, "{:#}", record["gaps"]);
    assert_eq!((&record["acks"]["broken"], &record["acks"]["expired"]), (&0.into(), &0.into()));
    assert_eq!(record["acks"]["given"], record["posted"], "all were acked in the end");
}
