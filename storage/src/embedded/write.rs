//! How a batch changes its room.

use super::cut::{clear, drop_from, ordinal_at};
use super::keys::RoomBytes;
use super::rest;
use super::runs::Run;
use super::space::Space;
use super::stage::{Stage, index_record};
use crate::RoomKey;
use crate::batch::{Batch, Cut, Rewrite, RowWrite};
use crate::journal::Spot;
use crate::meta::RoomMeta;
use crate::plan::{self, Next, Plan};
use crate::record::Record;
use crate::sealed::seal_row;
use crate::settled::{Entry, Fault};

/// One batch of one room, unless the room has taken it already.
pub fn apply(stage: &mut Stage<'_>, entry: Entry) -> Result<(), Fault> {
    let Entry { position, batch, spot } = entry;
    let bytes = RoomBytes::new(&batch.room);
    let mut meta = stage.meta(&batch.room, &bytes)?;
    if position <= meta.applied {
        return Ok(());
    }
    if plan::looks_back(&meta, &batch) {
        // What is dropped is found among what is committed; nothing of this batch is, yet.
        stage.commit()?;
    }
    let plan = plan_of(stage, &bytes, &meta, &batch)?;
    let Some(plan) = plan else { return Err(Fault::OutOfOrder { room: batch.room, position }) };
    let run = match spot.and_then(|spot| Some((run_of(stage, &batch, &spot)?, spot))) {
        Some((run, spot)) if stage.archive().keep(&spot)? => Some(run),
        Some(_) | None => None,
    };
    if !batch.rewrites.is_empty() {
        // What is rewritten is looked for in committed runs only.
        stage.commit_runs(&bytes)?;
    }
    let Batch { room, cut, events, rewrites, rows } = batch;
    rest::forget(stage, &bytes, &mut meta);
    if cut == Cut::Everything {
        clear(stage, &room, &bytes, &mut meta)?;
    } else if let Some(seq) = plan.drop_from {
        drop_from(stage, &room, &bytes, &mut meta, seq)?;
    }
    meta.sealed = plan.sealed;
    for record in events {
        plan::append(&mut meta, &record);
        if run.is_none() || !record.is_message() {
            stage.put_record(&bytes, &record);
        }
        index_record(stage, &bytes, &record)?;
    }
    if let Some(run) = run {
        stage.put_run(&bytes, &run);
    }
    for rewritten in rewrites {
        rewrite(stage, &room, &bytes, &mut meta, rewritten)?;
    }
    for row in rows {
        write_row(stage, &bytes, &mut meta, row);
    }
    meta.applied = position;
    stage.reach(position);
    stage.put_meta(&room, &bytes, meta);
    Ok(())
}

/// The run that the batch's messages make. None where one of them is rewritten at once, or there are too few.
fn run_of(stage: &Stage<'_>, batch: &Batch, spot: &Spot) -> Option<Run> {
    let run = Run::of(batch, spot, stage.least_run())?;
    batch.rewrites.iter().all(|rewrite| rewrite.target.seq < run.first).then_some(run)
}

/// None: the batch does not continue the room.
fn plan_of(stage: &Stage<'_>, bytes: &RoomBytes, meta: &RoomMeta, batch: &Batch) -> Result<Option<Plan>, Fault> {
    let Some(plan) = Plan::of(meta, batch) else { return Ok(None) };
    let next = match plan.next {
        Next::Is(ordinal) => ordinal,
        Next::Behind(seq) => ordinal_at(stage, &batch.room, bytes, meta, seq)?,
    };
    Ok(plan.goes_on_at(next).then_some(plan))
}

fn rewrite(
    stage: &mut Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    rewrite: Rewrite,
) -> Result<(), Fault> {
    let old = match stage.message(room, bytes, meta, rewrite.target) {
        // What cannot be read stays as it is: the room goes on.
        Err(Fault::Damaged { what, .. }) => {
            let RoomKey { realm, kind, name } = room;
            tracing::error!(event = "rewrite_of_damaged", %realm, kind = kind.word(), room = %name, place = %rewrite.target, %what);
            return Ok(());
        }
        old => old?,
    };
    let Some(old) = old else { return Ok(()) };
    if let Some(message) = plan::rewritten(&old, rewrite) {
        replace(stage, bytes, meta, &message, (old.cost(), old.expires()));
    }
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
