//! Loading a room: its rows and places in one answer, then its newest events, from the end backwards, until they are as
//! many or as large as a room keeps at hand.

use super::image::image_of;
use super::reading::{Next, NextOrFault, Reading};
use super::replay::{Walk, Walked};
use rookery_engine::ports::RoomImage;
use rookery_protocol::event::Event;
use rookery_protocol::ids::{Epoch, Place, RoomKey, Seq};
use rookery_protocol::limits;
use rookery_storage::{Ask, Outcome};
use std::sync::Arc;

/// Events of one step backwards: few steps for small events, not far too much for large ones.
const STEP: u64 = 128;
/// What an event is counted as beside its payload, as the recent log counts it.
const EVENT_COST: usize = 256;

pub struct Load {
    room: RoomKey,
    /// None: the room's state is being asked for.
    recent: Option<Recent>,
}

struct Recent {
    image: Box<RoomImage>,
    /// Nothing at or below it is asked for.
    low: Seq,
    walk: Walk,
    /// How many events the walk is to bring.
    wanted: usize,
    /// The newest first.
    steps: Vec<Vec<Arc<Event>>>,
    cost: usize,
}

impl Load {
    pub fn begin(room: &RoomKey) -> (Load, Ask) {
        (Load { room: room.clone(), recent: None }, Ask::Load { room: room.clone() })
    }

    pub fn take(&mut self, outcome: Outcome, reading: &mut Reading<'_>) -> NextOrFault<Box<RoomImage>> {
        let Some(recent) = &mut self.recent else { return self.state(outcome, reading) };
        match recent.walk.take(outcome, &self.room, reading) {
            Walked::On => Next::Ask(recent.walk.ask(&self.room)),
            Walked::Fault => NextOrFault::FAULT,
            // Retention has overtaken the question; what is newer is there already.
            Walked::Gone => recent.finish(),
            Walked::Done => recent.step(&self.room),
        }
    }

    fn state(&mut self, outcome: Outcome, reading: &mut Reading<'_>) -> NextOrFault<Box<RoomImage>> {
        let Outcome::Loaded(state) = outcome else { return NextOrFault::FAULT };
        let image = match image_of(*state) {
            Ok(image) => Box::new(image),
            Err(why) => {
                reading.report(&self.room, "row", "load", why);
                return NextOrFault::FAULT;
            }
        };
        let low = Seq(image.last.seq.0.saturating_sub(limits::RECENT_EVENTS).max(image.replay_from.seq.0));
        if image.last.seq <= low {
            return Next::Done(Ok(image));
        }
        let (walk, wanted) = walk_to(&image, image.last, low);
        let recent = Recent { image, low, walk, wanted, steps: Vec::new(), cost: 0 };
        let ask = recent.walk.ask(&self.room);
        self.recent = Some(recent);
        Next::Ask(ask)
    }
}

/// The events up to an end, a step of them.
fn walk_to(image: &RoomImage, end: Place, low: Seq) -> (Walk, usize) {
    let after = Seq(end.seq.0.saturating_sub(STEP).max(low.0));
    let wanted = (end.seq.0 - after.0) as usize;
    (Walk::new(place_of(image, after), end, wanted), wanted)
}

impl Recent {
    fn step(&mut self, room: &RoomKey) -> NextOrFault<Box<RoomImage>> {
        let events = std::mem::take(&mut self.walk.events);
        let first = events.first().map(|event| event.place.seq);
        let whole = events.len() == self.wanted;
        if whole {
            self.cost += self.walk.bytes + EVENT_COST * events.len();
            self.steps.push(events);
        }
        let Some(first) = first.filter(|_| whole && self.cost < limits::RECENT_BYTES as usize) else {
            return self.finish();
        };
        let end = Seq(first.0 - 1);
        if end <= self.low {
            return self.finish();
        }
        (self.walk, self.wanted) = walk_to(&self.image, place_of(&self.image, end), self.low);
        Next::Ask(self.walk.ask(room))
    }

    fn finish(&mut self) -> NextOrFault<Box<RoomImage>> {
        let mut image = std::mem::take(&mut self.image);
        image.recent = std::mem::take(&mut self.steps).into_iter().rev().flatten().collect();
        Next::Done(Ok(image))
    }
}

/// The place of a seq that was given.
fn place_of(image: &RoomImage, seq: Seq) -> Place {
    if seq == image.replay_from.seq {
        return image.replay_from;
    }
    let next = image.epochs.partition_point(|(_, first)| *first <= seq);
    let epoch = next.checked_sub(1).and_then(|at| image.epochs.get(at)).map_or(Epoch(0), |(epoch, _)| *epoch);
    Place { epoch, seq }
}
