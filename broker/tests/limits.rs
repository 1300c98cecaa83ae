//! Limits are exact: what a bucket lets through is its burst and its rate times the time, to one command, and a cap is never
//! exceeded, however many come at once.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;
use std::sync::Barrier;
use std::time::{Duration, Instant};
use support::client::post;
use support::{BINARY, Client, JSON, Node};

const RATE: u32 = 50;
const BURST: u32 = 60;
const FOR: Duration = Duration::from_secs(3);
/// Between two commands: faster than any rate here, and few enough not to be cut for it.
const EVERY: Duration = Duration::from_millis(6);

/// What one or many were let do, and when.
struct Taken {
    accepted: u32,
    refused: u32,
    /// From the first command's start to the last answer, and from the first answer to the last command's start: the
    /// node's own time lies between.
    longest: Duration,
    shortest: Duration,
}

impl Taken {
    fn assert_exact(&self, rate: u32, burst: u32) {
        let allowed = |time: Duration| f64::from(burst) + f64::from(rate) * time.as_secs_f64();
        let (least, most) = (allowed(self.shortest) - 1.0, allowed(self.longest) + 1.0);
        let accepted = f64::from(self.accepted);
        assert!(least <= accepted && accepted <= most, "{accepted} accepted, and it is {least} to {most}");
        assert!(self.refused > 100, "hardly anything was refused: {}", self.refused);
    }
}

/// Each asks in its turn, as fast as it may be refused.
fn hammer(clients: &mut [Client], command: impl Fn(usize) -> Command) -> Taken {
    let (mut accepted, mut refused) = (0, 0);
    let began = Instant::now();
    let (mut first, mut last_began, mut due) = (None, began, began);
    let mut turn = 0;
    while began.elapsed() < FOR {
        let at = turn % clients.len();
        last_began = Instant::now();
        match clients[at].ask(&command(turn)) {
            Reply::Refused(refusal) => {
                assert_eq!(refusal.code, ErrorCode::RateLimited, "{refusal:?}");
                let wait = refusal.retry_after_ms;
                assert!(0 < wait && wait <= 1000, "{refusal:?}");
                refused += 1;
            }
            _ => accepted += 1,
        }
        first.get_or_insert_with(Instant::now);
        turn += 1;
        due += EVERY;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    let shortest = last_began.saturating_duration_since(first.unwrap());
    Taken { accepted, refused, longest: began.elapsed(), shortest }
}

fn node(shards: u8, set: &[&str]) -> Node {
    let set: Vec<String> = set.iter().map(|set| format!("--set=limits.{set}")).collect();
    Node::start_with(shards, &set.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_connections_commands() {
    for tongue in [JSON, BINARY] {
        let rate = [format!("commands_per_second={RATE}"), format!("commands_burst={BURST}")];
        let node = node(1, &[&rate[0], &rate[1], "user_commands_per_second=0"]);
        let mut client = Client::enter(node.address, tongue, &node.token("ann"));
        // Getting in is a command, too; a full bucket again before it is counted.
        std::thread::sleep(Duration::from_millis(100));
        hammer(std::slice::from_mut(&mut client), |_| Command::Ping).assert_exact(RATE, BURST);
        // Who waits as long as it is told is let through.
        let wait = loop {
            if let Reply::Refused(refusal) = client.ask(&Command::Ping) {
                break refusal.retry_after_ms;
            }
        };
        std::thread::sleep(Duration::from_millis(u64::from(wait) + 1));
        assert!(!matches!(client.ask(&Command::Ping), Reply::Refused(_)), "told to wait {wait} ms");
    }
}

#[test]
fn a_users_commands_over_all_its_connections() {
    let rate = [format!("user_commands_per_second={RATE}"), format!("user_commands_burst={BURST}")];
    let node = node(1, &[&rate[0], &rate[1], "commands_per_second=0"]);
    let token = node.token("ann");
    let mut clients: Vec<_> = (0..4).map(|_| Client::enter(node.address, JSON, &token)).collect();
    std::thread::sleep(Duration::from_millis(100));
    hammer(&mut clients, |_| Command::Ping).assert_exact(RATE, BURST);
    // Somebody else has a bucket of its own.
    assert!(!matches!(Client::enter(node.address, JSON, &node.token("bob")).ask(&Command::Ping), Reply::Refused(_)));
}

#[test]
fn a_rooms_events_whoever_posts_them() {
    let events = [format!("--set=room.events_per_second={RATE}"), format!("--set=room.events_burst={BURST}")];
    let node = Node::start_with(2, &[&events[0], &events[1]]);
    let mut clients: Vec<_> =
        ["ann", "bob", "cid"].iter().map(|user| Client::enter(node.address, JSON, &node.token(user))).collect();
    hammer(&mut clients, |turn| post("busy", &format!("message {turn}"), None)).assert_exact(RATE, BURST);
    // Another room has a bucket of its own.
    clients[0].post("quiet", "hello");
}

#[test]
fn a_user_never_has_more_connections_than_it_may() {
    const CAP: usize = 10;
    const CROWD: usize = 500;
    const THREADS: usize = 25;
    let node = node(2, &["connections_per_user=10", "user_commands_per_second=0"]);
    let (address, token) = (node.address, node.token("ann"));
    let together = Barrier::new(THREADS);
    let inside: Vec<Client> = std::thread::scope(|scope| {
        let rush = |_| {
            scope.spawn(|| {
                let mut clients: Vec<_> = (0..CROWD / THREADS).map(|_| Client::open(address, JSON)).collect();
                together.wait();
                let numbers: Vec<_> =
                    clients.iter_mut().map(|c| c.say(&Command::Authenticate { token: token.clone() })).collect();
                let mut inside = Vec::new();
                for (mut client, number) in clients.into_iter().zip(numbers) {
                    match client.reply_or_end(number) {
                        Ok(Reply::Welcome(_)) => inside.push(client),
                        Ok(Reply::Refused(refusal)) => {
                            assert_eq!(refusal.code, ErrorCode::TooManyConnections, "{refusal:?}");
                        }
                        Err(Some((4301, _))) => {}
                        other => panic!("{other:?}"),
                    }
                }
                inside
            })
        };
        let rushes: Vec<_> = (0..THREADS).map(rush).collect();
        rushes.into_iter().flat_map(|rush| rush.join().unwrap()).collect()
    });
    assert_eq!(inside.len(), CAP, "of {CROWD}");
    drop(inside);
    // Who goes makes room.
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let mut client = Client::open(address, JSON);
        let number = client.say(&Command::Authenticate { token: token.clone() });
        if let Ok(Reply::Welcome(_)) = client.reply_or_end(number) {
            break;
        }
        assert!(Instant::now() < until, "there is no room");
    }
}
