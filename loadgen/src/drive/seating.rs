//! Who sits where: the seats and senders of each thread, and the rooms as all threads share them.

use std::sync::Arc;

use super::line::{InFlight, Line};
use crate::scenario::{Pace, Scenario};

/// A seat of a room, and the number of the connection that takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chair {
    pub room: u16,
    pub connection: usize,
    pub is_slow: bool,
}

/// A connection that speaks in some rooms.
#[derive(Clone, Debug)]
pub struct SenderPlan {
    /// Its number among all senders.
    pub nth: usize,
    /// A connection of its own, or the seat that it speaks from.
    pub connection: usize,
    pub has_seat: bool,
    pub rooms: Vec<u16>,
    pub in_flight: InFlight,
}

/// What one thread looks after.
#[derive(Clone, Default)]
pub struct Share {
    pub seats: Vec<Chair>,
    pub senders: Vec<SenderPlan>,
}

pub struct Seating {
    pub lines: Vec<Arc<Line>>,
    /// Threads that have seats in each room.
    pub threads_of: Vec<u32>,
    shares: Vec<Share>,
}

impl Seating {
    pub fn share(&self, thread: usize) -> Share {
        self.shares[thread].clone()
    }
}

/// With fewer rooms per thread than this, seats of one room are spread over threads.
const ROOMS_PER_THREAD: u32 = 4;

/// A message on a schedule can be timed for so long; at least this many are remembered.
const TIMED_SECONDS: f64 = 20.0;
const REMEMBERED_LEAST: usize = 64;
const REMEMBERED_MOST: usize = 16_384;

pub fn seat(scenario: &Scenario, threads: usize) -> Seating {
    let rooms = scenario.rooms.count;
    let spread = rooms < ROOMS_PER_THREAD * threads as u32;
    let mut shares: Vec<Share> = (0..threads).map(|_| Share::default()).collect();
    let mut threads_of = Vec::new();
    let mut first_seats = Vec::new();
    let mut connection = 0;
    let mut slow_due = 0.0;
    for room in 0..rooms {
        let mut here = vec![false; threads];
        for nth in 0..scenario.rooms.seats_of(room) {
            let thread = if spread { connection } else { room as usize } % threads;
            slow_due += scenario.members.slow_share;
            let is_slow = slow_due >= 1.0;
            slow_due -= f64::from(u8::from(is_slow));
            if nth == 0 {
                first_seats.push((thread, connection));
            }
            shares[thread].seats.push(Chair { room: room as u16, connection, is_slow });
            here[thread] = true;
            connection += 1;
        }
        threads_of.push(here.iter().filter(|here| **here).count() as u32);
    }
    let pace = scenario.posts.pace();
    let senders = if pace == Pace::Silent { 0 } else { scenario.posts.senders as usize };
    let flights: Vec<InFlight> = (0..senders.max(1)).map(|_| InFlight::default()).collect();
    let lines = (0..rooms)
        .map(|room| {
            let in_flight = flights[room as usize % flights.len()].clone();
            Arc::new(Line::new(room as u16, in_flight, remembered(pace, rooms)))
        })
        .collect();
    for nth in 0..senders {
        let (thread, own) = first_seats[nth];
        let (thread, connection) =
            if scenario.posts.from_seats { (thread, own) } else { (nth % threads, connection + nth) };
        let rooms = (nth..rooms as usize).step_by(senders).map(|room| room as u16).collect();
        let in_flight = flights[nth].clone();
        let has_seat = scenario.posts.from_seats;
        shares[thread].senders.push(SenderPlan { nth, connection, has_seat, rooms, in_flight });
    }
    Seating { lines, threads_of, shares }
}

fn remembered(pace: Pace, rooms: u32) -> usize {
    match pace {
        Pace::Silent => REMEMBERED_LEAST,
        Pace::InFlight(count) => (count as usize * 2).max(REMEMBERED_LEAST),
        Pace::Rate(rate) => {
            let most = rate * TIMED_SECONDS / f64::from(rooms);
            (most as usize).clamp(REMEMBERED_LEAST, REMEMBERED_MOST)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Members, Posts, Rooms};

    fn scenario(rooms: u32, seats: u32, senders: u32) -> Scenario {
        Scenario {
            rooms: Rooms { count: rooms, seats, zipf: 0.0 },
            posts: Posts { rate: 10.0, senders, ..Posts::default() },
            ..Scenario::default()
        }
    }

    #[test]
    fn every_seat_and_every_room_is_looked_after_once() {
        for (rooms, seats, senders, threads) in [(1, 10, 1, 3), (20, 3, 6, 3), (2, 5, 2, 1)] {
            let seating = seat(&scenario(rooms, seats, senders), threads);
            let mut seats_seen: Vec<usize> =
                seating.shares.iter().flat_map(|share| &share.seats).map(|seat| seat.connection).collect();
            seats_seen.sort_unstable();
            assert_eq!(seats_seen, (0..(rooms * seats) as usize).collect::<Vec<_>>());
            let mut spoken: Vec<u16> = seating
                .shares
                .iter()
                .flat_map(|share| &share.senders)
                .flat_map(|sender| sender.rooms.iter().copied())
                .collect();
            spoken.sort_unstable();
            assert_eq!(spoken, (0..rooms as u16).collect::<Vec<_>>());
            assert!(seating.shares.iter().all(|share| !share.seats.is_empty()));
        }
    }

    #[test]
    fn one_in_a_hundred_is_slow_and_a_sender_may_speak_from_its_seat() {
        let mut slow = scenario(1, 1_000, 1);
        slow.members = Members { slow_share: 0.01, ..Members::default() };
        let seating = seat(&slow, 1);
        assert_eq!(seating.shares[0].seats.iter().filter(|seat| seat.is_slow).count(), 10);
        let mut own = scenario(3, 2, 3);
        own.posts.from_seats = true;
        let seating = seat(&own, 2);
        for share in &seating.shares {
            for sender in &share.senders {
                assert!(share.seats.iter().any(|seat| seat.connection == sender.connection));
            }
        }
    }
}
