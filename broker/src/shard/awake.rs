//! Waiting awake: while one conversation goes back and forth, the shard looks for the next message instead of sleeping.
//!
//! Falling asleep and being woken costs a lone message more than everything we do with it (`docs/performance.md`). So
//! after a few turns of a single command each, one hard upon the other, the shard stays awake for a moment. With many
//! clients at work turns hold more than one command, and with few the pauses are long: then it sleeps at once.

use super::cell::ShardCell;
use rookery_protocol::limits;
use std::pin::pin;

/// How the last turns came.
#[derive(Debug, Default)]
pub struct Pace {
    /// Turns in a row of one command each that began soon after the one before.
    lone: u64,
    ended: u64,
}

impl Pace {
    /// A turn of so many commands has ended; the first of them came at `began`.
    pub fn turn(&mut self, commands: u64, began: u64, ended: u64) {
        let soon = began.saturating_sub(self.ended) <= limits::AWAKE_MICROS;
        self.lone = if commands == 1 && soon { self.lone + 1 } else { 0 };
        self.ended = ended;
    }

    /// Until when it is worth staying awake.
    fn awake_until(&self) -> Option<u64> {
        (self.lone >= limits::AWAKE_TURNS).then(|| self.ended + limits::AWAKE_MICROS)
    }
}

/// Returns when there is something to end a turn for.
pub async fn work(cell: &ShardCell) {
    let mut notified = pin!(cell.work.notified());
    let until = cell.inner.borrow().pace.awake_until();
    if let Some(until) = until {
        let began = cell.clock.micros();
        let mut now = began;
        while now < until {
            let ready = std::future::poll_fn(|cx| std::task::Poll::Ready(notified.as_mut().poll(cx).is_ready()));
            if ready.await {
                cell.inner.borrow_mut().awake_micros += now - began;
                return;
            }
            // Lets the runtime look at every socket, without sleeping.
            tokio::task::yield_now().await;
            now = cell.clock.micros();
        }
        cell.inner.borrow_mut().awake_micros += now.saturating_sub(began);
    }
    notified.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: u64 = limits::AWAKE_MICROS / 2;

    /// Turns of so many commands, each as long after the one before; answers whether the shard stays awake.
    fn after(turns: &[(u64, u64)]) -> bool {
        let (mut pace, mut now) = (Pace::default(), 0);
        for (commands, pause) in turns {
            now += pause;
            pace.turn(*commands, now, now);
        }
        pace.awake_until().is_some_and(|until| until > now)
    }

    #[test]
    fn only_a_lone_conversation_keeps_the_shard_awake() {
        let talk = vec![(1, SOON); limits::AWAKE_TURNS as usize];
        assert!(after(&talk));
        assert!(!after(&talk[1..]), "it takes a few turns");
        for other in [(2, SOON), (0, SOON), (1, 1_000)] {
            assert!(!after(&[talk.as_slice(), &[other]].concat()), "{other:?}");
        }
    }
}
