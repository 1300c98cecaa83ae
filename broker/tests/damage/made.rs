//! Data folders with something in every kind of file, left by real nodes: one stopped in order, one killed, and one
//! killed whose settled store was far behind.

use super::support::client::{post, room};
use super::support::{BINARY, Client, Folder, Node};
use rookery_protocol::command::Command;
use rookery_protocol::ids::{DuplicateKey, Place};
use rookery_protocol::reply::Reply;
use rookery_storage::dice::Dice;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::settled::Settled;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub const ROOMS: usize = 12;
const EACH: u64 = 40;

pub fn room_name(room: usize) -> String {
    format!("room-{room}")
}

/// A data folder, and what it has.
pub struct Made {
    pub data: Arc<Folder>,
    /// What was acked, of each room.
    pub posted: Vec<BTreeMap<Place, String>>,
    /// The node was stopped in order. If it was not, a damaged end of its journal looks like one that was never written.
    pub closed: bool,
}

struct Poster {
    dice: Dice,
    n: u64,
    posted: Vec<BTreeMap<Place, String>>,
}

impl Poster {
    /// Bodies do not compress, so each can be found in the files.
    fn body(&mut self) -> String {
        let noise: String = (0..12).map(|_| format!("{:016x}", self.dice.roll())).collect();
        format!("{}:{noise}", self.n)
    }

    fn post(&mut self, client: &mut Client, at: usize) {
        self.n += 1;
        let body = self.body();
        let key = DuplicateKey::Stream { stream: 7, n: self.n };
        let Reply::Placed { place, .. } = client.ask(&post(&room_name(at), &body, Some(key))) else {
            panic!("not placed");
        };
        self.posted[at].insert(place, body);
    }

    fn all_rooms(&mut self, node: &Node) -> Client {
        let mut client = Client::enter(node.address, BINARY, &node.token("poster"));
        for _ in 0..EACH {
            (0..ROOMS).for_each(|at| self.post(&mut client, at));
        }
        client
    }

    /// Edits and deletes some of what is there.
    fn change(&mut self, client: &mut Client) {
        for at in 0..ROOMS {
            let places: Vec<Place> = self.posted[at].keys().copied().collect();
            let edited = places[self.dice.below(places.len() as u64) as usize];
            let body = self.body();
            let (room, new) = (room(&room_name(at)), body.as_bytes().into());
            let edit = Command::Edit { room, target: edited, kind: None, body: new, metadata: None, ack: None };
            assert!(matches!(client.ask(&edit), Reply::Placed { .. }));
            self.posted[at].insert(edited, body);
        }
    }
}

fn start(data: Arc<Folder>) -> Node {
    const NO_LIMITS: [&str; 6] =
        ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];
    Node::start_in(data, 1, &NO_LIMITS)
}

fn end(mut node: Node) -> Arc<Folder> {
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(30)).success());
    node.over()
}

/// What is in the folder, as it is now.
fn left(data: &Folder, posted: &[BTreeMap<Place, String>], closed: bool) -> Made {
    let left = Folder::new();
    copy(data.path(), left.path());
    Made { data: left, posted: posted.to_vec(), closed }
}

pub fn folders() -> Vec<Made> {
    let mut poster = Poster { dice: Dice::new(5), n: 0, posted: vec![BTreeMap::new(); ROOMS] };
    let data = Folder::new();
    let node = start(data.clone());
    let mut client = poster.all_rooms(&node);
    poster.change(&mut client);
    end(node);
    // Everything into tables, as it would be after some hours.
    let settled = Embedded::open(&data.path().join("store"), &EmbeddedOptions::default()).unwrap();
    settled.compact().unwrap();
    drop(settled);
    let node = start(data.clone());
    poster.all_rooms(&node);
    end(node);
    let stopped = left(&data, &poster.posted, true);
    let node = start(data.clone());
    poster.all_rooms(&node);
    node.signal("-KILL");
    let data = node.over();
    let killed = left(&data, &poster.posted, false);
    // Nothing that the last run settled had reached the disk.
    let behind = left(&data, &poster.posted, false);
    let store = behind.data.path().join("store");
    std::fs::remove_dir_all(&store).unwrap();
    copy(&stopped.data.path().join("store"), &store);
    vec![stopped, killed, behind]
}

/// A folder without its log and without the nothing at the ends of its files. A file with two names stays one.
pub fn copy(from: &Path, to: &Path) {
    copy_files(from, to, &mut BTreeMap::new());
}

fn copy_files(from: &Path, to: &Path, done: &mut BTreeMap<u64, PathBuf>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_name() == "log" {
            continue;
        }
        if path.is_dir() {
            copy_files(&path, &target, done);
            continue;
        }
        if !entry.file_type().unwrap().is_file() {
            // The control door of a node that is gone.
            continue;
        }
        let copied = done.entry(entry.metadata().unwrap().ino()).or_insert_with(|| target.clone());
        if *copied != target {
            std::fs::hard_link(copied, &target).unwrap();
            continue;
        }
        let bytes = used(&path);
        std::fs::write(&target, &bytes).unwrap();
        let size = std::fs::metadata(&path).unwrap().len();
        std::fs::File::options().write(true).open(&target).unwrap().set_len(size).unwrap();
    }
}

/// A file up to the last block of it that is not empty. Files with room taken in advance are not read to their ends.
pub fn used(path: &Path) -> Vec<u8> {
    use std::io::Read;
    const EMPTY: usize = 1 << 20;
    let mut file = std::fs::File::open(path).unwrap();
    let (mut bytes, mut piece) = (Vec::new(), vec![0; EMPTY]);
    loop {
        let read = file.read(&mut piece).unwrap();
        let nothing = piece[..read].iter().all(|byte| *byte == 0);
        if read == 0 || nothing {
            break;
        }
        bytes.extend_from_slice(&piece[..read]);
    }
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    bytes
}
