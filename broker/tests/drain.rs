//! A node that is told to stop, with thousands of clients under load: nobody who was promised something loses it, and
//! everybody is told to come back, not all at once.
// Whatever this story does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::errors::DropReason;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::load::{ROOMS, Sender, judge, room_name, start};
use support::{BINARY, Client, Heard, JSON, Node, PATIENT, deaf};

const CLIENTS: usize = 5_000;
const SENDERS: u64 = 8;
const ACKS: usize = 2_000;
/// What the node has for it, two seconds of last words included. Generous, because tests share their machine.
const IN_TIME: Duration = Duration::from_secs(20);

/// Reads to the end: when to come back.
fn told_to_come_back(client: &mut Client) -> u64 {
    loop {
        match client.next() {
            Heard::Frame(_) => {}
            Heard::Closed(Some((code, reason))) => {
                assert_eq!(code, DropReason::Draining.close_code(), "{reason}");
                let ms = reason.split_whitespace().rev().nth(1).and_then(|word| word.parse().ok());
                return ms.unwrap_or_else(|| panic!("{reason:?} says when"));
            }
            Heard::Closed(None) => panic!("cut without a word"),
        }
    }
}

#[test]
fn thousands_are_told_when_to_come_back_and_nothing_acked_is_lost() {
    let no_limits = ["limits.commands_per_second", "limits.user_commands_per_second", "limits.connections_per_user"];
    let no_limits: Vec<String> = no_limits.iter().map(|limit| format!("--set={limit}=0")).collect();
    let mut node = Node::start_with(2, &no_limits.iter().map(String::as_str).collect::<Vec<_>>());
    let address = node.address;
    let token = node.token("listener");
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|n| {
            let mut client = Client::enter(address, if n % 2 == 0 { JSON } else { BINARY }, &token);
            client.subscribe(&room_name(n % ROOMS), None);
            client
        })
        .collect();
    let mut senders: Vec<Sender> = (0..SENDERS).map(Sender::new).collect();
    let counts: Vec<_> = senders.iter().map(|sender| sender.count.clone()).collect();
    let mut told = Instant::now();
    std::thread::scope(|scope| {
        for sender in &mut senders {
            let token = node.token(&sender.user());
            scope.spawn(move || sender.run(address, &token));
        }
        let acked = || counts.iter().map(|count| count.load(Ordering::Acquire)).sum::<usize>();
        let until = Instant::now() + Duration::from_secs(60);
        while acked() < ACKS {
            assert!(Instant::now() < until, "{} acks", acked());
            std::thread::sleep(Duration::from_millis(1));
        }
        node.signal("-TERM");
        told = Instant::now();
    });
    let returns: BTreeSet<u64> = clients.iter_mut().map(told_to_come_back).collect();
    drop(clients);
    let status = node.wait(IN_TIME.saturating_sub(told.elapsed()));
    assert!(status.success(), "{status}");
    // Spread over five seconds, to the millisecond.
    let (first, last) = (returns.first().unwrap(), returns.last().unwrap());
    assert!(
        returns.len() > CLIENTS / 4 && *first < 250 && (4_750..=5_000).contains(last),
        "{first} to {last}, {}",
        returns.len()
    );

    let node = start(node.over());
    for sender in &mut senders {
        let token = node.token(&sender.user());
        sender.finish(node.address, &token);
    }
    let promised: Vec<_> = senders.iter().map(|sender| sender.promised(sender.acked.len())).collect();
    assert!(judge(&node, &promised, &[]) >= ACKS);
}

#[test]
fn a_second_signal_hurries() {
    let mut node = Node::start_with(1, &PATIENT);
    // The last words do not reach it, and the node gives it an hour.
    let deaf = deaf(&node);
    let mut listener = Client::enter(node.address, JSON, &node.token("bob"));
    node.signal("-TERM");
    // Whoever listens is told, so the first signal has come.
    told_to_come_back(&mut listener);
    drop(listener);
    assert!(node.is_running());
    node.signal("-TERM");
    assert!(node.wait(IN_TIME).success());
    drop(deaf);
}
