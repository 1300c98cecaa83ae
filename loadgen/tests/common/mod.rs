//! A floor server as a child process, and runs against it, for tests.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

pub const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");

/// A floor server that ends with the test.
pub struct Floor {
    pub child: Child,
    pub address: String,
}

impl Floor {
    pub fn start(mode: &str, overhead: u16) -> Floor {
        Floor::with(&["--mode", mode, "--frame-overhead", &overhead.to_string()])
    }

    pub fn with(args: &[&str]) -> Floor {
        let mut child = Command::new(LOADGEN).arg("floor").args(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Floor { child, address: address.trim().to_owned() }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A short run of a scenario over the floor's language.
pub fn run(target: &str, scenario: &str, more: &[&str]) -> Output {
    Command::new(LOADGEN)
        .args(["run", scenario, "--target", &format!("ws://{target}"), "--language", "floor"])
        .args(["--seconds", "0.3", "--warm-up", "0.05", "--json"])
        .args(more)
        .output()
        .unwrap()
}

/// What it wrote down.
pub fn record(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no record, but: {text}"))
}

pub fn assert_faultless(record: &Value) {
    for fault in ["lost", "duplicated", "reordered", "unexpected", "damaged", "refused"] {
        assert_eq!(record["faults"][fault], 0, "{fault} in {record:#}");
    }
    assert!(record["verdict"]["word"] != "FAIL", "{record:#}");
}

/// What this program counted on its connections and what the kernel counted on them differ by less than one per cent.
pub fn assert_counted_alike(record: &Value) {
    for (ours, kernel) in [("bytes_in", "kernel_bytes_in"), ("bytes_out", "kernel_bytes_out")] {
        let [ours, kernel] = [ours, kernel].map(|name| record["carried"][name].as_f64().unwrap());
        assert!(kernel > 0.0 && (ours - kernel).abs() < kernel / 100.0, "{ours} and {kernel}: {record:#}");
    }
}
