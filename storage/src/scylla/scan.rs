//! Rows of one table in all rooms, and all rooms, in order. Which there are stands in lists, which may say too much.

use super::Inner;
use super::fetch::{Room, limit_value};
use super::stage::{ALL_ROOMS, is_listed_by_row};
use super::statements::Query;
use super::write::{SCAN_PARTS, blob, room_values, small};
use crate::answer::{RoomsPage, ScanPage};
use crate::limits::SCAN_ROWS;
use crate::settled::Fault;
use crate::table::Table;
use crate::{Name, RoomKey, RoomKind};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::collections::VecDeque;

/// Entries of one read of one part.
const CHUNK: usize = 256;

type Listed = (RoomKey, Vec<u8>);

/// A list, read on as it is used up: its parts are merged.
struct List<'a> {
    inner: &'a Inner,
    number: u8,
    parts: Vec<Part>,
}

struct Part {
    number: u8,
    ready: VecDeque<Listed>,
    /// Where the next read begins; None: at the first entry.
    start: Option<Listed>,
    is_over: bool,
}

pub async fn scan(
    inner: &Inner,
    table: Table,
    after: Option<&(RoomKey, Bytes)>,
    limit: usize,
) -> Result<ScanPage, Fault> {
    let (limit, by_row) = (limit.min(SCAN_ROWS), is_listed_by_row(table));
    // A room that is listed as a whole may have more rows above the cursor: it is looked at again.
    let start = after.map(|(room, key)| (room.clone(), if by_row { following(key) } else { Vec::new() }));
    let mut list = List::new(inner, table as u8, start);
    let mut page = ScanPage::default();
    while let Some((room, key)) = list.next().await? {
        let (guard, standing) = inner.rooms.reading(&inner.link, &room).await?;
        let read = Room { link: &inner.link, key: &room, standing };
        let left = limit - page.rows.len() + 1;
        let rows = if by_row {
            let value = read.row(table, &key).await?;
            value.map(|value| crate::batch::Row { table, key: key.into(), value }).into_iter().collect()
        } else {
            let above = after.filter(|(first, _)| *first == room).map(|(_, key)| &key[..]);
            read.rows_of(table, above, left).await?
        };
        drop(guard);
        for row in rows {
            if page.rows.len() >= limit {
                page.more = true;
                return Ok(page);
            }
            page.rows.push((room.clone(), row));
        }
    }
    Ok(page)
}

/// Rooms that are looked up at the same time.
const AT_ONCE: usize = 16;

/// Every room that was ever written.
pub async fn rooms(inner: &Inner, after: Option<&RoomKey>, limit: usize) -> Result<RoomsPage, Fault> {
    let limit = limit.min(SCAN_ROWS);
    let start = after.map(|room| (room.clone(), following(&[])));
    let mut list = List::new(inner, ALL_ROOMS, start);
    let mut page = RoomsPage::default();
    loop {
        let mut some = Vec::with_capacity(AT_ONCE);
        while some.len() < AT_ONCE
            && let Some((room, _)) = list.next().await?
        {
            some.push(room);
        }
        if some.is_empty() {
            return Ok(page);
        }
        // One may have been listed and then not been committed.
        let exists = stream::iter(some.iter().map(|room| inner.link.read::<(i64,)>(Query::Exists, room_values(room))));
        let exists = exists.buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        for (room, stamp) in some.into_iter().zip(exists) {
            if stamp.is_empty() {
                continue;
            }
            if page.rooms.len() >= limit {
                page.more = true;
                return Ok(page);
            }
            page.rooms.push(room);
        }
    }
}

/// The next key there can be.
fn following(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

impl List<'_> {
    fn new(inner: &Inner, number: u8, start: Option<Listed>) -> List<'_> {
        let part = |number| Part { number, ready: VecDeque::new(), start: start.clone(), is_over: false };
        List { inner, number, parts: (0..SCAN_PARTS).map(part).collect() }
    }

    /// The lowest entry of all parts.
    async fn next(&mut self) -> Result<Option<Listed>, Fault> {
        for part in &mut self.parts {
            if part.ready.is_empty() && !part.is_over {
                fill(self.inner, self.number, part).await?;
            }
        }
        let waiting = self.parts.iter_mut().filter(|part| !part.ready.is_empty());
        let lowest = waiting.min_by(|one, other| one.ready.front().cmp(&other.ready.front()));
        Ok(lowest.and_then(|part| part.ready.pop_front()))
    }
}

async fn fill(inner: &Inner, list: u8, part: &mut Part) -> Result<(), Fault> {
    let mut values = vec![small(list), small(part.number)];
    let query = match &part.start {
        None => Query::ScanFromStart,
        Some((room, key)) => {
            values.extend(room_values(room));
            values.push(blob(key));
            Query::Scan
        }
    };
    values.push(limit_value(CHUNK));
    let rows = inner.link.read::<(String, i8, String, Vec<u8>)>(query, values).await?;
    part.is_over = rows.len() < CHUNK;
    for (realm, kind, name, key) in rows {
        part.ready.push_back((room_of(&realm, kind, &name)?, key));
    }
    if let Some((room, key)) = part.ready.back() {
        part.start = Some((room.clone(), following(key)));
    }
    Ok(())
}

fn room_of(realm: &str, kind: i8, name: &str) -> Result<RoomKey, Fault> {
    let kind = u64::try_from(kind).ok().and_then(RoomKind::from_number);
    let parts = Name::new(realm).ok().zip(kind).zip(Name::new(name).ok());
    let damaged = || Fault::Damaged { room: None, place: None, what: format!("a list names no room: {realm}/{name}") };
    parts.map(|((realm, kind), name)| RoomKey { realm, kind, name }).ok_or_else(damaged)
}
