//! A page: where it lies among the messages of a room or of one thread, and reading no more of them than fit.

use super::faults::{damaged, located};
use super::read::Room;
use super::runs::Way;
use super::space::Space;
use super::stage::{MARK, number_of};
use crate::answer::Page;
use crate::ask::{PageAsk, PageFrom};
use crate::limits::{PAGE_BYTES, PAGE_RECORDS};
use crate::record::Record;
use crate::settled::Fault;
use crate::{Place, Seq};
use std::collections::VecDeque;

/// Messages in their order, addressed by how many kept ones stand before them.
struct Line<'a> {
    room: &'a Room<'a>,
    thread: Option<Thread>,
}

/// Messages of a thread have numbers without holes.
struct Thread {
    root: Place,
    first: u64,
    count: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    Behind,
}

/// What a page wants, by indices: it is read outwards from the split, until the bytes are used up.
struct Plan {
    start: u64,
    end: u64,
    split: u64,
    /// Messages before the split stand at this seq or below, those behind it above. None: not known yet.
    edge: Option<Seq>,
}

pub fn page(room: &Room<'_>, ask: &PageAsk) -> Result<Page, Fault> {
    let line = Line { room, thread: thread(room, ask.thread)? };
    let meta = &room.meta;
    let last = meta.up_to(ask.fence);
    let total = line.before(last)?;
    let limit = ask.limit.min(PAGE_RECORDS) as u64;
    let before = |seq: Seq| Ok::<_, Fault>(if seq >= last { total } else { line.before(seq)? });
    let up_to_here = |end: u64, edge| Plan { start: end.saturating_sub(limit), end, split: end, edge };
    let from_here = |start: u64, edge| Plan { start, end: start.saturating_add(limit).min(total), split: start, edge };
    let plan = match ask.from {
        PageFrom::Newest => up_to_here(total, Some(last)),
        PageFrom::Before(bound) => {
            let seq = meta.below(bound).min(last);
            up_to_here(before(seq)?, Some(seq))
        }
        PageFrom::After(bound) => {
            let seq = meta.up_to(bound).min(last);
            from_here(before(seq)?, Some(seq))
        }
        PageFrom::FromOldest(n) => from_here(n.min(total), None),
        PageFrom::FromNewest(n) => up_to_here(total.saturating_sub(n), if n == 0 { Some(last) } else { None }),
        PageFrom::Around(bound) => {
            let seq = meta.below(bound).min(last);
            let pivot = before(seq)?;
            let start = pivot.saturating_sub(limit / 2).min(total.saturating_sub(limit));
            let end = start.saturating_add(limit).min(total);
            let split = pivot.min(total.saturating_sub(1));
            Plan { start, end, split, edge: Some(seq).filter(|_| split == pivot) }
        }
    };
    let (records, start) = line.read(&plan, ask)?;
    let end = start.saturating_add(records.len() as u64);
    Ok(Page { records: records.into(), older: start, newer: total.saturating_sub(end) })
}

fn thread(room: &Room<'_>, root: Option<Place>) -> Result<Option<Thread>, Fault> {
    let Some(root) = root else { return Ok(None) };
    let mut pairs = room.view.prefix(Space::Index, &room.bytes.thread(root));
    let number = |pair: Option<Result<(bytes::Bytes, _), Fault>>| {
        let pair = located(pair.transpose(), room.key, Some(root))?;
        Ok::<_, Fault>(pair.and_then(|(key, _)| super::keys::last_number(&key)))
    };
    let Some(first) = number(pairs.next())? else { return Ok(Some(Thread { root, first: 1, count: 0 })) };
    let last = number(pairs.next_back())?.unwrap_or(first);
    Ok(Some(Thread { root, first, count: last.saturating_sub(first).saturating_add(1) }))
}

impl Line<'_> {
    /// How many stand at this seq or below.
    fn before(&self, seq: Seq) -> Result<u64, Fault> {
        let Some(thread) = &self.thread else { return self.room.messages_up_to(seq) };
        let (mut low, mut high) = (0, thread.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.in_thread(thread, middle)? <= seq { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    fn in_thread(&self, thread: &Thread, index: u64) -> Result<Seq, Fault> {
        let room = self.room;
        let key = room.bytes.in_thread(thread.root, thread.first.saturating_add(index));
        let value = located(room.view.get(Space::Index, &key), room.key, Some(thread.root))?;
        let seq = value.and_then(|value| number_of(&value));
        seq.map(Seq).ok_or_else(|| damaged(room.key, Some(thread.root), "a message of the thread is missing"))
    }

    /// The seq before the message at this index, so that it is the first above.
    fn edge(&self, index: u64) -> Result<Seq, Fault> {
        let (room, meta) = (self.room, &self.room.meta);
        if index >= meta.messages {
            return Ok(meta.newest.seq);
        }
        let ordinal = meta.first_ordinal().saturating_add(index);
        let marked = ordinal - ordinal % MARK;
        let (from, skip) = if marked >= meta.first_ordinal() && marked > 0 {
            let value = located(room.view.get(Space::Index, &room.bytes.mark(marked)), room.key, None)?;
            let seq = value.and_then(|value| number_of(&value));
            (Seq(seq.ok_or_else(|| damaged(room.key, None, "the mark of an ordinal is missing"))?), ordinal - marked)
        } else {
            (Seq(meta.message_floor.seq.0.saturating_add(1)), index)
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        match room.messages((from, meta.newest.seq), Way::Up).nth(skip).transpose()? {
            Some(message) => Ok(Seq(message.place.seq.0.saturating_sub(1))),
            None => Err(damaged(room.key, Some(meta.place_at(from)), "a message is missing")),
        }
    }

    /// The records of the plan that fit, and the index of the first.
    fn read(&self, plan: &Plan, ask: &PageAsk) -> Result<(VecDeque<Record>, u64), Fault> {
        let mut records = VecDeque::new();
        let mut start = plan.split;
        if plan.start >= plan.end {
            return Ok((records, plan.start));
        }
        let edge = match (plan.edge, &self.thread) {
            (Some(edge), _) => edge,
            (None, None) => self.edge(plan.split)?,
            // Not needed: numbers lead to its messages.
            (None, Some(_)) => Seq(0),
        };
        let mut behind = self.behind(plan, edge);
        let mut before = self.ahead(plan, edge);
        let mut bytes = 0;
        for side in outwards(plan) {
            let next = if side == Side::Behind { behind.next() } else { before.next() };
            let index = if side == Side::Behind { start.saturating_add(records.len() as u64) } else { start - 1 };
            let record = match next {
                Some(record) => self.expected(record?, index)?,
                None => return Err(damaged(self.room.key, None, "a message is missing")),
            };
            bytes += record.payload.len();
            if bytes > PAGE_BYTES && !records.is_empty() {
                break;
            }
            if side == Side::Behind {
                records.push_back(record.at(ask.now));
            } else {
                records.push_front(record.at(ask.now));
                start = index;
            }
        }
        Ok((records, start))
    }

    fn expected(&self, record: Record, index: u64) -> Result<Record, Fault> {
        let stands = match &self.thread {
            None => record.ordinal() == Some(self.room.meta.first_ordinal().saturating_add(index)),
            Some(thread) => record.thread() == Some(thread.root),
        };
        if stands { Ok(record) } else { Err(damaged(self.room.key, Some(record.place), "a message is missing")) }
    }

    fn behind<'s>(&'s self, plan: &Plan, edge: Seq) -> Box<dyn Iterator<Item = Result<Record, Fault>> + 's> {
        match &self.thread {
            None => {
                let from = Seq(edge.0.saturating_add(1));
                Box::new(self.room.messages((from, self.room.meta.newest.seq), Way::Up))
            }
            Some(thread) => Box::new((plan.split..plan.end).map(|index| self.of_thread(thread, index))),
        }
    }

    fn ahead<'s>(&'s self, plan: &Plan, edge: Seq) -> Box<dyn Iterator<Item = Result<Record, Fault>> + 's> {
        match &self.thread {
            None => Box::new(self.room.messages((Seq(0), edge), Way::Down)),
            Some(thread) => Box::new((plan.start..plan.split).rev().map(|index| self.of_thread(thread, index))),
        }
    }

    fn of_thread(&self, thread: &Thread, index: u64) -> Result<Record, Fault> {
        let place = self.room.meta.place_at(self.in_thread(thread, index)?);
        self.room.message(place)?.ok_or_else(|| damaged(self.room.key, Some(place), "a message is missing"))
    }
}

/// In which order the sides of the split are read: what is furthest from it is what a full page leaves out.
fn outwards(plan: &Plan) -> Vec<Side> {
    let (mut start, mut end) = (plan.start, plan.end);
    let mut inwards = Vec::new();
    while start < end {
        // The message behind the split is of the split; before it there may be none.
        let (ahead, behind) = (plan.split.saturating_sub(start), end.saturating_sub(plan.split));
        if behind > 0 && (ahead == 0 || behind > ahead) {
            inwards.push(Side::Behind);
            end -= 1;
        } else {
            inwards.push(Side::Before);
            start += 1;
        }
    }
    inwards.reverse();
    inwards
}
