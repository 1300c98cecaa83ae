//! What leaves a room: its end, or all of it.

use super::fetch::Range;
use super::stage::Stage;
use super::statements::Verb;
use super::trim::{empty, first_bucket};
use super::write::{BUCKET, Write, bucket, moment};
use crate::record::{Kind, Record};
use crate::settled::Fault;
use crate::{Place, Seq};
use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Drops what stands at this seq and above. Nothing is staged before it.
pub async fn drop_from(stage: &mut Stage<'_>, seq: Seq) -> Result<(), Fault> {
    let old = stage.meta.clone();
    let room = stage.room();
    // Whatever stands there was placed by now, and what comes instead is of a higher epoch.
    let at = moment(old.newest);
    for range in [Range::Messages, Range::Changes] {
        let mut dropped = room.records(range, (seq, old.newest.seq), false);
        let mut threads: HashMap<Place, u64, RandomState> = HashMap::default();
        let mut is_any = false;
        while let Some(record) = dropped.next().await? {
            is_any = true;
            let meta = &mut stage.meta;
            meta.bytes = meta.bytes.saturating_sub(record.cost() as u64);
            match record.ordinal() {
                Some(ordinal) => {
                    meta.next_ordinal = ordinal;
                    meta.messages = meta.messages.saturating_sub(1);
                }
                None => meta.changes = meta.changes.saturating_sub(1),
            }
            unindex(stage, &record);
            if let Some(root) = record.thread() {
                *threads.entry(root).or_default() += 1;
            }
        }
        if is_any {
            let verb = if range == Range::Messages { Verb::DropMessages } else { Verb::DropChanges };
            for bucket in bucket(seq)..=bucket(old.newest.seq) {
                let (low, high) = (seq.0.max(bucket * BUCKET), old.newest.seq.0.min(bucket * BUCKET + BUCKET - 1));
                stage.later(Write::new(verb, at, &[bucket, low, high]));
            }
        }
        for (root, count) in threads {
            let last = room.thread(root, u64::MAX, false, 1).await?;
            let last = last.first().map_or(0, |(number, _)| *number);
            let first = last.saturating_sub(count).saturating_add(1);
            stage.later(Write::new(Verb::DropThread, at, &[root.epoch.0, root.seq.0, first, last]));
        }
    }
    let meta = &mut stage.meta;
    meta.newest = meta.place_at(Seq(seq.0.saturating_sub(1)));
    meta.epochs.retain(|(_, first)| *first < seq);
    let above = next_place(meta.newest);
    stage.drop_rows(above, Place::new(u64::MAX, u64::MAX));
    Ok(())
}

/// A dropped record is found by nothing any more.
pub fn unindex(stage: &mut Stage<'_>, record: &Record) {
    if let Some(key) = &record.key {
        stage.later(Write::duplicate(Verb::DropDuplicate, record, key));
    }
    if let (Some(time), Kind::Message { version, .. }) = (record.expires(), record.kind) {
        let at = moment(version).max(moment(record.place));
        stage.later(Write::expiring(Verb::DropExpiring, time, record.place, at));
    }
}

/// Drops everything but where the room stood, so that no place is given again.
pub async fn clear(stage: &mut Stage<'_>) -> Result<(), Fault> {
    // A long room goes piece by piece from its old end, as a trim takes it; only the rest goes with the batch.
    empty(stage).await?;
    stage.clear_rows().await?;
    stage.meta = stage.meta.cleared();
    Ok(())
}

/// The place above all that are not above this one.
pub fn next_place(place: Place) -> Place {
    match place.seq.0.checked_add(1) {
        Some(seq) => Place { seq: Seq(seq), ..place },
        None => Place::new(place.epoch.0.saturating_add(1), 0),
    }
}

/// Removes records of a range from the old end up to this seq, in the partitions that may have any.
pub fn drop_to(stage: &mut Stage<'_>, range: Range, floor: Seq, seq: Seq, at: i64) {
    let verb = if range == Range::Messages { Verb::DropMessages } else { Verb::DropChanges };
    for bucket in first_bucket(floor)..=bucket(seq) {
        let high = seq.0.min(bucket * BUCKET + BUCKET - 1);
        stage.later(Write::new(verb, at, &[bucket, bucket * BUCKET, high]));
    }
}
