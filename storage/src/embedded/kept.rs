//! A room exactly as it is kept here, for whoever makes the same of it in another store.

use super::Embedded;
use super::cut::changes;
use super::faults::{damaged, located};
use super::keys::{Index, RoomBytes, last_number};
use super::messages::messages;
use super::runs::Way;
use super::space::Space;
use super::stage::number_of;
use super::view::{View, open_row};
use crate::batch::Row;
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::settled::Fault;
use crate::table::place_of_key;
use crate::{Place, RoomKey, Seq};

/// A room at one moment. What it hands out is read as it goes.
pub(crate) struct Kept<'a> {
    key: &'a RoomKey,
    bytes: RoomBytes,
    view: View<'a>,
    pub meta: RoomMeta,
}

impl Embedded {
    /// None: nobody ever wrote to it. The engine may panic over its bytes: whoever reads guards himself.
    pub(crate) fn kept<'a>(&'a self, key: &'a RoomKey) -> Result<Option<Kept<'a>>, Fault> {
        let (view, bytes) = (self.disk()?.view(), RoomBytes::new(key));
        let meta = located(view.meta(key, &bytes), key, None)?;
        Ok(meta.map(|meta| Kept { key, bytes, view, meta }))
    }
}

impl Kept<'_> {
    /// Every message, then every change.
    pub fn records(&self) -> impl Iterator<Item = Result<Record, Fault>> + use<'_> {
        let all = (Seq(0), self.meta.newest.seq);
        let messages = messages(&self.view, self.key, &self.bytes, &self.meta, all, Way::Up);
        let changes = changes(&self.view, self.key, &self.bytes, &self.meta, all);
        messages.map(|found| found.map(|found| found.record)).chain(changes)
    }

    /// Every row, by table and key.
    pub fn rows(&self) -> impl Iterator<Item = Result<Row, Fault>> + use<'_> {
        self.meta.tables().flat_map(move |table| {
            let prefix = self.bytes.row(table, &[]);
            self.view.prefix(Space::Rows, &prefix).map(move |pair| {
                let (key, value) = located(pair, self.key, None)?;
                let value = open_row(self.key, &key, &value)?;
                Ok(Row { table, key: key.slice(prefix.len()..), value })
            })
        })
    }

    /// Every message of a thread: the root, its number in the thread, and where it stands.
    pub fn threads(&self) -> impl Iterator<Item = Result<(Place, u64, Place), Fault>> + use<'_> {
        let prefix = self.bytes.index(Index::Threads);
        self.view.prefix(Space::Index, &prefix).map(move |pair| {
            let (key, value) = located(pair, self.key, None)?;
            let root = key.get(prefix.len()..).and_then(place_of_key);
            let entry = root.zip(last_number(&key)).zip(number_of(&value));
            let ((root, number), seq) = entry.ok_or_else(|| damaged(self.key, None, "an entry of a thread"))?;
            Ok((root, number, self.meta.place_at(Seq(seq))))
        })
    }
}
