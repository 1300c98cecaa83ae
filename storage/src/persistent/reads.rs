//! The threads that answer asks: a room settles first, then the settled store is asked.

use super::desk::Desk;
use super::settle::settle;
use super::{PAGE_BYTES, Shared, decode};
use crate::RoomKey;
use crate::answer::{Failure, Outcome, TailPage, Trimmed};
use crate::ask::{Ask, Position};
use crate::settled::{Fault, Settled};
use crate::store::Ticket;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;

/// Asks that wait for a thread.
#[derive(Default)]
pub(crate) struct Reads {
    waiting: Mutex<VecDeque<Read>>,
    came: Condvar,
}

struct Read {
    desk: Arc<Desk>,
    ticket: Ticket,
    ask: Ask,
}

impl Reads {
    pub fn push(&self, desk: Arc<Desk>, ticket: Ticket, ask: Ask) {
        self.waiting.lock().push_back(Read { desk, ticket, ask });
        self.came.notify_one();
    }

    pub fn wake(&self) {
        drop(self.waiting.lock());
        self.came.notify_all();
    }

    /// The next ask; None when there is none and no more will come.
    fn next(&self, shared: &Shared) -> Option<Read> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(read) = waiting.pop_front() {
                return Some(read);
            }
            if shared.is_stopping() {
                return None;
            }
            self.came.wait(&mut waiting);
        }
    }
}

pub(super) fn run(shared: &Shared) {
    while let Some(Read { desk, ticket, ask }) = shared.reads.next(shared) {
        let outcome = answer(shared, &ask).unwrap_or_else(|fault| {
            tracing::error!(event = "ask_not_answered", %fault);
            Outcome::Failed(Failure::Unavailable)
        });
        desk.complete(ticket, outcome);
    }
}

pub(super) fn answer(shared: &Shared, ask: &Ask) -> Result<Outcome, Fault> {
    if let Ask::Tail { after, limit } = ask {
        return tail(shared, *after, *limit).map(|page| Outcome::Tail(Box::new(page)));
    }
    let Some(room) = room_of(ask) else {
        // All rooms: everything that was committed before it was asked has to settle.
        return match shared.backlog.all_settled(shared.log.end()) {
            Some(settled) => settled.answer(ask),
            None => Ok(Outcome::Failed(Failure::Unavailable)),
        };
    };
    let alone = || {
        let answered = alone(shared, room, |settled| settled.answer(ask));
        answered.unwrap_or(Ok(Outcome::Failed(Failure::Unavailable)))
    };
    match ask {
        Ask::Trim { .. } => {
            let held = shared.trims_held.read();
            if *held { Ok(Outcome::Trimmed(Trimmed::default())) } else { alone() }
        }
        Ask::Rest { .. } => alone(),
        Ask::Load { .. }
        | Ask::Fetch { .. }
        | Ask::Page(_)
        | Ask::Replay(_)
        | Ask::Count { .. }
        | Ask::Lookup { .. }
        | Ask::Row { .. }
        | Ask::Expired { .. }
        | Ask::Scan { .. }
        | Ask::Rooms { .. }
        | Ask::Tail { .. } => match shared.backlog.is_settled(room) {
            Some(settled) => settled.answer(ask),
            None => alone(),
        },
    }
}

/// Settles a room, and does something while nobody else settles it. None: the settled store is not there.
pub(super) fn alone<T>(
    shared: &Shared,
    room: &RoomKey,
    work: impl FnOnce(&Arc<dyn Settled>) -> Result<T, Fault>,
) -> Option<Result<T, Fault>> {
    let taken = shared.backlog.take_room(room)?;
    let settled = taken.settled.clone();
    settle(shared, taken, || work(&settled))
}

pub(super) fn tail(shared: &Shared, after: Position, limit: usize) -> Result<TailPage, Fault> {
    let page = shared.read(after, PAGE_BYTES)?;
    let mut batches = Vec::new();
    for (position, bytes) in page.entries.into_iter().take(limit) {
        batches.push((position, decode(position, &bytes)?));
    }
    Ok(TailPage { gap: page.gap, batches, end: shared.log.end() })
}

/// None: it is about all rooms.
fn room_of(ask: &Ask) -> Option<&RoomKey> {
    match ask {
        Ask::Load { room }
        | Ask::Fetch { room, .. }
        | Ask::Count { room, .. }
        | Ask::Lookup { room, .. }
        | Ask::Row { room, .. }
        | Ask::Expired { room, .. }
        | Ask::Trim { room, .. }
        | Ask::Rest { room } => Some(room),
        Ask::Page(page) => Some(&page.room),
        Ask::Replay(replay) => Some(&replay.room),
        Ask::Scan { .. } | Ask::Rooms { .. } | Ask::Tail { .. } => None,
    }
}
