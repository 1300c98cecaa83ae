//! Backups.

use crate::fill::{self, folder};
use crate::support::client::post;
use crate::support::{Client, Folder, Heard, JSON, Node};
use crate::tool::{command, done, fails, files, run};
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::ids::Place;
use rookery_protocol::reply::Reply;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SENDERS: usize = 8;
const IN_FLIGHT: usize = 32;

type Acked = Mutex<BTreeMap<(usize, Place), String>>;

fn channel(n: usize) -> String {
    format!("load-{n}")
}

/// Posts until it is over; every ack is noted.
fn send(node: &Node, sender: usize, acked: &Acked, over: &AtomicBool) {
    let mut client = fill::enter(node, &format!("sender-{sender}"));
    let mut open = BTreeMap::new();
    let mut n = 0;
    loop {
        while open.len() < IN_FLIGHT && !over.load(Ordering::Relaxed) {
            let (body, room) = (format!("{sender}:{n}:{}", "x".repeat(200)), (n + sender) % 16);
            open.insert(client.say(&post(&channel(room), &body, None)), (room, body));
            n += 1;
        }
        if open.is_empty() {
            return;
        }
        if let Heard::Frame(ServerFrame::Reply { number, reply: Reply::Placed { place, .. } }) = client.next() {
            let (room, body) = open.remove(&number).unwrap();
            acked.lock().unwrap().insert((room, place), body);
        }
    }
}

/// Messages of a room, oldest first.
fn read(client: &mut Client, room: usize) -> Vec<(Place, u64, String)> {
    let mut all: Vec<(Place, u64, String)> = Vec::new();
    loop {
        let from = all.last().map_or(HistoryFrom::FromOldest(0), |(place, ..)| HistoryFrom::After(*place));
        let room = crate::support::client::room(&channel(room));
        let Reply::History(page) = client.ask(&Command::History { room, from, limit: 100, thread: None }) else {
            panic!("no history")
        };
        let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
        all.extend(page.messages.iter().map(|message| (message.place, message.ordinal, text(&message.body))));
        if !page.more_after || page.messages.is_empty() {
            return all;
        }
    }
}

#[test]
fn a_running_nodes_backup_has_all_that_was_acked_before() {
    let node = fill::node(Folder::new());
    let (acked, over) = (Acked::default(), AtomicBool::new(false));
    let root = tempfile::tempdir().unwrap();
    let befores: Vec<_> = std::thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (node, acked, over) = (&node, &acked, &over);
            scope.spawn(move || send(node, sender, acked, over));
        }
        let befores = (0..3)
            .map(|n| {
                while acked.lock().unwrap().len() < (n + 1) * 1500 {
                    std::thread::yield_now();
                }
                let before = acked.lock().unwrap().clone();
                done("backup", node.data.path(), &[root.path().join(format!("backup {n}")).to_str().unwrap()]);
                before
            })
            .collect();
        over.store(true, Ordering::Relaxed);
        befores
    });
    let all = acked.into_inner().unwrap();
    for (n, before) in befores.iter().enumerate() {
        let path = root.path().join(format!("backup {n}"));
        done("verify", &path, &[]);
        let copy = Folder::new();
        crate::tool::copy(&path, copy.path());
        let second = fill::node(copy);
        let mut client = fill::enter(&second, "judge");
        let mut found = BTreeMap::new();
        for room in 0..16 {
            for (index, (place, ordinal, body)) in read(&mut client, room).into_iter().enumerate() {
                assert_eq!(ordinal, index as u64 + 1, "a hole in room {room}");
                found.insert((room, place), body);
            }
        }
        for (at, body) in before {
            assert_eq!(found.get(at), Some(body), "backup {n} lacks what was acked before it began");
        }
        for (at, body) in &found {
            assert!(all.get(at).is_none_or(|acked| acked == body), "another message at {at:?}");
        }
        assert!(client.post(&channel(0), "and on").epoch > found.keys().next_back().unwrap().1.epoch);
    }
    assert!(befores[0].len() < befores[1].len() && befores[1].len() < befores[2].len());
}

#[test]
fn a_stopped_nodes_backup_is_the_same() {
    let (_data, path) = folder();
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("backup");
    let before = files(&path);
    // An empty folder is as good as none.
    std::fs::create_dir(&target).unwrap();
    done("backup", &path, &[target.to_str().unwrap()]);
    let same = files(&path) == before;
    assert!(same, "a backup has changed the folder");
    done("verify", &target, &[]);
    assert!(done("export", &target, &[]) == done("export", &path, &[]));
}

#[test]
fn a_target_that_cannot_be_is_said() {
    let (_data, path) = folder();
    let root = tempfile::tempdir().unwrap();
    let full = root.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("mine"), "keep").unwrap();
    let said = fails("backup", &path, &[full.to_str().unwrap()], 73);
    assert!(said.contains("not empty"), "{said}");
    let said = fails("backup", &path, &[path.join("inside").to_str().unwrap()], 73);
    assert!(said.contains("inside the data folder"), "{said}");
    let said = fails("backup", &path, &[root.path().join("no/such/folder").to_str().unwrap()], 73);
    assert!(said.contains("no/such/folder"), "{said}");
    let said = fails("backup", &path, &["/"], 73);
    assert!(said.contains('/'), "{said}");
    // The same from a node.
    let node = fill::node(Folder::new());
    let said = fails("backup", node.data.path(), &[full.to_str().unwrap()], 73);
    assert!(said.contains("not empty"), "{said}");
    assert_eq!(std::fs::read(full.join("mine")).unwrap(), b"keep");
    let memory = Node::start_with(1, &["--store", "memory"]);
    let said = fails("backup", memory.data.path(), &[root.path().join("none").to_str().unwrap()], 69);
    assert!(said.contains("in memory"), "{said}");
}

/// Killed at many moments, with a node and without one: no folder that a node would start on, and the next one succeeds.
#[test]
fn a_killed_backup_is_none() {
    let running = fill::node(Folder::new());
    fill::talk(&running);
    let (_stopped, path) = folder();
    let root = tempfile::tempdir().unwrap();
    for (name, data) in [("running", running.data.path()), ("stopped", path.as_path())] {
        let target = |kill: usize| root.path().join(format!("{name} {kill}"));
        let begun = Instant::now();
        done("backup", data, &[target(0).to_str().unwrap()]);
        let whole = begun.elapsed();
        let mut in_the_middle = 0;
        // At every eighth of the time that a whole one takes, until enough of them came before the end.
        for kill in 1.. {
            if kill >= 8 && in_the_middle >= 3 {
                break;
            }
            assert!(kill < 200, "hardly ever killed in the middle");
            in_the_middle += usize::from(is_killed(data, &target(kill), whole / 8 * (kill as u32 % 8)));
        }
    }
}

/// The last moment before a backup has its name: all of it is there. And a folder of that name that a node has used.
#[test]
fn one_that_was_killed_before_it_had_its_name_is_made_anew() {
    let (_data, path) = folder();
    let root = tempfile::tempdir().unwrap();
    let (target, part) = (root.path().join("copy"), root.path().join("copy.part"));
    done("backup", &path, &[part.to_str().unwrap()]);
    assert!(!part.join("backup.tmp").exists(), "a backup that has its name says that it has none");
    std::fs::write(part.join("backup.tmp"), "").unwrap();
    done("backup", &path, &[target.to_str().unwrap()]);
    assert!(!part.exists());
    // The same, but somebody has started a node on it meanwhile.
    std::fs::rename(&target, &part).unwrap();
    std::fs::write(part.join("backup.tmp"), "").unwrap();
    drop(Node::start_in(Folder::at(&part), 1, &[]));
    let said = fails("backup", &path, &[target.to_str().unwrap()], 73);
    assert!(said.contains("copy.part") && part.join("format").exists(), "{said}");
}

/// Whether it was killed before its end. Whatever is left then is none, or whole.
fn is_killed(data: &Path, target: &Path, after: Duration) -> bool {
    let mut child = command("backup", data).arg(target).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The moment of the kill; correctness does not hang on it.
    std::thread::sleep(after);
    child.kill().unwrap();
    let killed = !child.wait().unwrap().success();
    // A node notices that nobody waits any more, or has come to the end by then.
    if target.exists() {
        done("verify", target, &[]);
        return killed;
    }
    assert!(killed);
    let part = target.with_extension("part");
    // A node may still be at it, and about to give it its name: then all of it is there.
    if part.join("format").exists() {
        assert!(run("verify", &part, &[]).status == 0 || target.exists(), "half of it looks like a node's folder");
    }
    let again = || run("backup", data, &[target.to_str().unwrap()]);
    let deadline = Instant::now() + Duration::from_secs(30);
    while again().status != 0 && !target.join("format").exists() {
        assert!(Instant::now() < deadline, "{}", again().error);
    }
    done("verify", target, &[]);
    killed
}

#[test]
fn the_control_door_is_for_its_own_user_and_takes_no_nonsense() {
    use std::io::{Read, Write};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;
    let node = fill::node(Folder::new());
    let door = node.data.path().join("control");
    assert_eq!(std::fs::metadata(&door).unwrap().permissions().mode() & 0o777, 0o600);
    for nonsense in ["hello\n", "{\"do\":\"dance\"}\n", "{\"do\":\"backup\",\"target\":\"relative\"}\n", "{"] {
        let mut stream = UnixStream::connect(&door).unwrap();
        stream.write_all(nonsense.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(said.starts_with("{\"failed\":{\"status\":64,"), "{nonsense}: {said}");
    }
    let mut client = Client::enter(node.address, JSON, &node.token("alice"));
    client.post("still", "here");
    let (_data, path) = fill::stop(node);
    assert!(!path.join("control").exists());
}
