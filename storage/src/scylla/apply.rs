//! How a batch changes its room.

use super::cut::{clear, drop_from};
use super::stage::Stage;
use super::write::moment;
use crate::Place;
use crate::batch::{Batch, Cut, Rewrite};
use crate::plan::{self, Next, Plan};
use crate::record::Record;
use crate::settled::{Entry, Fault};

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
    let Entry { position, batch, .. } = entry;
    if position <= stage.applied() {
        return Ok(());
    }
    let looks_back = plan::looks_back(&stage.meta, &batch);
    if looks_back {
        // What is dropped is found among what is committed; nothing of this batch is, yet.
        stage.commit().await?;
    }
    let plan = if fits(&batch) { plan_of(stage, &batch).await? } else { None };
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

/// The database counts to 2^63.
fn fits(batch: &Batch) -> bool {
    let most = i64::MAX.cast_unsigned();
    let fits = |place: Place| place.epoch.0 <= most && place.seq.0 < most;
    batch.events.iter().all(|record| fits(record.place) && record.ordinal().is_none_or(|ordinal| ordinal < most))
}

/// None: the batch does not continue the room.
async fn plan_of(stage: &Stage<'_>, batch: &Batch) -> Result<Option<Plan>, Fault> {
    let Some(plan) = Plan::of(&stage.meta, batch) else { return Ok(None) };
    let next = match plan.next {
        Next::Is(ordinal) => ordinal,
        Next::Behind(seq) => stage.room().ordinal_after(seq).await?,
    };
    Ok(plan.goes_on_at(next).then_some(plan))
}

fn append(stage: &mut Stage<'_>, record: Record) {
    plan::append(&mut stage.meta, &record);
    stage.append(record);
}

async fn rewrite(stage: &mut Stage<'_>, rewrite: Rewrite) -> Result<(), Fault> {
    let Some(old) = stage.message(rewrite.target).await? else { return Ok(()) };
    let time = moment(rewrite.version);
    if let Some(message) = plan::rewritten(&old, rewrite) {
        stage.replace(&old, message, time);
    }
    Ok(())
}
