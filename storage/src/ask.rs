//! What can be asked of a store. Every ask is answered by exactly one completion.

use crate::record::Record;
use crate::table::Table;
use crate::{Millis, Place, RoomKey};
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// All that a home needs to decide for the room: where it stands, and its rows.
    Load {
        room: RoomKey,
    },
    /// Messages by their places, in the same order; None where nothing is kept.
    Fetch {
        room: RoomKey,
        places: Vec<Place>,
        now: Millis,
    },
    Page(PageAsk),
    Replay(ReplayAsk),
    /// How many kept messages lie above `after`, up to the fence.
    Count {
        room: RoomKey,
        after: Place,
        fence: Place,
    },
    /// The record that carries this duplicate key.
    Lookup {
        room: RoomKey,
        key: Bytes,
    },
    /// One row's value.
    Row {
        room: RoomKey,
        table: Table,
        key: Bytes,
    },
    /// Messages whose time has come and that still say something, the soonest first.
    Expired {
        room: RoomKey,
        now: Millis,
        limit: usize,
    },
    /// Rows of one table in all rooms, in the order of room and key: what a start looks for.
    Scan {
        table: Table,
        after: Option<(RoomKey, Bytes)>,
        limit: usize,
    },
    /// Every room that was ever written, in the order of keys: those without rows, and removed ones, too.
    Rooms {
        after: Option<RoomKey>,
        limit: usize,
    },
    /// Committed batches in the order of their commits.
    Tail {
        after: Position,
        limit: usize,
    },
    /// The room is at rest: an engine may note its state, so that the next load costs less. Nothing else follows.
    Rest {
        room: RoomKey,
    },
    /// Retention of one room: drop what need not be kept, empty what has expired.
    Trim {
        room: RoomKey,
        keep: Keep,
        now: Millis,
    },
}

/// Messages only, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageAsk {
    pub room: RoomKey,
    /// Only the messages of this one's thread, as if there were no others; itself not included.
    pub thread: Option<Place>,
    pub from: PageFrom,
    pub limit: usize,
    /// History ends here, as if nothing had been placed above.
    pub fence: Place,
    pub now: Millis,
}

/// Where a page lies among the kept messages up to the fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageFrom {
    Newest,
    Before(Place),
    After(Place),
    /// The first message at or above the place, with half of the limit before it; moved where an end is near.
    Around(Place),
    /// So many messages left out, counted from the oldest kept one.
    FromOldest(u64),
    /// So many messages left out, counted from the newest one.
    FromNewest(u64),
}

/// Messages and changes merged, for one that resumes, lags or rebuilds a recent log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayAsk {
    pub room: RoomKey,
    /// The last place that is known; [`Place::START`] asks for everything.
    pub after: Place,
    pub limit: usize,
    pub fence: Place,
    pub now: Millis,
}

/// A place in the order of commits of this store, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// What retention leaves: at most so many, at most so much, nothing older. The newest go last.
///
/// By age it stops at the first record that is young enough: clocks jump, places do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub messages: u64,
    pub changes: u64,
    /// Of messages and changes together, by [`Record::cost`]; the oldest of both go first.
    pub bytes: usize,
    /// Messages posted before this time go.
    pub messages_since: Millis,
    /// Changes that happened before this time go.
    pub changes_since: Millis,
}

impl Keep {
    pub const ALL: Keep =
        Keep { messages: u64::MAX, changes: u64::MAX, bytes: usize::MAX, messages_since: 0, changes_since: 0 };

    /// Whether a record is too old. Voids are changes.
    pub fn too_old(&self, record: &Record) -> bool {
        record.time < if record.is_message() { self.messages_since } else { self.changes_since }
    }
}

impl Default for Keep {
    fn default() -> Keep {
        Keep::ALL
    }
}
