//! What a damaged journal has lost of a room: its places stand without content, so that what came after them can be read.

use crate::answer::RoomState;
use crate::ask::Position;
use crate::batch::{Batch, Cut};
use crate::limits::BATCH_ITEMS;
use crate::record::{Kind, Record, State};
use crate::settled::Entry;
use crate::{Millis, Ordinal, Place, RoomKey, Seq};
use bytes::Bytes;

/// Places between the end of a room and what comes next for it.
#[derive(Debug)]
pub(super) struct Lost {
    room: RoomKey,
    /// The first of them, in the epoch of what comes next.
    first: Place,
    until: Seq,
    /// So many of them were messages: ordinals have no holes either. Which ones, nobody knows.
    messages: u64,
    next_ordinal: Ordinal,
    time: Millis,
}

impl Lost {
    /// What lies between where the room stands and its next batches. None: nothing does, or not as loss leaves it.
    pub fn between<'a>(state: &RoomState, mut next: impl Iterator<Item = &'a Batch>) -> Option<Lost> {
        let batch = next.next().filter(|batch| batch.cut == Cut::Nothing)?;
        let after = batch.events.first()?;
        let first = Place { epoch: after.place.epoch, seq: Seq(state.newest.seq.0.checked_add(1)?) };
        let places = after.place.seq.0.checked_sub(first.seq.0).filter(|places| *places > 0)?;
        if after.place.epoch < state.newest.epoch || state.sealed.is_some_and(|sealed| sealed >= first.epoch) {
            return None;
        }
        // Where no message follows, the room counts on from those it has.
        let ordinal = std::iter::once(batch).chain(next).flat_map(|batch| &batch.events).find_map(Record::ordinal);
        let messages = ordinal.map_or(Some(0), |ordinal| ordinal.checked_sub(state.next_ordinal))?;
        let next_ordinal = state.next_ordinal;
        let lost = Lost {
            room: batch.room.clone(),
            first,
            until: Seq(after.place.seq.0 - 1),
            messages,
            next_ordinal,
            time: after.time,
        };
        (messages <= places).then_some(lost)
    }

    /// Stand-ins, in batches that come right before the one at this position: those that are lost had at least as many
    /// positions. The store shows a message without content as one whose time has come.
    pub fn stand_ins(&self, before: Position) -> Vec<Entry> {
        let records: Vec<Record> =
            (self.first.seq.0..=self.until.0).zip(0..).map(|(seq, n)| self.record(seq, n)).collect();
        let batches = records.chunks(BATCH_ITEMS);
        let mut position = before.0.saturating_sub(batches.len() as u64);
        batches
            .map(|events| {
                let batch = Batch { events: events.to_vec(), ..Batch::new(self.room.clone()) };
                let entry = Entry::new(Position(position), batch);
                position += 1;
                entry
            })
            .collect()
    }

    fn record(&self, seq: u64, n: u64) -> Record {
        let place = Place { epoch: self.first.epoch, seq: Seq(seq) };
        let kind = if n < self.messages {
            let ordinal = self.next_ordinal + n;
            Kind::Message { ordinal, version: place, state: State::Expired, expires: None, thread: None }
        } else {
            Kind::Void
        };
        Record { place, time: self.time, kind, key: None, payload: Bytes::new() }
    }

    /// Promised, and gone: this is said aloud.
    pub fn report(&self) {
        let RoomKey { realm, kind, name } = &self.room;
        tracing::error!(
            event = "places_lost",
            %realm,
            kind = kind.word(),
            room = %name,
            first = %self.first,
            until = self.until.0,
            messages = self.messages,
        );
    }
}
