//! What is settled next: the oldest batches, as many as have come within a moment.
//!
//! What is kept of a room as a whole is written once for all its batches that settle together. A settler that takes each
//! group of the journal by itself writes it for every batch, and uses half as much of a core again.

use super::{Backlog, First, State, Taken};
use std::time::{Duration, Instant};

/// A group is settled in one go: large enough to be cheap, small enough that a reader does not wait long for a room of it.
const GROUP_ENTRIES: usize = 1024;
const GROUP_BYTES: usize = 2 << 20;
/// The first of a group waits so long for others.
const GATHER: Duration = Duration::from_millis(20);

impl Backlog {
    /// The oldest entries of rooms that nobody has. Waits for some, but no longer than this.
    pub fn take_oldest(&self, patience: Duration) -> Option<Taken> {
        self.take_in_groups(patience, GATHER.min(patience))
    }

    fn take_in_groups(&self, patience: Duration, gather: Duration) -> Option<Taken> {
        let mut state = self.state.lock();
        if state.order.is_empty() || state.settled.is_none() || state.is_exchanged {
            self.changed.wait_for(&mut state, patience);
        }
        if let Some(since) = state.may_wait() {
            state.enough = GROUP_ENTRIES;
            // Whoever calls has a reason: there is enough, somebody waits, or it is over.
            let _ = self.changed.wait_until(&mut state, since + gather);
            state.enough = 0;
        }
        if state.is_exchanged {
            return None;
        }
        let settled = state.settled.clone()?;
        let mut cost = 0;
        let mut chosen = Vec::new();
        for (position, room) in &state.order {
            if state.taken.contains_key(room) {
                continue;
            }
            cost += state.rooms.get(room).and_then(|waiting| waiting.get(position)).map_or(0, |waiting| waiting.cost);
            chosen.push((*position, room.clone()));
            if chosen.len() >= GROUP_ENTRIES || cost >= GROUP_BYTES {
                break;
            }
        }
        if chosen.is_empty() {
            // Others have all the rooms: there is nothing to do until one is free.
            self.changed.wait_for(&mut state, patience);
            return None;
        }
        let mut taken = Taken { settled, rooms: Vec::new(), entries: Vec::with_capacity(chosen.len()) };
        for (position, room) in chosen {
            let waiting = state.remove(position, &room);
            if !state.taken.contains_key(&room) {
                let first = waiting.as_ref().map(|waiting| First { position, since: waiting.since });
                state.taken.insert(room.clone(), first);
                taken.rooms.push(room);
            }
            taken.entries.extend(waiting.map(|waiting| (position, waiting)));
        }
        state.is_awaited &= !state.order.is_empty();
        Some(taken)
    }
}

impl State {
    /// Since when the oldest is there, where nobody waits for anything and more would make a better group.
    fn may_wait(&self) -> Option<Instant> {
        let (position, room) = self.order.first_key_value()?;
        let oldest = self.rooms.get(room)?.get(position)?;
        (self.order.len() < GROUP_ENTRIES && !self.is_awaited).then_some(oldest.since)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arrived, Found, Owner};
    use super::*;
    use crate::ask::Position;
    use crate::batch::Batch;
    use crate::conformance::say::room;
    use crate::embedded::{Embedded, EmbeddedOptions};
    use crate::store::Ticket;
    use std::sync::Arc;

    #[test]
    fn who_waits_for_an_entry_is_known_though_a_scan_found_it_first() {
        let folder = tempfile::tempdir().unwrap();
        let settled = Arc::new(Embedded::open(folder.path(), &EmbeddedOptions::default()).unwrap());
        let (backlog, batch) = (Backlog::new(0), Batch::new(room("a")));
        let found = Found { position: Position(1), room: batch.room.clone(), cost: 1 };
        let scan = |add: &mut dyn FnMut(&[Found])| {
            add(&[found]);
            Ok::<_, ()>(())
        };
        backlog.adopt(settled, scan).unwrap();
        let owner = Owner { shard: 0, ticket: Ticket(7) };
        backlog.add(std::iter::once(Arrived { owner: Some(owner), ..Arrived::of(Position(1), batch) }));
        let taken = backlog.take_oldest(Duration::ZERO).unwrap();
        let tickets: Vec<Ticket> = taken.owners().iter().map(|owner| owner.ticket).collect();
        assert_eq!((tickets, taken.entries.len()), (vec![Ticket(7)], 1));
        backlog.settled(taken);
        assert_eq!(backlog.bytes(), 0);
    }
    fn adopted() -> (tempfile::TempDir, Backlog) {
        let folder = tempfile::tempdir().unwrap();
        let settled = Arc::new(Embedded::open(folder.path(), &EmbeddedOptions::default()).unwrap());
        let backlog = Backlog::new(0);
        backlog.adopt(settled, |_: &mut dyn FnMut(&[Found])| Ok::<_, ()>(())).unwrap();
        (folder, backlog)
    }

    fn arrived(position: u64, owner: Option<Owner>) -> Arrived {
        let rooms = ["a", "b", "c", "d", "e", "f", "g", "h"];
        Arrived { owner, ..Arrived::of(Position(position), Batch::new(room(rooms[position as usize % rooms.len()]))) }
    }

    /// Far longer than anybody gathers.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_comes_while_one_gathers_is_taken_with_it() {
        let (_folder, backlog) = adopted();
        std::thread::scope(|scope| {
            let settler = scope.spawn(|| backlog.take_in_groups(LONG, LONG).unwrap());
            for position in 1..=GROUP_ENTRIES as u64 {
                backlog.add(std::iter::once(arrived(position, None)));
            }
            let taken = settler.join().unwrap();
            assert_eq!(taken.entries.len(), GROUP_ENTRIES);
            backlog.settled(taken);
        });
    }

    #[test]
    fn somebody_who_waits_does_not_wait_for_others() {
        let (_folder, backlog) = adopted();
        let owner = Some(Owner { shard: 0, ticket: Ticket(7) });
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let settler = scope.spawn(|| backlog.take_in_groups(LONG, LONG).unwrap());
            backlog.add(std::iter::once(arrived(1, None)));
            backlog.add(std::iter::once(arrived(2, owner)));
            let taken = settler.join().unwrap();
            assert_eq!(taken.owners().len(), 1);
            backlog.settled(taken);
        });
        backlog.add(std::iter::once(arrived(3, owner)));
        assert_eq!(backlog.take_in_groups(LONG, LONG).unwrap().entries.len(), 1);
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn few_are_taken_after_a_moment() {
        let (_folder, backlog) = adopted();
        backlog.add(std::iter::once(arrived(1, None)));
        let begun = Instant::now();
        assert_eq!(backlog.take_oldest(LONG).unwrap().entries.len(), 1);
        assert!(begun.elapsed() < LONG);
    }
}
