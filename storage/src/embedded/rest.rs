//! A resting room's rows in one value, so that it comes back with one read. A cache: valid for the position that it was
//! made at, gone with the next write, and where it is missing or damaged the tables say the same.
//!
//! ```text
//! 0   4  CRC32C of everything behind it, little-endian
//! 4   1  version: 1
//! 5   3  0
//! 8   8  the position that the room had taken last, little-endian
//! 16     the rows, archived by rkyv 0.8: made and read by the same program, or not read
//! ```

use super::keys::RoomBytes;
use super::read::Room;
use super::space::Space;
use super::stage::Stage;
use super::view::View;
use crate::RoomKey;
use crate::answer::RoomState;
use crate::batch::Row;
use crate::meta::RoomMeta;
use crate::sealed;
use crate::settled::Fault;
use crate::table::Table;
use bytes::Bytes;
use rkyv::rancor::Error;
use rkyv::util::AlignedVec;
use rkyv::{Archive, Serialize};

const VERSION: u8 = 1;
/// Where the archive begins: as it has to be aligned.
const ARCHIVE: usize = 16;

/// Fewer rows are read as quickly where they stand.
const LEAST_ROWS: usize = 64;
/// A larger room comes from its tables.
const MOST_BYTES: usize = 4 << 20;

#[derive(Archive, Serialize)]
struct Rested {
    rows: Vec<RestedRow>,
}

#[derive(Archive, Serialize)]
struct RestedRow {
    table: u8,
    key: Vec<u8>,
    value: Vec<u8>,
}

/// Notes the rows of a room that rests. False: that is not worth while.
pub fn note(stage: &mut Stage<'_>, room: &RoomKey) -> Result<bool, Fault> {
    let bytes = RoomBytes::new(room);
    let mut meta = stage.meta(room, &bytes)?;
    if meta.rests() {
        return Ok(true);
    }
    let RoomState { rows, .. } = Room::open(stage.view(), room)?.state()?;
    let size: usize = rows.iter().map(|row| row.key.len() + row.value.len() + 32).sum();
    if rows.len() < LEAST_ROWS || size > MOST_BYTES {
        return Ok(false);
    }
    let Some(value) = encode(&meta, rows) else { return Ok(false) };
    stage.put(Space::Index, bytes.rest(), value);
    meta.set_rests(true);
    stage.put_meta(room, &bytes, meta);
    stage.commit()?;
    Ok(true)
}

/// The room changes: what was noted goes.
pub fn forget(stage: &mut Stage<'_>, bytes: &RoomBytes, meta: &mut RoomMeta) {
    if meta.rests() {
        stage.remove(Space::Index, bytes.rest());
        meta.set_rests(false);
    }
}

/// The rows that were noted, if they are those of now.
pub fn rows(view: &View<'_>, bytes: &RoomBytes, meta: &RoomMeta) -> Result<Option<Vec<Row>>, Fault> {
    if !meta.rests() {
        return Ok(None);
    }
    Ok(view.get(Space::Index, &bytes.rest())?.and_then(|value| decode(meta, &value)))
}

fn encode(meta: &RoomMeta, rows: Vec<Row>) -> Option<Vec<u8>> {
    let row = |row: Row| RestedRow { table: row.table as u8, key: row.key.into(), value: row.value.into() };
    let archive = rkyv::to_bytes::<Error>(&Rested { rows: rows.into_iter().map(row).collect() }).ok()?;
    let mut value = sealed::begin(VERSION);
    value.reserve(ARCHIVE + archive.len());
    value.extend_from_slice(&[0; 3]);
    value.extend_from_slice(&meta.applied.0.to_le_bytes());
    value.extend_from_slice(&archive);
    Some(sealed::end(value))
}

fn decode(meta: &RoomMeta, value: &[u8]) -> Option<Vec<Row>> {
    sealed::open(value, VERSION).ok()?;
    let (head, archive) = value.split_first_chunk::<ARCHIVE>()?;
    let (_, position) = head.split_last_chunk::<8>()?;
    if u64::from_le_bytes(*position) != meta.applied.0 {
        return None;
    }
    let mut aligned = AlignedVec::<ARCHIVE>::with_capacity(archive.len());
    aligned.extend_from_slice(archive);
    // The rows are parts of this one copy.
    let whole = Bytes::from_owner(aligned);
    let rested = rkyv::access::<ArchivedRested, Error>(&whole).ok()?;
    let row = |row: &ArchivedRestedRow| {
        let part = |part: &[u8]| if part.is_empty() { Bytes::new() } else { whole.slice_ref(part) };
        Some(Row { table: Table::from_number(row.table)?, key: part(&row.key), value: part(&row.value) })
    };
    rested.rows.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::Position;

    fn rows() -> Vec<Row> {
        let row = |n: u8| Row { table: Table::Members, key: vec![n, 0, 255].into(), value: vec![n; n as usize].into() };
        (0..20).map(row).collect()
    }

    #[test]
    fn comes_back_as_it_was_and_nothing_else_does() {
        let mut meta = RoomMeta::default();
        meta.applied = Position(7);
        let value = encode(&meta, rows()).unwrap();
        assert_eq!(decode(&meta, &value), Some(rows()));
        let mut later = meta.clone();
        later.applied = Position(8);
        assert_eq!(decode(&later, &value), None);
        for at in 0..value.len() {
            assert_eq!(decode(&meta, &value[..at]), None, "cut at {at}");
            let mut damaged = value.clone();
            damaged[at] ^= 4;
            assert_eq!(decode(&meta, &damaged), None, "turned over at {at}");
        }
        // Even with a checksum that fits, nothing but an archive is taken for one, and nothing panics.
        for at in ARCHIVE..value.len() {
            let mut strange = value.clone();
            strange[at] ^= 0x81;
            let _ = decode(&meta, &sealed::end(strange));
            let _ = decode(&meta, &sealed::end(value[..at].to_vec()));
        }
    }
}
