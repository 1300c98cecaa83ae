//! Rooms of which the settled store cannot read what it needs to go on: they take nothing more, so that the others can.

use crate::RoomKey;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Default)]
pub(crate) struct Broken {
    /// Shards look at this one.
    any: AtomicBool,
    rooms: Mutex<HashSet<RoomKey>>,
}

impl Broken {
    /// False: it was known.
    pub fn add(&self, room: &RoomKey) -> bool {
        self.any.store(true, Ordering::Release);
        self.rooms.lock().insert(room.clone())
    }

    pub fn has(&self, room: &RoomKey) -> bool {
        self.any.load(Ordering::Acquire) && self.rooms.lock().contains(room)
    }

    pub fn len(&self) -> usize {
        if self.any.load(Ordering::Acquire) { self.rooms.lock().len() } else { 0 }
    }

    /// The settled store is another one.
    pub fn clear(&self) {
        self.any.store(false, Ordering::Release);
        self.rooms.lock().clear();
    }
}
