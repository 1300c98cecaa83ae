//! Apache Cassandra as `scripts/cassandra.sh` runs it, for the tests of the store and of the broker.
#![allow(dead_code)] // Each includes it, and uses its own part.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// One of its nodes.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pub address: SocketAddr,
    pid: u32,
}

/// It ends when the script's input does, and that is when this value or this process does.
pub struct Cassandra {
    script: Child,
    said: BufReader<ChildStdout>,
    pub servers: Vec<Server>,
}

/// One database for all tests of a program.
pub fn shared() -> SocketAddr {
    static SHARED: OnceLock<Cassandra> = OnceLock::new();
    SHARED.get_or_init(|| Cassandra::start(1)).servers[0].address
}

impl Cassandra {
    pub fn start(count: usize) -> Cassandra {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/cassandra.sh");
        let mut script = Command::new(script)
            .args(["serve", &count.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/cassandra.sh cannot be run");
        let said = BufReader::new(script.stdout.take().unwrap());
        let mut cassandra = Cassandra { script, said, servers: Vec::new() };
        for _ in 0..count {
            let server = cassandra.next();
            cassandra.servers.push(server);
        }
        cassandra
    }

    fn next(&mut self) -> Server {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        let words = line.trim().split_once(' ');
        let server = words.and_then(|(address, pid)| Some((address.parse().ok()?, pid.parse().ok()?)));
        let (address, pid) = server.expect("Cassandra did not start; what it needs is said above");
        Server { address, pid }
    }

    /// As a power cut would, but for what the system has taken.
    pub fn kill(&self, index: usize) {
        let pid = self.servers[index].pid.to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    }

    /// Starts one that was killed on what it left. The others see it when this returns.
    pub fn again(&mut self, index: usize) {
        writeln!(self.script.stdin.as_mut().unwrap(), "again {}", index + 1).unwrap();
        self.servers[index] = self.next();
    }
}
