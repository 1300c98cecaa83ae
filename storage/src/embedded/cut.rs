//! What leaves a room: its end, all of it, or rows of messages that are gone.

use super::faults::located;
use super::keys::{Index, RoomBytes, after_prefix};
use super::messages::{Found, messages};
use super::runs::{self, Way};
use super::space::Space;
use super::stage::{Stage, unindex_record};
use super::view::{View, open_record};
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::settled::Fault;
use crate::table::{Table, place_key, place_of_key};
use crate::{Ordinal, Place, RoomKey, Seq};

/// Changes and voids of a room from one seq up to another, both included, as far as they can lie there.
pub fn changes<'v>(
    view: &'v View<'_>,
    room: &'v RoomKey,
    bytes: &RoomBytes,
    meta: &'v RoomMeta,
    (from, to): (Seq, Seq),
) -> impl Iterator<Item = Result<Record, Fault>> + use<'v> {
    let from = from.max(Seq(meta.change_floor.0.saturating_add(1)));
    let to = Seq(to.min(meta.newest.seq).0.saturating_add(1));
    let pairs = view.range(Space::Changes, &bytes.seq(from), &bytes.seq(to.max(from)));
    pairs.map(move |pair| {
        let (key, value) = located(pair, room, Some(meta.place_at(from)))?;
        open_record(room, meta, &key, &value)
    })
}

/// The ordinal that the next message would have if the room ended at this seq.
pub fn ordinal_at(
    stage: &Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &RoomMeta,
    seq: Seq,
) -> Result<Ordinal, Fault> {
    let last = messages(stage.view(), room, bytes, meta, (Seq(0), seq), Way::Down).next().transpose()?;
    let ordinal = last.and_then(|found| found.record.ordinal());
    Ok(ordinal.map_or(meta.first_ordinal(), |ordinal| ordinal.saturating_add(1)))
}

/// Drops what stands at this seq and above.
pub fn drop_from(
    stage: &mut Stage<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &mut RoomMeta,
    seq: Seq,
) -> Result<(), Fault> {
    let all = (seq, meta.newest.seq);
    let dropped: Vec<Found> = messages(stage.view(), room, bytes, meta, all, Way::Down).collect::<Result<_, _>>()?;
    for found in dropped {
        meta.bytes = meta.bytes.saturating_sub(found.record.cost() as u64);
        meta.messages = meta.messages.saturating_sub(1);
        meta.next_ordinal = found.record.ordinal().unwrap_or(meta.next_ordinal);
        stage.remove_message(bytes, &found);
        unindex_record(stage, bytes, &found.record, false)?;
    }
    runs::drop_from(stage, room, bytes, seq)?;
    let dropped: Vec<Record> = changes(stage.view(), room, bytes, meta, all).collect::<Result<_, _>>()?;
    for record in dropped {
        meta.bytes = meta.bytes.saturating_sub(record.cost() as u64);
        meta.changes = meta.changes.saturating_sub(1);
        stage.remove(Space::Changes, bytes.seq(record.place.seq));
        unindex_record(stage, bytes, &record, false)?;
    }
    meta.newest = meta.place_at(Seq(seq.0.saturating_sub(1)));
    meta.epochs.retain(|(_, first)| *first < seq);
    for table in meta.tables().filter(|table| table.of_message()) {
        let from = bytes.row(table, &place_key(meta.newest));
        let to = after_prefix(&bytes.row(table, &[]));
        let newest = meta.newest;
        drop_rows(stage, bytes, table, (from, to), |of| of > newest)?;
    }
    Ok(())
}

/// Drops everything but where the room stood, so that no place is given again.
pub fn clear(stage: &mut Stage<'_>, room: &RoomKey, bytes: &RoomBytes, meta: &mut RoomMeta) -> Result<(), Fault> {
    // A long room goes piece by piece from its old end, as a trim takes it; only the rest goes with the batch.
    super::trim::shorten(stage, room, bytes, meta)?;
    runs::drop_to(stage, room, bytes, Seq(u64::MAX))?;
    let mut prefixes: Vec<(Space, Vec<u8>)> =
        [Space::Messages, Space::Changes].map(|space| (space, bytes.bytes().to_vec())).into();
    prefixes.extend(Index::ALL.map(|index| (Space::Index, bytes.index(index))));
    prefixes.extend(meta.tables().map(|table| (Space::Rows, bytes.row(table, &[]))));
    for (space, prefix) in prefixes {
        let keys: Vec<_> = stage.view().prefix(space, &prefix).map(|pair| pair.map(|(key, _)| key)).collect();
        for key in keys {
            stage.remove(space, key?);
        }
    }
    *meta = meta.cleared();
    Ok(())
}

/// Removes rows of messages that are gone.
pub fn drop_rows(
    stage: &mut Stage<'_>,
    bytes: &RoomBytes,
    table: Table,
    (from, to): (Vec<u8>, Vec<u8>),
    goes: impl Fn(Place) -> bool,
) -> Result<(), Fault> {
    let start = bytes.row(table, &[]).len();
    let mut keys = Vec::new();
    for pair in stage.view().range(Space::Rows, &from, &to) {
        let (key, _) = pair?;
        if key.get(start..).and_then(place_of_key).is_some_and(&goes) {
            keys.push(key);
        }
    }
    keys.into_iter().for_each(|key| stage.remove(Space::Rows, key));
    Ok(())
}

/// Removes the rows of one message.
pub fn drop_rows_of(stage: &mut Stage<'_>, bytes: &RoomBytes, meta: &RoomMeta, place: Place) -> Result<(), Fault> {
    for table in meta.tables().filter(|table| table.of_message()) {
        let from = bytes.row(table, &place_key(place));
        let to = after_prefix(&from);
        drop_rows(stage, bytes, table, (from, to), |of| of == place)?;
    }
    Ok(())
}

/// Removes the rows of messages up to and including this place.
pub fn drop_rows_to(stage: &mut Stage<'_>, bytes: &RoomBytes, meta: &RoomMeta, place: Place) -> Result<(), Fault> {
    for table in meta.tables().filter(|table| table.of_message()) {
        let from = bytes.row(table, &[]);
        let to = after_prefix(&bytes.row(table, &place_key(place)));
        drop_rows(stage, bytes, table, (from, to), |of| of <= place)?;
    }
    Ok(())
}
