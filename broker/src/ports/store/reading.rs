//! Records as the engine sees them. What cannot be read is never guessed: it is reported, and left out or stood in for.

use super::codec::message::message_of;
use super::codec::records::{event_of, stand_in};
use rookery_engine::ports::StoreFault;
use rookery_protocol::event::Event;
use rookery_protocol::ids::{Millis, RoomKey};
use rookery_protocol::message::Message;
use rookery_storage::{Ask, Item, Record};
use std::fmt::Display;
use std::sync::Arc;

/// What comes after an answer of the store.
pub enum Next<T> {
    /// Another question.
    Ask(Ask),
    Done(T),
}

impl<T> Next<T> {
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Next<U> {
        match self {
            Next::Ask(ask) => Next::Ask(ask),
            Next::Done(done) => Next::Done(f(done)),
        }
    }
}

/// Of a question that the store may fail to answer.
pub type NextOrFault<T> = Next<Result<T, StoreFault>>;

impl<T> NextOrFault<T> {
    pub const FAULT: NextOrFault<T> = Next::Done(Err(StoreFault));
}

/// Answers being read.
pub struct Reading<'a> {
    /// Counts what could not be read.
    pub unreadable: &'a mut u64,
}

/// The time that the store is told: before any expiry. A room hides and deletes what has expired itself, and for that it
/// must see it.
pub const STORE_NOW: Millis = 0;

impl Reading<'_> {
    pub fn event(&mut self, room: &RoomKey, item: &Item) -> Arc<Event> {
        Arc::new(event_of(item).unwrap_or_else(|why| {
            self.report(room, "event", item.record.place, why);
            stand_in(&item.record)
        }))
    }

    pub fn message(&mut self, room: &RoomKey, record: &Record) -> Option<Arc<Message>> {
        match message_of(record) {
            Ok((message, _)) => Some(Arc::new(message)),
            Err(why) => {
                self.report(room, "message", record.place, why);
                None
            }
        }
    }

    pub fn report(&mut self, room: &RoomKey, what: &'static str, at: impl Display, why: impl Display) {
        *self.unreadable += 1;
        tracing::error!(event = "stored_value_unreadable", what, realm = %room.realm, room = %room.name, %at, %why);
    }
}
