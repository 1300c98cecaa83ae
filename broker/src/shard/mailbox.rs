//! The only door between shards: bounded lanes from many senders to one receiver, with one bell for all of them.
//!
//! A lane is bounded in entries and in bytes; what does not fit is given back, never dropped. Room can be reserved
//! before the item exists (a reply's room, when its command is sent). A sender wakes the receiver only if it sleeps,
//! and then once, not per item; see [`bell`](super::bell) for why that is never too late.
//!
//! One atomic word per lane counts both bounds, so they are exact: it is raised before an item goes into the queue and
//! lowered after it came out. So whoever raised it finds a free slot in the queue, which is as long as the lane.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;
use crossbeam::utils::CachePadded;

use super::bell::Bell;

/// What a lane holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub entries: usize,
    /// As told by the senders. Must be at least the largest single item, which would never fit otherwise.
    pub bytes: usize,
}

/// The lane has no room; the item comes back.
#[derive(Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

/// One lane's sending side. Clones share the lane.
pub struct Sender<T>(Arc<Lane<T>>);

/// Room in a lane that is set aside for one item.
///
/// It belongs to the lane it was reserved in: spend it with [`Sender::send_reserved`] or return it with
/// [`Sender::give_back`]; dropped, it stays taken.
#[derive(Debug)]
#[must_use = "dropped, the reserved room stays taken"]
pub struct Reserved {
    bytes: u32,
}

/// The receiving side of all lanes.
pub struct Receiver<T> {
    lanes: Box<[Arc<Lane<T>>]>,
    bell: Arc<CachePadded<Bell>>,
}

struct Lane<T> {
    queue: ArrayQueue<Entry<T>>,
    bounds: Bounds,
    /// Entries in the upper [`ENTRY_BITS`], bytes in the rest.
    used: CachePadded<AtomicU64>,
    bell: Arc<CachePadded<Bell>>,
}

struct Entry<T> {
    item: T,
    bytes: u32,
}

const ENTRY_BITS: u32 = 24;
const BYTE_BITS: u32 = 64 - ENTRY_BITS;
const BYTE_MASK: u64 = (1 << BYTE_BITS) - 1;

/// Room goes back to the senders in groups of this many items: one atomic write for all of them, and still well
/// before a long drain ends.
const RELEASE_EVERY: u64 = 32;

/// Opens a mailbox with a lane for each of the bounds, in the order in which [`Receiver::drain`] visits them.
///
/// # Panics
/// If a lane has no entries, or a bound is beyond what the counting word can hold (16 M entries, 1 TiB): a mistake in
/// the program, not in its input.
pub fn mailbox<T, const LANES: usize>(bounds: [Bounds; LANES]) -> ([Sender<T>; LANES], Receiver<T>) {
    let bell = Arc::new(CachePadded::new(Bell::new()));
    let lanes = bounds.map(|bounds| {
        assert!(bounds.entries > 0 && bounds.entries < 1 << ENTRY_BITS, "a lane's entries: {}", bounds.entries);
        assert!(bounds.bytes as u64 <= BYTE_MASK, "a lane's bytes: {}", bounds.bytes);
        Arc::new(Lane {
            queue: ArrayQueue::new(bounds.entries),
            bounds,
            used: CachePadded::new(AtomicU64::new(0)),
            bell: Arc::clone(&bell),
        })
    });
    let receiver = Receiver { lanes: lanes.iter().map(Arc::clone).collect(), bell };
    (lanes.map(Sender), receiver)
}

const fn pack(entries: u64, bytes: u64) -> u64 {
    (entries << BYTE_BITS) | bytes
}

impl<T> Lane<T> {
    /// Takes room for one item.
    fn take(&self, bytes: usize) -> Option<Reserved> {
        let small = u32::try_from(bytes).ok()?;
        // Acquire: pairs with `free`, so the queue slot that was given up is seen as free.
        let raised = self.used.fetch_update(Ordering::Acquire, Ordering::Relaxed, |used| {
            let fits = (used >> BYTE_BITS) < self.bounds.entries as u64
                && (used & BYTE_MASK) + u64::from(small) <= self.bounds.bytes as u64;
            fits.then(|| used + pack(1, u64::from(small)))
        });
        raised.ok().map(|_| Reserved { bytes: small })
    }

    fn free(&self, entries: u64, bytes: u64) {
        if entries > 0 {
            self.used.fetch_sub(pack(entries, bytes), Ordering::Release);
        }
    }

    fn put(&self, room: Reserved, item: T) {
        let mut entry = Entry { item, bytes: room.bytes };
        // Room was taken, so a slot is free or about to be: another sender may be between its two steps in the queue.
        while let Err(back) = self.queue.push(entry) {
            entry = back;
            std::hint::spin_loop();
        }
        self.bell.ring();
    }
}

impl<T> Sender<T> {
    /// Sends an item that accounts for `bytes`.
    ///
    /// # Errors
    /// [`Full`] with the item, if the lane has no entry or not enough bytes left.
    pub fn try_send(&self, item: T, bytes: usize) -> Result<(), Full<T>> {
        match self.0.take(bytes) {
            Some(room) => {
                self.0.put(room, item);
                Ok(())
            }
            None => Err(Full(item)),
        }
    }

    /// Sets room aside for an item that comes later.
    pub fn reserve(&self, bytes: usize) -> Option<Reserved> {
        self.0.take(bytes)
    }

    /// Sends an item into room that was set aside in this lane; cannot fail.
    pub fn send_reserved(&self, room: Reserved, item: T) {
        self.0.put(room, item);
    }

    /// Returns room that was set aside in this lane and is not needed.
    pub fn give_back(&self, room: Reserved) {
        self.0.free(1, u64::from(room.bytes));
    }

    /// Bytes that the lane can still take; none if it has no entry left. A moment's view: others send too.
    pub fn room(&self) -> usize {
        let used = self.0.used.load(Ordering::Relaxed);
        if used >> BYTE_BITS >= self.0.bounds.entries as u64 {
            return 0;
        }
        self.0.bounds.bytes.saturating_sub((used & BYTE_MASK) as usize)
    }

    pub fn bounds(&self) -> Bounds {
        self.0.bounds
    }

    /// What is taken of them at this moment, room that is only reserved included.
    pub fn used(&self) -> Bounds {
        let used = self.0.used.load(Ordering::Relaxed);
        Bounds { entries: (used >> BYTE_BITS) as usize, bytes: (used & BYTE_MASK) as usize }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender(Arc::clone(&self.0))
    }
}

/// Room to be given back, in groups; also if the handler of an item panics.
struct Release<'a, T> {
    lane: &'a Lane<T>,
    entries: u64,
    bytes: u64,
}

impl<T> Release<'_, T> {
    fn add(&mut self, bytes: u32) {
        self.entries += 1;
        self.bytes += u64::from(bytes);
        if self.entries == RELEASE_EVERY {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.lane.free(std::mem::take(&mut self.entries), std::mem::take(&mut self.bytes));
    }
}

impl<T> Drop for Release<'_, T> {
    fn drop(&mut self) {
        self.flush();
    }
}

impl<T> Receiver<T> {
    /// Takes up to `max` items, the lanes one after another, each in the order in which it was filled.
    pub fn drain(&mut self, max: usize, mut handle: impl FnMut(T)) -> usize {
        let mut taken = 0;
        for lane in 0..self.lanes.len() {
            taken += self.drain_lane(lane, max - taken, &mut handle);
        }
        taken
    }

    /// Takes up to `max` items of one lane, by its place among the bounds.
    pub fn drain_lane(&mut self, lane: usize, max: usize, mut handle: impl FnMut(T)) -> usize {
        let Some(lane) = self.lanes.get(lane) else {
            return 0;
        };
        let mut release = Release { lane, entries: 0, bytes: 0 };
        let mut taken = 0;
        while taken < max
            && let Some(Entry { item, bytes }) = lane.queue.pop()
        {
            taken += 1;
            release.add(bytes);
            handle(item);
        }
        taken
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.queue.is_empty())
    }

    /// Waits until a lane holds something. May return without a reason; may be given up at any point.
    pub async fn sleep(&mut self) {
        self.bell.sleep(|| self.is_empty()).await;
    }
}
