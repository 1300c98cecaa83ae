//! A scenario: what a load is, as data. It comes from a TOML file (`configs/load/`), flags change single values of it, and a
//! run's record holds it whole, so that whoever reads the record knows what was run.

mod check;
mod file;
mod shipped;

use serde::{Deserialize, Serialize};

pub use check::check;
pub use file::load;
pub use shipped::{SHIPPED, shipped};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The file's own name unless it says another.
    pub name: String,
    /// One sentence: what it shows.
    pub about: String,
    pub rooms: Rooms,
    pub members: Members,
    pub posts: Posts,
    pub pages: Pages,
    pub storm: Storm,
    pub time: Time,
}

/// The rooms and how many seats each has. Every seat is a connection of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    pub count: u32,
    /// Seats of a room; of the largest one where sizes differ.
    pub seats: u32,
    /// Above 0: the n-th room has `seats / n^zipf` seats, at least one.
    pub zipf: f64,
}

/// What the connections in the seats do besides listening.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Members {
    /// Which part of them reads slowly, and at which pace.
    pub slow_share: f64,
    pub slow_bytes_per_second: u32,
    /// How long a member stays before it leaves, drawn evenly from these two; without it members stay.
    pub stay_seconds: Option<[f64; 2]>,
    /// How long the seat is empty then.
    pub away_seconds: [f64; 2],
    pub leave: Leave,
    pub back: Back,
    /// Messages of history that are asked for after joining.
    pub history: u32,
    /// Typing signals a second, all members together.
    pub typing_rate: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leave {
    /// Leaves its room, waits for the answer, closes.
    #[default]
    Politely,
    /// The connection ends between two bytes.
    Cut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Back {
    /// As somebody who knows nothing.
    #[default]
    Anew,
    /// With the place of the last message it saw: everything since is owed to it.
    Resuming,
}

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Posts {
    /// Messages a second, all rooms together, on a fixed schedule; latency counts from the intended time.
    pub rate: f64,
    /// Instead of a rate: each sender has so many messages on their way at once.
    pub in_flight: u32,
    /// Connections that say them, each in its share of the rooms; 0: nobody says anything.
    pub senders: u32,
    /// Whether the senders are the first seats of their rooms themselves.
    pub from_seats: bool,
    /// Bytes of a body.
    pub body: u32,
}

/// Reading of history, at a fixed rate, anywhere in the rooms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pages {
    /// Pages a second; 0: none.
    pub rate: f64,
    pub size: u32,
    /// Messages written into each room before the run, for the pages to be read from.
    pub prepared: u32,
}

/// Many connections cut at one moment, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storm {
    /// 0: none.
    pub every_seconds: f64,
    /// Which part of the members it hits.
    pub share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Time {
    /// Load before anything is measured.
    pub warm_up_seconds: f64,
    /// The measured window.
    pub seconds: f64,
}

impl Default for Rooms {
    fn default() -> Rooms {
        Rooms { count: 1, seats: 100, zipf: 0.0 }
    }
}

impl Default for Members {
    fn default() -> Members {
        Members {
            slow_share: 0.0,
            slow_bytes_per_second: 20_000,
            stay_seconds: None,
            away_seconds: [0.0, 0.0],
            leave: Leave::default(),
            back: Back::default(),
            history: 0,
            typing_rate: 0.0,
        }
    }
}

impl Default for Posts {
    fn default() -> Posts {
        Posts { rate: 0.0, in_flight: 0, senders: 1, from_seats: false, body: 128 }
    }
}

impl Default for Pages {
    fn default() -> Pages {
        Pages { rate: 0.0, size: 50, prepared: 0 }
    }
}

impl Default for Storm {
    fn default() -> Storm {
        Storm { every_seconds: 0.0, share: 1.0 }
    }
}

impl Default for Time {
    fn default() -> Time {
        Time { warm_up_seconds: 1.0, seconds: 10.0 }
    }
}

impl Rooms {
    /// Seats of the n-th room, counted from 0.
    pub fn seats_of(&self, room: u32) -> u32 {
        let share = f64::from(room + 1).powf(self.zipf);
        ((f64::from(self.seats) / share) as u32).max(1).min(self.seats)
    }

    pub fn all_seats(&self) -> u64 {
        (0..self.count).map(|room| u64::from(self.seats_of(room))).sum()
    }
}

/// When a sender says its next message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Never.
    Silent,
    /// So many a second, all senders together, whatever comes back.
    Rate(f64),
    /// As soon as fewer than this many are on their way: their last listener does not have them yet.
    InFlight(u32),
}

impl Posts {
    pub fn pace(&self) -> Pace {
        match (self.senders, self.in_flight) {
            (0, _) => Pace::Silent,
            (_, 0) if self.rate > 0.0 => Pace::Rate(self.rate),
            (_, 0) => Pace::Silent,
            (_, in_flight) => Pace::InFlight(in_flight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_by_zipf_fall_from_the_largest_to_one() {
        let rooms = Rooms { count: 1_000, seats: 100, zipf: 1.0 };
        assert_eq!([0, 1, 3, 99, 999].map(|room| rooms.seats_of(room)), [100, 50, 25, 1, 1]);
        assert_eq!(Rooms { zipf: 0.0, ..rooms }.all_seats(), 100_000);
    }
}
