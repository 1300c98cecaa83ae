//! Lanes between shards: in order, bounded in bytes, late, and narrow at times.

use rookery_engine::message::Parcel;
use std::collections::VecDeque;

pub struct Lane {
    under_way: VecDeque<Parcel>,
    bytes: usize,
    /// Parcels arrive in order: not before this time.
    pub next_at: u64,
}

pub struct Lanes {
    lanes: Vec<Lane>,
    shards: usize,
    pub capacity: usize,
}

impl Lanes {
    pub fn new(shards: u8, capacity: usize) -> Lanes {
        let shards = usize::from(shards);
        let lane = || Lane { under_way: VecDeque::new(), bytes: 0, next_at: 0 };
        Lanes { lanes: (0..shards * shards).map(|_| lane()).collect(), shards, capacity }
    }

    pub fn lane(&mut self, from: u8, to: u8) -> &mut Lane {
        &mut self.lanes[usize::from(from) * self.shards + usize::from(to)]
    }

    /// One parcel is always taken when nothing is under way.
    pub fn room(&self, from: u8, to: u8) -> usize {
        let lane = &self.lanes[usize::from(from) * self.shards + usize::from(to)];
        if lane.under_way.is_empty() { usize::MAX } else { self.capacity.saturating_sub(lane.bytes) }
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.under_way.is_empty())
    }
}

impl Lane {
    pub fn push(&mut self, parcel: Parcel) {
        self.bytes += parcel.bytes;
        self.under_way.push_back(parcel);
    }

    pub fn pop(&mut self) -> Option<Parcel> {
        let parcel = self.under_way.pop_front()?;
        self.bytes -= parcel.bytes;
        Some(parcel)
    }
}
