//! What a store answers: one closed list of outcomes, each under the ticket it was asked with.

use crate::ask::Position;
use crate::batch::{Batch, Row};
use crate::record::Record;
use crate::store::Ticket;
use crate::{AckLevel, Epoch, Ordinal, Place, RoomKey, Seq};
use bytes::Bytes;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    pub ticket: Ticket,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Of a batch: it is safe to this level. Levels of one batch rise; the last one is [`crate::Store::reach`].
    Stored(AckLevel),
    /// Of a batch: nothing of it is there. Of an ask: it was not answered.
    Failed(Failure),
    Loaded(Box<RoomState>),
    Fetched(Vec<Option<Record>>),
    Page(Box<Page>),
    Replay(Box<Replay>),
    Counted(u64),
    Found(Option<Found>),
    Row(Option<Bytes>),
    Expired(Vec<Place>),
    Scanned(Box<ScanPage>),
    Rooms(Box<RoomsPage>),
    Tail(Box<TailPage>),
    Trimmed(Trimmed),
    /// Whether the engine has noted it.
    Rested(bool),
}

/// Why not. A closed list; every engine fits its own troubles into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Failure {
    /// A bound is reached. Later it may fit.
    Full,
    /// The store cannot be written, or reached. It goes on trying by itself; later it may work.
    Unavailable,
    /// The batch does not continue the room: an earlier one failed, or the caller has lost its place.
    OutOfOrder,
    /// The batch breaks a limit or says something impossible. The same will never be taken.
    Invalid,
}

/// Where a room stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomState {
    /// The highest place of the room; [`Place::START`] if there never was one.
    pub newest: Place,
    /// The room was cut: its next event opens an epoch above this one.
    pub sealed: Option<Epoch>,
    /// Each epoch with its first seq, rising in both. An epoch ends where the next begins.
    pub epochs: Vec<(Epoch, Seq)>,
    /// Replay reaches back to here: a cursor below it is gone.
    pub floor: Place,
    /// The ordinal of the next message.
    pub next_ordinal: Ordinal,
    /// Messages that are kept.
    pub messages: u64,
    /// Every row of the room, by table and key.
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Oldest first.
    pub records: Vec<Record>,
    /// Kept messages before the first of the page, so it is also the offset from the oldest.
    pub older: u64,
    /// Kept messages after the last of the page, up to the fence.
    pub newer: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    Run(Run),
    /// The cursor lies below what is kept: replay is possible from `floor` on.
    Gone {
        floor: Place,
    },
}

/// A run of events without holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The cursor lay beyond the end of its epoch as this store knows it, and was taken back to this place.
    /// In an epoch that is over it saw events that are gone; in the present one they may not be stored yet.
    pub retract: Option<Place>,
    pub items: Vec<Item>,
    /// The place of the last item, or the cursor (taken back, if it was) when there is none.
    pub reached: Place,
    /// More is kept above, up to the fence.
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub record: Record,
    /// Of a change that rewrites: the message as it is now, which may be newer than this change. None: it is gone.
    pub current: Option<Record>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub place: Place,
    pub ordinal: Option<Ordinal>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanPage {
    pub rows: Vec<(RoomKey, Row)>,
    pub more: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomsPage {
    pub rooms: Vec<RoomKey>,
    pub more: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TailPage {
    /// Batches above this position are still kept; the ask began below it, so some are missing before the first.
    pub gap: Option<Position>,
    /// As they were committed; what was rewritten later still stands here as it was.
    pub batches: Vec<(Position, Batch)>,
    /// The last committed batch.
    pub end: Position,
}

/// What a trim took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trimmed {
    pub messages: u64,
    pub changes: u64,
    /// Messages that were emptied because their time had come.
    pub expired: u64,
}

impl Failure {
    /// Whether the same may work later.
    pub const fn may_pass(self) -> bool {
        match self {
            Failure::Full | Failure::Unavailable => true,
            Failure::OutOfOrder | Failure::Invalid => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Full => "the store is full",
            Failure::Unavailable => "the store is not available",
            Failure::OutOfOrder => "the batch does not continue its room",
            Failure::Invalid => "the batch is not valid",
        })
    }
}

impl std::error::Error for Failure {}

/// A room that nobody wrote to.
impl Default for RoomState {
    fn default() -> RoomState {
        RoomState {
            newest: Place::START,
            sealed: None,
            epochs: Vec::new(),
            floor: Place::START,
            next_ordinal: 1,
            messages: 0,
            rows: Vec::new(),
        }
    }
}

impl RoomState {
    /// Whether anything was ever stored for the room.
    pub fn exists(&self) -> bool {
        self.newest != Place::START || !self.rows.is_empty()
    }

    /// The place that this seq has in the room.
    pub fn place_at(&self, seq: Seq) -> Place {
        place_at(&self.epochs, seq)
    }
}

/// The place of a seq by a room's list of epochs.
pub(crate) fn place_at(epochs: &[(Epoch, Seq)], seq: Seq) -> Place {
    let begun = epochs.partition_point(|(_, first)| *first <= seq);
    match begun.checked_sub(1).and_then(|at| epochs.get(at)) {
        Some((epoch, _)) => Place { epoch: *epoch, seq },
        None => Place::START,
    }
}

// One per batch and ask crosses a mailbox: the large answers are boxed.
const _: () = assert!(std::mem::size_of::<Completion>() <= 48);
