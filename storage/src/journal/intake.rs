//! The way in: a bounded queue, and the thread behind it.

use super::layout::ENTRY_BYTES;
use super::writer::{HEADS, Submission, WAITING_OVERHEAD, Writer};
use super::{Message, Shared};
use crate::answer::Failure;
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

#[derive(Clone, Copy)]
pub struct Limits {
    pub queue_bytes: usize,
    pub most_bytes: u64,
}

/// Hands entries in. Nothing here waits.
#[derive(Clone)]
pub struct Intake {
    shared: Arc<Shared>,
    sender: Sender<Message>,
    sources: usize,
    limits: Limits,
}

impl Intake {
    pub(super) fn new(shared: Arc<Shared>, sender: Sender<Message>, sources: usize, limits: Limits) -> Intake {
        Intake { shared, sender, sources, limits }
    }

    /// Hands an entry in; the source's listener is told under this ticket what became of it. An error is the answer
    /// already: there is no room, the entry is too large or the source unknown, or the journal was closed.
    pub fn append(&self, source: usize, ticket: u64, entry: Vec<u8>) -> Result<(), Failure> {
        if entry.len() > ENTRY_BYTES || source >= self.sources {
            return Err(Failure::Invalid);
        }
        let queued = &self.shared.health.queued;
        let cost = Submission::cost(&entry);
        let most = self.most();
        // Counted before it is asked whether the journal is closed: who closes waits for what is counted.
        let fits = |queued: usize| queued.checked_add(cost).filter(|sum| *sum <= most);
        queued.fetch_update(SeqCst, SeqCst, fits).map_err(|_| Failure::Full)?;
        let closed = self.shared.closed.load(SeqCst);
        if closed || self.sender.send(Message::Append(Submission { source, ticket, entry })).is_err() {
            queued.fetch_sub(cost, SeqCst);
            return Err(Failure::Unavailable);
        }
        Ok(())
    }

    /// The largest entry that it would take now.
    pub fn room(&self) -> usize {
        let room = self.most().saturating_sub(self.shared.health.queued.load(SeqCst));
        room.saturating_sub(WAITING_OVERHEAD).min(ENTRY_BYTES)
    }

    /// What may be queued: the bound of the queue, or what the segments may still grow by.
    fn most(&self) -> usize {
        let used = self.shared.health.used.load(SeqCst).saturating_add(HEADS);
        let left = self.limits.most_bytes.saturating_sub(used);
        self.limits.queue_bytes.min(usize::try_from(left).unwrap_or(usize::MAX))
    }
}

/// Runs until the journal is closed.
pub fn run(mut writer: Writer, receiver: &Receiver<Message>, retry: Duration) {
    let mut waiting = Vec::new();
    let mut tried = Instant::now();
    loop {
        let message = if writer.wants_revival() {
            let left = retry.saturating_sub(tried.elapsed());
            if left.is_zero() {
                writer.revive();
                tried = Instant::now();
                continue;
            }
            match receiver.recv_timeout(left) {
                Err(RecvTimeoutError::Timeout) => continue,
                other => other.ok(),
            }
        } else {
            let message = receiver.recv().ok();
            tried = Instant::now();
            message
        };
        // All senders gone is an end as well.
        let mut next = Some(message.unwrap_or(Message::Close));
        while let Some(message) = next.take() {
            match message {
                Message::Append(submission) => waiting.push(submission),
                Message::Release(up_to) => {
                    writer.write(&mut waiting);
                    writer.release(up_to);
                }
                Message::Seal => {
                    writer.write(&mut waiting);
                    writer.seal();
                }
                Message::CheckRoom => writer.check_room(),
                Message::Close => {
                    close(writer, receiver, waiting);
                    return;
                }
            }
            next = receiver.try_recv().ok();
        }
        writer.write(&mut waiting);
    }
}

/// Everybody who was taken is answered.
fn close(mut writer: Writer, receiver: &Receiver<Message>, mut waiting: Vec<Submission>) {
    writer.close();
    writer.write(&mut waiting);
    while writer.has_queued() {
        match receiver.recv_timeout(Duration::from_millis(1)) {
            Ok(Message::Append(submission)) => waiting.push(submission),
            Ok(Message::Release(_) | Message::Seal | Message::CheckRoom | Message::Close) | Err(_) => {}
        }
        writer.write(&mut waiting);
    }
    writer.finish();
}
