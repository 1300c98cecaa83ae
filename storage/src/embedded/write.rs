//! How a batch changes its room.

use super::cut::{clear, drop_from, ordinal_at};
use super::disk::Space;
use super::keys::RoomBytes;
use super::meta::RoomMeta;
use super::rest;
use super::sealed::seal_row;
use super::stage::{Stage, index_record};
use crate::batch::{Batch, Cut, Rewrite, RowWrite};
use crate::record::{Kind, Record, State};
use crate::settled::{Entry, Fault};
use crate::{Epoch, RoomKey, Seq};

/// What a batch does to the old records, found out before anything is touched.
struct Plan {
    /// Records from here on are dropped.
    drop_from: Option<Seq>,
    sealed: Option<Epoch>,
}

/// One batch of one room, unless the room has taken it already.
pub fn apply(stage: &mut Stage<'_>, entry: Entry) -> Result<(), Fault> {
    let Entry { position, batch } = entry;
    let bytes = RoomBytes::new(&batch.room);
    let mut meta = stage.meta(&batch.room, &bytes)?;
    if position <= meta.applied {
        return Ok(());
    }
    if looks_back(&meta, &batch) {
        // What is dropped is found among what is committed; nothing of this batch is, yet.
        stage.commit()?;
    }
    let plan = plan(stage, &bytes, &meta, &batch)?;
    let Some(plan) = plan else { return Err(Fault::OutOfOrder { room: batch.room, position }) };
    let Batch { room, cut, events, rewrites, rows } = batch;
    rest::forget(stage, &bytes, &mut meta);
    if cut == Cut::Everything {
        clear(stage, &room, &bytes, &mut meta)?;
    } else if let Some(seq) = plan.drop_from {
        drop_from(stage, &room, &bytes, &mut meta, seq)?;
    }
    meta.sealed = plan.sealed;
    for record in events {
        append(stage, &bytes, &mut meta, &record)?;
    }
    for rewritten in rewrites {
        rewrite(stage, &room, &bytes, &mut meta, rewritten)?;
    }
    for row in rows {
        write_row(stage, &bytes, &mut meta, row);
    }
    meta.applied = position;
    stage.put_meta(&room, &bytes, meta);
    Ok(())
}

/// Whether the batch takes records away before it adds.
fn looks_back(meta: &RoomMeta, batch: &Batch) -> bool {
    batch.cut != Cut::Nothing || batch.events.first().is_some_and(|first| first.place.seq <= meta.newest.seq)
}

/// None: the batch does not continue the room.
fn plan(stage: &Stage<'_>, bytes: &RoomBytes, meta: &RoomMeta, batch: &Batch) -> Result<Option<Plan>, Fault> {
    let (mut end, mut floor) = (meta.newest, meta.floor);
    let (mut sealed, mut next_ordinal) = (meta.sealed, meta.next_ordinal);
    let mut drop_from = None;
    match batch.cut {
        Cut::Nothing => {}
        Cut::Above(place) => {
            if place < meta.floor || place > meta.newest || meta.place_at(place.seq) != place {
                return Ok(None);
            }
            sealed = meta.seal();
            drop_from = Some(Seq(place.seq.0.saturating_add(1)));
            end = place;
            next_ordinal = ordinal_at(stage, &batch.room, bytes, meta, end.seq)?;
        }
        Cut::Everything => {
            sealed = meta.seal();
            floor = meta.newest;
            next_ordinal = 1;
        }
    }
    if let Some(first) = batch.events.first() {
        let place = first.place;
        let opens = place.epoch > end.epoch;
        let allowed = sealed.is_none_or(|sealed| place.epoch > sealed);
        let next = end.seq.0.saturating_add(1);
        let continues = if opens {
            place.seq.0 <= next && place.seq.0 > floor.seq.0
        } else {
            place.epoch == end.epoch && place.seq.0 == next
        };
        if !allowed || !continues {
            return Ok(None);
        }
        if place.seq.0 < next {
            drop_from = Some(place.seq);
            next_ordinal = ordinal_at(stage, &batch.room, bytes, meta, Seq(place.seq.0.saturating_sub(1)))?;
        }
        sealed = None;
    }
    let first_ordinal = batch.events.iter().find_map(Record::ordinal);
    let continues = first_ordinal.is_none_or(|ordinal| ordinal == next_ordinal);
    Ok(continues.then_some(Plan { drop_from, sealed }))
}

fn append(stage: &mut Stage<'_>, bytes: &RoomBytes, meta: &mut RoomMeta, record: &Record) -> Result<(), Fault> {
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
    stage.put_record(bytes, record);
    index_record(stage, bytes, record)
}

fn rewrite(
    stage: &mut Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    rewrite: Rewrite,
) -> Result<(), Fault> {
    let Some(mut message) = stage.message(room, bytes, meta, rewrite.target)? else { return Ok(()) };
    let (old_cost, old_expiry) = (message.cost(), message.expires());
    let Kind::Message { version, state, .. } = &mut message.kind else { return Ok(()) };
    if rewrite.version <= *version || *state == State::Expired {
        return Ok(());
    }
    *version = rewrite.version;
    *state = if rewrite.deleted { State::Deleted } else { State::Present };
    message.payload = rewrite.payload;
    replace(stage, bytes, meta, &message, (old_cost, old_expiry));
    Ok(())
}

/// Puts a message in the place of its older self.
pub fn replace(
    stage: &mut Stage<'_>,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    message: &Record,
    (old_cost, old_expiry): (usize, Option<u64>),
) {
    meta.bytes = meta.bytes.saturating_sub(old_cost as u64).saturating_add(message.cost() as u64);
    let seq = message.place.seq;
    if old_expiry != message.expires() {
        if let Some(time) = old_expiry {
            stage.remove(Space::Index, bytes.expiring(time, seq));
        }
        if let Some(time) = message.expires() {
            stage.put(Space::Index, bytes.expiring(time, seq), bytes::Bytes::new());
        }
    }
    stage.put_record(bytes, message);
}

fn write_row(stage: &mut Stage<'_>, bytes: &RoomBytes, meta: &mut RoomMeta, row: RowWrite) {
    let key = bytes.row(row.table, &row.key);
    match row.value {
        Some(value) => {
            meta.has_rows(row.table);
            let value = seal_row(&key, &value);
            stage.put(Space::Rows, key, value);
        }
        None => stage.remove(Space::Rows, key),
    }
}
