//! Waking a sleeping shard: once per sleep, from any thread, and never too late.
//!
//! # Why no wake-up is lost
//!
//! A sender does, in this order: put an item into a queue (P), fence (F1), read `asleep` (A).
//! The sleeper does: write `asleep = true` (W), fence (F2), look into the queues (L), and only then waits.
//! Both fences are sequentially consistent, so every F1 has a place before or after every F2 in one total order.
//!
//! - F1 before F2: L comes after P and finds the item. The sleeper does not wait.
//! - F2 before F1: A cannot see a value older than W. It sees `true`, and the sender rings; or it sees a `false` that
//!   was written after W. Such a `false` comes from another sender, who swapped it in and rings; or from the sleeper
//!   itself, which has woken by then. Either way the sleeper will look again, and must pass W', F2', L' before it
//!   waits again. Had F2' come before F1, A would not have seen a value older than W'. So F1 is before F2', and L'
//!   finds the item, at the latest.
//!
//! A ring between L and the wait is not lost either: `Notify` keeps one permit for a waiter who has not come yet. A
//! permit that nobody needed any more costs one look into empty queues.
//!
//! The swap makes sure that of many senders only one pays for the wake-up; while the shard is awake a sender pays for
//! a fence and a read of a line that nobody writes. The sleeper swaps as well, where a store would do: so all writes
//! form one chain, which loom can follow (it does not order a store beside another thread's swap).
//!
//! `tests/bell_model.rs` runs this file under loom, which tries every interleaving and every value that a weak memory
//! may show; that is why its parts come from `super::sync`.

use super::sync::{AtomicBool, Notify, Ordering, fence};

/// One sleeper's bell.
pub struct Bell {
    asleep: AtomicBool,
    wake: Notify,
}

/// Says that the sleeper is awake, also when the waiting is given up half way.
struct Awake<'a>(&'a AtomicBool);

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.0.swap(false, Ordering::Relaxed);
    }
}

impl Bell {
    pub fn new() -> Bell {
        Bell { asleep: AtomicBool::new(false), wake: Notify::new() }
    }

    /// To be called after something was put where the sleeper looks.
    #[inline]
    pub fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// Waits until rung, or not at all if `is_empty` says that there is something to do.
    ///
    /// May return without a reason. There must be one sleeper only.
    pub async fn sleep(&self, is_empty: impl Fn() -> bool) {
        let _awake = Awake(&self.asleep);
        self.asleep.swap(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if is_empty() {
            self.wake.notified().await;
        }
    }
}

impl Default for Bell {
    fn default() -> Bell {
        Bell::new()
    }
}
