//! How a room of the memory store answers: replay, counts, single messages. Pages are in [`super::page`].

use super::page::View;
use super::room::Room;
use crate::answer::{Found, Item, Page, Replay, RoomState, Run};
use crate::ask::{PageAsk, ReplayAsk};
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::{Kind, Record, Touches};
use crate::{Millis, Place, Seq};
use std::collections::VecDeque;
use std::hash::BuildHasher;

impl Room {
    pub fn state(&self) -> RoomState {
        RoomState {
            newest: self.newest,
            sealed: self.sealed,
            epochs: self.epochs.clone(),
            floor: self.floor,
            next_ordinal: self.next_ordinal,
            messages: self.messages.len() as u64,
            rows: self.rows.all().collect(),
        }
    }

    pub fn fetch(&self, place: Place, now: Millis) -> Option<Record> {
        self.message(place).map(|record| record.clone().at(now))
    }

    pub fn count(&self, after: Place, fence: Place) -> u64 {
        self.up_to(fence).saturating_sub(self.up_to(after)) as u64
    }

    pub fn lookup(&self, key: &[u8], hasher: &impl BuildHasher) -> Option<Found> {
        let records = self.keys.candidates(hasher, key).filter_map(|seq| self.record_at(seq));
        records
            .filter(|record| record.key.as_ref().is_some_and(|own| own == key))
            .map(|record| Found { place: record.place, ordinal: record.ordinal() })
            .min_by_key(|found| found.place)
    }

    /// Messages whose time has come, the soonest first.
    pub fn expired(&self, now: Millis, limit: usize) -> Vec<Place> {
        self.expiring.iter().take_while(|(time, _)| *time <= now).take(limit).map(|(_, place)| *place).collect()
    }

    pub fn page(&self, ask: &PageAsk) -> Page {
        let nobody = VecDeque::new();
        let view = match ask.thread {
            None => View { messages: &self.messages, thread: None },
            Some(root) => View { messages: &self.messages, thread: Some(self.threads.get(&root).unwrap_or(&nobody)) },
        };
        view.page(ask)
    }

    pub fn replay(&self, ask: &ReplayAsk) -> Replay {
        let after = self.settle_cursor(ask.after);
        if after.seq < self.floor.seq {
            return Replay::Gone { floor: self.floor };
        }
        let mut message = self.messages.partition_point(|record| record.place.seq <= after.seq);
        let mut change = self.changes.partition_point(|record| record.place.seq <= after.seq);
        let mut run =
            Run { retract: (after != ask.after).then_some(after), items: Vec::new(), reached: after, more: false };
        let mut bytes = 0;
        loop {
            let next = [self.messages.get(message), self.changes.get(change)];
            let next = next.into_iter().flatten().min_by_key(|record| record.place.seq);
            let Some(record) = next.filter(|record| record.place <= ask.fence) else { break };
            let item = self.item(record, ask.now);
            bytes += item.record.payload.len() + item.current.as_ref().map_or(0, |record| record.payload.len());
            if run.items.len() >= ask.limit.min(PAGE_RECORDS) || (bytes > PAGE_BYTES && !run.items.is_empty()) {
                run.more = true;
                break;
            }
            if record.is_message() {
                message += 1;
            } else {
                change += 1;
            }
            run.reached = record.place;
            run.items.push(item);
        }
        Replay::Run(run)
    }

    fn item(&self, record: &Record, now: Millis) -> Item {
        let current = match record.kind {
            Kind::Change { touches: Touches::Rewrites(target) } => self.fetch(target, now),
            Kind::Change { touches: Touches::Nothing | Touches::Marks(_) } | Kind::Message { .. } | Kind::Void => None,
        };
        Item { record: record.clone().at(now), current }
    }

    /// The place on this room's line that a cursor stands for: itself, or the last one that is not beyond the end of
    /// its epoch.
    fn settle_cursor(&self, cursor: Place) -> Place {
        let after = self.epochs.partition_point(|(epoch, _)| *epoch <= cursor.epoch);
        let Some((epoch, _)) = after.checked_sub(1).and_then(|at| self.epochs.get(at)) else { return Place::START };
        let end = self.epochs.get(after).map_or(self.newest.seq, |(_, next)| Seq(next.0 - 1));
        let seq = if *epoch == cursor.epoch { cursor.seq.min(end) } else { end };
        self.place_at(seq)
    }

    /// How many kept messages stand at this place or below.
    fn up_to(&self, place: Place) -> usize {
        self.messages.partition_point(|record| record.place <= place)
    }

    fn record_at(&self, seq: Seq) -> Option<&Record> {
        let find = |log: &'_ super::log::Log<Record>| log.partition_point(|record| record.place.seq < seq);
        let (message, change) = (self.messages.get(find(&self.messages)), self.changes.get(find(&self.changes)));
        [message, change].into_iter().flatten().find(|record| record.place.seq == seq)
    }
}
