//! Kill -9 at random moments under load, again and again on the same folder: what was acked is there, once, in order,
//! where its ack said; what listeners saw and nobody was promised is told to be gone.
// Whatever this story does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod images;
mod tail;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use support::Folder;
use support::load::{ROOMS, Sender, Watcher, judge, start};

const SENDERS: u64 = 8;
const WATCHERS: usize = 4;
/// A node is ready within this, however it ended. Generous, because tests share their machine; how long it takes is said.
const READY: Duration = Duration::from_secs(10);

/// A life lasts until its share of the acks has come, but no longer than this.
const LIFE: Duration = Duration::from_secs(30);

/// `make prove` asks for more than `make test`.
fn asked(what: &str, otherwise: usize) -> usize {
    std::env::var(what).map_or(otherwise, |n| n.parse().unwrap())
}

#[test]
fn nothing_acked_is_lost() {
    let (kills, acks) = (asked("ROOKERY_KILLS", 20), asked("ROOKERY_ACKS", 20_000));
    let mut data = Folder::new();
    let mut senders: Vec<Sender> = (0..SENDERS).map(Sender::new).collect();
    let mut watchers: Vec<Watcher> =
        (0..WATCHERS).map(|w| Watcher::new((w..ROOMS).step_by(WATCHERS).collect())).collect();
    let mut slowest = Duration::ZERO;
    let counts: Vec<_> = senders.iter().map(|sender| sender.count.clone()).collect();
    for kill in 0..kills {
        let began = Instant::now();
        let node = start(data);
        slowest = slowest.max(began.elapsed());
        // The moment itself; correctness does not hang on it.
        let lives = Duration::from_millis(150 + kill as u64 * 7919 % 700);
        let share = acks * (kill + 1) / kills;
        let address = node.address;
        std::thread::scope(|scope| {
            for sender in &mut senders {
                let token = node.token(&sender.user());
                scope.spawn(move || sender.run(address, &token));
            }
            for watcher in &mut watchers {
                let token = node.token("watcher");
                scope.spawn(move || watcher.run(address, &token));
            }
            std::thread::sleep(lives);
            let acked = || counts.iter().map(|count| count.load(Ordering::Acquire)).sum::<usize>();
            while acked() < share && began.elapsed() < LIFE {
                std::thread::sleep(Duration::from_millis(1));
            }
            node.signal("-KILL");
        });
        data = node.over();
    }
    let acked: usize = senders.iter().map(|sender| sender.acked.len()).sum();
    let node = start(data);
    // What is still open is sent once more: each of it is there or not, and now it is.
    for sender in &mut senders {
        let token = node.token(&sender.user());
        sender.finish(node.address, &token);
    }
    for watcher in &mut watchers {
        watcher.finish(node.address, &node.token("watcher"));
    }
    let told: usize = watchers.iter().map(|watcher| watcher.retracted).sum();
    let promised: Vec<_> = senders.iter().map(|sender| sender.promised(sender.acked.len())).collect();
    let counted = judge(&node, &promised, &watchers);
    println!(
        "{kills} kills, {acked} acked before the last, {counted} messages in {ROOMS} rooms; {told} that were seen and promised to \
         nobody were told to be gone; slowest start {slowest:?}"
    );
    assert!(acked >= acks, "too few for what is asked of it");
    assert!(slowest < READY, "a start took {slowest:?}");
}
