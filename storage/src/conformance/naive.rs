//! The plainest store there can be: lists, filters, no care for cost. What it answers is right by reading it.
//!
//! It knows no bounds of bytes and keeps no tail: those have checks of their own.

use crate::answer::{
    Completion, Failure, Found, Item, Outcome, Page, Replay, RoomState, RoomsPage, Run, ScanPage, Trimmed,
};
use crate::ask::{Ask, Keep, PageAsk, PageFrom, ReplayAsk};
use crate::batch::{Batch, Cut, Row};
use crate::record::{Kind, Record, State, Touches};
use crate::store::{Store, Ticket};
use crate::table::{Table, place_of_key};
use crate::{AckLevel, Epoch, Millis, Place, RoomKey, Seq};
use bytes::Bytes;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Naive {
    rooms: BTreeMap<RoomKey, Room>,
    done: Vec<Completion>,
}

#[derive(Clone, Default)]
struct Room {
    newest: Place,
    sealed: Option<Epoch>,
    epochs: Vec<(Epoch, Seq)>,
    floor: Place,
    /// The last message that was dropped from the old end, and its ordinal.
    dropped_message: Place,
    dropped_ordinal: u64,
    records: Vec<Record>,
    rows: BTreeMap<(Table, Bytes), Bytes>,
}

impl Room {
    fn messages(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(|record| record.is_message())
    }

    fn next_ordinal(&self) -> u64 {
        self.messages().last().and_then(Record::ordinal).unwrap_or(self.dropped_ordinal) + 1
    }

    fn drop_above(&mut self, seq: Seq) {
        if seq >= self.newest.seq {
            return;
        }
        self.records.retain(|record| record.place.seq <= seq);
        self.epochs.retain(|(_, first)| *first <= seq);
        self.newest = self.line(seq);
        let newest = self.newest;
        self.drop_rows(|of| of > newest);
    }

    fn drop_rows(&mut self, goes: impl Fn(Place) -> bool) {
        self.rows.retain(|(table, key), _| !(table.of_message() && place_of_key(key).is_some_and(&goes)));
    }

    fn line(&self, seq: Seq) -> Place {
        let epoch = self.epochs.iter().rev().find(|(_, first)| *first <= seq);
        epoch.map_or(Place::START, |(epoch, _)| Place { epoch: *epoch, seq })
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        let seal = if self.newest == Place::START { self.sealed } else { self.sealed.max(Some(self.newest.epoch)) };
        match batch.cut {
            Cut::Nothing => {}
            Cut::Above(place) => {
                if self.line(place.seq) != place || place > self.newest || place < self.floor {
                    return Err(Failure::OutOfOrder);
                }
                self.sealed = seal;
                self.drop_above(place.seq);
            }
            Cut::Everything => {
                let Room { newest, epochs, .. } = std::mem::take(self);
                *self =
                    Room { newest, epochs, sealed: seal, floor: newest, dropped_message: newest, ..Room::default() };
            }
        }
        for record in &batch.events {
            let (epoch, seq) = (record.place.epoch, record.place.seq);
            let next = self.newest.seq.0 + 1;
            let opens = epoch > self.newest.epoch && seq.0 <= next && seq > self.floor.seq;
            let continues = epoch == self.newest.epoch && seq.0 == next;
            if !(opens || continues) || self.sealed.is_some_and(|sealed| epoch <= sealed) {
                return Err(Failure::OutOfOrder);
            }
            self.drop_above(Seq(seq.0 - 1));
            if record.ordinal().is_some_and(|ordinal| ordinal != self.next_ordinal()) {
                return Err(Failure::OutOfOrder);
            }
            if opens {
                self.epochs.push((epoch, seq));
            }
            self.sealed = None;
            self.newest = record.place;
            self.records.push(record.clone());
        }
        for rewrite in &batch.rewrites {
            for record in self.records.iter_mut().filter(|record| record.place == rewrite.target) {
                if let Kind::Message { version, state, .. } = &mut record.kind
                    && *version < rewrite.version
                    && *state != State::Expired
                {
                    *version = rewrite.version;
                    *state = if rewrite.deleted { State::Deleted } else { State::Present };
                    record.payload = rewrite.payload.clone();
                }
            }
        }
        for row in &batch.rows {
            let key = (row.table, row.key.clone());
            match &row.value {
                Some(value) => self.rows.insert(key, value.clone()),
                None => self.rows.remove(&key),
            };
        }
        Ok(())
    }

    fn trim(&mut self, keep: &Keep, now: Millis) -> Trimmed {
        let mut trimmed = Trimmed::default();
        for place in self.expired(now) {
            let records = self.records.iter_mut().filter(|record| record.place == place);
            records.for_each(Record::expire);
            self.drop_rows(|of| of == place);
            trimmed.expired += 1;
        }
        let first = |room: &Room, messages: bool| room.records.iter().position(|r| r.is_message() == messages);
        let count = |room: &Room, messages: bool| room.records.iter().filter(|r| r.is_message() == messages).count();
        for (messages, most) in [(true, keep.messages), (false, keep.changes)] {
            while let Some(at) = first(self, messages)
                && (keep.too_old(&self.records[at]) || count(self, messages) as u64 > most)
            {
                self.drop_at(at, &mut trimmed);
            }
        }
        while self.records.iter().map(Record::cost).sum::<usize>() > keep.bytes {
            self.drop_at(0, &mut trimmed);
        }
        if trimmed.messages > 0 {
            let dropped = self.dropped_message;
            let before = self.records.len();
            self.records.retain(|record| record.is_message() || record.place > dropped);
            trimmed.changes += (before - self.records.len()) as u64;
            self.drop_rows(|of| of <= dropped);
        }
        trimmed
    }

    fn expired(&self, now: Millis) -> Vec<Place> {
        let mut all: Vec<_> =
            self.records.iter().filter_map(|record| Some((record.expires()?, record.place))).collect();
        all.sort_unstable();
        all.retain(|(time, _)| *time <= now);
        all.into_iter().map(|(_, place)| place).collect()
    }

    fn drop_at(&mut self, at: usize, trimmed: &mut Trimmed) {
        let record = self.records.remove(at);
        self.floor = self.floor.max(record.place);
        match record.ordinal() {
            Some(ordinal) => {
                (self.dropped_message, self.dropped_ordinal) = (record.place, ordinal);
                trimmed.messages += 1;
            }
            None => trimmed.changes += 1,
        }
    }

    fn page(&self, ask: &PageAsk) -> Page {
        let of_thread = |record: &&Record| ask.thread.is_none() || record.thread() == ask.thread;
        let fenced = self.messages().filter(|record| record.place <= ask.fence);
        let shown: Vec<&Record> = fenced.filter(of_thread).collect();
        let all = shown.len();
        let left_out = |n: u64| n.min(all as u64) as usize;
        let before = |place: Place| shown.iter().filter(|record| record.place < place).count();
        let limit = ask.limit.min(all);
        let start = match ask.from {
            PageFrom::Newest => all - limit,
            PageFrom::Before(place) => before(place).saturating_sub(limit),
            PageFrom::After(place) => shown.iter().filter(|record| record.place <= place).count(),
            PageFrom::FromOldest(n) => left_out(n),
            PageFrom::FromNewest(n) => (all - left_out(n)).saturating_sub(limit),
            PageFrom::Around(place) => before(place).saturating_sub(limit / 2).min(all - limit),
        };
        let end = match ask.from {
            PageFrom::Before(place) => before(place),
            PageFrom::FromNewest(n) => all - left_out(n),
            PageFrom::Newest | PageFrom::After(_) | PageFrom::Around(_) | PageFrom::FromOldest(_) => {
                (start + limit).min(all)
            }
        };
        let records = shown[start..end].iter().map(|record| (*record).clone().at(ask.now)).collect();
        Page { records, older: start as u64, newer: (all - end) as u64 }
    }

    fn replay(&self, ask: &ReplayAsk) -> Replay {
        let after = self.taken_back(ask.after);
        if after.seq < self.floor.seq {
            return Replay::Gone { floor: self.floor };
        }
        let above: Vec<&Record> =
            self.records.iter().filter(|record| record.place.seq > after.seq && record.place <= ask.fence).collect();
        let items: Vec<Item> = above.iter().take(ask.limit).map(|record| self.item(record, ask.now)).collect();
        Replay::Run(Run {
            retract: (after != ask.after).then_some(after),
            reached: items.last().map_or(after, |item| item.record.place),
            more: above.len() > items.len(),
            items,
        })
    }

    fn item(&self, record: &Record, now: Millis) -> Item {
        let current = match record.kind {
            Kind::Change { touches: Touches::Rewrites(target) } => self.message(target, now),
            Kind::Change { touches: Touches::Nothing | Touches::Marks(_) } | Kind::Message { .. } | Kind::Void => None,
        };
        Item { record: record.clone().at(now), current }
    }

    fn message(&self, place: Place, now: Millis) -> Option<Record> {
        self.messages().find(|record| record.place == place).map(|record| record.clone().at(now))
    }

    fn taken_back(&self, cursor: Place) -> Place {
        let mut settled = Place::START;
        for (at, (epoch, first)) in self.epochs.iter().enumerate() {
            let end = self.epochs.get(at + 1).map_or(self.newest.seq.0, |(_, next)| next.0 - 1);
            if *epoch < cursor.epoch {
                settled = Place { epoch: *epoch, seq: Seq(end) };
            } else if *epoch == cursor.epoch && cursor.seq < *first {
                settled = self.line(cursor.seq);
            } else if *epoch == cursor.epoch {
                settled = Place { epoch: *epoch, seq: Seq(end).min(cursor.seq) };
            }
        }
        settled
    }

    fn state(&self) -> RoomState {
        RoomState {
            newest: self.newest,
            sealed: self.sealed,
            epochs: self.epochs.clone(),
            floor: self.floor,
            next_ordinal: self.next_ordinal(),
            messages: self.messages().count() as u64,
            rows: self.rows.iter().map(row).collect(),
        }
    }
}

fn row(((table, key), value): (&(Table, Bytes), &Bytes)) -> Row {
    Row { table: *table, key: key.clone(), value: value.clone() }
}

impl Naive {
    fn room(&self, key: &RoomKey) -> Room {
        self.rooms.get(key).cloned().unwrap_or_default()
    }

    fn write(&mut self, batch: &Batch) -> Result<(), Failure> {
        batch.check()?;
        let mut room = self.room(&batch.room);
        room.write(batch)?;
        self.rooms.insert(batch.room.clone(), room);
        Ok(())
    }

    fn answer(&mut self, ask: Ask) -> Outcome {
        match ask {
            Ask::Load { room } => Outcome::Loaded(Box::new(self.room(&room).state())),
            Ask::Fetch { room, places, now } => {
                let room = self.room(&room);
                Outcome::Fetched(places.iter().map(|place| room.message(*place, now)).collect())
            }
            Ask::Page(ask) => Outcome::Page(Box::new(self.room(&ask.room).page(&ask))),
            Ask::Replay(ask) => Outcome::Replay(Box::new(self.room(&ask.room).replay(&ask))),
            Ask::Count { room, after, fence } => {
                let within = |record: &&Record| record.place > after && record.place <= fence;
                Outcome::Counted(self.room(&room).messages().filter(within).count() as u64)
            }
            Ask::Lookup { room, key } => {
                let room = self.room(&room);
                let carrier = room.records.iter().find(|record| record.key.as_ref() == Some(&key));
                Outcome::Found(carrier.map(|record| Found { place: record.place, ordinal: record.ordinal() }))
            }
            Ask::Row { room, table, key } => Outcome::Row(self.room(&room).rows.get(&(table, key)).cloned()),
            Ask::Expired { room, now, limit } => {
                Outcome::Expired(self.room(&room).expired(now).into_iter().take(limit).collect())
            }
            Ask::Scan { table, after, limit } => {
                let all = self.rooms.iter().flat_map(|(key, room)| room.rows.iter().map(|r| (key.clone(), row(r))));
                let above = |(room, row): &(RoomKey, Row)| {
                    row.table == table && after.as_ref().is_none_or(|(key, last)| (room, &row.key) > (key, last))
                };
                let mut rows: Vec<_> = all.filter(above).collect();
                let more = rows.len() > limit;
                rows.truncate(limit);
                Outcome::Scanned(Box::new(ScanPage { rows, more }))
            }
            Ask::Rest { .. } => Outcome::Rested(false),
            Ask::Rooms { after, limit } => {
                let mut rooms: Vec<_> =
                    self.rooms.keys().filter(|key| after.as_ref().is_none_or(|after| *key > after)).cloned().collect();
                let more = rooms.len() > limit;
                rooms.truncate(limit);
                Outcome::Rooms(Box::new(RoomsPage { rooms, more }))
            }
            Ask::Tail { .. } => Outcome::Tail(Box::default()),
            Ask::Trim { room, keep, now } => {
                let trimmed = self.rooms.get_mut(&room).map(|room| room.trim(&keep, now));
                Outcome::Trimmed(trimmed.unwrap_or_default())
            }
        }
    }
}

impl Store for Naive {
    fn reach(&self) -> AckLevel {
        AckLevel::Accepted
    }

    fn window(&self) -> usize {
        usize::MAX
    }

    fn submit(&mut self, batch: Batch, ticket: Ticket) {
        let outcome = match self.write(&batch) {
            Ok(()) => Outcome::Stored(AckLevel::Accepted),
            Err(failure) => Outcome::Failed(failure),
        };
        self.done.push(Completion { ticket, outcome });
    }

    fn ask(&mut self, ask: Ask, ticket: Ticket) {
        let outcome = self.answer(ask);
        self.done.push(Completion { ticket, outcome });
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        out.append(&mut self.done);
    }
}
