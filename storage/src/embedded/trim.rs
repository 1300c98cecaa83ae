//! Retention of one room, in steps: each is committed by itself and leaves the room whole.

use super::cut::{changes, drop_rows_of, drop_rows_to};
use super::keys::{Index, RoomBytes, after_prefix, last_number};
use super::messages::{Found, messages};
use super::rest;
use super::runs::{self, Way};
use super::space::Space;
use super::stage::{Stage, unindex_record};
use super::view::View;
use super::write::replace;
use crate::answer::Trimmed;
use crate::ask::Keep;
use crate::meta::RoomMeta;
use crate::settled::Fault;
use crate::{Millis, Place, RoomKey, Seq};

/// Records that one commit drops or empties.
const STEP: usize = 2048;

pub fn trim(stage: &mut Stage<'_>, room: &RoomKey, keep: &Keep, now: Millis) -> Result<Trimmed, Fault> {
    let bytes = RoomBytes::new(room);
    let mut meta = stage.meta(room, &bytes)?;
    let expired = expire_all(stage, room, &bytes, &mut meta, now)?;
    let trimmed = drop_oldest(stage, room, &bytes, &mut meta, keep)?;
    Ok(Trimmed { expired, ..trimmed })
}

/// Brings a room that will be removed down to what one commit can hold.
pub fn shorten(stage: &mut Stage<'_>, room: &RoomKey, bytes: &RoomBytes, meta: &mut RoomMeta) -> Result<(), Fault> {
    if meta.messages.saturating_add(meta.changes) > STEP as u64 {
        let keep = Keep { messages: 0, changes: 0, ..Keep::ALL };
        drop_oldest(stage, room, bytes, meta, &keep)?;
    }
    Ok(())
}

fn save(stage: &mut Stage<'_>, room: &RoomKey, bytes: &RoomBytes, meta: &mut RoomMeta) -> Result<(), Fault> {
    rest::forget(stage, bytes, meta);
    stage.put_meta(room, bytes, meta.clone());
    stage.commit()
}

/// Empties every message whose time has come.
fn expire_all(
    stage: &mut Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    now: Millis,
) -> Result<u64, Fault> {
    let mut expired = 0;
    loop {
        let due = due(stage.view(), bytes, meta, now, STEP)?;
        for place in &due {
            let Some(mut message) = stage.message(room, bytes, meta, *place)? else { continue };
            let old = (message.cost(), message.expires());
            message.expire();
            replace(stage, bytes, meta, &message, old);
            drop_rows_of(stage, bytes, meta, *place)?;
        }
        expired += due.len() as u64;
        if !due.is_empty() {
            save(stage, room, bytes, meta)?;
        }
        if due.len() < STEP {
            return Ok(expired);
        }
    }
}

/// Messages whose time has come, the soonest first.
pub fn due(
    view: &View<'_>,
    bytes: &RoomBytes,
    meta: &RoomMeta,
    now: Millis,
    limit: usize,
) -> Result<Vec<Place>, Fault> {
    let from = bytes.index(Index::Expiring);
    let to = now.checked_add(1).map_or_else(|| after_prefix(&from), |next| bytes.expiring(next, Seq(0)));
    let pairs = view.range(Space::Index, &from, &to).take(limit);
    pairs.map(|pair| Ok(meta.place_at(Seq(last_number(&pair?.0).unwrap_or(0))))).collect()
}

/// What a trim looks at, one after the other; whether a record is too old is asked in its own phase only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Messages,
    Changes,
    Bytes,
    /// Changes placed below a dropped message go with it.
    Settling,
    Over,
}

/// Drops what `keep` does not keep.
fn drop_oldest(
    stage: &mut Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    keep: &Keep,
) -> Result<Trimmed, Fault> {
    let (mut trimmed, mut phase) = (Trimmed::default(), Phase::Messages);
    while phase != Phase::Over {
        let went = step(stage, room, bytes, meta, keep, &mut phase)?;
        trimmed.messages += went.messages;
        trimmed.changes += went.changes;
        if went != Trimmed::default() {
            save(stage, room, bytes, meta)?;
        }
    }
    Ok(trimmed)
}

/// The next of what must go, at most so many as one commit takes; and with them what belongs to them.
fn step(
    stage: &mut Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    keep: &Keep,
    phase: &mut Phase,
) -> Result<Trimmed, Fault> {
    let drops = oldest(stage.view(), room, bytes, meta, keep, phase)?;
    let mut trimmed = Trimmed::default();
    for found in &drops {
        if found.record.is_message() {
            stage.remove_message(bytes, found);
            trimmed.messages += 1;
        } else {
            stage.remove(Space::Changes, bytes.seq(found.record.place.seq));
            trimmed.changes += 1;
        }
        unindex_record(stage, bytes, &found.record, true)?;
    }
    if trimmed.messages > 0 {
        runs::drop_to(stage, room, bytes, meta.message_floor.seq)?;
        drop_rows_to(stage, bytes, meta, meta.message_floor)?;
    }
    Ok(trimmed)
}

fn oldest(
    view: &View<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    keep: &Keep,
    phase: &mut Phase,
) -> Result<Vec<Found>, Fault> {
    let old = meta.clone();
    let all = (Seq(0), old.newest.seq);
    let mut messages = messages(view, room, bytes, &old, all, Way::Up).peekable();
    let changes = changes(view, room, bytes, &old, all);
    let mut changes = changes.map(|change| change.map(|record| Found { record, is_single: true })).peekable();
    let mut drops: Vec<Found> = Vec::new();
    while drops.len() < STEP && *phase != Phase::Over {
        let message = messages.peek().cloned().transpose()?;
        let change = changes.peek().cloned().transpose()?;
        let next = match *phase {
            Phase::Messages => message.filter(|message| keep.too_old(&message.record) || meta.messages > keep.messages),
            Phase::Changes => change.filter(|change| keep.too_old(&change.record) || meta.changes > keep.changes),
            Phase::Bytes => {
                let oldest = [message, change].into_iter().flatten().min_by_key(|found| found.record.place.seq);
                oldest.filter(|_| meta.bytes > keep.bytes as u64)
            }
            Phase::Settling => change.filter(|change| change.record.place < meta.message_floor),
            Phase::Over => None,
        };
        let Some(found) = next else {
            *phase = match *phase {
                Phase::Messages => Phase::Changes,
                Phase::Changes => Phase::Bytes,
                Phase::Bytes => Phase::Settling,
                Phase::Settling | Phase::Over => Phase::Over,
            };
            continue;
        };
        let record = &found.record;
        let place = record.place;
        meta.bytes = meta.bytes.saturating_sub(record.cost() as u64);
        meta.floor = meta.floor.max(place);
        if record.is_message() {
            messages.next();
            meta.messages = meta.messages.saturating_sub(1);
            meta.message_floor = place;
        } else {
            changes.next();
            meta.changes = meta.changes.saturating_sub(1);
            meta.change_floor = meta.change_floor.max(place.seq);
        }
        drops.push(found);
    }
    Ok(drops)
}
