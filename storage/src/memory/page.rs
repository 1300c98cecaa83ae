//! A page of the memory store: where it lies among the messages of a room or of one thread.

use super::log::Log;
use crate::answer::Page;
use crate::ask::{PageAsk, PageFrom};
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::Record;
use crate::{Ordinal, Place};
use std::collections::VecDeque;

/// Messages in their order, addressed by how many stand before them.
pub(super) struct View<'a> {
    pub messages: &'a Log<Record>,
    /// Only these.
    pub thread: Option<&'a VecDeque<Ordinal>>,
}

/// Which record of a page stays when the page holds too many bytes.
enum Anchor {
    First,
    Last,
    At(usize),
}

impl View<'_> {
    pub fn page(&self, ask: &PageAsk) -> Page {
        let count = self.before(|place| place <= ask.fence);
        let limit = ask.limit.min(PAGE_RECORDS);
        let below = |bound: Place| self.before(|place| place < bound).min(count);
        let up_to_here = |end: usize| (end.saturating_sub(limit), end, Anchor::Last);
        let from_here = |start: usize| (start, start.saturating_add(limit).min(count), Anchor::First);
        let skipped = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(count);
        let (start, end, anchor) = match ask.from {
            PageFrom::Newest => up_to_here(count),
            PageFrom::Before(bound) => up_to_here(below(bound)),
            PageFrom::After(bound) => from_here(self.before(|place| place <= bound).min(count)),
            PageFrom::FromOldest(n) => from_here(skipped(n)),
            PageFrom::FromNewest(n) => up_to_here(count - skipped(n)),
            PageFrom::Around(bound) => {
                let pivot = below(bound);
                let start = pivot.saturating_sub(limit / 2).min(count.saturating_sub(limit));
                (start, start.saturating_add(limit).min(count), Anchor::At(pivot.min(count.saturating_sub(1))))
            }
        };
        let (start, end) = self.within_bytes(start, end, anchor);
        let records = (start..end).filter_map(|i| self.get(i)).map(|record| record.clone().at(ask.now));
        Page { records: records.collect(), older: start as u64, newer: (count - end) as u64 }
    }

    fn get(&self, index: usize) -> Option<&Record> {
        match self.thread {
            None => self.messages.get(index),
            Some(ordinals) => self.at_ordinal(*ordinals.get(index)?),
        }
    }

    /// Ordinals are neighbours, so each tells where its message stands.
    fn at_ordinal(&self, ordinal: Ordinal) -> Option<&Record> {
        let first = self.messages.first()?.ordinal()?;
        self.messages.get(usize::try_from(ordinal.checked_sub(first)?).ok()?)
    }

    /// How many messages, from the first, have places that a bound is not below.
    fn before(&self, holds: impl Fn(Place) -> bool) -> usize {
        match self.thread {
            None => self.messages.partition_point(|record| holds(record.place)),
            Some(ordinals) => {
                ordinals.partition_point(|ordinal| self.at_ordinal(*ordinal).is_some_and(|record| holds(record.place)))
            }
        }
    }

    /// Narrows a page from the side that its anchor is not on, until its payloads fit.
    fn within_bytes(&self, mut start: usize, mut end: usize, anchor: Anchor) -> (usize, usize) {
        let size = |i: usize| self.get(i).map_or(0, |record| record.payload.len());
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
