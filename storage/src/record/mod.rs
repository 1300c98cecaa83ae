//! A record: an event as stored. Its bytes on disk are in [`layout`].

pub mod layout;
#[cfg(test)]
mod tests;

use crate::limits::ITEM_OVERHEAD;
use crate::{Millis, Ordinal, Place};
use bytes::Bytes;

/// One placed event. What happened is in the payload, which the storage never looks into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub place: Place,
    /// When it happened. Only retention by age looks at it.
    pub time: Millis,
    pub kind: Kind,
    /// The sender's duplicate key, principal included: unique in the room, found by it as long as the record is kept.
    pub key: Option<Bytes>,
    /// Begins with a version byte of its own; the storage keeps it as it came.
    /// The store may hold these very bytes for long: a slice of something large is copied by the caller first.
    pub payload: Bytes,
}

/// The two ranges of one numbering, and the place without content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Of the range with long retention: what pages of history show.
    Message {
        ordinal: Ordinal,
        /// The place of the last change, or of the posting. A rewrite with a lower one never wins.
        version: Place,
        state: State,
        /// From this time on nobody is shown the payload.
        expires: Option<Millis>,
        /// The message whose thread this one belongs to. A thread is read by itself.
        thread: Option<Place>,
    },
    /// Of the range that is kept as long as a resume may reach back.
    Change { touches: Touches },
    /// A place that was given, but stays without content and ordinal. Kept among the changes.
    Void,
}

/// Whether a message still says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum State {
    Present = 0,
    /// Rewritten to a stub; the payload is what the stub says.
    Deleted = 1,
    /// Its time has come; the payload is empty.
    Expired = 2,
}

/// What a change has to do with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touches {
    /// Members, settings.
    Nothing,
    /// Something about the message, such as a reaction or a pin.
    Marks(Place),
    /// The message itself: edited or deleted. Replay joins it as it is now.
    Rewrites(Place),
}

impl Record {
    pub fn is_message(&self) -> bool {
        matches!(self.kind, Kind::Message { .. })
    }

    pub fn ordinal(&self) -> Option<Ordinal> {
        match self.kind {
            Kind::Message { ordinal, .. } => Some(ordinal),
            Kind::Change { .. } | Kind::Void => None,
        }
    }

    pub fn thread(&self) -> Option<Place> {
        match self.kind {
            Kind::Message { thread, .. } => thread,
            Kind::Change { .. } | Kind::Void => None,
        }
    }

    /// From when on its payload is not shown. None, too, for what says nothing any more.
    pub fn expires(&self) -> Option<Millis> {
        match self.kind {
            Kind::Message { state: State::Present, expires, .. } => expires,
            Kind::Message { .. } | Kind::Change { .. } | Kind::Void => None,
        }
    }

    /// What it is counted as, in every bound of this crate.
    pub fn cost(&self) -> usize {
        ITEM_OVERHEAD + self.payload.len() + self.key.as_ref().map_or(0, Bytes::len)
    }

    /// The record as it may be shown at this time.
    pub fn at(mut self, now: Millis) -> Record {
        if self.expires().is_some_and(|expires| expires <= now) {
            self.expire();
        }
        self
    }

    /// Empties a message whose time has come. A deleted one stays the stub that it is.
    pub fn expire(&mut self) {
        if let Kind::Message { state: state @ State::Present, .. } = &mut self.kind {
            *state = State::Expired;
            self.payload = Bytes::new();
        }
    }
}
