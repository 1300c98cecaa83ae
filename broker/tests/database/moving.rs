//! A node moves from its folder to the database while people talk: nothing that was acked is lost, doubled or moved, whoever is
//! killed meanwhile; and two stores that differ are never taken for each other.

use crate::server::Keyspace;
use crate::support::node::{Attempt, attempt};
use crate::support::{Folder, Node};
use crate::talk::{Talker, judged, sight, story};
use std::io::{BufRead, BufReader, Read};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BEFORE: u64 = 3000;

fn embedded(data: Arc<Folder>) -> Node {
    let unlimited = ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];
    Node::start_in(data, 2, &unlimited)
}

fn stop(mut node: Node) -> Arc<Folder> {
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(60)).success());
    node.data.clone()
}

/// What the tool says, line by line, as it comes.
struct Said {
    tool: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    all: Vec<String>,
}

impl Said {
    fn by(mut tool: Child) -> Said {
        let lines = BufReader::new(tool.stdout.take().unwrap()).lines();
        Said { tool, lines, all: Vec::new() }
    }

    /// Reads on until one of these begins a line.
    fn until(&mut self, beginnings: &[&str]) -> String {
        loop {
            let Some(line) = self.lines.next() else { panic!("none of {beginnings:?}: {}", self.end()) };
            let line = line.unwrap();
            self.all.push(line.clone());
            if beginnings.iter().any(|beginning| line.starts_with(beginning)) {
                return line;
            }
        }
    }

    fn end(&mut self) -> String {
        let status = self.tool.wait().unwrap();
        let mut error = String::new();
        self.tool.stderr.take().unwrap().read_to_string(&mut error).unwrap();
        format!("{:?}, {error}, {:?}", status.code(), self.all)
    }

    /// It must say that it is moved.
    fn is_moved(&mut self) {
        self.until(&["moved:"]);
        let end = self.end();
        assert!(end.starts_with("Some(0)"), "{end}");
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        let _ = self.tool.kill();
        let _ = self.tool.wait();
    }
}

/// Lets everybody talk while something else happens.
fn meanwhile<T>(node: &Node, talkers: &mut [Talker], work: impl FnOnce() -> T) -> T {
    struct Enough<'a>(&'a AtomicBool);
    impl Drop for Enough<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let is_over = &is_over;
        for talker in talkers {
            threads.spawn(move || talker.go_on(node, is_over));
        }
        let _enough = Enough(is_over);
        work()
    })
}

/// Judges a folder that was moved: by the node that moved it, and by the next one.
fn judge_moved(keyspace: &Keyspace, node: Node, talkers: &mut [Talker], seen: &[String]) {
    talkers.iter_mut().for_each(|talker| talker.say(&node, 40, 8));
    let messages = judged(&node, talkers);
    assert_eq!(sight(&node), seen);
    let data = stop(node);
    assert!(!data.path().join("moving").exists() && !data.path().join("feeds/move").exists());
    match attempt(data.clone(), 2, &[]) {
        Attempt::Started(_) => panic!("it started on what was moved"),
        Attempt::Refused { said, .. } => assert!(said.contains("start with --store scylla"), "{said}"),
    }
    // The old store is needed by nobody.
    std::fs::remove_dir_all(data.path().join("store")).unwrap();
    let node = keyspace.start(data, keyspace.way().address);
    assert_eq!(judged(&node, talkers), messages);
    assert_eq!(sight(&node), seen);
    talkers.iter_mut().for_each(|talker| talker.say(&node, 40, 8));
    assert_eq!(judged(&node, talkers), messages + 40 * talkers.len());
}

#[test]
fn a_node_moves_while_people_talk() {
    let keyspace = Keyspace::new();
    let way = keyspace.way();
    let node = embedded(Folder::new());
    let mut talkers: Vec<Talker> = (1..=2).map(Talker::new).collect();
    talkers.iter_mut().for_each(|talker| talker.say(&node, BEFORE / 2, 64));
    story(&node);
    let seen = sight(&node);
    meanwhile(&node, &mut talkers, || {
        let mut first = Said::by(keyspace.move_there(&node.data, way.address));
        first.until(&["copy", "fill", "follow", "verify"]);
        // Whoever asks again is shown the same one, and whoever goes away ends nothing.
        drop(first);
        Said::by(keyspace.move_there(&node.data, way.address)).is_moved();
    });
    judge_moved(&keyspace, node, &mut talkers, &seen);
}

/// What the progress file says.
fn phase(data: &Folder) -> String {
    let text = std::fs::read_to_string(data.path().join("moving/state")).unwrap();
    let (_, rest) = text.split_once("\"phase\":\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[test]
fn a_node_that_is_killed_in_every_phase_goes_on_with_its_move() {
    let keyspace = Keyspace::new();
    let way = keyspace.way();
    let mut node = embedded(Folder::new());
    let mut talkers: Vec<Talker> = (1..=2).map(Talker::new).collect();
    talkers.iter_mut().for_each(|talker| talker.say(&node, BEFORE / 2, 64));
    story(&node);
    let seen = sight(&node);
    let mut killed = Vec::new();
    for phases in [&["fill"][..], &["follow", "verify"], &["verify"]] {
        let data = node.data.clone();
        meanwhile(&node, &mut talkers, || {
            let mut said = Said::by(keyspace.move_there(&data, way.address));
            if !killed.is_empty() {
                said.until(&["waiting"]);
                way.mend();
            }
            said.until(phases);
            node.signal("-KILL");
        });
        killed.push(phase(&data));
        way.cut();
        drop(node);
        node = embedded(data);
        if killed.len() == 1 {
            // Enough to follow for a while.
            talkers.iter_mut().for_each(|talker| talker.say(&node, 4000, 64));
        }
    }
    println!("killed in {killed:?}");
    assert_eq!(killed[0], "fill");
    assert_eq!(killed[2], "both");
    meanwhile(&node, &mut talkers, || {
        let mut said = Said::by(keyspace.move_there(&node.data, way.address));
        said.until(&["waiting"]);
        way.mend();
        said.is_moved();
    });
    judge_moved(&keyspace, node, &mut talkers, &seen);
}

#[test]
fn a_difference_ends_the_move_and_the_next_one_mends_it() {
    let keyspace = Keyspace::new();
    let way = keyspace.way();
    let node = embedded(Folder::new());
    let mut talkers = [Talker::new(1)];
    talkers[0].say(&node, 300, 64);
    story(&node);
    let seen = sight(&node);
    meanwhile(&node, &mut talkers, || {
        let mut said = Said::by(keyspace.move_there(&node.data, way.address));
        // Whoever is still filling writes the rooms since the last note again.
        said.until(&["follow", "verify"]);
        way.cut();
        said.until(&["waiting"]);
        // A row that the node believes to be there, in a room where nobody talks: following writes the others' rows again.
        let found = keyspace.say(
            "SELECT realm, kind, name, tbl, row_key FROM {ks}.room_rows WHERE name = 'office' AND tbl = 2 LIMIT 1 ALLOW FILTERING",
        );
        let rows = found.into_rows_result().unwrap();
        let (realm, kind, name, table, key) = rows.first_row::<(String, i8, String, i8, Vec<u8>)>().unwrap();
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        keyspace.say(&format!(
            "DELETE FROM {{ks}}.room_rows WHERE realm = '{realm}' AND kind = {kind} AND name = '{name}' \
             AND tbl = {table} AND row_key = 0x{key}"
        ));
        way.mend();
        let end = loop {
            match said.lines.next() {
                Some(line) => said.all.push(line.unwrap()),
                None => break said.end(),
            }
        };
        assert!(end.starts_with("Some(69)") && end.contains("differ") && end.contains(&name), "{end}");
    });
    assert_eq!(phase(&node.data), "failed");
    assert!(node.log().contains("room_differs"));
    talkers[0].say(&node, 40, 8);
    judged(&node, &talkers);
    assert_eq!(sight(&node), seen);
    // The node is still one with a folder, and can be started so.
    let node = embedded(stop(node));
    judged(&node, &talkers);
    meanwhile(&node, &mut talkers, || Said::by(keyspace.move_there(&node.data, way.address)).is_moved());
    judge_moved(&keyspace, node, &mut talkers, &seen);
}

#[test]
fn what_cannot_be_moved_is_said() {
    let (keyspace, other) = (Keyspace::new(), Keyspace::new());
    let way = keyspace.way();
    let node = embedded(Folder::new());
    Talker::new(1).say(&node, 20, 8);
    // Somebody else's.
    let theirs = other.start(Folder::new(), way.address);
    Talker::new(1).say(&theirs, 20, 8);
    let theirs = stop(theirs);
    let mut said = Said::by(other.move_there(&node.data, way.address));
    let end = loop {
        if said.lines.next().is_none() {
            break said.end();
        }
    };
    assert!(end.starts_with("Some(69)") && end.contains("is not empty"), "{end}");
    // A move that is given up: the folder has it all, and nobody waits for anything.
    way.cut();
    let mut said = Said::by(keyspace.move_there(&node.data, way.address));
    said.until(&["waiting"]);
    let stopped = std::process::Command::new(env!("CARGO_BIN_EXE_rookery"))
        .args(["store", "move", "--stop", "--data"])
        .arg(node.data.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&stopped.stdout), "stopped\n");
    while said.lines.next().is_some() {}
    let end = said.end();
    assert!(end.contains("it was stopped"), "{end}");
    assert_eq!(phase(&node.data), "stopped");
    assert!(!node.data.path().join("feeds/move").exists() && !node.data.path().join("moving/copy").exists());
    let data = stop(node);
    // Its history is in its own files, and is not looked for in a database; nor is there a node to ask.
    way.mend();
    let keyspace_name = ["--store", "scylla", "--scylla-nodes", &way.address.to_string()].map(str::to_owned);
    let more: Vec<&str> = keyspace_name.iter().map(String::as_str).collect();
    match attempt(data.clone(), 2, &more) {
        Attempt::Started(_) => panic!("it started on an empty keyspace"),
        Attempt::Refused { said, .. } => assert!(said.contains("rookery store move"), "{said}"),
    }
    let mut said = Said::by(keyspace.move_there(&data, way.address));
    let end = said.end();
    assert!(end.starts_with("Some(69)") && end.contains("no node runs"), "{end}");
    drop(theirs);
}
