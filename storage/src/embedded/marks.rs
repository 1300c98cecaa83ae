//! What is kept of the store as a whole: the version of its layout, its watermark, and which segments it reads.

use super::archive::Count;
use super::disk::{Disk, Space, View, own_key};
use super::keys::last_number;
use crate::ask::Position;
use crate::sealed::{self, Bad, number_value};
use crate::settled::Fault;
use hashbrown::HashMap;

/// Of the whole layout.
const VERSION: u64 = 2;

pub fn watermark_key() -> Vec<u8> {
    own_key(b'w')
}

/// Of the highest position that any room has taken.
pub fn highest_key() -> Vec<u8> {
    own_key(b'h')
}

pub fn highest(view: &View<'_>) -> Result<Position, Fault> {
    Ok(Position(number(view, &highest_key())?.unwrap_or(0)))
}

fn version_key() -> Vec<u8> {
    own_key(b'v')
}

/// Refuses a store that a newer program wrote; a new one is marked. Where it ends.
pub fn check(disk: &Disk) -> Result<Position, Fault> {
    let view = disk.view();
    match number(&view, &version_key())? {
        None => {
            if Space::ALL.into_iter().any(|space| view.range(space, &[], &[0xff]).next().is_some()) {
                return Err(damaged("rooms, but no version"));
            }
            let version = Some(number_value(VERSION).into());
            disk.commit(std::iter::once((Space::Rooms, version_key(), version)))?;
            disk.checkpoint()?;
        }
        Some(VERSION) => {}
        Some(newer) => {
            return Err(Fault::Newer { what: "the settled store", version: u8::try_from(newer).unwrap_or(u8::MAX) });
        }
    }
    let watermark = Position(number(&view, &watermark_key())?.unwrap_or(0));
    disk.found(watermark);
    let mut runs = HashMap::new();
    for pair in view.range(Space::Segments, &[], &[u8::MAX; 9]) {
        let (key, value) = pair?;
        let segment = last_number(&key).filter(|_| key.len() == 8).ok_or_else(|| damaged("a segment's number"))?;
        runs.insert(segment, Count::decode(&value).ok_or_else(|| damaged("what lies in a segment"))?);
    }
    disk.archive().found(runs)?;
    Ok(watermark)
}

fn number(view: &View<'_>, key: &[u8]) -> Result<Option<u64>, Fault> {
    view.get(Space::Rooms, key)?.map(|value| open(&value)).transpose()
}

fn open(value: &[u8]) -> Result<u64, Fault> {
    let mut reader = sealed::open(value, 1).map_err(|bad| match bad {
        Bad::Damaged => damaged("a number of the whole store"),
        Bad::Newer(version) => Fault::Newer { what: "a number of the settled store", version },
    })?;
    reader.number().filter(|_| reader.is_empty()).ok_or_else(|| damaged("a number of the whole store"))
}

fn damaged(what: &str) -> Fault {
    Fault::Damaged { room: None, place: None, what: what.to_owned() }
}
