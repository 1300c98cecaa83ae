//! Clients that mean harm, one kind after the other, beside one that does not: each is cut with the code that says why, the
//! honest one is served all the time, and the node holds no more than it was given and gives it back.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod attacks;
mod honest;
#[path = "../support/mod.rs"]
mod support;

use honest::Honest;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use support::Node;

/// All that the process may take at its highest.
const MEMORY: u64 = 512 << 20;
/// What tables keep that have grown once, and what pages that are not quite empty are worth.
const FIRST: u64 = 8 << 20;
const PAGES: u64 = 2 << 20;
/// How much longer an honest client may wait, at the 99th percentile, while others are attacking.
const MORE: u32 = 3;
/// Long enough for some three hundred of its messages.
const LONG: Duration = Duration::from_secs(3);

/// An attack that an honest client noticed is run again, so often in all.
const TRIES: usize = 3;

/// What an attack is run against.
pub struct Target {
    pub address: SocketAddr,
    pub token: String,
}

type Attack = fn(&Target);

const ATTACKS: [(&str, Attack); 9] = [
    ("half-sent requests", attacks::half_sent_requests),
    ("silent sockets", attacks::silent_sockets),
    ("one-byte fragments", attacks::one_byte_fragments),
    ("ping floods", attacks::ping_floods),
    ("pings of one that does not read", attacks::pings_without_reading),
    ("announced lengths", attacks::announced_lengths),
    ("a hundred thousand joins", attacks::joins),
    ("brackets", attacks::brackets),
    ("unfinished messages", attacks::unfinished_messages),
];

fn status_of(node: &Node, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn attackers_are_cut_and_nobody_else_notices() {
    let set = ["limits.auth_deadline=4s", "limits.connections_per_user=0", "limits.user_commands_per_second=0"];
    let set: Vec<String> = set.iter().chain(&["limits.memory=64MiB"]).map(|set| format!("--set={set}")).collect();
    let more: Vec<&str> = set.iter().map(String::as_str).chain(["--store", "memory"]).collect();
    // The node has a core of its own, as on a machine that its clients are not on. One shard: who is attacked serves them all.
    let &[its, ours, ..] = core_affinity::get_core_ids().unwrap().as_slice() else { panic!("two cores are needed") };
    assert!(core_affinity::set_for_current(its));
    let mut node = Node::start_with(1, &more);
    assert!(core_affinity::set_for_current(ours));
    let target = Target { address: node.address, token: node.token("mallory") };
    let token = node.token("honest");
    let idle = || std::thread::sleep(LONG);
    let attacked = |attack: Attack| {
        let until = Instant::now() + LONG;
        while Instant::now() < until {
            attack(&target)
        }
    };
    // What the first users cost once.
    Honest::during(target.address, &token, idle);
    // Without an honest one, whose history stays. Twice: the first round also leaves tables that have grown once.
    let mut before = status_of(&node, "RssAnon:");
    for slack in [FIRST, PAGES] {
        let enough = before + before / 10 + slack;
        for (name, attack) in ATTACKS {
            attacked(attack);
            let (after, until) = (status_of(&node, "RssAnon:"), Instant::now() + Duration::from_secs(30));
            let mut now = after;
            while now > enough {
                assert!(Instant::now() < until, "{name}: {now} bytes, {before} before");
                std::thread::sleep(Duration::from_millis(50));
                now = status_of(&node, "RssAnon:");
            }
            println!("{name}: {before} bytes before, {after} after, {now} in the end");
        }
        before = status_of(&node, "RssAnon:");
    }
    for (name, attack) in ATTACKS {
        // Whatever else the machine does is no fault of the attack: the least disturbed of three counts.
        let noticed = (0..TRIES).all(|_| {
            let alone = Honest::during(target.address, &token, idle).p99();
            let during = Honest::during(target.address, &token, || attacked(attack)).p99();
            println!("{name}: p99 {during:?}, alone {alone:?}");
            during > alone * MORE
        });
        assert!(!noticed, "{name}: an honest client waits for it");
        assert!(node.is_running(), "{name}");
    }
    let highest = status_of(&node, "VmHWM:");
    assert!(highest <= MEMORY, "{highest} bytes");
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(20)).success());
}
