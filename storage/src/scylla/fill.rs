//! Rooms of an embedded store, taken over exactly as they are kept: where they stand last, so each is there as a whole
//! or not at all.
//!
//! What is written has the moments that its own batches would have given it, so that nothing of it ever wins over what
//! came later. A room that was begun, or taken over from an older copy, is taken over again; one that has gone on
//! beyond the copy is left alone.

use super::rooms::{Standing, damaged};
use super::stage::{ALL_ROOMS, PUT_AFTER, Stage, is_listed_by_row, last_moment, scan_part};
use super::statements::{Query, Verb};
use super::write::{MARK, Write, moment, room_values};
use super::{Inner, ROOMS_AT_ONCE, Scylla};
use crate::RoomKey;
use crate::ask::Position;
use crate::embedded::Embedded;
use crate::embedded::guarded;
use crate::embedded::keys::RoomBytes;
use crate::meta::RoomMeta;
use crate::record::{Kind, Record, State};
use crate::sealed::seal_row;
use crate::settled::Fault;
use crate::table::Table;
use futures_util::{StreamExt, stream};
use std::sync::Arc;

/// Written together, per room that is under way.
const GROUP_BYTES: usize = 512 * 1024;
const GROUP_WRITES: usize = 1024;

/// How much was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    pub rooms: u64,
    pub records: u64,
    pub rows: u64,
    /// Of records, as limits count them.
    pub bytes: u64,
}

impl Scylla {
    /// Takes over rooms of a store to which nobody writes. It has all up to `taken` of this store's journal, and of a
    /// room perhaps more: what is handed over next is what comes behind that.
    pub fn fill(&self, from: &Embedded, rooms: &[RoomKey], taken: Position) -> Result<Filled, Fault> {
        guarded(|| {
            let inner = &*self.inner;
            let filled = self.run(async {
                let _gate = inner.gate.read().await;
                let mut done =
                    stream::iter(rooms.iter().map(|key| fill(inner, from, key, taken))).buffer_unordered(ROOMS_AT_ONCE);
                let mut all = Filled::default();
                while let Some(filled) = done.next().await {
                    let Filled { rooms, records, rows, bytes } = filled?;
                    all.rooms += rooms;
                    all.records += records;
                    all.rows += rows;
                    all.bytes += bytes;
                }
                Ok(all)
            });
            self.doubtful(filled.and_then(|filled| inner.link.check_lease().map(|()| filled)))
        })
    }
}

async fn fill(inner: &Inner, from: &Embedded, key: &RoomKey, taken: Position) -> Result<Filled, Fault> {
    let Some(kept) = from.kept(key)? else { return Ok(Filled::default()) };
    let (_guard, standing) = inner.rooms.writing(&inner.link, key).await?;
    if standing.stamp > 0 && standing.journals.iter().all(|(id, _)| *id != inner.journal) {
        return Err(damaged(key, None, "the keyspace has it from another node already"));
    }
    let position = taken.max(kept.meta.applied);
    if standing.applied(inner.journal) > position {
        return Ok(Filled::default());
    }
    let meta = meta_of(key, &kept.meta)?;
    let stamp = Stage::new(inner, key, standing.clone()).stamp();
    let mut group = Group { inner, key, writes: Vec::new(), bytes: 0 };
    let mut filled = Filled { rooms: 1, ..Filled::default() };
    for record in kept.records() {
        let record = record?;
        filled.records += 1;
        filled.bytes += record.cost() as u64;
        group.record(&record, &meta).await?;
    }
    for entry in kept.threads() {
        let (root, number, place) = entry?;
        group.put(Write::in_thread(root, number, place)).await?;
    }
    let stale = inner.link.read::<(i8, Vec<u8>, Vec<u8>)>(Query::Rows, room_values(key)).await?;
    if !stale.is_empty() {
        group.put(Write::new(Verb::DropRoomRows, stamp, &[])).await?;
        drop(stale);
    }
    let (bytes, part, at) = (RoomBytes::new(key), scan_part(key), stamp + PUT_AFTER);
    let mut listed: Option<Table> = None;
    for row in kept.rows() {
        let row = row?;
        filled.rows += 1;
        if is_listed_by_row(row.table) {
            group.put(Write::list(row.table as u8, part, &row.key, at)).await?;
        } else if listed != Some(row.table) {
            // They come by tables.
            listed = Some(row.table);
            group.put(Write::list(row.table as u8, part, &[], at)).await?;
        }
        let value = seal_row(&bytes.row(row.table, &row.key), &row.value);
        group.put(Write::of_row(Verb::PutRow, row.table, &row.key, value, at)).await?;
    }
    group.put(Write::list(ALL_ROOMS, part, &[], stamp)).await?;
    group.write().await?;
    let mut standing = Standing { meta, stamp, ..(*standing).clone() };
    standing.apply(inner.journal, position);
    inner.rooms.commit(&inner.link, key, &standing, Vec::new()).await?;
    inner.rooms.keep(key, Arc::new(standing));
    Ok(filled)
}

/// Where the room stands, without what is the embedded store's own.
fn meta_of(key: &RoomKey, kept: &RoomMeta) -> Result<RoomMeta, Fault> {
    // The database counts to 2^63; no place or ordinal of the room is above these.
    let most = i64::MAX.cast_unsigned();
    if kept.newest.epoch.0 > most || kept.newest.seq.0 >= most || kept.next_ordinal >= most {
        return Err(damaged(key, Some(kept.newest), "its numbers are above those of the database"));
    }
    let mut meta = kept.clone();
    meta.applied = Position(0);
    meta.set_rests(false);
    Ok(meta)
}

/// Writes of one room that may be carried out in any order.
struct Group<'a> {
    inner: &'a Inner,
    key: &'a RoomKey,
    writes: Vec<Write>,
    bytes: usize,
}

impl Group<'_> {
    async fn put(&mut self, write: Write) -> Result<(), Fault> {
        self.bytes += write.size();
        self.writes.push(write);
        if self.bytes >= GROUP_BYTES || self.writes.len() >= GROUP_WRITES {
            self.write().await?;
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<(), Fault> {
        self.inner.link.write_all(self.key, &self.writes).await?;
        self.writes.clear();
        self.bytes = 0;
        Ok(())
    }

    /// A record, and what finds it but for its thread.
    async fn record(&mut self, record: &Record, meta: &RoomMeta) -> Result<(), Fault> {
        let place = record.place;
        let at = match record.kind {
            Kind::Message { state: State::Expired, .. } => last_moment(record, meta.newest),
            Kind::Message { version, state: State::Present | State::Deleted, .. } => moment(version).max(moment(place)),
            Kind::Change { .. } | Kind::Void => moment(place),
        };
        self.put(Write::record(record, at)).await?;
        if let Some(key) = &record.key {
            self.put(Write::duplicate(Verb::PutDuplicate, record, key)).await?;
        }
        if let Some(time) = record.expires() {
            self.put(Write::expiring(Verb::PutExpiring, time, place, at)).await?;
        } else if let Kind::Message { expires: Some(time), .. } = record.kind {
            // An older copy may have had it when it still said something.
            self.put(Write::expiring(Verb::DropExpiring, time, place, at)).await?;
        }
        if let Some(ordinal) = record.ordinal().filter(|ordinal| ordinal.is_multiple_of(MARK)) {
            self.put(Write::mark(ordinal, place)).await?;
        }
        Ok(())
    }
}
