//! What answers are read from: the whole of the store at one moment, and records that are checked as they are read.

use super::archive::Archive;
use super::faults::{damaged, fault};
use super::keys::{self, RoomBytes};
use super::moments::Moment;
use super::pairs::{Pairs, Second};
use super::space::Space;
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::record::layout::BadRecord;
use crate::sealed::{Bad, is_row};
use crate::settled::Fault;
use crate::{RoomKey, Seq};
use bytes::Bytes;
use lsm_tree::{AbstractTree, AnyTree, UserKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The whole of the store at one moment.
pub struct View<'a> {
    tree: &'a AnyTree,
    archive: &'a Archive,
    moment: Arc<Moment>,
    /// What leads to others stands twice.
    seconds: bool,
}

impl<'a> View<'a> {
    pub fn new(tree: &'a AnyTree, archive: &'a Archive, moment: Arc<Moment>, seconds: bool) -> View<'a> {
        View { tree, archive, moment, seconds }
    }
}

impl View<'_> {
    pub fn archive(&self) -> &Archive {
        self.archive
    }

    pub fn get(&self, space: Space, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        let read = |key: UserKey| {
            let value = self.tree.get(key, self.moment.number()).map_err(fault)?;
            Ok(value.map(|value| Bytes::copy_from_slice(&value)))
        };
        match read(space.key(key)) {
            Err(fault @ Fault::Damaged { .. }) if space.leads() => match read(space.second(key)) {
                Ok(Some(value)) => {
                    say_second(space);
                    Ok(Some(value))
                }
                // Where there are no second copies, none says nothing.
                Ok(None) | Err(_) => Err(fault),
            },
            first => first,
        }
    }

    /// Keys from `from` to below `to`, both ways.
    pub fn range(&self, space: Space, from: &[u8], to: &[u8]) -> Pairs {
        if from >= to {
            return Pairs::none();
        }
        let second = (self.seconds && space.leads()).then(|| Second {
            tree: self.tree.clone(),
            moment: self.moment.clone(),
            space,
            from: from.to_vec(),
            to: to.to_vec(),
        });
        Pairs::new(self.tree.range(space.key(from)..space.key(to), self.moment.number(), None), second)
    }

    pub fn prefix(&self, space: Space, prefix: &[u8]) -> Pairs {
        self.range(space, prefix, &keys::after_prefix(prefix))
    }

    pub fn meta(&self, room: &RoomKey, bytes: &RoomBytes) -> Result<Option<RoomMeta>, Fault> {
        let Some(value) = self.get(Space::Rooms, bytes.bytes())? else { return Ok(None) };
        RoomMeta::decode(&value).map(Some).map_err(|bad| match bad {
            Bad::Damaged => damaged(room, None, "what is kept of the room as a whole"),
            Bad::Newer(version) => Fault::Newer { what: "what is kept of a room as a whole", version },
        })
    }

    /// A row's value, checked.
    pub fn row(&self, room: &RoomKey, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.get(Space::Rows, key)?.map(|value| open_row(room, key, &value)).transpose()
    }
}

/// Said once: what is damaged is named by whoever cannot do without it, and by `rookery store verify`.
pub fn say_second(space: Space) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        tracing::error!(
            event = "second_copy_read",
            ?space,
            "a block of the store is damaged; what it led to is still found"
        );
    }
}

/// The record that a key of `messages` or `changes` leads to. It must be the one that the key says.
pub fn open_record(room: &RoomKey, meta: &RoomMeta, key: &[u8], value: &Bytes) -> Result<Record, Fault> {
    let place = meta.place_at(Seq(keys::last_number(key).unwrap_or(0)));
    let record = Record::decode(value).map_err(|bad| match bad {
        BadRecord::NewerVersion(version) => Fault::Newer { what: "a record", version },
        BadRecord::Damaged | BadRecord::Impossible => damaged(room, Some(place), &bad.to_string()),
    })?;
    if record.place == place {
        Ok(record)
    } else {
        Err(damaged(room, Some(place), "another record stands in its place"))
    }
}

pub fn open_row(room: &RoomKey, key: &[u8], value: &Bytes) -> Result<Bytes, Fault> {
    if is_row(key, value) { Ok(value.slice(4..)) } else { Err(damaged(room, None, "a row")) }
}
