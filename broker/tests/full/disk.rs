//! Ways to have no room.

use super::support::node::{Attempt, attempt_with};
use super::support::{Folder, Node};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

pub trait Disk {
    /// Whether all that is stored can be read while the disk is full.
    const READS: bool;

    /// A node on it, again and again.
    fn start(&self) -> Node;

    fn fill(&mut self, node: &Node);

    fn free(&mut self, node: &Node);
}

fn start(command: Command, data: &Arc<Folder>) -> Node {
    const NO_LIMITS: [&str; 6] =
        ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];
    match attempt_with(command, data.clone(), 2, &NO_LIMITS) {
        Attempt::Started(node) => node,
        Attempt::Refused { status, said } => panic!("no node, but {status}; the log: {said}"),
    }
}

/// No file of the node's may grow beyond a limit. Needs no privileges.
pub struct Limited(Arc<Folder>);

/// Less than the journal needs to begin a segment, more than the small files have.
const FILE_BYTES: &str = "1048576";

impl Limited {
    pub fn new() -> Limited {
        Limited(Folder::new())
    }

    fn limit(node: &Node, bytes: &str) {
        let pid = node.pid().to_string();
        let limit = format!("--fsize={bytes}:unlimited");
        assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().unwrap().success());
    }
}

impl Disk for Limited {
    /// There is room, but not for the node: its reserve does not help.
    const READS: bool = false;

    fn start(&self) -> Node {
        // The limit is to fail the write, not to end the process.
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_rookery")]);
        start(command, &self.0)
    }

    fn fill(&mut self, node: &Node) {
        Limited::limit(node, FILE_BYTES);
    }

    fn free(&mut self, node: &Node) {
        Limited::limit(node, "unlimited");
    }
}

/// A file system that a file of ours fills.
pub struct Small {
    data: Arc<Folder>,
    ballast: PathBuf,
}

impl Small {
    pub fn of_the_script() -> Small {
        let root = PathBuf::from(std::env::var("ROOKERY_SMALL_DISK").unwrap());
        Small { data: Folder::at(&root.join("data")), ballast: root.join("ballast") }
    }
}

impl Disk for Small {
    const READS: bool = true;

    fn start(&self) -> Node {
        start(Command::new(env!("CARGO_BIN_EXE_rookery")), &self.data)
    }

    fn fill(&mut self, _: &Node) {
        let mut ballast = std::fs::File::create(&self.ballast).unwrap();
        let mut piece = vec![1; 1 << 20];
        // In ever smaller pieces, to the last byte.
        while !piece.is_empty() {
            if ballast.write(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    fn free(&mut self, _: &Node) {
        std::fs::remove_file(&self.ballast).unwrap();
    }
}
