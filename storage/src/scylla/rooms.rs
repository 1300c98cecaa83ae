//! Where each room stands: read once, then kept, because nobody else changes it while the lease is in force.

use super::link::Link;
use super::pending;
use super::statements::Query;
use super::write::{blob, room_values};
use crate::ask::Position;
use crate::meta::RoomMeta;
use crate::sealed::{self, Bad, put_number};
use crate::settled::Fault;
use crate::{Place, RoomKey};
use bytes::Bytes;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use scylla::value::CqlValue;
use std::hash::BuildHasher;
use std::sync::Arc;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Rooms share locks; two of one lock only wait for each other.
const LOCKS: usize = 1024;
/// Journals whose position a room remembers: more than one only where nodes took over from each other.
const JOURNALS: usize = 8;

#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub meta: RoomMeta,
    /// The position that each journal's entries have reached here, the last one first.
    pub journals: Vec<(u64, Position)>,
    /// The moment of the room's last commit.
    pub stamp: i64,
}

impl Standing {
    pub fn applied(&self, journal: u64) -> Position {
        self.journals.iter().find(|(id, _)| *id == journal).map_or(Position(0), |(_, position)| *position)
    }

    pub fn apply(&mut self, journal: u64, position: Position) {
        self.journals.retain(|(id, _)| *id != journal);
        self.journals.insert(0, (journal, position));
        self.journals.truncate(JOURNALS);
    }
}

type Map = HashMap<RoomKey, Arc<Standing>, RandomState>;

/// Two generations: when the younger is full, the older goes.
#[derive(Default)]
struct Cache {
    young: Map,
    old: Map,
}

pub struct Rooms {
    cache: Mutex<Cache>,
    most: usize,
    locks: Vec<RwLock<()>>,
    hasher: RandomState,
    generation: u64,
}

type RoomRow = (Vec<u8>, Vec<u8>, Vec<u8>, i64, i64);

impl Rooms {
    pub fn new(most: usize, generation: u64) -> Rooms {
        Rooms {
            cache: Mutex::default(),
            most: most.max(2),
            locks: (0..LOCKS).map(|_| RwLock::new(())).collect(),
            hasher: RandomState::default(),
            generation,
        }
    }

    fn lock(&self, room: &RoomKey) -> &RwLock<()> {
        &self.locks[self.hasher.hash_one(room) as usize % LOCKS]
    }

    /// The room for one that only reads: nothing changes until the guard goes.
    pub async fn reading(
        &self,
        link: &Link,
        room: &RoomKey,
    ) -> Result<(RwLockReadGuard<'_, ()>, Arc<Standing>), Fault> {
        loop {
            let guard = self.lock(room).read().await;
            if let Some(standing) = self.cached(room) {
                return Ok((guard, standing));
            }
            drop(guard);
            // Loading may have to write.
            drop(self.writing(link, room).await?);
        }
    }

    /// The room for one that changes it.
    pub async fn writing(
        &self,
        link: &Link,
        room: &RoomKey,
    ) -> Result<(RwLockWriteGuard<'_, ()>, Arc<Standing>), Fault> {
        let guard = self.lock(room).write().await;
        if let Some(standing) = self.cached(room) {
            return Ok((guard, standing));
        }
        let standing = Arc::new(self.load(link, room).await?);
        self.keep(room, standing.clone());
        Ok((guard, standing))
    }

    fn cached(&self, room: &RoomKey) -> Option<Arc<Standing>> {
        let mut cache = self.cache.lock();
        if let Some(standing) = cache.young.get(room) {
            return Some(standing.clone());
        }
        let standing = cache.old.remove(room)?;
        self.insert(&mut cache, room, standing.clone());
        Some(standing)
    }

    pub fn keep(&self, room: &RoomKey, standing: Arc<Standing>) {
        let mut cache = self.cache.lock();
        cache.old.remove(room);
        self.insert(&mut cache, room, standing);
    }

    fn insert(&self, cache: &mut Cache, room: &RoomKey, standing: Arc<Standing>) {
        if cache.young.len() >= self.most / 2 {
            cache.old = std::mem::take(&mut cache.young);
        }
        cache.young.insert(room.clone(), standing);
    }

    /// Rooms that are kept at this moment.
    pub fn len(&self) -> usize {
        let cache = self.cache.lock();
        cache.young.len() + cache.old.len()
    }

    async fn load(&self, link: &Link, room: &RoomKey) -> Result<Standing, Fault> {
        link.counters.loads.add(1);
        let rows = link.read::<RoomRow>(Query::Room, room_values(room)).await?;
        let Some((meta, journals, left, stamp, generation)) = rows.into_iter().next() else {
            return Ok(Standing::default());
        };
        let bad = |bad: Bad| match bad {
            Bad::Damaged => damaged(room, None, "where the room stands"),
            Bad::Newer(version) => Fault::Newer { what: "where a room stands", version },
        };
        let standing = Standing {
            meta: RoomMeta::decode(&meta).map_err(bad)?,
            journals: decode_journals(&journals).map_err(bad)?,
            stamp,
        };
        if generation != self.generation.cast_signed() {
            // Whether its last commit was carried out to the end, only the one who made it knew.
            let left = pending::decode(&Bytes::from(left)).map_err(bad)?;
            if !left.is_empty() {
                link.counters.completed.add(1);
                link.write_all(room, &left).await?;
            }
        }
        Ok(standing)
    }

    /// Says where the room stands from now on, and what has yet to follow from it: one write, all or nothing.
    pub async fn commit(&self, link: &Link, room: &RoomKey, standing: &Standing, left: Vec<u8>) -> Result<(), Fault> {
        let mut values = room_values(room);
        let numbers = [standing.stamp, self.generation.cast_signed(), standing.stamp].map(CqlValue::BigInt);
        values.extend([CqlValue::Blob(standing.meta.encode()), blob(&encode_journals(&standing.journals))]);
        values.push(CqlValue::Blob(left));
        values.extend(numbers);
        link.put(Query::PutRoom, values).await
    }
}

fn encode_journals(journals: &[(u64, Position)]) -> Vec<u8> {
    let mut out = sealed::begin(1);
    for (id, position) in journals {
        put_number(&mut out, *id);
        put_number(&mut out, position.0);
    }
    sealed::end(out)
}

fn decode_journals(bytes: &[u8]) -> Result<Vec<(u64, Position)>, Bad> {
    let (mut reader, mut journals) = (sealed::open(bytes, 1)?, Vec::new());
    while !reader.is_empty() {
        let pair = reader.number().zip(reader.number());
        let (id, position) = pair.ok_or(Bad::Damaged)?;
        journals.push((id, Position(position)));
    }
    Ok(journals)
}

pub fn damaged(room: &RoomKey, place: Option<Place>, what: &str) -> Fault {
    Fault::Damaged { room: Some(room.clone()), place, what: what.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_remembers_a_few_journals() {
        let mut standing = Standing::default();
        for n in 1..=10 {
            standing.apply(n, Position(100 + n));
        }
        standing.apply(7, Position(200));
        assert_eq!(standing.applied(7), Position(200));
        assert_eq!((standing.applied(10), standing.applied(2)), (Position(110), Position(0)));
        assert_eq!(standing.journals.len(), JOURNALS);
        let bytes = encode_journals(&standing.journals);
        assert_eq!(decode_journals(&bytes), Ok(standing.journals));
        assert_eq!(decode_journals(&bytes[1..]), Err(Bad::Damaged));
    }
}
