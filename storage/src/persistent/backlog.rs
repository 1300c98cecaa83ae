//! What the journal has and the settled store has not: by room, and in the order of commits; and who settles what.
//!
//! Whoever settles takes entries, and with them their rooms: while a room is taken nobody else touches it, so each room
//! settles in order whoever does it. When the settled store fails, what was taken is forgotten here and everything is
//! found again in the journal: see [`Backlog::adopt`].

mod oldest;

use crate::RoomKey;
use crate::ask::Position;
use crate::batch::Batch;
use crate::journal::Spot;
use crate::settled::Settled;
use crate::store::Ticket;
use parking_lot::{Condvar, Mutex};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

pub(crate) struct Backlog {
    state: Mutex<State>,
    /// Something came, a room is free again, or the settled store opened.
    changed: Condvar,
    /// The cost of everything here, for those who only look.
    bytes: AtomicUsize,
    /// Above this a batch is not kept in memory.
    held_bytes: usize,
}

#[derive(Default)]
struct State {
    /// None: it has failed, and is not open again.
    settled: Option<Arc<dyn Settled>>,
    /// Another one takes its place: who wants it waits for that.
    is_exchanged: bool,
    rooms: Map<Arc<RoomKey>, BTreeMap<Position, Waiting>>,
    /// What stands in `rooms`.
    order: BTreeMap<Position, Arc<RoomKey>>,
    /// Rooms that somebody has, and the first that was taken with each, if anything was.
    taken: Map<Arc<RoomKey>, Option<First>>,
    /// The cost of batches in memory, those that are taken left out.
    held: usize,
    /// The settler gathers: it is called when so many wait.
    enough: usize,
    /// Somebody waits until something of it is settled.
    is_awaited: bool,
    /// Who waits for what was taken by a settled store that failed. The batches are found again, these are not.
    owed: BTreeMap<Position, Owner>,
}

/// The lowest of some batches.
#[derive(Clone, Copy)]
struct First {
    position: Position,
    since: Instant,
}

/// A committed batch that waits to be settled.
pub(crate) struct Waiting {
    cost: usize,
    /// It came, or was found.
    since: Instant,
    /// None: to be read from the journal.
    pub batch: Option<Box<Batch>>,
    /// Where the journal has it, if that is known without a look.
    pub spot: Option<Spot>,
    /// Who is told that it has settled.
    pub owner: Option<Owner>,
    /// Taken, but not to be settled.
    pub aside: bool,
}

/// A batch that the journal has just written.
pub(crate) struct Arrived {
    pub position: Position,
    pub batch: Batch,
    pub spot: Option<Spot>,
    pub owner: Option<Owner>,
}

impl Arrived {
    fn of(position: Position, batch: Batch) -> Arrived {
        Arrived { position, batch, spot: None, owner: None }
    }
}

/// A batch of the journal, without what is in it.
pub(crate) struct Found {
    pub position: Position,
    pub room: RoomKey,
    pub cost: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub shard: usize,
    pub ticket: Ticket,
}

/// What somebody settles now. To be given back with [`Backlog::settled`] or [`Backlog::failed`].
pub(crate) struct Taken {
    pub settled: Arc<dyn Settled>,
    rooms: Vec<Arc<RoomKey>>,
    pub entries: Vec<(Position, Waiting)>,
}

impl Taken {
    /// These are somebody else's now; nobody hears of them again.
    pub fn set_aside(&mut self, positions: &[Position]) {
        for (position, waiting) in &mut self.entries {
            if positions.contains(position) {
                waiting.aside = true;
                waiting.owner = None;
            }
        }
    }

    pub fn owners(&self) -> Vec<Owner> {
        self.entries.iter().filter_map(|(_, waiting)| waiting.owner).collect()
    }

    pub fn cost(&self) -> usize {
        self.entries.iter().map(|(_, waiting)| waiting.cost).sum()
    }
}

impl Backlog {
    pub fn new(held_bytes: usize) -> Backlog {
        Backlog { state: Mutex::default(), changed: Condvar::new(), bytes: AtomicUsize::new(0), held_bytes }
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Batches that wait, those left out that somebody settles now.
    pub fn waiting(&self) -> usize {
        self.state.lock().order.len()
    }

    /// For how long the batch has waited that was committed first, those included that somebody settles now.
    pub fn lag(&self) -> Duration {
        self.state.lock().first().map_or(Duration::ZERO, |first| first.since.elapsed())
    }

    /// Batches were committed.
    pub fn add(&self, batches: impl Iterator<Item = Arrived>) {
        let since = Instant::now();
        let mut state = self.state.lock();
        for Arrived { position, batch, spot, owner } in batches {
            state.is_awaited |= owner.is_some();
            let cost = batch.cost();
            let held = state.held + cost <= self.held_bytes;
            let room = state.room(&batch.room);
            let batch = held.then(|| Box::new(batch));
            self.put(&mut state, position, room, Waiting { cost, since, batch, spot, owner, aside: false });
        }
        if state.is_awaited || state.order.len() >= state.enough {
            self.changed.notify_all();
        }
    }

    /// Committed batches were found in the journal, and stay there until they settle.
    fn find(&self, found: &[Found]) {
        let since = Instant::now();
        let mut state = self.state.lock();
        for Found { position, room, cost } in found {
            let room = state.room(room);
            let owner = state.owed.remove(position);
            state.is_awaited |= owner.is_some();
            let waiting = Waiting { cost: *cost, since, batch: None, spot: None, owner, aside: false };
            self.put(&mut state, *position, room, waiting);
        }
    }

    fn put(&self, state: &mut State, position: Position, room: Arc<RoomKey>, waiting: Waiting) {
        // A scan of the journal and its writer may both report it. Only the writer knows who waits for it.
        let of_room = state.rooms.entry(room.clone()).or_default();
        if let Some(known) = of_room.get_mut(&position) {
            known.owner = known.owner.or(waiting.owner);
            return;
        }
        state.held += waiting.held();
        self.bytes.fetch_add(waiting.cost, Ordering::Relaxed);
        of_room.insert(position, waiting);
        state.order.insert(position, room);
    }

    /// Everything of one room, once nobody else has it. None: the settled store is not there.
    pub fn take_room(&self, room: &RoomKey) -> Option<Taken> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.is_exchanged || state.taken.contains_key(room));
        let settled = state.settled.clone()?;
        let Some((room, waiting)) = state.rooms.remove_entry(room) else {
            let room = Arc::new(room.clone());
            state.taken.insert(room.clone(), None);
            return Some(Taken { settled, rooms: vec![room], entries: Vec::new() });
        };
        let entries: Vec<_> = waiting.into_iter().collect();
        for (position, waiting) in &entries {
            state.order.remove(position);
            state.held -= waiting.held();
        }
        let first = entries.first().map(|(position, waiting)| First { position: *position, since: waiting.since });
        state.taken.insert(room.clone(), first);
        Some(Taken { settled, rooms: vec![room], entries })
    }

    /// The settled store, if nothing of this room waits and nobody is settling it.
    pub fn is_settled(&self, room: &RoomKey) -> Option<Arc<dyn Settled>> {
        let state = self.state.lock();
        let waits = state.is_exchanged || state.rooms.contains_key(room) || state.taken.contains_key(room);
        if !waits { state.settled.clone() } else { None }
    }

    /// The settled store, whatever waits. Waits until nothing that is here now does any more.
    pub fn all_settled(&self, end: Position) -> Option<Arc<dyn Settled>> {
        let mut state = self.state.lock();
        self.changed
            .wait_while(&mut state, |state| state.settled.is_some() && state.lowest().is_some_and(|p| p <= end));
        state.settled.clone()
    }

    /// What was taken has settled; its rooms are free.
    pub fn settled(&self, taken: Taken) {
        let cost = taken.cost();
        let mut state = self.state.lock();
        state.free(&taken);
        self.bytes.fetch_sub(cost, Ordering::Relaxed);
        self.changed.notify_all();
    }

    /// The settled store did not take it, and is to be opened anew. True for the first to say so.
    pub fn failed(&self, taken: Taken) -> bool {
        let settled = taken.settled.clone();
        let owners = taken.entries.iter().filter_map(|(position, waiting)| Some((*position, waiting.owner?)));
        self.state.lock().owed.extend(owners);
        self.settled(taken);
        self.fails(&settled)
    }

    /// This settled store has failed. True for the first to say so.
    pub fn fails(&self, failed: &Arc<dyn Settled>) -> bool {
        let mut state = self.state.lock();
        let first = state.is_settled_by(failed);
        if first {
            state.settled = None;
        }
        self.changed.notify_all();
        first
    }

    /// The settled store, whatever waits for it.
    pub fn present(&self) -> Option<Arc<dyn Settled>> {
        self.state.lock().settled.clone()
    }

    /// Takes a settled store that was just opened. `scan` puts in what it has not got, in any order; what is committed
    /// meanwhile comes by itself. Nobody settles until the scan is through, or a room could settle out of order.
    pub fn adopt<E>(
        &self,
        settled: Arc<dyn Settled>,
        scan: impl FnOnce(&mut dyn FnMut(&[Found])) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut state = self.state.lock();
        state.settled = None;
        self.changed.wait_while(&mut state, |state| !state.taken.is_empty());
        drop(state);
        scan(&mut |found| self.find(found))?;
        self.state.lock().settled = Some(settled);
        self.changed.notify_all();
        Ok(())
    }

    /// Puts another settled store in the place of this one, which is well and stays as it is. Who settles or reads waits
    /// meanwhile. `ready` is called while nobody does: it puts in what the other one has not got, and may say no.
    /// False: this one had failed before.
    pub fn exchange<E>(
        &self,
        from: &Arc<dyn Settled>,
        to: Arc<dyn Settled>,
        ready: impl FnOnce(&mut dyn FnMut(Position, Batch)) -> Result<(), E>,
    ) -> Result<bool, E> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.is_exchanged);
        state.is_exchanged = true;
        self.changed.wait_while(&mut state, |state| !state.taken.is_empty());
        let is_well = state.is_settled_by(from);
        drop(state);
        let readied =
            if is_well { ready(&mut |at, batch| self.add(std::iter::once(Arrived::of(at, batch)))) } else { Ok(()) };
        let mut state = self.state.lock();
        state.is_exchanged = false;
        // It may have failed to sync meanwhile: then it is opened anew.
        if is_well && readied.is_ok() && state.is_settled_by(from) {
            state.settled = Some(to);
        }
        self.changed.notify_all();
        readied.map(|()| is_well)
    }

    /// Who waits for batches up to here, which turned out to have settled before the settled store failed.
    pub fn owed(&self, settled: Position) -> Vec<Owner> {
        let mut state = self.state.lock();
        let above = state.owed.split_off(&Position(settled.0 + 1));
        std::mem::replace(&mut state.owed, above).into_values().collect()
    }

    /// The settled store has everything up to here; `end` if nothing waits.
    pub fn watermark(&self, end: Position) -> Position {
        let lowest = self.state.lock().lowest();
        lowest.map_or(end, |lowest| Position(lowest.0.saturating_sub(1)).min(end))
    }

    pub fn is_empty(&self) -> bool {
        self.state.lock().lowest().is_none()
    }

    /// The settled store has failed and is not open again.
    pub fn is_down(&self) -> bool {
        self.state.lock().settled.is_none()
    }

    /// For threads that wait here and are to look at something else.
    pub fn wake(&self) {
        drop(self.state.lock());
        self.changed.notify_all();
    }
}

impl Waiting {
    fn held(&self) -> usize {
        if self.batch.is_some() { self.cost } else { 0 }
    }
}

impl State {
    /// A room by the key that it already has here, if it has one.
    fn room(&self, room: &RoomKey) -> Arc<RoomKey> {
        match self.rooms.get_key_value(room) {
            Some((room, _)) => room.clone(),
            None => Arc::new(room.clone()),
        }
    }

    fn is_settled_by(&self, settled: &Arc<dyn Settled>) -> bool {
        self.settled.as_ref().is_some_and(|own| Arc::ptr_eq(own, settled))
    }

    fn remove(&mut self, position: Position, room: &Arc<RoomKey>) -> Option<Waiting> {
        self.order.remove(&position);
        let of_room = self.rooms.get_mut(room)?;
        let waiting = of_room.remove(&position);
        if of_room.is_empty() {
            self.rooms.remove(room);
        }
        self.held -= waiting.as_ref().map_or(0, Waiting::held);
        waiting
    }

    fn free(&mut self, taken: &Taken) {
        for room in &taken.rooms {
            self.taken.remove(room);
        }
    }

    /// The lowest position that has not settled.
    fn lowest(&self) -> Option<Position> {
        self.first().map(|first| first.position)
    }

    fn first(&self) -> Option<First> {
        let waiting = self.order.first_key_value().and_then(|(position, room)| {
            let since = self.rooms.get(room)?.get(position)?.since;
            Some(First { position: *position, since })
        });
        self.taken.values().copied().flatten().chain(waiting).min_by_key(|first| first.position)
    }
}
