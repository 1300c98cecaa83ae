//! How a batch changes its room.

use super::cut::{clear, drop_from};
use super::stage::Stage;
use super::write::moment;
use crate::batch::{Batch, Cut, Rewrite};
use crate::embedded::meta::RoomMeta;
use crate::record::{Kind, Record, State};
use crate::settled::{Entry, Fault};
use crate::{Epoch, Place, Seq};

/// What a batch does to the old records, found out before anything is touched.
struct Plan {
    /// Records from here on are dropped.
    drop_from: Option<Seq>,
    sealed: Option<Epoch>,
}

/// Entries of one room, in their order. Those that it has taken already are passed over.
pub async fn apply(stage: &mut Stage<'_>, entries: Vec<Entry>) -> Result<(), Fault> {
    for entry in entries {
        if let Err(fault) = one(stage, entry).await {
            // Only a batch that does not fit its room leaves nothing of itself behind in the stage.
            if matches!(fault, Fault::OutOfOrder { .. }) {
                stage.commit().await?;
            }
            return Err(fault);
        }
        if stage.is_full() {
            stage.commit().await?;
        }
    }
    stage.commit().await
}

async fn one(stage: &mut Stage<'_>, entry: Entry) -> Result<(), Fault> {
    let Entry { position, batch } = entry;
    if position <= stage.applied() {
        return Ok(());
    }
    let looks_back = looks_back(&stage.meta, &batch);
    if looks_back {
        // What is dropped is found among what is committed; nothing of this batch is, yet.
        stage.commit().await?;
    }
    let plan = if fits(&batch) { plan(stage, &batch).await? } else { None };
    let Some(plan) = plan else { return Err(Fault::OutOfOrder { room: batch.room, position }) };
    let Batch { room: _, cut, events, rewrites, rows } = batch;
    stage.is_replacing = looks_back;
    if cut == Cut::Everything {
        clear(stage).await?;
    } else if let Some(seq) = plan.drop_from {
        drop_from(stage, seq).await?;
    }
    stage.meta.sealed = plan.sealed;
    for record in events {
        append(stage, record);
    }
    for rewritten in rewrites {
        rewrite(stage, rewritten).await?;
    }
    for row in rows {
        stage.put_row(row.table, row.key, row.value);
    }
    stage.set_applied(position);
    if looks_back {
        stage.commit().await?;
    }
    Ok(())
}

/// Whether the batch takes records away before it adds.
fn looks_back(meta: &RoomMeta, batch: &Batch) -> bool {
    batch.cut != Cut::Nothing || batch.events.first().is_some_and(|first| first.place.seq <= meta.newest.seq)
}

/// The database counts to 2^63.
fn fits(batch: &Batch) -> bool {
    let most = i64::MAX.cast_unsigned();
    let fits = |place: Place| place.epoch.0 <= most && place.seq.0 < most;
    batch.events.iter().all(|record| fits(record.place) && record.ordinal().is_none_or(|ordinal| ordinal < most))
}

/// None: the batch does not continue the room.
async fn plan(stage: &Stage<'_>, batch: &Batch) -> Result<Option<Plan>, Fault> {
    let (meta, room) = (&stage.meta, stage.room());
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
            next_ordinal = room.ordinal_after(end.seq).await?;
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
            next_ordinal = room.ordinal_after(Seq(place.seq.0.saturating_sub(1))).await?;
        }
        sealed = None;
    }
    let first_ordinal = batch.events.iter().find_map(Record::ordinal);
    let continues = first_ordinal.is_none_or(|ordinal| ordinal == next_ordinal);
    Ok(continues.then_some(Plan { drop_from, sealed }))
}

fn append(stage: &mut Stage<'_>, record: Record) {
    let meta = &mut stage.meta;
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
    stage.append(record);
}

async fn rewrite(stage: &mut Stage<'_>, rewrite: Rewrite) -> Result<(), Fault> {
    let Some(old) = stage.message(rewrite.target).await? else { return Ok(()) };
    let mut message = old.clone();
    let Kind::Message { version, state, .. } = &mut message.kind else { return Ok(()) };
    if rewrite.version <= *version || *state == State::Expired {
        return Ok(());
    }
    *version = rewrite.version;
    *state = if rewrite.deleted { State::Deleted } else { State::Present };
    message.payload = rewrite.payload;
    stage.replace(&old, message, moment(rewrite.version));
    Ok(())
}
