//! Many rooms on disk of which a thousand are live, beside a store that has only those: memory and start.

use super::client::Client;
use super::node::Node;
use super::shard::{record, room};
use super::{line, size};
use rookery_storage::ask::Position;
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::{Batch, Entry, Settled};
use std::path::Path;

const LIVE: u64 = 1000;
const GROUP: u64 = 1024;

/// Starts and memories of a node on so many rooms: started, and with its live rooms read.
struct Found {
    ready_ms: f64,
    idle_mib: f64,
    live_mib: f64,
    disk_mib: u64,
}

fn fill(data: &Path, rooms: u64) {
    let settled = Embedded::open(&data.join("store"), &EmbeddedOptions::default()).unwrap();
    for first in (0..rooms).step_by(GROUP as usize) {
        let entry = |n: u64| {
            let mut batch = Batch::new(room(&format!("room-{n}")));
            batch.events.push(record(1, format!("the first message of room {n}").as_bytes()));
            Entry::new(Position(n + 1), batch)
        };
        settled.apply((first..rooms.min(first + GROUP)).map(entry).collect()).unwrap();
    }
    settled.sync(Position(rooms)).unwrap();
}

fn measure(folder: &Path, broker: &Path, rooms: u64) -> Found {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let data = folder.path();
    fill(data, rooms);
    // The first start may have something to tidy up.
    drop(Node::start(broker, data));
    let mut ready: Vec<f64> = (0..5).map(|_| Node::start(broker, data).ready.as_secs_f64() * 1e3).collect();
    ready.sort_by(f64::total_cmp);
    let node = Node::start(broker, data);
    let idle = node.memory();
    let mut client = Client::enter(node.address, &Node::token(broker, data));
    for n in 0..LIVE {
        assert_eq!(client.newest(&format!("room-{}", n * (rooms / LIVE))), 1);
    }
    Found { ready_ms: ready[2], idle_mib: idle, live_mib: node.memory(), disk_mib: size(data) >> 20 }
}

pub fn run(folder: &Path, broker: &Path, rooms: u64) {
    let few = measure(folder, broker, LIVE);
    let many = measure(folder, broker, rooms);
    for (rooms, found) in [(LIVE, &few), (rooms, &many)] {
        let Found { ready_ms, idle_mib, live_mib, disk_mib } = found;
        println!("{rooms} rooms on disk ({disk_mib} MiB)");
        line("  from exec to listening, median of 5", &format!("{ready_ms:.0} ms"), "");
        line("  memory when it listens", &format!("{idle_mib:.1} MiB"), "");
        line("  memory with 1,000 rooms live", &format!("{live_mib:.1} MiB"), "");
    }
    let ratio = |many: f64, few: f64| format!("{:.2} x", many / few);
    line("start, many rooms beside few", &ratio(many.ready_ms, few.ready_ms), "");
    line("memory with 1,000 live, many rooms beside few", &ratio(many.live_mib, few.live_mib), "");
}
