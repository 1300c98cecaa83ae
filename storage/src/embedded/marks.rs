//! What is kept of the store as a whole: the version of its layout, its watermark, the highest position that any room has
//! taken, and which segments it reads. Each is a pair of the tree, so that it is as old as the tables; the spare has them too.

use super::archive::Count;
use super::disk::Disk;
use super::keys::last_number;
use super::space::{Space, own_key};
use super::view::View;
use crate::ask::Position;
use crate::sealed::{self, Bad, number_value};
use crate::settled::Fault;
use bytes::Bytes;
use hashbrown::HashMap;

/// Of the whole layout. A store of the one before goes on as it is: what leads to others stands there once.
const VERSION: u64 = 3;
const WITHOUT_SECONDS: u64 = 2;

pub fn watermark_key() -> Vec<u8> {
    own_key(b'w')
}

pub fn highest_key() -> Vec<u8> {
    own_key(b'h')
}

fn version_key() -> Vec<u8> {
    own_key(b'v')
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marks {
    /// What leads to others stands twice.
    pub seconds: bool,
    pub watermark: Position,
    /// That any room has taken.
    pub highest: Position,
    pub segments: HashMap<u64, Count>,
}

impl Marks {
    /// Of a new store.
    fn new() -> Marks {
        Marks { seconds: true, watermark: Position(0), highest: Position(0), segments: HashMap::new() }
    }

    /// None: it has none, because it is new.
    fn read(view: &View<'_>) -> Result<Option<Marks>, Fault> {
        let seconds = match number(view, &version_key())? {
            None => return Ok(None),
            Some(VERSION) => true,
            Some(WITHOUT_SECONDS) => false,
            Some(newer) => {
                return Err(Fault::Newer {
                    what: "the settled store",
                    version: u8::try_from(newer).unwrap_or(u8::MAX),
                });
            }
        };
        let watermark = Position(number(view, &watermark_key())?.unwrap_or(0));
        let highest = Position(number(view, &highest_key())?.unwrap_or(0));
        let mut segments = HashMap::new();
        for pair in view.range(Space::Segments, &[], &[u8::MAX; 9]) {
            let (key, value) = pair?;
            let segment = last_number(&key).filter(|_| key.len() == 8).ok_or_else(|| damaged("a segment's number"))?;
            segments.insert(segment, Count::decode(&value).ok_or_else(|| damaged("what lies in a segment"))?);
        }
        Ok(Some(Marks { seconds, watermark, highest, segments }))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(25 + 16 * self.segments.len());
        sealed::put_number(&mut bytes, u64::from(self.seconds));
        sealed::put_number(&mut bytes, self.watermark.0);
        sealed::put_number(&mut bytes, self.highest.0);
        for (segment, count) in &self.segments {
            for number in [*segment, count.left, count.most] {
                sealed::put_number(&mut bytes, number);
            }
        }
        bytes
    }

    /// `says_seconds`: they begin with that; before there were any, they did not.
    pub fn decode(bytes: &[u8], says_seconds: bool) -> Option<Marks> {
        let mut reader = sealed::Reader::of(bytes);
        let mut marks = Marks {
            seconds: says_seconds && reader.number()? != 0,
            watermark: Position(reader.number()?),
            highest: Position(reader.number()?),
            segments: HashMap::new(),
        };
        while !reader.is_empty() {
            let segment = reader.number()?;
            marks.segments.insert(segment, Count { left: reader.number()?, most: reader.number()? });
        }
        Some(marks)
    }
}

/// Refuses a store that a newer program wrote; a new one is marked. Where it ends.
pub fn check(disk: &Disk) -> Result<Position, Fault> {
    let view = disk.view();
    let marks = match Marks::read(&view) {
        Err(fault @ Fault::Damaged { .. }) => {
            let Some(marks) = disk.spare().marks() else { return Err(fault) };
            tracing::error!(event = "marks_restored", %fault);
            marks
        }
        Err(fault) => return Err(fault),
        Ok(Some(marks)) => marks,
        Ok(None) => {
            if Space::ALL.into_iter().any(|space| view.range(space, &[], &[0xff]).next().is_some()) {
                return Err(damaged("rooms, but no version"));
            }
            let version = Some(number_value(VERSION).into());
            disk.commit(std::iter::once((Space::Rooms, version_key(), version)))?;
            disk.checkpoint()?;
            Marks::new()
        }
    };
    let watermark = marks.watermark;
    disk.found(marks)?;
    Ok(watermark)
}

/// What a copy has where the store has this: it is of the present layout, whichever the store has.
pub fn of_a_copy(key: &[u8], value: Bytes) -> Bytes {
    if key == version_key() { number_value(VERSION).into() } else { value }
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
