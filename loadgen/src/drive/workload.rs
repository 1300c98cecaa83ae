//! The workloads of the yardstick, as data.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "UPPER")]
pub enum Workload {
    /// One message at a time: publish, wait for one's own copy.
    A,
    /// 1 room of 100, 500 messages/s on a fixed schedule.
    F1,
    /// 1 room of 100, one publisher with 64 messages in flight.
    F2,
    /// 100 rooms of 10, 10 publishers, 64 in flight each.
    F3,
    /// 1 room of 1,000, one publisher, 64 in flight.
    F4,
    /// Connect, join, leave, close, 100 at a time.
    C,
    /// 10,000 connections, one room for ten of them, idle.
    I,
}

/// When a publisher sends its next message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As soon as fewer than this many are in flight. In flight means: its last subscriber does not have it yet.
    Window(usize),
    /// This many a second, whatever comes back; latency counts from the intended time.
    Rate(u32),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plan {
    Stream(Stream),
    Churn { at_once: usize },
    Idle { connections: usize, per_room: usize },
}

/// Publishers that each serve their share of the rooms, in turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stream {
    pub rooms: usize,
    pub per_room: usize,
    pub publishers: usize,
    /// Whether the publishers are the rooms' subscribers themselves.
    pub publisher_listens: bool,
    pub pace: Pace,
}

/// Departures from a workload's own sizes, for tests and experiments.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct Sizes {
    /// Rooms, instead of the workload's own number
    #[arg(long)]
    pub rooms: Option<usize>,
    /// Subscribers (or idle connections) per room
    #[arg(long)]
    pub per_room: Option<usize>,
    /// Publishers
    #[arg(long)]
    pub publishers: Option<usize>,
    /// Messages in flight per publisher (workloads with a window)
    #[arg(long)]
    pub window: Option<usize>,
    /// Messages per second (workloads with a schedule)
    #[arg(long)]
    pub rate: Option<u32>,
    /// Connections: in all when idle, at once when churning
    #[arg(long)]
    pub connections: Option<usize>,
}

impl Workload {
    pub fn plan(self, sizes: &Sizes) -> Plan {
        let stream = |rooms, per_room, publishers, pace| {
            let pace = match pace {
                Pace::Window(own) => Pace::Window(sizes.window.unwrap_or(own).max(1)),
                Pace::Rate(own) => Pace::Rate(sizes.rate.unwrap_or(own).max(1)),
            };
            let rooms = sizes.rooms.unwrap_or(rooms).max(1);
            Stream {
                rooms,
                per_room: sizes.per_room.unwrap_or(per_room).max(1),
                publishers: sizes.publishers.unwrap_or(publishers).clamp(1, rooms),
                publisher_listens: false,
                pace,
            }
        };
        match self {
            Workload::A => {
                Plan::Stream(Stream { publisher_listens: true, per_room: 1, ..stream(1, 1, 1, Pace::Window(1)) })
            }
            Workload::F1 => Plan::Stream(stream(1, 100, 1, Pace::Rate(500))),
            Workload::F2 => Plan::Stream(stream(1, 100, 1, Pace::Window(64))),
            Workload::F3 => Plan::Stream(stream(100, 10, 10, Pace::Window(64))),
            Workload::F4 => Plan::Stream(stream(1, 1_000, 1, Pace::Window(64))),
            Workload::C => Plan::Churn { at_once: sizes.connections.unwrap_or(100).max(1) },
            Workload::I => Plan::Idle {
                connections: sizes.connections.unwrap_or(10_000).max(1),
                per_room: sizes.per_room.unwrap_or(10).max(1),
            },
        }
    }

    /// What one operation of this workload is.
    pub fn unit(self) -> &'static str {
        match self {
            Workload::A | Workload::F1 | Workload::F2 | Workload::F3 | Workload::F4 => "delivery",
            Workload::C => "cycle",
            Workload::I => "connection",
        }
    }
}
