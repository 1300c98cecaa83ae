//! What it takes to put another settled store in the place of this one while the node runs: a copy to begin with, the
//! journal behind it, and a moment in which nobody settles.

use super::{Feed, FeedError, PAGE_BYTES, Shared, decode, reads};
use crate::RoomKey;
use crate::ask::Position;
use crate::settled::{Entry, Fault, Settled};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often it is looked whether what was committed has settled.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The store as whoever moves it sees it. It may outlive the store; nothing comes of it then.
#[derive(Clone)]
pub struct Moving(Arc<Shared>);

/// Entries of the journal, as another settled store takes them.
#[derive(Debug)]
pub struct Tail {
    pub entries: Vec<Entry>,
    /// Everything up to here is in it; the next one begins here.
    pub reached: Position,
    /// Something is missing: the journal let go of it, or it is damaged.
    pub has_gap: bool,
    /// What is still to come.
    pub lag: u64,
}

impl Moving {
    pub(super) fn new(shared: Arc<Shared>) -> Moving {
        Moving(shared)
    }

    /// From when this returns on nothing is trimmed, or things are again. Asks for it are answered as if there were
    /// nothing to do.
    pub fn hold_trims(&self, held: bool) {
        *self.0.trims_held.write() = held;
    }

    /// Keeps the journal for another settled store, from its end on if it is new.
    pub fn feed(&self, name: &str, bound_bytes: u64) -> Result<Feed, FeedError> {
        Feed::begin(&self.0, name, bound_bytes)
    }

    /// Makes another store of the settled one, in a folder that is not there yet; everything that was acked before the
    /// call is in it. `progress` is told the bytes so far, and can end it.
    pub fn copy_settled(&self, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> Result<Position, Fault> {
        let end = self.0.log.end();
        loop {
            let settled = self.present()?;
            if settled.watermark() >= end {
                return settled.copy_to(folder, progress);
            }
            if self.0.is_stopping() || !progress(0) {
                return Err(Fault::Io("the copy was given up".to_owned()));
            }
            self.0.wants_sync.store(true, Ordering::Release);
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Entries behind a position, in the order of their commits.
    pub fn tail(&self, after: Position) -> Result<Tail, Fault> {
        let page = self.0.read(after, PAGE_BYTES)?;
        let mut has_gap = page.gap.is_some() || !page.damaged.is_empty();
        let mut entries = Vec::with_capacity(page.entries.len());
        for (position, bytes) in page.entries {
            match decode(position, &bytes) {
                Ok(batch) => entries.push(Entry::new(position, batch)),
                Err(_) => has_gap = true,
            }
        }
        Ok(Tail { entries, reached: page.reached, has_gap, lag: page.end.0.saturating_sub(page.reached.0) })
    }

    pub fn present(&self) -> Result<Arc<dyn Settled>, Fault> {
        let away = || Fault::Io("the settled store is not open; the node's log says why".to_owned());
        self.0.backlog.present().ok_or_else(away)
    }

    /// Puts another settled store in the place of this one. Shards and readers wait for that moment, and fail for
    /// nothing. `ready` is asked last, while nothing settles; it may say no. False: this one is not the present one.
    pub fn exchange(
        &self,
        from: &Arc<dyn Settled>,
        to: Arc<dyn Settled>,
        has: Position,
        ready: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        let shared = &*self.0;
        shared.backlog.exchange(from, to, |add| {
            // Not only what everybody was told of: somebody may have been, and have settled it, before that is noted. What
            // is reported after it was put in here is passed over, but for who waits for it.
            let end = shared.log.end();
            let mut after = has;
            while after < end {
                let page = shared.read(after, PAGE_BYTES)?;
                if page.gap.is_some() || !page.damaged.is_empty() || page.reached <= after {
                    return Err(Fault::Io(format!("the journal has a gap behind entry {}", after.0)));
                }
                for (position, bytes) in page.entries {
                    add(position, decode(position, &bytes)?);
                }
                after = page.reached;
            }
            ready()
        })
    }

    /// Settles a room, and does something with the settled store while nobody settles the room.
    pub fn alone<T>(
        &self,
        room: &RoomKey,
        work: impl FnOnce(&Arc<dyn Settled>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let away = || Err(Fault::Io("the settled store has failed".to_owned()));
        reads::alone(&self.0, room, work).unwrap_or_else(away)
    }

    /// The last position that was committed.
    pub fn end(&self) -> Position {
        self.0.log.end()
    }
}
