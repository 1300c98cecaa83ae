//! What an edge counts: why connections ended and what the slow-client ladder did. The shell shows it.

use rookery_protocol::errors::DropReason;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub opened: u64,
    /// By place in [`DropReason::ALL`].
    dropped: [u64; DropReason::ALL.len()],
    pub commands: u64,
    /// Of the commands those of callers without a connection.
    pub calls: u64,
    pub replies: u64,
    pub refused: u64,
    pub rate_limited: u64,
    pub busy: u64,
    pub chunks: u64,
    /// Events on their way to a connection, pages of catching up included.
    pub deliveries: u64,
    /// Bytes that sockets took.
    pub sent_bytes: u64,
    /// Live subscriptions that turned to catching up: their outbox was above its high mark.
    pub lagged: u64,
    /// Live subscriptions that turned to catching up: chunks were skipped or taken back.
    pub skipped: u64,
    /// Chunks whose signals were left out for a receiver.
    pub shed: u64,
    /// Presence sent again because signals were left out.
    pub presence_again: u64,
    pub pulls: u64,
    /// Waits for a page that somebody else had asked for.
    pub pulls_shared: u64,
    pub pages: u64,
    pub gaps: u64,
    pub retracts: u64,
    pub ended: u64,
    pub pings: u64,
}

impl Counters {
    pub fn drop(&mut self, reason: DropReason) {
        self.dropped[reason as usize] += 1;
    }

    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.dropped[reason as usize]
    }
}
