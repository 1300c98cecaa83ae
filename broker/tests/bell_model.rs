//! The bell under loom: every interleaving of senders and sleeper, and every value a weak memory may show them.
//! A lost wake-up would be a deadlock, which loom reports.
#![allow(clippy::unwrap_used)]

/// Loom's parts in the place of `rookery::shard::sync`.
mod sync {
    pub use loom::sync::atomic::{AtomicBool, Ordering, fence};

    use std::task::{Poll, Waker};

    use loom::sync::Mutex;

    /// As much of `tokio::sync::Notify` as the bell uses: a permit for a waiter that may come later.
    #[derive(Default)]
    pub struct Notify(Mutex<State>);

    #[derive(Default)]
    struct State {
        permit: bool,
        waiter: Option<Waker>,
    }

    impl Notify {
        pub fn new() -> Notify {
            Notify::default()
        }

        pub fn notify_one(&self) {
            let mut state = self.0.lock().unwrap();
            state.permit = true;
            let waiter = state.waiter.take();
            drop(state);
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }

        pub async fn notified(&self) {
            std::future::poll_fn(|context| {
                let mut state = self.0.lock().unwrap();
                if std::mem::take(&mut state.permit) {
                    return Poll::Ready(());
                }
                state.waiter = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
        }
    }
}

#[path = "../src/shard/bell.rs"]
mod bell;

use bell::Bell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};

/// A queue as weak as it may be: an item is a number that was raised, and nobody orders anything but the bell.
struct Shared {
    items: AtomicUsize,
    bell: Bell,
}

impl Shared {
    fn new() -> Arc<Shared> {
        Arc::new(Shared { items: AtomicUsize::new(0), bell: Bell::default() })
    }

    fn send(&self) {
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bell.ring();
    }

    fn receive(&self, count: usize) {
        loom::future::block_on(async {
            let mut taken = 0;
            while taken < count {
                let some = self.items.swap(0, Ordering::Relaxed);
                taken += some;
                if some == 0 {
                    self.bell.sleep(|| self.items.load(Ordering::Relaxed) == 0).await;
                }
            }
            assert_eq!(taken, count);
        });
    }
}

/// Three preemptions at most, unless `LOOM_MAX_PREEMPTIONS` says otherwise: known wake-up bugs need two, and the full
/// space of the first model takes a minute (it was searched once, without a finding).
fn check(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(model);
}

#[test]
fn one_sender_of_two_items() {
    check(|| {
        let shared = Shared::new();
        let sender = Arc::clone(&shared);
        let thread = loom::thread::spawn(move || {
            sender.send();
            sender.send();
        });
        shared.receive(2);
        thread.join().unwrap();
    });
}

#[test]
fn two_senders() {
    check(|| {
        let shared = Shared::new();
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let sender = Arc::clone(&shared);
                loom::thread::spawn(move || sender.send())
            })
            .collect();
        shared.receive(2);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
