//! A page: where it lies among the messages of a room or of one thread, and reading no more of them than fit.

use super::fetch::{Range, Records, Room};
use super::rooms::damaged;
use super::write::MARK;
use crate::answer::Page;
use crate::ask::{PageAsk, PageFrom};
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::Record;
use crate::settled::Fault;
use crate::{Place, Seq};
use std::collections::VecDeque;

/// Messages in their order, addressed by how many kept ones stand before them.
struct Line<'r, 'a> {
    room: &'r Room<'a>,
    thread: Option<Thread>,
}

/// Messages of a thread have numbers without holes.
struct Thread {
    root: Place,
    first: u64,
    count: u64,
}

/// What a page wants, by indices: it is read outwards from the split, until the bytes are used up.
struct Plan {
    start: u64,
    end: u64,
    split: u64,
    /// Messages before the split stand at this seq or below, those behind it above. None: not known yet.
    edge: Option<Seq>,
}

pub async fn page(room: &Room<'_>, ask: &PageAsk) -> Result<Page, Fault> {
    let line = Line { room, thread: thread(room, ask.thread).await? };
    let meta = room.meta();
    let last = meta.up_to(ask.fence);
    let total = line.before(last).await?;
    let limit = ask.limit.min(PAGE_RECORDS) as u64;
    let before = async |seq: Seq| if seq >= last { Ok(total) } else { line.before(seq).await };
    let up_to_here = |end: u64, edge| Plan { start: end.saturating_sub(limit), end, split: end, edge };
    let from_here = |start: u64, edge| Plan { start, end: start.saturating_add(limit).min(total), split: start, edge };
    let plan = match ask.from {
        PageFrom::Newest => up_to_here(total, Some(last)),
        PageFrom::Before(bound) => {
            let seq = meta.below(bound).min(last);
            up_to_here(before(seq).await?, Some(seq))
        }
        PageFrom::After(bound) => {
            let seq = meta.up_to(bound).min(last);
            from_here(before(seq).await?, Some(seq))
        }
        PageFrom::FromOldest(n) => from_here(n.min(total), None),
        PageFrom::FromNewest(n) => up_to_here(total.saturating_sub(n), if n == 0 { Some(last) } else { None }),
        PageFrom::Around(bound) => {
            let seq = meta.below(bound).min(last);
            let pivot = before(seq).await?;
            let start = pivot.saturating_sub(limit / 2).min(total.saturating_sub(limit));
            let end = start.saturating_add(limit).min(total);
            let split = pivot.min(total.saturating_sub(1));
            Plan { start, end, split, edge: Some(seq).filter(|_| split == pivot) }
        }
    };
    let (records, start) = line.read(&plan, ask).await?;
    let end = start.saturating_add(records.len() as u64);
    Ok(Page { records: records.into(), older: start, newer: total.saturating_sub(end) })
}

async fn thread(room: &Room<'_>, root: Option<Place>) -> Result<Option<Thread>, Fault> {
    let Some(root) = root else { return Ok(None) };
    let first = room.thread(root, 0, true, 1).await?;
    let Some((first, _)) = first.first() else { return Ok(Some(Thread { root, first: 1, count: 0 })) };
    let last = room.thread(root, u64::MAX, false, 1).await?;
    let last = last.first().map_or(*first, |(number, _)| *number);
    Ok(Some(Thread { root, first: *first, count: last.saturating_sub(*first).saturating_add(1) }))
}

/// One side of the split.
enum Side<'r, 'a> {
    Room(Records<'r, 'a>),
    /// Places of a thread's messages, the nearest first.
    Thread(VecDeque<Place>),
}

impl Line<'_, '_> {
    /// How many stand at this seq or below.
    async fn before(&self, seq: Seq) -> Result<u64, Fault> {
        let Some(thread) = &self.thread else { return self.room.messages_up_to(seq).await };
        if seq >= self.room.meta().newest.seq {
            return Ok(thread.count);
        }
        let (mut low, mut high) = (0, thread.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let places = self.in_thread(thread, middle, middle + 1).await?;
            if places.front().is_some_and(|place| place.seq <= seq) { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// The places of a thread's messages from one index up to another, that one not included.
    async fn in_thread(&self, thread: &Thread, start: u64, end: u64) -> Result<VecDeque<Place>, Fault> {
        let limit = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let mut places = VecDeque::new();
        if limit == 0 {
            return Ok(places);
        }
        let from = thread.first.saturating_add(start);
        for (number, (of, place)) in (from..).zip(self.room.thread(thread.root, from, true, limit).await?) {
            if of != number {
                break;
            }
            places.push_back(place);
        }
        let is_whole = places.len() == limit;
        is_whole
            .then_some(places)
            .ok_or_else(|| damaged(self.room.key, Some(thread.root), "a message of the thread is missing"))
    }

    /// The seq before the message at this index, so that it is the first above.
    async fn edge(&self, index: u64) -> Result<Seq, Fault> {
        let (room, meta) = (self.room, self.room.meta());
        if index >= meta.messages {
            return Ok(meta.newest.seq);
        }
        let ordinal = meta.first_ordinal().saturating_add(index);
        let marked = ordinal - ordinal % MARK;
        let (from, mut skip) = if marked >= meta.first_ordinal() && marked > 0 {
            (room.mark(marked).await?, ordinal - marked)
        } else {
            (Seq(meta.message_floor.seq.0.saturating_add(1)), index)
        };
        let mut records = room.records(Range::Messages, (from, meta.newest.seq), true);
        records.wanting(usize::try_from(skip).unwrap_or(usize::MAX).saturating_add(1));
        while let Some(record) = records.next().await? {
            if skip == 0 {
                return Ok(Seq(record.place.seq.0.saturating_sub(1)));
            }
            skip -= 1;
        }
        Err(damaged(room.key, Some(meta.place_at(from)), "a message is missing"))
    }

    /// The records of the plan that fit, and the index of the first.
    async fn read(&self, plan: &Plan, ask: &PageAsk) -> Result<(VecDeque<Record>, u64), Fault> {
        let mut records = VecDeque::new();
        let mut start = plan.split;
        if plan.start >= plan.end {
            return Ok((records, plan.start));
        }
        let (mut behind, mut before) = self.sides(plan).await?;
        let mut bytes = 0;
        for is_behind in outwards(plan) {
            let side = if is_behind { &mut behind } else { &mut before };
            let index = if is_behind { start.saturating_add(records.len() as u64) } else { start - 1 };
            let record = match self.next(side).await? {
                Some(record) => self.expected(record, index)?,
                None => return Err(damaged(self.room.key, None, "a message is missing")),
            };
            bytes += record.payload.len();
            if bytes > PAGE_BYTES && !records.is_empty() {
                break;
            }
            if is_behind {
                records.push_back(record.at(ask.now));
            } else {
                records.push_front(record.at(ask.now));
                start = index;
            }
        }
        Ok((records, start))
    }

    async fn sides(&self, plan: &Plan) -> Result<(Side<'_, '_>, Side<'_, '_>), Fault> {
        if let Some(thread) = &self.thread {
            let behind = self.in_thread(thread, plan.split, plan.end).await?;
            let before = self.in_thread(thread, plan.start, plan.split).await?;
            return Ok((Side::Thread(behind), Side::Thread(before.into_iter().rev().collect())));
        }
        let edge = match plan.edge {
            Some(edge) => edge,
            None => self.edge(plan.split).await?,
        };
        let count = |from: u64, to: u64| usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let above = (Seq(edge.0.saturating_add(1)), self.room.meta().newest.seq);
        let mut behind = self.room.records(Range::Messages, above, true);
        behind.wanting(count(plan.split, plan.end));
        let mut before = self.room.records(Range::Messages, (Seq(0), edge), false);
        before.wanting(count(plan.start, plan.split));
        Ok((Side::Room(behind), Side::Room(before)))
    }

    async fn next(&self, side: &mut Side<'_, '_>) -> Result<Option<Record>, Fault> {
        match side {
            Side::Room(records) => records.next().await,
            Side::Thread(places) => match places.pop_front() {
                Some(place) => self.room.message(place).await,
                None => Ok(None),
            },
        }
    }

    fn expected(&self, record: Record, index: u64) -> Result<Record, Fault> {
        let stands = match &self.thread {
            None => record.ordinal() == Some(self.room.meta().first_ordinal().saturating_add(index)),
            Some(thread) => record.thread() == Some(thread.root),
        };
        if stands { Ok(record) } else { Err(damaged(self.room.key, Some(record.place), "a message is missing")) }
    }
}

/// In which order the sides of the split are read (true: behind it): what is furthest from it is what a full page
/// leaves out.
fn outwards(plan: &Plan) -> Vec<bool> {
    let (mut start, mut end) = (plan.start, plan.end);
    let mut inwards = Vec::new();
    while start < end {
        // The message behind the split is of the split; before it there may be none.
        let (ahead, behind) = (plan.split.saturating_sub(start), end.saturating_sub(plan.split));
        let is_behind = behind > 0 && (ahead == 0 || behind > ahead);
        inwards.push(is_behind);
        if is_behind { end -= 1 } else { start += 1 }
    }
    inwards.reverse();
    inwards
}
