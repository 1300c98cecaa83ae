//! A floor server as a child process, for tests that talk to one.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

pub const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");

/// A floor server that ends with the test.
pub struct Floor {
    pub child: Child,
    pub address: String,
}

impl Floor {
    pub fn start(mode: &str, overhead: u16) -> Floor {
        let mut child = Command::new(LOADGEN)
            .args(["floor", "--mode", mode, "--frame-overhead", &overhead.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
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
