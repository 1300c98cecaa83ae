//! A real node as a child process, killed when it is dropped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const SECRET: &str = "of a node that lives for seconds, on loopback only";

pub struct Node {
    child: Child,
    pub address: SocketAddr,
    /// From exec to the line that it listens.
    pub ready: Duration,
    log: PathBuf,
    _lines: BufReader<std::process::ChildStdout>,
}

impl Node {
    pub fn start(broker: &Path, data: &Path) -> Node {
        let log = data.join("log");
        let mut command = Command::new(broker);
        command.args(["serve", "--listen", "127.0.0.1:0", "--shards", "1", "--data"]).arg(data);
        command.args([
            "--commands-per-second",
            "0",
            "--user-commands-per-second",
            "0",
            "--room-events-per-second",
            "0",
        ]);
        command.env("ROOKERY_AUTH__SECRET", SECRET).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let begun = Instant::now();
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        lines.read_line(&mut first).unwrap();
        let ready = begun.elapsed();
        let address = first.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        let address = address.unwrap_or_else(|| panic!("{first:?}: {}", std::fs::read_to_string(&log).unwrap()));
        Node { child, address, ready, log, _lines: lines }
    }

    /// Memory that belongs to the process alone, in MiB.
    pub fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
    }

    /// A field of the log's line about how the store was opened.
    pub fn opened(&self, field: &str) -> f64 {
        let log = std::fs::read_to_string(&self.log).unwrap();
        let line = log.lines().find(|line| line.contains("store_opened")).unwrap_or_else(|| panic!("{log}"));
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line[field].as_f64().unwrap_or_else(|| panic!("{line} has no {field}"))
    }

    pub fn token(broker: &Path, data: &Path) -> String {
        let mut command = Command::new(broker);
        command.args(["token", "ann", "--data"]).arg(data).env("ROOKERY_AUTH__SECRET", SECRET);
        String::from_utf8(command.output().unwrap().stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
