//! How a room of the embedded store answers: all but pages, replay and trims.

use super::cut::changes;
use super::faults::located;
use super::keys::{OWN, RoomBytes, after_prefix, last_number, split_room};
use super::messages::{self, messages};
use super::rest;
use super::runs::Way;
use super::space::Space;
use super::stage::number_of;
use super::trim::due;
use super::view::{View, open_row};
use crate::answer::{Found, Outcome, RoomState, RoomsPage, ScanPage};
use crate::ask::Ask;
use crate::batch::Row;
use crate::limits::{PAGE_RECORDS, SCAN_ROWS};
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::settled::Fault;
use crate::table::Table;
use crate::{Epoch, Millis, Place, RoomKey, Seq};
use bytes::Bytes;

/// A room at one moment.
pub struct Room<'a> {
    pub view: &'a View<'a>,
    pub key: &'a RoomKey,
    pub bytes: RoomBytes,
    pub meta: RoomMeta,
}

impl<'a> Room<'a> {
    pub fn open(view: &'a View<'a>, key: &'a RoomKey) -> Result<Room<'a>, Fault> {
        let bytes = RoomBytes::new(key);
        let meta = view.meta(key, &bytes);
        Ok(Room { view, key, meta: located(meta, key, None)?.unwrap_or_default(), bytes })
    }

    /// Messages from one seq to another, both included.
    pub fn messages(&self, bounds: (Seq, Seq), way: Way) -> impl Iterator<Item = Result<Record, Fault>> + use<'_> {
        messages(self.view, self.key, &self.bytes, &self.meta, bounds, way).map(|found| found.map(|found| found.record))
    }

    pub fn changes(&self, bounds: (Seq, Seq)) -> impl Iterator<Item = Result<Record, Fault>> + use<'_> {
        changes(self.view, self.key, &self.bytes, &self.meta, bounds)
    }

    pub fn message(&self, place: Place) -> Result<Option<Record>, Fault> {
        messages::message(self.view, self.key, &self.bytes, &self.meta, place)
    }

    /// With the rows as they were noted when the room went to rest, if they were.
    fn rested(self) -> Result<RoomState, Fault> {
        match rest::rows(self.view, &self.bytes, &self.meta)? {
            Some(rows) => Ok(self.with(rows)),
            None => self.state(),
        }
    }

    pub fn state(self) -> Result<RoomState, Fault> {
        let mut rows = Vec::new();
        for table in self.meta.tables() {
            let prefix = self.bytes.row(table, &[]);
            for pair in self.view.prefix(Space::Rows, &prefix) {
                let (key, value) = located(pair, self.key, None)?;
                let value = open_row(self.key, &key, &value)?;
                rows.push(Row { table, key: key.slice(prefix.len()..), value });
            }
        }
        Ok(self.with(rows))
    }

    fn with(self, rows: Vec<Row>) -> RoomState {
        let RoomMeta { newest, sealed, epochs, floor, next_ordinal, messages, .. } = self.meta;
        RoomState { newest, sealed, epochs, floor, next_ordinal, messages, rows }
    }

    /// How many kept messages stand at this seq or below.
    pub fn messages_up_to(&self, seq: Seq) -> Result<u64, Fault> {
        if seq >= self.meta.newest.seq {
            return Ok(self.meta.messages);
        }
        let last = self.messages((Seq(0), seq), Way::Down).next().transpose()?;
        let ordinal = last.and_then(|record| record.ordinal());
        Ok(ordinal.map_or(0, |ordinal| ordinal.saturating_add(1).saturating_sub(self.meta.first_ordinal())))
    }

    fn count(&self, after: Place, fence: Place) -> Result<u64, Fault> {
        let up_to = self.messages_up_to(self.meta.up_to(fence))?;
        Ok(up_to.saturating_sub(self.messages_up_to(self.meta.up_to(after))?))
    }

    fn lookup(&self, key: &[u8]) -> Result<Option<Found>, Fault> {
        if key.len() > crate::limits::KEY_BYTES {
            return Ok(None);
        }
        let first = self.view.prefix(Space::Index, &self.bytes.duplicates(key)).next();
        let Some((key, value)) = located(first.transpose(), self.key, None)? else { return Ok(None) };
        let found = last_number(&key).zip(number_of(&value)).zip(last_number(&value));
        Ok(found.map(|((seq, epoch), ordinal)| Found {
            place: Place { epoch: Epoch(epoch), seq: Seq(seq) },
            ordinal: Some(ordinal).filter(|ordinal| *ordinal > 0),
        }))
    }

    fn expired(&self, now: Millis, limit: usize) -> Result<Vec<Place>, Fault> {
        located(due(self.view, &self.bytes, &self.meta, now, limit.min(PAGE_RECORDS)), self.key, None)
    }
}

/// Answers what only reads.
pub fn answer(view: &View<'_>, ask: &Ask) -> Result<Outcome, Fault> {
    match ask {
        Ask::Load { room } => Ok(Outcome::Loaded(Box::new(Room::open(view, room)?.rested()?))),
        Ask::Fetch { room, places, now } => {
            let room = Room::open(view, room)?;
            let fetch = |place: &Place| Ok(room.message(*place)?.map(|record| record.at(*now)));
            Ok(Outcome::Fetched(places.iter().map(fetch).collect::<Result<_, Fault>>()?))
        }
        Ask::Page(ask) => Ok(Outcome::Page(Box::new(super::page::page(&Room::open(view, &ask.room)?, ask)?))),
        Ask::Replay(ask) => Ok(Outcome::Replay(Box::new(super::replay::replay(&Room::open(view, &ask.room)?, ask)?))),
        Ask::Count { room, after, fence } => Ok(Outcome::Counted(Room::open(view, room)?.count(*after, *fence)?)),
        Ask::Lookup { room, key } => Ok(Outcome::Found(Room::open(view, room)?.lookup(key)?)),
        Ask::Row { room, table, key } => {
            let key = RoomBytes::new(room).row(*table, key);
            // The engine takes no longer keys, and none was ever written.
            let fits = u16::try_from(key.len()).is_ok();
            Ok(Outcome::Row(if fits { located(view.row(room, &key), room, None)? } else { None }))
        }
        Ask::Expired { room, now, limit } => Ok(Outcome::Expired(Room::open(view, room)?.expired(*now, *limit)?)),
        Ask::Scan { table, after, limit } => {
            Ok(Outcome::Scanned(Box::new(scan(view, *table, after.as_ref(), *limit)?)))
        }
        Ask::Rooms { after, limit } => Ok(Outcome::Rooms(Box::new(rooms(view, after.as_ref(), *limit)?))),
        Ask::Tail { .. } | Ask::Trim { .. } | Ask::Rest { .. } => Err(Fault::NotHere),
    }
}

fn rooms(view: &View<'_>, after: Option<&RoomKey>, limit: usize) -> Result<RoomsPage, Fault> {
    let limit = limit.min(SCAN_ROWS);
    let from = match after {
        Some(room) => after_prefix(RoomBytes::new(room).bytes()),
        None => vec![OWN + 1],
    };
    let mut page = RoomsPage::default();
    for pair in view.range(Space::Rooms, &from, &[u8::MAX]) {
        let (key, _) = pair?;
        if page.rooms.len() >= limit {
            page.more = true;
            break;
        }
        match split_room(&key) {
            Some((room, [])) => page.rooms.push(room),
            Some(_) | None => {
                return Err(Fault::Damaged { room: None, place: None, what: "a room's key is none".to_owned() });
            }
        }
    }
    Ok(page)
}

fn scan(view: &View<'_>, table: Table, after: Option<&(RoomKey, Bytes)>, limit: usize) -> Result<ScanPage, Fault> {
    let limit = limit.min(SCAN_ROWS);
    let from = match after {
        // The next key there can be.
        Some((room, key)) => [&RoomBytes::new(room).row(table, key)[..], &[0]].concat(),
        None => vec![table as u8],
    };
    let mut page = ScanPage::default();
    for pair in view.range(Space::Rows, &from, &[table as u8 + 1]) {
        let (key, value) = pair?;
        if page.rows.len() >= limit {
            page.more = true;
            break;
        }
        let split = key.get(1..).and_then(split_room);
        let Some((room, row)) = split else {
            return Err(Fault::Damaged { room: None, place: None, what: "a row's key names no room".to_owned() });
        };
        let value = open_row(&room, &key, &value)?;
        page.rows.push((room, Row { table, key: Bytes::copy_from_slice(row), value }));
    }
    Ok(page)
}
