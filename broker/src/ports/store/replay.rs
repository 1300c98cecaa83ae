//! A run of events out of as many answers as it takes: an answer is bounded in bytes, a page of events only in number.

use super::reading::{Reading, STORE_NOW};
use rookery_protocol::event::Event;
use rookery_protocol::ids::{Place, RoomKey};
use rookery_storage::{Ask, Outcome, Replay, ReplayAsk};
use std::sync::Arc;

pub struct Walk {
    after: Place,
    fence: Place,
    left: usize,
    pub events: Vec<Arc<Event>>,
    /// Of their payloads.
    pub bytes: usize,
}

pub enum Walked {
    /// Ask again.
    On,
    Done,
    /// The place is older than what is kept.
    Gone,
    Fault,
}

impl Walk {
    pub fn new(after: Place, fence: Place, limit: usize) -> Walk {
        Walk { after, fence, left: limit, events: Vec::new(), bytes: 0 }
    }

    pub fn ask(&self, room: &RoomKey) -> Ask {
        Ask::Replay(ReplayAsk {
            room: room.clone(),
            after: self.after,
            limit: self.left,
            fence: self.fence,
            now: STORE_NOW,
        })
    }

    pub fn take(&mut self, outcome: Outcome, room: &RoomKey, reading: &mut Reading<'_>) -> Walked {
        let Outcome::Replay(replay) = outcome else { return Walked::Fault };
        let run = match *replay {
            Replay::Run(run) => run,
            Replay::Gone { .. } => return Walked::Gone,
        };
        self.left = self.left.saturating_sub(run.items.len());
        self.after = run.reached;
        for item in &run.items {
            self.bytes += item.record.payload.len() + item.current.as_ref().map_or(0, |current| current.payload.len());
            self.events.push(reading.event(room, item));
        }
        if run.more && self.left > 0 && !run.items.is_empty() { Walked::On } else { Walked::Done }
    }
}
