//! A node as a child process: its own port and data folder, ended by the id it was started with.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A data folder.
pub struct Folder {
    path: PathBuf,
    /// Gone with it.
    _own: Option<TempDir>,
}

impl Folder {
    pub fn new() -> Arc<Folder> {
        let own = tempfile::tempdir().unwrap();
        Arc::new(Folder { path: own.path().to_owned(), _own: Some(own) })
    }

    /// One that somebody else looks after.
    pub fn at(path: &Path) -> Arc<Folder> {
        std::fs::create_dir_all(path).unwrap();
        Arc::new(Folder { path: path.to_owned(), _own: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

pub struct Node {
    child: Child,
    pub address: SocketAddr,
    pub data: Arc<Folder>,
    lines: BufReader<std::process::ChildStdout>,
}

/// Long enough for every test, and never in a log.
pub const SECRET: &str = "a test's secret of more than thirty-two bytes";

/// What became of a start.
pub enum Attempt {
    Started(Node),
    Refused { status: ExitStatus, said: String },
}

pub fn attempt(data: Arc<Folder>, shards: u8, more: &[&str]) -> Attempt {
    attempt_with(Command::new(env!("CARGO_BIN_EXE_rookery")), data, shards, more)
}

/// `command` is, or becomes, a node.
pub fn attempt_with(mut command: Command, data: Arc<Folder>, shards: u8, more: &[&str]) -> Attempt {
    let log = OpenOptions::new().create(true).append(true).open(data.path().join("log")).unwrap();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--shards", &shards.to_string()])
        .arg("--data")
        .arg(data.path())
        .args(more)
        .env("ROOKERY_AUTH__SECRET", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log);
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    if first.is_empty() {
        let said = std::fs::read_to_string(data.path().join("log")).unwrap_or_default();
        return Attempt::Refused { status: child.wait().unwrap(), said };
    }
    let address = first.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let address = address.unwrap_or_else(|| panic!("the first line names the address: {first:?}"));
    Attempt::Started(Node { child, address, data, lines })
}

impl Node {
    pub fn start(shards: u8) -> Node {
        Node::start_with(shards, &[])
    }

    pub fn start_with(shards: u8, more: &[&str]) -> Node {
        Node::start_in(Folder::new(), shards, more)
    }

    /// On a folder that another node may have left.
    pub fn start_in(data: Arc<Folder>, shards: u8, more: &[&str]) -> Node {
        match attempt(data, shards, more) {
            Attempt::Started(node) => node,
            Attempt::Refused { status, said } => panic!("no node, but {status}; the log: {said}"),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A token of this node's secret.
    pub fn token(&self, user: &str) -> String {
        self.token_with(user, &[])
    }

    pub fn token_with(&self, user: &str, more: &[&str]) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_rookery"))
            .args(["token", user])
            .arg("--data")
            .arg(self.data.path())
            .args(more)
            .env("ROOKERY_AUTH__SECRET", SECRET)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Memory of the process that is not file-backed, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("RssAnon:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// What the node has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.path().join("log")).unwrap()
    }

    /// Where its own address for operators is, as the log says.
    pub fn watch_address(&self) -> SocketAddr {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let log = self.log();
            let line = log.lines().find(|line| line.contains("watch_open"));
            if let Some(rest) = line.and_then(|line| line.split_once(r#""address":""#)) {
                return rest.1.split('"').next().unwrap().parse().unwrap();
            }
            assert!(Instant::now() < until, "no address in {log}");
            std::thread::yield_now();
        }
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// The folder of one that is at its end.
    pub fn over(mut self) -> Arc<Folder> {
        self.wait(Duration::from_secs(30));
        self.data.clone()
    }

    /// Waits for the end that was asked for.
    pub fn wait(&mut self, at_most: Duration) -> ExitStatus {
        let deadline = Instant::now() + at_most;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "still running after {at_most:?}");
            std::thread::yield_now();
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the node's log ends: {}", self.log().lines().rev().take(20).collect::<Vec<_>>().join(" | "));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
