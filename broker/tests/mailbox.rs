//! The mailbox: its bounds, its order, its room, and above all that no wake-up is lost or paid for twice.
#![allow(clippy::unwrap_used)]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use rookery::shard::mailbox::{Bounds, Full, Receiver, Sender, mailbox};

const WIDE: Bounds = Bounds { entries: 1_024, bytes: 1 << 20 };

fn one_lane<T>(entries: usize, bytes: usize) -> (Sender<T>, Receiver<T>) {
    let ([sender], receiver) = mailbox([Bounds { entries, bytes }]);
    (sender, receiver)
}

fn drained<T>(receiver: &mut Receiver<T>, max: usize) -> Vec<T> {
    let mut items = Vec::new();
    let taken = receiver.drain(max, |item| items.push(item));
    assert_eq!(taken, items.len());
    items
}

#[test]
fn a_lane_is_bounded_in_entries() {
    let (sender, mut receiver) = one_lane(3, 1_000);
    for n in 0..3 {
        sender.try_send(n, 1).unwrap();
    }
    assert_eq!(sender.try_send(3, 1), Err(Full(3)));
    assert_eq!(sender.room(), 0, "no entry left is no room, whatever the bytes say");
    assert_eq!(drained(&mut receiver, 2), [0, 1]);
    sender.try_send(3, 1).unwrap();
    assert_eq!(drained(&mut receiver, 9), [2, 3]);
    assert!(receiver.is_empty());
}

#[test]
fn a_lane_is_bounded_in_bytes() {
    let (sender, mut receiver) = one_lane(100, 1_000);
    sender.try_send("a", 600).unwrap();
    assert_eq!(sender.room(), 400);
    assert_eq!(sender.try_send("b", 401), Err(Full("b")));
    sender.try_send("c", 400).unwrap();
    sender.try_send("free", 0).unwrap();
    assert_eq!(sender.room(), 0);
    assert_eq!(drained(&mut receiver, 1), ["a"]);
    assert_eq!(sender.room(), 600);
    assert_eq!(sender.try_send("larger than the lane", 1_001), Err(Full("larger than the lane")));
    assert_eq!(sender.try_send("larger than any", usize::MAX), Err(Full("larger than any")));
}

#[test]
fn room_set_aside_is_there_when_it_is_needed() {
    let (sender, mut receiver) = one_lane(2, 100);
    let reply = sender.reserve(60).unwrap();
    assert_eq!(sender.room(), 40);
    assert!(sender.reserve(41).is_none());
    sender.try_send("command", 40).unwrap();
    assert_eq!(sender.try_send("too much", 0), Err(Full("too much")));
    sender.send_reserved(reply, "reply");
    assert_eq!(drained(&mut receiver, 9), ["command", "reply"]);
    let unneeded = sender.reserve(100).unwrap();
    assert_eq!(sender.room(), 0);
    sender.give_back(unneeded);
    assert_eq!(sender.room(), 100);
}

#[test]
fn lanes_are_visited_in_order_and_bounded_apart() {
    let ([first, second], mut receiver) = mailbox([Bounds { entries: 2, bytes: 10 }, WIDE]);
    second.try_send("second 1", 1).unwrap();
    first.try_send("first 1", 1).unwrap();
    first.try_send("first 2", 1).unwrap();
    assert!(first.try_send("first 3", 1).is_err());
    second.try_send("second 2", 1).unwrap();
    assert_eq!(drained(&mut receiver, 3), ["first 1", "first 2", "second 1"]);
    let mut items = Vec::new();
    assert_eq!(receiver.drain_lane(0, 9, |item| items.push(item)), 0);
    assert_eq!(receiver.drain_lane(1, 9, |item| items.push(item)), 1);
    assert_eq!(receiver.drain_lane(2, 9, |item| items.push(item)), 0, "there is no third lane");
    assert_eq!(items, ["second 2"]);
}

#[test]
fn room_comes_back_during_a_long_drain_and_after_a_panic() {
    let (sender, mut receiver) = one_lane(100, 1_000);
    for n in 0..100 {
        sender.try_send(n, 10).unwrap();
    }
    let mut seen = 0;
    receiver.drain(60, |_| {
        seen += 1;
        if seen == 40 {
            assert_eq!(sender.room(), 320, "32 of the 40 were given back already");
        }
    });
    assert_eq!(sender.room(), 600);
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        receiver.drain(10, |n| assert!(n < 65, "the handler fails at 65"));
    }));
    assert!(unwound.is_err());
    assert_eq!(sender.room(), 660, "the six items that were taken do not hold room");
    assert_eq!(drained(&mut receiver, 1), [66]);
}

#[test]
fn items_left_in_the_mailbox_are_dropped_with_it() {
    let item = Arc::new(());
    let (sender, receiver) = one_lane(4, 100);
    sender.try_send(Arc::clone(&item), 1).unwrap();
    drop(receiver);
    drop(sender);
    assert_eq!(Arc::strong_count(&item), 1);
}

/// Counts how often a task was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_sleeper_is_woken_once_and_not_per_item() {
    let (sender, mut receiver) = one_lane(1_024, 1 << 20);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    for round in 1..=3 {
        {
            let mut sleep = pin!(receiver.sleep());
            assert!(sleep.as_mut().poll(&mut context).is_pending());
            for n in 0..1_000 {
                sender.try_send(n, 8).unwrap();
            }
            assert_eq!(count.0.load(Ordering::SeqCst), round, "one wake-up for 1,000 items");
            assert!(sleep.as_mut().poll(&mut context).is_ready());
        }
        assert_eq!(drained(&mut receiver, 2_000).len(), 1_000);
        for n in 0..1_000 {
            sender.try_send(n, 8).unwrap();
        }
        assert_eq!(count.0.load(Ordering::SeqCst), round, "an awake shard is not woken");
        {
            let mut sleep = pin!(receiver.sleep());
            assert!(sleep.as_mut().poll(&mut context).is_ready(), "there is something to do: no sleep");
        }
        assert_eq!(drained(&mut receiver, 2_000).len(), 1_000);
    }
}

#[test]
fn a_sleep_that_was_given_up_costs_nobody_a_wake_up() {
    let (sender, mut receiver) = one_lane(16, 100);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut context = Context::from_waker(&waker);
    {
        let mut sleep = pin!(receiver.sleep());
        assert!(sleep.as_mut().poll(&mut context).is_pending());
    }
    sender.try_send(1, 1).unwrap();
    assert_eq!(count.0.load(Ordering::SeqCst), 0);
    let mut sleep = pin!(receiver.sleep());
    assert_eq!(sleep.as_mut().poll(&mut context), Poll::Ready(()));
}

/// Runs `receive` on a shard-like runtime in a thread of its own and fails the test, instead of hanging, if it does
/// not end. The limit is far beyond what a busy machine needs.
fn within_limit(receive: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        receive();
        // The other side is gone only if the test has failed already.
        let _ = done.send(());
    });
    match wait.recv_timeout(Duration::from_secs(120)) {
        Ok(()) => thread.join().unwrap(),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("a wake-up was lost: the receiver sleeps with work to do"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            thread.join().expect("the receiver failed");
        }
    }
}

/// A small generator, so that pauses differ without a clock.
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn stress(senders: usize, items_each: u64, bounds: Bounds) {
    let ([sender], mut receiver) = mailbox::<(usize, u64), 1>([bounds]);
    let threads: Vec<_> = (0..senders)
        .map(|who| {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut random = 0x9E37_79B9_7F4A_7C15 ^ (who as u64 + 1);
                for n in 0..items_each {
                    let mut item = (who, n);
                    while let Err(Full(back)) = sender.try_send(item, 16) {
                        item = back;
                        thread::yield_now();
                    }
                    // Now and then the other side runs dry and falls asleep just as the next item comes.
                    for _ in 0..next(&mut random) % 64 {
                        std::hint::spin_loop();
                    }
                    if next(&mut random).is_multiple_of(512) {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let total = senders as u64 * items_each;
    let left = sender.clone();
    within_limit(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        runtime.block_on(async move {
            let mut want = vec![0; senders];
            let mut taken = 0;
            while taken < total {
                let step = receiver.drain(64, |(who, n)| {
                    assert_eq!(n, want[who], "each sender's items keep their order");
                    want[who] += 1;
                });
                taken += step as u64;
                if step == 0 {
                    receiver.sleep().await;
                }
            }
            assert!(receiver.is_empty());
        });
    });
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(left.room(), bounds.bytes, "all room came back");
}

#[test]
fn a_million_items_from_one_sender_lose_no_wake_up() {
    stress(1, 1_000_000, WIDE);
}

#[test]
fn a_million_items_from_four_senders_through_a_narrow_lane_lose_no_wake_up() {
    stress(4, 250_000, Bounds { entries: 8, bytes: 100 });
}

/// Ping-pong between two shards: every single item finds the other side asleep or just falling asleep.
#[test]
fn two_shards_that_wait_for_each_other_never_both_sleep() {
    const TURNS: u32 = 100_000;
    let (to_right, mut right) = one_lane::<u32>(64, 256);
    let (to_left, mut left) = one_lane::<u32>(64, 256);
    let answering = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        runtime.block_on(async move {
            let mut last = 0;
            while last < TURNS {
                right.sleep().await;
                right.drain(4, |n| {
                    last = n;
                    to_left.try_send(n, 4).unwrap();
                });
            }
        });
    });
    within_limit(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build_local(Default::default()).unwrap();
        runtime.block_on(async move {
            for turn in 1..=TURNS {
                to_right.try_send(turn, 4).unwrap();
                let mut answer = None;
                while answer.is_none() {
                    left.sleep().await;
                    left.drain(4, |n| answer = Some(n));
                }
                assert_eq!(answer, Some(turn));
            }
        });
    });
    answering.join().unwrap();
}
