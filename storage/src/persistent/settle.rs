//! The thread that settles: groups in the order of commits, a sync now and then, and a new start after a failure.

use super::backlog::{Taken, Waiting};
use super::mend::Lost;
use super::stranded::is_overtaken;
use super::{PAGE_BYTES, Shared, decode};
use crate::RoomKey;
use crate::answer::Outcome;
use crate::ask::{Ask, Position};
use crate::background::give_way;
use crate::journal::Spot;
use crate::settled::{Entry, Fault};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often the settled store is told how far it is.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// After so much, or so long, it makes all of it durable: the journal keeps that until then, and a start reads it again.
/// Less than a segment of the journal, so that the two do not fall together again and again.
const SYNC_BYTES: usize = 48 << 20;
const SYNC_EVERY: Duration = Duration::from_secs(30);
/// How long a settled store that did not open is left alone.
const REOPEN_AFTER: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_millis(200);

pub(super) fn run(shared: &Shared) {
    give_way();
    let mut last = Last { told: Instant::now(), synced: Instant::now(), noted: Position(0) };
    loop {
        if shared.backlog.is_down() && !reopen(shared) {
            if shared.is_stopping() {
                return;
            }
            std::thread::sleep(REOPEN_AFTER);
            continue;
        }
        match shared.backlog.take_oldest(PATIENCE) {
            Some(taken) => {
                if settle(shared, taken, || Ok(())).is_none() {
                    // It may open and fail again, as on a full disk, for as long as that lasts.
                    std::thread::sleep(REOPEN_AFTER);
                }
            }
            None => tidy(shared),
        }
        let over = shared.is_stopping() && shared.backlog.is_empty();
        if over || last.told.elapsed() >= NOTE_EVERY || shared.wants_sync.load(Ordering::Acquire) {
            tell(shared, &mut last, over);
        }
        if over {
            return;
        }
    }
}

/// Settles what was taken, then does something while its rooms are nobody else's. None: the settled store has failed.
pub(super) fn settle<T>(
    shared: &Shared,
    mut taken: Taken,
    then: impl FnOnce() -> Result<T, Fault>,
) -> Option<Result<T, Fault>> {
    match apply(shared, &mut taken) {
        Ok(()) => {
            // Before the rooms are free: what settles after it is told after it.
            shared.tell(&taken.owners());
            let done = then();
            shared.unsynced.fetch_add(taken.cost(), Ordering::Relaxed);
            shared.backlog.settled(taken);
            Some(done)
        }
        Err(fault) => {
            if shared.backlog.failed(taken) {
                failed(shared, &fault);
            }
            None
        }
    }
}

/// Where entries do not continue their room, because the journal has lost some, the lost places are stood in for. A room
/// that this does not help, or of which the settled store cannot read what it needs, is left where it is and said aloud; the
/// others go on.
fn apply(shared: &Shared, taken: &mut Taken) -> Result<(), Fault> {
    let mut mended: Vec<(RoomKey, Position)> = Vec::new();
    let mut without: Vec<RoomKey> = Vec::new();
    while !taken.entries.is_empty() {
        let entries = complete(shared, &mut taken.entries, &without)?;
        match taken.settled.apply(entries) {
            Err(Fault::OutOfOrder { room, position }) if !without.contains(&room) => {
                if !mended.contains(&(room.clone(), position)) {
                    mended.push((room.clone(), position));
                    if mend(shared, taken, &room, position)? || strand(shared, taken, &room)? {
                        continue;
                    }
                }
                tracing::error!(event = "room_not_settled", %room.name, kind = room.kind.word(), position = position.0);
                without.push(room);
            }
            Err(Fault::Damaged { room: Some(room), place, what }) if !without.contains(&room) => {
                if shared.broken.add(&room) {
                    let (kind, place) = (room.kind.word(), place.map(tracing::field::display));
                    tracing::error!(event = "room_damaged", %room.realm, kind, %room.name, place, what);
                }
                without.push(room);
            }
            other => return other,
        }
    }
    Ok(())
}

/// Sets aside what others have overtaken of a room. False: nothing was.
fn strand(shared: &Shared, taken: &mut Taken, room: &RoomKey) -> Result<bool, Fault> {
    let Outcome::Loaded(state) = taken.settled.answer(&Ask::Load { room: room.clone() })? else { return Ok(false) };
    let entries = complete(shared, &mut taken.entries, &[])?;
    let mut overtaken = Vec::new();
    for Entry { position, batch, .. } in entries {
        if batch.room == *room && is_overtaken(&state, &batch) {
            overtaken.push(position);
            shared.stranded.add(position, batch);
        }
    }
    if let (Some(first), Some(last)) = (overtaken.first(), overtaken.last()) {
        tracing::warn!(event = "entries_overtaken", %room.name, from = first.0, until = last.0, entries = overtaken.len());
    }
    taken.set_aside(&overtaken);
    Ok(!overtaken.is_empty())
}

/// Stands in for what was lost between a room's end and this position. False: nothing was, and it is something else.
fn mend(shared: &Shared, taken: &mut Taken, room: &RoomKey, position: Position) -> Result<bool, Fault> {
    let Outcome::Loaded(state) = taken.settled.answer(&Ask::Load { room: room.clone() })? else { return Ok(false) };
    let entries = complete(shared, &mut taken.entries, &[])?;
    let next = entries.iter().filter(|entry| entry.position >= position && entry.batch.room == *room);
    let Some(lost) = Lost::between(&state, next.map(|entry| &entry.batch)) else { return Ok(false) };
    lost.report();
    taken.settled.apply(lost.stand_ins(position))?;
    Ok(true)
}

/// The entries with their batches; what is not in memory is read from the journal.
fn complete(shared: &Shared, waiting: &mut [(Position, Waiting)], without: &[RoomKey]) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::with_capacity(waiting.len());
    let mut page = VecDeque::new();
    for (position, waiting) in waiting.iter_mut().filter(|(_, waiting)| !waiting.aside) {
        let entry = match waiting.batch.take() {
            Some(batch) => Entry { position: *position, batch: *batch, spot: waiting.spot.take() },
            None => read(shared, *position, &mut page)?,
        };
        if !without.contains(&entry.batch.room) {
            entries.push(entry);
        }
    }
    Ok(entries)
}

/// One entry of the journal. Neighbours are read together, because they are probably wanted next.
fn read(shared: &Shared, position: Position, page: &mut VecDeque<((Position, Bytes), Spot)>) -> Result<Entry, Fault> {
    while page.front().is_some_and(|((at, _), _)| *at < position) {
        page.pop_front();
    }
    if page.front().is_none_or(|((at, _), _)| *at != position) {
        let read = shared.read(Position(position.0 - 1), PAGE_BYTES / 16)?;
        *page = read.entries.into_iter().zip(read.spots).collect();
    }
    match page.pop_front() {
        Some(((at, bytes), spot)) if at == position => {
            Ok(Entry { position, batch: decode(at, &bytes)?, spot: Some(spot) })
        }
        Some(_) | None => Err(Fault::Io(format!("entry {} of the journal is not there any more", position.0))),
    }
}

/// Nothing waits: the settled store may use the time.
fn tidy(shared: &Shared) {
    if shared.is_stopping() || !shared.backlog.is_empty() {
        return;
    }
    let Some(settled) = shared.backlog.present() else { return };
    match settled.tidy() {
        Ok(true) => {
            // What has become free goes with the next sync.
            shared.unsynced.fetch_add(SYNC_BYTES, Ordering::Relaxed);
        }
        Ok(false) => {}
        Err(fault) => {
            if shared.backlog.fails(&settled) {
                failed(shared, &fault);
            }
        }
    }
}

/// What the settled store was told last, and when.
struct Last {
    told: Instant,
    synced: Instant,
    noted: Position,
}

/// The settled store is told how far it is, and the journal lets go of what is durable there.
fn tell(shared: &Shared, last: &mut Last, is_over: bool) {
    last.told = Instant::now();
    // Not the journal's end: what is written, but was not reported yet, is not in the backlog.
    let watermark = shared.stranded.below(shared.backlog.watermark(shared.log.told()));
    let Some(settled) = shared.backlog.present() else { return };
    let wanted = shared.wants_sync.swap(false, Ordering::AcqRel);
    let unsynced = shared.unsynced.load(Ordering::Relaxed);
    let is_due = unsynced >= SYNC_BYTES || last.synced.elapsed() >= SYNC_EVERY;
    let told = if watermark <= settled.watermark() && unsynced == 0 {
        Ok(())
    } else if is_over || wanted || is_due {
        last.synced = Instant::now();
        shared.unsynced.store(0, Ordering::Relaxed);
        settled.sync(watermark)
    } else if watermark > last.noted {
        settled.note(watermark)
    } else {
        Ok(())
    };
    match told {
        Ok(()) => {
            last.noted = watermark;
            shared.feeds.settled(settled.watermark());
            shared.release();
        }
        Err(fault) => {
            if shared.backlog.fails(&settled) {
                failed(shared, &fault);
            }
        }
    }
}

fn failed(shared: &Shared, fault: &Fault) {
    shared.settling_failed.fetch_add(1, Ordering::Relaxed);
    tracing::error!(event = "settled_store_failed", %fault);
    // It may be on the journal's disk. Before it is opened again, so that it finds the reserve.
    shared.log.check_room();
}

fn reopen(shared: &Shared) -> bool {
    let opened = (shared.open_settled)().and_then(|settled| shared.adopt(settled));
    match opened {
        Ok(()) => {
            shared.broken.clear();
            tracing::info!(event = "settled_store_opened_again");
            true
        }
        Err(fault) => {
            tracing::error!(event = "settled_store_does_not_open", %fault);
            false
        }
    }
}
