//! Rows of a room, by table and key.

use crate::Place;
use crate::batch::{Row, RowWrite};
use crate::table::{Table, place_key, place_of_key};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::ops::Bound;

/// Most rooms use two or three tables: a short list beats an array of all.
#[derive(Debug, Default)]
pub(super) struct Rows {
    tables: Vec<(Table, BTreeMap<Bytes, Bytes>)>,
    bytes: usize,
}

impl Rows {
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn write(&mut self, row: RowWrite) {
        let added = row.cost();
        match row.value {
            Some(value) => {
                let key_bytes = row.key.len();
                let at = match self.tables.binary_search_by_key(&row.table, |(table, _)| *table) {
                    Ok(at) => at,
                    Err(at) => {
                        self.tables.insert(at, (row.table, BTreeMap::new()));
                        at
                    }
                };
                self.bytes += added;
                if let Some(old) = self.tables[at].1.insert(row.key, value) {
                    self.bytes -= cost(key_bytes, &old);
                }
            }
            None => {
                let Some(rows) = self.table_mut(row.table) else { return };
                let Some(old) = rows.remove(&row.key) else { return };
                self.bytes -= cost(row.key.len(), &old);
            }
        }
    }

    pub fn get(&self, table: Table, key: &[u8]) -> Option<&Bytes> {
        self.tables.iter().find(|(own, _)| *own == table)?.1.get(key)
    }

    pub fn all(&self) -> impl Iterator<Item = Row> {
        self.tables.iter().flat_map(|(table, rows)| rows.iter().map(|(key, value)| row(*table, key, value)))
    }

    /// Rows of one table above a key.
    pub fn of_table(&self, table: Table, after: Option<&[u8]>) -> impl Iterator<Item = Row> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.tables
            .iter()
            .filter(move |(own, _)| *own == table)
            .flat_map(move |(_, rows)| rows.range::<[u8], _>((from, Bound::Unbounded)))
            .map(move |(key, value)| row(table, key, value))
    }

    /// Removes the rows of messages up to and including this place.
    pub fn drop_to(&mut self, place: Place) {
        self.drop_while(BTreeMap::first_entry, |of| of <= place);
    }

    /// Removes the rows of messages above this place.
    pub fn drop_above(&mut self, place: Place) {
        self.drop_while(BTreeMap::last_entry, |of| of > place);
    }

    /// Removes the rows of one message.
    pub fn drop_of(&mut self, place: Place) {
        let prefix = place_key(place);
        for (_, rows) in self.tables.iter_mut().filter(|(table, _)| table.of_message()) {
            let from = (Bound::Included(&prefix[..]), Bound::Unbounded);
            let keys: Vec<Bytes> = rows
                .range::<[u8], _>(from)
                .map(|(key, _)| key)
                .take_while(|k| k.starts_with(&prefix))
                .cloned()
                .collect();
            for key in keys {
                if let Some(old) = rows.remove(&key) {
                    self.bytes -= cost(key.len(), &old);
                }
            }
        }
    }

    fn drop_while(
        &mut self,
        next: impl for<'a> Fn(&'a mut BTreeMap<Bytes, Bytes>) -> Option<OccupiedEntry<'a, Bytes, Bytes>>,
        goes: impl Fn(Place) -> bool,
    ) {
        for (_, rows) in self.tables.iter_mut().filter(|(table, _)| table.of_message()) {
            while let Some(entry) = next(rows) {
                // Keys were checked to begin with a place when they came in.
                if !place_of_key(entry.key()).is_some_and(&goes) {
                    break;
                }
                let (key, value) = entry.remove_entry();
                self.bytes -= cost(key.len(), &value);
            }
        }
    }

    fn table_mut(&mut self, table: Table) -> Option<&mut BTreeMap<Bytes, Bytes>> {
        self.tables.iter_mut().find(|(own, _)| *own == table).map(|(_, rows)| rows)
    }
}

fn row(table: Table, key: &Bytes, value: &Bytes) -> Row {
    Row { table, key: key.clone(), value: value.clone() }
}

fn cost(key_bytes: usize, value: &Bytes) -> usize {
    crate::limits::ITEM_OVERHEAD + key_bytes + value.len()
}
