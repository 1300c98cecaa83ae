//! What is kept of the store as a whole: its version, its watermark, and a number per commit in every keyspace.
//!
//! The engine's journal guards what a batch says, but not in which order batches came, and a damaged one ends it
//! silently. So every commit puts its number into each keyspace and takes the one before away. Whatever is lost or
//! reordered in one of them leaves another number there, or two of them.

use super::disk::{Disk, Space, View, fault, own_key};
use super::sealed::{self, Bad, number_value};
use super::stage::COMMIT;
use crate::ask::Position;
use crate::settled::Fault;
use fjall::PersistMode;

/// Of the whole layout.
const VERSION: u64 = 1;

pub struct Start {
    pub watermark: Position,
    pub commits: u64,
}

pub fn watermark_key() -> Vec<u8> {
    own_key(b'w', None)
}

fn version_key() -> Vec<u8> {
    own_key(b'v', None)
}

/// Refuses a store whose keyspaces do not belong together, or that a newer program wrote. A new one is marked.
pub fn check(disk: &Disk) -> Result<Start, Fault> {
    let view = disk.view();
    match number(&view, &version_key())? {
        None => {
            if view.range(Space::Rooms, &[], &[0xff]).next().is_some() {
                return Err(damaged("rooms, but no version".to_owned()));
            }
            disk.space(Space::Rooms).insert(version_key(), number_value(VERSION)).map_err(fault)?;
            disk.database.persist(PersistMode::SyncAll).map_err(fault)?;
        }
        Some(VERSION) => {}
        Some(newer) => {
            return Err(Fault::Newer { what: "the settled store", version: u8::try_from(newer).unwrap_or(u8::MAX) });
        }
    }
    let mut numbers = Vec::new();
    for space in Space::ALL {
        let mut of_space = view.prefix(space, &own_key(COMMIT, None));
        let first = of_space.next().transpose()?;
        let (key, value) = match (first, of_space.next().transpose()?) {
            (None, _) => {
                numbers.push(0);
                continue;
            }
            (Some(pair), None) => pair,
            (Some(_), Some(_)) => return Err(damaged(format!("two last commits in {}", space.word()))),
        };
        let number = open(&value)?;
        if super::keys::last_number(&key) != Some(number) {
            return Err(damaged(format!("the last commit of {}", space.word())));
        }
        numbers.push(number);
    }
    let commits = numbers.first().copied().unwrap_or(0);
    if numbers.iter().any(|number| *number != commits) {
        return Err(damaged(format!("the keyspaces ended at different commits: {numbers:?}")));
    }
    Ok(Start { watermark: Position(number(&view, &watermark_key())?.unwrap_or(0)), commits })
}

fn number(view: &View<'_>, key: &[u8]) -> Result<Option<u64>, Fault> {
    view.get(Space::Rooms, key)?.map(|value| open(&value)).transpose()
}

fn open(value: &[u8]) -> Result<u64, Fault> {
    let mut reader = sealed::open(value, 1).map_err(|bad| match bad {
        Bad::Damaged => damaged("a number of the whole store".to_owned()),
        Bad::Newer(version) => Fault::Newer { what: "a number of the settled store", version },
    })?;
    reader.number().filter(|_| reader.is_empty()).ok_or_else(|| damaged("a number of the whole store".to_owned()))
}

fn damaged(what: String) -> Fault {
    Fault::Damaged { room: None, place: None, what }
}
