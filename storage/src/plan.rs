//! What a batch does to its room: found out before anything is touched, from what is kept of the room as a whole. It is the
//! same for every settled store; only how the old records are found and dropped is not.

use crate::batch::{Batch, Cut, Rewrite};
use crate::meta::RoomMeta;
use crate::record::{Kind, Record, State};
use crate::{Epoch, Ordinal, Seq};

pub struct Plan {
    /// Records from here on are dropped.
    pub drop_from: Option<Seq>,
    pub sealed: Option<Epoch>,
    pub next: Next,
    /// Of the batch's first message.
    first_ordinal: Option<Ordinal>,
}

/// Which ordinal the next message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Is(Ordinal),
    /// That behind the last message up to here.
    Behind(Seq),
}

impl Plan {
    /// None: the batch does not continue the room.
    pub fn of(meta: &RoomMeta, batch: &Batch) -> Option<Plan> {
        let (mut end, mut floor, mut sealed) = (meta.newest, meta.floor, meta.sealed);
        let mut next = Next::Is(meta.next_ordinal);
        let mut drop_from = None;
        match batch.cut {
            Cut::Nothing => {}
            Cut::Above(place) => {
                if place < meta.floor || place > meta.newest || meta.place_at(place.seq) != place {
                    return None;
                }
                sealed = meta.seal();
                drop_from = Some(Seq(place.seq.0.saturating_add(1)));
                end = place;
                next = Next::Behind(place.seq);
            }
            Cut::Everything => {
                sealed = meta.seal();
                floor = meta.newest;
                next = Next::Is(1);
            }
        }
        if let Some(first) = batch.events.first() {
            let place = first.place;
            let opens = place.epoch > end.epoch;
            let allowed = sealed.is_none_or(|sealed| place.epoch > sealed);
            let next_seq = end.seq.0.saturating_add(1);
            let continues = if opens {
                place.seq.0 <= next_seq && place.seq.0 > floor.seq.0
            } else {
                place.epoch == end.epoch && place.seq.0 == next_seq
            };
            if !allowed || !continues {
                return None;
            }
            if place.seq.0 < next_seq {
                drop_from = Some(place.seq);
                next = Next::Behind(Seq(place.seq.0.saturating_sub(1)));
            }
            sealed = None;
        }
        let first_ordinal = batch.events.iter().find_map(Record::ordinal);
        Some(Plan { drop_from, sealed, next, first_ordinal })
    }

    /// Whether the batch's messages go on where the room's end, which is with this ordinal next.
    pub fn goes_on_at(&self, ordinal: Ordinal) -> bool {
        self.first_ordinal.is_none_or(|first| first == ordinal)
    }
}

/// Whether the batch takes records away before it adds.
pub fn looks_back(meta: &RoomMeta, batch: &Batch) -> bool {
    batch.cut != Cut::Nothing || batch.events.first().is_some_and(|first| first.place.seq <= meta.newest.seq)
}

/// A record goes behind the others.
pub fn append(meta: &mut RoomMeta, record: &Record) {
    let place = record.place;
    if meta.epochs.last().is_none_or(|(epoch, _)| *epoch < place.epoch) {
        meta.epochs.push((place.epoch, place.seq));
    }
    meta.newest = place;
    meta.bytes = meta.bytes.saturating_add(record.cost() as u64);
    match record.kind {
        Kind::Message { ordinal, .. } => {
            meta.next_ordinal = ordinal.saturating_add(1);
            meta.messages = meta.messages.saturating_add(1);
        }
        Kind::Change { .. } | Kind::Void => meta.changes = meta.changes.saturating_add(1),
    }
}

/// The message in its new version. None: it is newer already, or gone.
pub fn rewritten(old: &Record, rewrite: Rewrite) -> Option<Record> {
    let mut message = old.clone();
    let Kind::Message { version, state, .. } = &mut message.kind else { return None };
    if rewrite.version <= *version || *state == State::Expired {
        return None;
    }
    *version = rewrite.version;
    *state = if rewrite.deleted { State::Deleted } else { State::Present };
    message.payload = rewrite.payload;
    Some(message)
}
