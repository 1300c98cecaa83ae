//! How a room answers: all but pages, replay and trims.

use super::fetch::{Room, limit_value};
use super::rooms::damaged;
use super::statements::Query;
use super::write::{blob, small};
use crate::answer::{Found, RoomState};
use crate::batch::Row;
use crate::embedded::keys::RoomBytes;
use crate::limits::{KEY_BYTES, PAGE_RECORDS};
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::sealed::is_row;
use crate::settled::Fault;
use crate::table::Table;
use crate::{Millis, Place};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

/// Messages of one ask that are read at the same time.
const AT_ONCE: usize = 16;

impl Room<'_> {
    /// Rows without it are of a room that was being taken over, and is not there yet.
    fn is_there(&self) -> bool {
        self.standing.stamp > 0
    }

    pub async fn state(&self) -> Result<RoomState, Fault> {
        if !self.is_there() {
            return Ok(RoomState::default());
        }
        let found = self.link.read::<(i8, Vec<u8>, Vec<u8>)>(Query::Rows, self.values([])).await?;
        let mut rows = Vec::with_capacity(found.len());
        for (table, key, value) in found {
            let table = u8::try_from(table).ok().and_then(Table::from_number);
            let table = table.ok_or_else(|| damaged(self.key, None, "a row of no table"))?;
            rows.push(self.open_row(table, key, value)?);
        }
        let RoomMeta { newest, sealed, floor, next_ordinal, messages, .. } = *self.meta();
        Ok(RoomState { newest, sealed, epochs: self.meta().epochs.clone(), floor, next_ordinal, messages, rows })
    }

    pub fn open_row(&self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<Row, Fault> {
        if !is_row(&RoomBytes::new(self.key).row(table, &key), &value) {
            return Err(damaged(self.key, None, "a row"));
        }
        Ok(Row { table, key: key.into(), value: Bytes::from(value).slice(4..) })
    }

    pub async fn row(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        // The database takes no longer keys, and none was ever written.
        if key.len() > usize::from(u16::MAX) || !self.is_there() {
            return Ok(None);
        }
        let found = self.link.read::<(Vec<u8>,)>(Query::Row, self.values([small(table as u8), blob(key)])).await?;
        let row = found.into_iter().next().map(|(value,)| self.open_row(table, key.to_vec(), value));
        Ok(row.transpose()?.map(|row| row.value))
    }

    /// Rows of one table, in the order of their keys, above one.
    pub async fn rows_of(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, Fault> {
        if !self.is_there() {
            return Ok(Vec::new());
        }
        let (of, limit) = (small(table as u8), limit_value(limit));
        let found = match after {
            Some(key) => self.link.read(Query::RowsOf, self.values([of, blob(key), limit])).await?,
            None => self.link.read(Query::FirstRowsOf, self.values([of, limit])).await?,
        };
        found.into_iter().map(|(key, value): (Vec<u8>, Vec<u8>)| self.open_row(table, key, value)).collect()
    }

    /// Messages by their places, in the same order.
    pub async fn fetch(&self, places: &[Place], now: Millis) -> Result<Vec<Option<Record>>, Fault> {
        let reads = places.iter().map(|place| self.message(*place));
        let found = stream::iter(reads).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(found.into_iter().map(|record| record.map(|record| record.at(now))).collect())
    }

    pub async fn count(&self, after: Place, fence: Place) -> Result<u64, Fault> {
        let up_to = self.messages_up_to(self.meta().up_to(fence)).await?;
        Ok(up_to.saturating_sub(self.messages_up_to(self.meta().up_to(after)).await?))
    }

    pub async fn lookup(&self, key: &[u8]) -> Result<Option<Found>, Fault> {
        if key.is_empty() || key.len() > KEY_BYTES {
            return Ok(None);
        }
        let found = self.duplicates(key).await?;
        let found = found.first().map(|(place, ordinal)| (*place, Some(*ordinal).filter(|ordinal| *ordinal > 0)));
        Ok(found.map(|(place, ordinal)| Found { place, ordinal }))
    }

    pub async fn expired(&self, now: Millis, limit: usize) -> Result<Vec<Place>, Fault> {
        let due = self.due(now, limit.min(PAGE_RECORDS)).await?;
        Ok(due.into_iter().map(|(_, place)| place).collect())
    }
}
