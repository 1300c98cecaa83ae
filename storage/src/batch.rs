//! What is written: one batch of one room, all of it or nothing.

use crate::answer::Failure;
use crate::limits::{
    BATCH_BYTES, BATCH_ITEMS, ITEM_OVERHEAD, KEY_BYTES, PAYLOAD_BYTES, ROW_KEY_BYTES, ROW_VALUE_BYTES,
};
use crate::record::{Kind, Record, State, Touches};
use crate::table::{PLACE_KEY_BYTES, Table};
use crate::{Ordinal, Place, RoomKey};
use bytes::Bytes;

/// Applied in the order of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub room: RoomKey,
    pub cut: Cut,
    /// In the order of their places, without holes.
    pub events: Vec<Record>,
    pub rewrites: Vec<Rewrite>,
    pub rows: Vec<RowWrite>,
}

/// What a batch takes away before it adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    #[default]
    Nothing,
    /// Records above this place. The room goes on in a higher epoch, so no place is given twice.
    Above(Place),
    /// Records and rows, all of them. The highest place is remembered, and the room goes on in a higher epoch;
    /// ordinals begin again at 1.
    Everything,
}

/// A message in a new version, in its old place. It keeps its ordinal, time, key, thread and expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    pub target: Place,
    /// The place of the change that says so.
    pub version: Place,
    pub deleted: bool,
    pub payload: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowWrite {
    pub table: Table,
    pub key: Bytes,
    /// None removes the row.
    pub value: Option<Bytes>,
}

/// A row as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub table: Table,
    pub key: Bytes,
    pub value: Bytes,
}

impl Batch {
    pub fn new(room: RoomKey) -> Batch {
        Batch { room, cut: Cut::Nothing, events: Vec::new(), rewrites: Vec::new(), rows: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.cut == Cut::Nothing && self.events.is_empty() && self.rewrites.is_empty() && self.rows.is_empty()
    }

    /// What it is counted as in [`crate::Store::window`] and against [`BATCH_BYTES`].
    pub fn cost(&self) -> usize {
        let events: usize = self.events.iter().map(Record::cost).sum();
        let rewrites: usize = self.rewrites.iter().map(|r| ITEM_OVERHEAD + r.payload.len()).sum();
        let rows: usize = self.rows.iter().map(RowWrite::cost).sum();
        ITEM_OVERHEAD + events + rewrites + rows
    }

    /// What can be judged without the room: sizes, order, and that every part says something possible.
    /// Every engine calls it first, so that all refuse the same.
    pub fn check(&self) -> Result<(), Failure> {
        let items = self.events.len() + self.rewrites.len() + self.rows.len();
        let sound = items <= BATCH_ITEMS
            && self.cost() <= BATCH_BYTES
            && possible_events(&self.events)
            && self.rewrites.iter().all(possible_rewrite)
            && self.rows.iter().all(possible_row);
        if sound { Ok(()) } else { Err(Failure::Invalid) }
    }
}

impl RowWrite {
    pub fn cost(&self) -> usize {
        ITEM_OVERHEAD + self.key.len() + self.value.as_ref().map_or(0, Bytes::len)
    }
}

fn is_place(place: Place) -> bool {
    place.epoch.0 > 0 && place.seq.0 > 0
}

/// Each possible by itself, places and ordinals without holes.
fn possible_events(events: &[Record]) -> bool {
    let mut before: Option<&Record> = None;
    let mut last_ordinal: Option<Ordinal> = None;
    for record in events {
        let follows = before.is_none_or(|before| {
            before.place.seq.0.checked_add(1) == Some(record.place.seq.0) && before.place.epoch <= record.place.epoch
        });
        let ordinal = record.ordinal();
        let rises = match (last_ordinal, ordinal) {
            (Some(last), Some(next)) => last.checked_add(1) == Some(next),
            (None, _) | (_, None) => true,
        };
        if !(follows && rises && possible_record(record)) {
            return false;
        }
        before = Some(record);
        last_ordinal = ordinal.or(last_ordinal);
    }
    true
}

fn possible_record(record: &Record) -> bool {
    let sized = record.payload.len() <= PAYLOAD_BYTES
        && record.key.as_ref().is_none_or(|key| !key.is_empty() && key.len() <= KEY_BYTES);
    let kind = match record.kind {
        Kind::Message { ordinal, version, state, expires: _, thread } => {
            let emptied = state != State::Expired || record.payload.is_empty();
            let answers = thread.is_none_or(|root| is_place(root) && root < record.place);
            ordinal > 0 && version >= record.place && emptied && answers
        }
        Kind::Change { touches: Touches::Nothing } => true,
        Kind::Change { touches: Touches::Marks(target) | Touches::Rewrites(target) } => {
            is_place(target) && target < record.place
        }
        Kind::Void => record.key.is_none() && record.payload.is_empty(),
    };
    is_place(record.place) && sized && kind
}

fn possible_rewrite(rewrite: &Rewrite) -> bool {
    is_place(rewrite.target) && rewrite.version > rewrite.target && rewrite.payload.len() <= PAYLOAD_BYTES
}

fn possible_row(row: &RowWrite) -> bool {
    let least = if row.table.of_message() { PLACE_KEY_BYTES } else { 0 };
    let value = row.value.as_ref().map_or(0, Bytes::len);
    (least..=ROW_KEY_BYTES).contains(&row.key.len()) && value <= ROW_VALUE_BYTES
}
