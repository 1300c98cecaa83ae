//! Reading a room's records as its standing says: what lies beside its line, or beyond its bounds, is not there.

use super::link::{Link, strange};
use super::rooms::{Standing, damaged};
use super::statements::Query;
use super::write::{BUCKET, blob, bucket, mark_bucket, number, room_values, unsigned};
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::record::layout::BadRecord;
use crate::settled::Fault;
use crate::{Epoch, Ordinal, Place, RoomKey, Seq};
use bytes::Bytes;
use scylla::value::CqlValue;
use std::collections::VecDeque;
use std::sync::Arc;

/// Records of one read, if nothing is known of their sizes yet; and how large a read may be expected to get.
const FIRST_CHUNK: usize = 64;
const CHUNK_BYTES: usize = 1024 * 1024;
const LARGEST_CHUNK: usize = 512;

/// The two ranges of a room's numbering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    Messages,
    Changes,
}

/// A room at one moment.
pub struct Room<'a> {
    pub link: &'a Link,
    pub key: &'a RoomKey,
    pub standing: Arc<Standing>,
}

impl<'a> Room<'a> {
    pub fn meta(&self) -> &RoomMeta {
        &self.standing.meta
    }

    /// Statement values: the room, then these.
    pub fn values(&self, rest: impl IntoIterator<Item = CqlValue>) -> Vec<CqlValue> {
        let mut values = room_values(self.key);
        values.extend(rest);
        values
    }

    /// Whether a place can be that of a kept message.
    pub fn is_message_place(&self, place: Place) -> bool {
        let meta = self.meta();
        meta.place_at(place.seq) == place && place.seq > meta.message_floor.seq && place.seq <= meta.newest.seq
    }

    pub async fn message(&self, place: Place) -> Result<Option<Record>, Fault> {
        // What lies outside is not looked for: it may be a tombstone.
        if !self.is_message_place(place) {
            return Ok(None);
        }
        let values = self.values([bucket(place.seq), place.seq.0, place.epoch.0].map(number));
        let rows = self.link.read::<(Vec<u8>,)>(Query::Message, values).await?;
        rows.into_iter().next().map(|(value,)| self.open(place, value)).transpose()
    }

    /// Records of a range between two seqs, both included, as far as they can lie there.
    pub fn records(&self, range: Range, (from, to): (Seq, Seq), is_rising: bool) -> Records<'_, 'a> {
        let meta = self.meta();
        let floor = if range == Range::Changes { meta.change_floor } else { meta.message_floor.seq };
        let (from, to) = (from.0.max(floor.0.saturating_add(1)), to.0.min(meta.newest.seq.0));
        Records { room: self, range, from, to, is_rising, ready: VecDeque::new(), wanted: FIRST_CHUNK, is_over: false }
    }

    fn open(&self, place: Place, value: Vec<u8>) -> Result<Record, Fault> {
        let record = Record::decode(&Bytes::from(value)).map_err(|bad| match bad {
            BadRecord::NewerVersion(version) => Fault::Newer { what: "a record", version },
            BadRecord::Damaged | BadRecord::Impossible => damaged(self.key, Some(place), &bad.to_string()),
        })?;
        if record.place == place {
            Ok(record)
        } else {
            Err(damaged(self.key, Some(place), "another record stands in its place"))
        }
    }

    /// How many kept messages stand at this seq or below.
    pub async fn messages_up_to(&self, seq: Seq) -> Result<u64, Fault> {
        let meta = self.meta();
        if seq >= meta.newest.seq {
            return Ok(meta.messages);
        }
        Ok(self.ordinal_after(seq).await?.saturating_sub(meta.first_ordinal()))
    }

    /// The ordinal that the next message would have if the room ended at this seq.
    pub async fn ordinal_after(&self, seq: Seq) -> Result<Ordinal, Fault> {
        let mut below = self.records(Range::Messages, (Seq(0), seq), false);
        let last = below.wanting(1).next().await?.and_then(|record| record.ordinal());
        Ok(last.map_or(self.meta().first_ordinal(), |ordinal| ordinal.saturating_add(1)))
    }

    /// Where a marked ordinal stands.
    pub async fn mark(&self, ordinal: Ordinal) -> Result<Seq, Fault> {
        let values = self.values([mark_bucket(ordinal), ordinal].map(number));
        let rows = self.link.read::<(i64, i64)>(Query::Mark, values).await?;
        let place = rows.first().map(|(epoch, seq)| place_of(*epoch, *seq));
        let place = place.filter(|place| self.is_message_place(*place));
        place.map(|place| place.seq).ok_or_else(|| damaged(self.key, None, "the mark of an ordinal is missing"))
    }

    /// Entries of a thread from a number on, upwards or downwards: those of messages that are kept.
    pub async fn thread(
        &self,
        root: Place,
        mut from: u64,
        is_rising: bool,
        limit: usize,
    ) -> Result<Vec<(u64, Place)>, Fault> {
        let mut found = Vec::new();
        // There may be entries of messages that were dropped, or never committed.
        let chunk = limit.clamp(8, LARGEST_CHUNK);
        loop {
            let values = [number(root.epoch.0), number(root.seq.0), number(from), limit_value(chunk)];
            let query = if is_rising { Query::ThreadUp } else { Query::ThreadDown };
            let rows = self.link.read::<(i64, i64, i64)>(query, self.values(values)).await?;
            for (of, epoch, seq) in &rows {
                let place = place_of(*epoch, *seq);
                if self.is_message_place(place) {
                    found.push((unsigned(*of), place));
                    if found.len() >= limit {
                        return Ok(found);
                    }
                }
            }
            let Some((last, _, _)) = rows.last().filter(|_| rows.len() >= chunk) else { return Ok(found) };
            let last = unsigned(*last);
            let next = if is_rising { last.checked_add(1) } else { last.checked_sub(1) };
            let Some(next) = next else { return Ok(found) };
            from = next;
        }
    }

    /// Of each record that carries this duplicate key and is kept: its place and ordinal, the lowest first.
    pub async fn duplicates(&self, key: &[u8]) -> Result<Vec<(Place, Ordinal)>, Fault> {
        let rows = self.link.read::<(i64, i64, i64)>(Query::Duplicates, self.values([blob(key)])).await?;
        let meta = self.meta();
        let all = rows.into_iter().map(|(seq, epoch, ordinal)| (place_of(epoch, seq), unsigned(ordinal)));
        let stands = |(place, ordinal): &(Place, Ordinal)| {
            let floor = if *ordinal > 0 { meta.message_floor.seq } else { meta.change_floor };
            meta.place_at(place.seq) == *place && place.seq > floor && place.seq <= meta.newest.seq
        };
        Ok(all.filter(stands).collect())
    }

    /// Messages whose time has come, the soonest first.
    pub async fn due(&self, now: u64, limit: usize) -> Result<Vec<(u64, Place)>, Fault> {
        let (mut found, mut after) = (Vec::new(), (0, 0, 0));
        let chunk = limit.clamp(16, LARGEST_CHUNK);
        while found.len() < limit {
            let (expires, seq, epoch) = after;
            let bounds = [expires, seq, epoch].map(CqlValue::BigInt).into_iter().chain([number(now)]);
            let values = self.values(bounds.chain([limit_value(chunk)]));
            let rows = self.link.read::<(i64, i64, i64)>(Query::Expiring, values).await?;
            for (expires, seq, epoch) in &rows {
                let place = place_of(*epoch, *seq);
                if self.is_message_place(place) && found.len() < limit {
                    found.push((unsigned(*expires), place));
                }
            }
            let Some(last) = rows.last().filter(|_| rows.len() >= chunk) else { break };
            after = *last;
        }
        Ok(found)
    }
}

pub fn place_of(epoch: i64, seq: i64) -> Place {
    Place { epoch: Epoch(unsigned(epoch)), seq: Seq(unsigned(seq)) }
}

pub fn limit_value(limit: usize) -> CqlValue {
    CqlValue::Int(i32::try_from(limit).unwrap_or(i32::MAX).max(1))
}

/// Records one after the other, read in chunks that fit into memory.
pub struct Records<'r, 'a> {
    room: &'r Room<'a>,
    range: Range,
    from: u64,
    to: u64,
    is_rising: bool,
    ready: VecDeque<(Place, Vec<u8>)>,
    wanted: usize,
    is_over: bool,
}

impl Records<'_, '_> {
    /// No more than so many will be asked for.
    pub fn wanting(&mut self, most: usize) -> &mut Self {
        // One more, where a record of another line lies between.
        self.wanted = self.wanted.min(most.saturating_add(1)).max(2);
        self
    }

    pub async fn next(&mut self) -> Result<Option<Record>, Fault> {
        loop {
            if let Some((place, value)) = self.ready.pop_front() {
                return self.room.open(place, value).map(Some);
            }
            if self.is_over || self.from > self.to {
                return Ok(None);
            }
            self.read().await?;
        }
    }

    /// One read, of one partition.
    async fn read(&mut self) -> Result<(), Fault> {
        let begin = if self.is_rising { self.from } else { self.to };
        let part = begin / BUCKET;
        let (low, high) = (part * BUCKET, part * BUCKET + (BUCKET - 1));
        let query = match (self.range, self.is_rising) {
            (Range::Messages, true) => Query::MessagesUp,
            (Range::Messages, false) => Query::MessagesDown,
            (Range::Changes, true) => Query::ChangesUp,
            (Range::Changes, false) => Query::ChangesDown,
        };
        let bounds = [low.max(self.from), high.min(self.to)].map(number);
        let rest = [number(part)].into_iter().chain(bounds).chain([limit_value(self.wanted)]);
        let rows = self.room.link.read::<(i64, i64, Vec<u8>)>(query, self.room.values(rest)).await?;
        let is_full = rows.len() >= self.wanted;
        let last = rows.last().map(|(seq, _, _)| unsigned(*seq));
        let bytes: usize = rows.iter().map(|(_, _, value)| value.len()).sum();
        let average = bytes / rows.len().max(1) + 1;
        for (seq, epoch, value) in rows {
            let place = place_of(epoch, seq);
            if self.room.meta().place_at(place.seq) == place {
                self.ready.push_back((place, value));
            }
        }
        if is_full {
            // The last seq may have been cut between its epochs: it is read again if its own was not among them.
            let last = last.ok_or_else(|| strange("a full page without rows"))?;
            let has_own = self.ready.back().is_some_and(|(place, _)| place.seq.0 == last);
            if !has_own && last == begin {
                // All of them were of other lines.
                self.wanted = self.wanted.saturating_mul(2);
                return Ok(());
            }
            let step = u64::from(has_own);
            if self.is_rising {
                self.from = last + step
            } else {
                self.to = last - step.min(last)
            }
            self.wanted = (CHUNK_BYTES / average).clamp(2, LARGEST_CHUNK);
        } else if self.is_rising {
            self.from = high + 1;
        } else if part == 0 {
            self.is_over = true;
        } else {
            self.to = low - 1;
        }
        Ok(())
    }
}
