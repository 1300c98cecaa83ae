//! How a room of the memory store answers: pages, replay, counts, single messages.

use super::room::Room;
use crate::answer::{Found, Item, Page, Replay, RoomState, Run};
use crate::ask::{PageAsk, PageFrom, ReplayAsk};
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::{Kind, Record, Touches};
use crate::{Millis, Place, Seq};
use std::hash::BuildHasher;

/// Which record of a page stays when the page holds too many bytes.
enum Anchor {
    First,
    Last,
    At(usize),
}

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

    pub fn page(&self, ask: &PageAsk) -> Page {
        let count = self.up_to(ask.fence);
        let limit = ask.limit.min(PAGE_RECORDS);
        let below = |place: Place| self.messages.partition_point(|record| record.place < place).min(count);
        let up_to_here = |end: usize| (end.saturating_sub(limit), end, Anchor::Last);
        let from_here = |start: usize| (start, start.saturating_add(limit).min(count), Anchor::First);
        let skipped = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(count);
        let (start, end, anchor) = match ask.from {
            PageFrom::Newest => up_to_here(count),
            PageFrom::Before(place) => up_to_here(below(place)),
            PageFrom::After(place) => from_here(self.up_to(place).min(count)),
            PageFrom::FromOldest(n) => from_here(skipped(n)),
            PageFrom::FromNewest(n) => up_to_here(count - skipped(n)),
            PageFrom::Around(place) => {
                let pivot = below(place);
                let start = pivot.saturating_sub(limit / 2).min(count.saturating_sub(limit));
                (start, start.saturating_add(limit).min(count), Anchor::At(pivot.min(count.saturating_sub(1))))
            }
        };
        let (start, end) = self.within_bytes(start, end, anchor);
        let records = (start..end).filter_map(|i| self.messages.get(i)).map(|record| record.clone().at(ask.now));
        Page { records: records.collect(), older: start as u64, newer: (count - end) as u64 }
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

    /// Narrows a page from the side that its anchor is not on, until its payloads fit.
    fn within_bytes(&self, mut start: usize, mut end: usize, anchor: Anchor) -> (usize, usize) {
        let size = |i: usize| self.messages.get(i).map_or(0, |record| record.payload.len());
        let mut bytes: usize = (start..end).map(size).sum();
        while bytes > PAGE_BYTES && end - start > 1 {
            let from_end = match anchor {
                Anchor::First => true,
                Anchor::Last => false,
                Anchor::At(pivot) => end - 1 - pivot.min(end - 1) >= pivot - start.min(pivot),
            };
            if from_end {
                end -= 1;
                bytes -= size(end);
            } else {
                bytes -= size(start);
                start += 1;
            }
        }
        (start, end)
    }
}
