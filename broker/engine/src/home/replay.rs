//! Pages of replay: fixed boundaries, read once and encoded once per lane, however many ask.

use super::epochs::Stand;
use super::parked::FAULT_MS;
use super::room::Room;
use super::turn::Pull;
use super::world::World;
use crate::fanout::{Chunk, page_chunks};
use crate::message::{Lane, PageAnswer};
use crate::planted::{self, Bug};
use crate::ports::{Fetch, Fetched, StoreFault, Ticket};
use rookery_protocol::dialect::contract::RoomOnWire;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{Place, Seq};
use rookery_protocol::reply::GapReason;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Pages {
    /// Encoded, the newest last.
    cached: VecDeque<Cached>,
    /// Being read from the store.
    reading: Vec<Reading>,
}

#[derive(Debug)]
struct Cached {
    lane: Lane,
    /// Above this seq.
    begin: Seq,
    chunks: Vec<Arc<Chunk>>,
    /// Seqs of messages whose change changes these bytes.
    shows: Vec<Seq>,
    /// Its end is a boundary: it stays when the turn ends.
    whole: bool,
}

#[derive(Debug)]
struct Reading {
    /// Above this seq, up to that one.
    bounds: (Seq, Seq),
    ticket: Ticket,
    events: Vec<Arc<Event>>,
    waiting: Vec<Pull>,
    /// The store keeps replay only above a later place.
    too_old: bool,
    /// Edits and deletions that were delivered since the store was asked: its answer may be older than they are.
    changes: Vec<Arc<Event>>,
}

/// Pages that a room keeps encoded.
const KEPT: usize = 8;

pub(crate) enum Turned {
    Answer(PageAnswer),
    /// The store was asked.
    Later,
}

impl Pages {
    /// The room begins again from the store: what was delivered and not stored is no more.
    pub fn clear(&mut self) {
        self.cached.clear();
        for reading in &mut self.reading {
            reading.changes.clear();
        }
    }

    /// A message was changed: what shows it is written anew, and what is being read may show it as it was.
    pub fn changed(&mut self, target: Seq, event: &Arc<Event>) {
        self.cached.retain(|page| !page.shows.contains(&target));
        for reading in self.reading.iter_mut().filter(|reading| target <= reading.bounds.1) {
            reading.changes.push(event.clone());
        }
    }

    /// Pages that may still grow were for this turn only.
    pub fn end_turn(&mut self) {
        self.cached.retain(|page| page.whole);
        while self.cached.len() > KEPT {
            self.cached.pop_front();
        }
    }

    pub fn is_reading(&self) -> bool {
        !self.reading.is_empty()
    }

    /// The encoded page that begins there; one of this turn may end before the room does by now.
    fn find(&self, lane: Lane, begin: Seq) -> Option<&Cached> {
        self.cached.iter().find(|page| page.lane == lane && page.begin == begin)
    }
}

impl Cached {
    /// The part that goes on after a place.
    fn after(&self, after: Seq) -> Option<Arc<Chunk>> {
        self.chunks.iter().find(|chunk| chunk.last.seq > after).cloned()
    }
}

impl Room {
    pub(crate) fn page(&mut self, w: &mut World<'_>, pull: Pull) -> Turned {
        let end = self.delivered;
        let after = pull.after;
        if after == end || (after.seq >= end.seq && self.state.stand(after, self.run) == Stand::Here) {
            return Turned::Answer(PageAnswer::AtEnd);
        }
        let gap = |reason| Turned::Answer(PageAnswer::Gap { reason, from: end });
        match self.state.stand(after, self.run) {
            Stand::TakenBack { above, next } => return Turned::Answer(PageAnswer::Retract { above, next }),
            Stand::Unknown => return gap(GapReason::UnknownPlace),
            Stand::Here if after.seq < self.state.replay_from.seq => return gap(GapReason::TooOld),
            Stand::Here => {}
        }
        let bounds = self.page_bounds(w, after.seq);
        if let Some(chunk) = self.pages.find(pull.lane, bounds.0).and_then(|page| page.after(after.seq)) {
            return Turned::Answer(PageAnswer::Events(chunk));
        }
        let first = Seq(bounds.0.0 + 1);
        if self.recent.first().is_some_and(|oldest| oldest <= first) {
            let events: Vec<_> = self.recent.range(first, bounds.1).cloned().collect();
            self.encode_page(w, pull.lane, bounds, &events);
            return self.found_page(pull, bounds.0);
        }
        self.read_page(w, pull, bounds)
    }

    fn found_page(&self, pull: Pull, begin: Seq) -> Turned {
        let chunk = self.pages.find(pull.lane, begin).and_then(|page| page.after(pull.after.seq));
        Turned::Answer(match chunk {
            Some(chunk) => PageAnswer::Events(chunk),
            // The store does not have what it should, or not any more.
            None => PageAnswer::Gap { reason: GapReason::TooOld, from: self.delivered },
        })
    }

    /// Boundaries are fixed, so that all who lag ask for the same pages; the room's ends cut the outermost ones.
    fn page_bounds(&self, w: &World<'_>, after: Seq) -> (Seq, Seq) {
        let size = w.shared.settings.limits.replay_page_events.max(1);
        let begin = after.0 / size * size;
        let end = begin.saturating_add(size).min(self.delivered.seq.0 - u64::from(planted::is(Bug::PageFencedWrongly)));
        (Seq(begin.max(self.state.replay_from.seq.0)), Seq(end))
    }

    fn encode_page(&mut self, w: &mut World<'_>, lane: Lane, bounds: (Seq, Seq), events: &[Arc<Event>]) {
        let (begin, end) = bounds;
        let size = w.shared.settings.limits.replay_page_events.max(1);
        let room = RoomOnWire { handle: self.handle, key: &self.key };
        let chunks = page_chunks(room, lane, self.place_of(begin), events, &w.shared.pinned);
        let shows = events.iter().filter_map(|event| event.body.target()).map(|place| place.seq).collect();
        let complete = events.last().is_some_and(|event| event.place.seq == end);
        let whole = complete && end.0.is_multiple_of(size);
        self.pages.cached.retain(|page| page.lane != lane || page.begin != begin);
        self.pages.cached.push_back(Cached { lane, begin, chunks, shows, whole });
    }

    fn place_of(&self, seq: Seq) -> Place {
        if seq == self.state.replay_from.seq { self.state.replay_from } else { self.state.epochs.place_of(seq) }
    }

    /// Asks the store for a page, once for all who want it.
    fn read_page(&mut self, w: &mut World<'_>, pull: Pull, bounds: (Seq, Seq)) -> Turned {
        if let Some(reading) = self.pages.reading.iter_mut().find(|r| r.bounds.0 == bounds.0) {
            reading.waiting.push(pull);
            return Turned::Later;
        }
        let (ticket, events, waiting) = (Ticket(0), Vec::new(), Vec::new());
        let mut reading = Reading { bounds, ticket, events, waiting, too_old: false, changes: Vec::new() };
        match self.read_on(w, &mut reading, None) {
            Read::Done if reading.too_old && pull.after.seq > bounds.0 => {
                self.forget_replay(bounds.0);
                self.page(w, pull)
            }
            Read::Done => {
                self.encode_page(w, pull.lane, bounds, &self.as_now(&reading));
                self.found_page(pull, bounds.0)
            }
            Read::Fault => Turned::Answer(PageAnswer::Later { retry_after_ms: FAULT_MS }),
            Read::Later => {
                reading.waiting.push(pull);
                self.pages.reading.push(reading);
                Turned::Later
            }
        }
    }

    /// Takes what was found and asks for the rest: the store may give less at a time.
    fn read_on(
        &mut self,
        w: &mut World<'_>,
        reading: &mut Reading,
        mut found: Option<Result<Fetched, StoreFault>>,
    ) -> Read {
        loop {
            let done = match found {
                Some(Ok(found)) => self.add_found(reading, found),
                Some(Err(StoreFault)) => return Read::Fault,
                None => false,
            };
            if done {
                return Read::Done;
            }
            let (begin, end) = reading.bounds;
            let after = reading.events.last().map_or(self.place_of(begin), |event| event.place);
            let limit = u32::try_from(end.0 - after.seq.0).unwrap_or(u32::MAX);
            let fence = self.confirm.place.min(self.delivered);
            reading.ticket = w.shared.ticket();
            found = w.ports.fetch(reading.ticket, self.handle, &self.key, &Fetch::Replay { after, limit, fence });
            if found.is_none() {
                return Read::Later;
            }
        }
    }

    /// Adds what the store had, and what is newer than that. Answers whether the page is done.
    fn add_found(&self, reading: &mut Reading, found: Fetched) -> bool {
        let Fetched::Replay(Some(found)) = found else {
            reading.too_old = reading.events.is_empty();
            return true;
        };
        let begun = reading.events.len();
        let next = |events: &[Arc<Event>]| events.last().map_or(reading.bounds.0.0, |event| event.place.seq.0) + 1;
        let end = reading.bounds.1;
        let mut events = std::mem::take(&mut reading.events);
        for event in found {
            // A message that was changed since shows as it is here.
            let event = self.recent.get(event.place.seq).cloned().unwrap_or(event);
            if event.place.seq.0 == next(&events) && event.place.seq <= end {
                events.push(event);
            }
        }
        let rest = Seq(next(&events));
        if self.recent.first().is_some_and(|oldest| oldest <= rest) {
            events.extend(self.recent.range(rest, end).cloned());
        }
        let done = next(&events) > end.0 || events.len() == begun;
        reading.events = events;
        done
    }

    /// What the store gave, with what it did not have then: changes that are delivered, but were not stored when it
    /// was asked. Otherwise a page would stay here that shows what is no more.
    fn as_now(&self, reading: &Reading) -> Vec<Arc<Event>> {
        let delivered = self.recent.range(Seq(0), self.delivered.seq).filter(|event| is_change(event));
        let changes: BTreeMap<Seq, &Arc<Event>> = (reading.changes.iter().chain(delivered))
            .filter_map(|event| Some((event.body.target()?.seq, event)))
            .collect();
        if changes.is_empty() {
            return reading.events.clone();
        }
        reading.events.iter().map(|event| with_change(event, &changes)).collect()
    }

    /// The store keeps less than it did when this room was loaded: replay is whole above a place behind `begin`.
    fn forget_replay(&mut self, begin: Seq) {
        let oldest = self.place_of(Seq(begin.0 + 1));
        self.state.replay_from = self.state.replay_from.max(oldest);
    }

    /// A late answer to a page: encoded for all who wait, who are answered at the turn's end.
    pub(crate) fn page_fetched(&mut self, w: &mut World<'_>, ticket: Ticket, answer: Result<Fetched, StoreFault>) {
        let Some(i) = self.pages.reading.iter().position(|r| r.ticket == ticket) else {
            if !self.is_trim(ticket) {
                return self.chore_fetched(w, ticket, answer);
            }
            return self.trimmed(ticket, answer);
        };
        let mut reading = self.pages.reading.swap_remove(i);
        let read = if self.is_ready() { self.read_on(w, &mut reading, Some(answer)) } else { Read::Fault };
        match read {
            Read::Later => self.pages.reading.push(reading),
            Read::Fault => {
                for pull in reading.waiting {
                    self.answer_pull(w, pull, PageAnswer::Later { retry_after_ms: FAULT_MS });
                }
            }
            // To ask for the same again would bring the same. Who stands further on is read from there.
            Read::Done if reading.too_old => {
                self.forget_replay(reading.bounds.0);
                self.answers.pulls.append(&mut reading.waiting);
                self.mark_dirty(w);
            }
            Read::Done if reading.events.is_empty() => {
                for pull in reading.waiting {
                    let gap = PageAnswer::Gap { reason: GapReason::TooOld, from: self.delivered };
                    self.answer_pull(w, pull, gap);
                }
            }
            Read::Done => {
                let lanes: BTreeSet<Lane> = reading.waiting.iter().map(|pull| pull.lane).collect();
                let events = self.as_now(&reading);
                for lane in lanes {
                    self.encode_page(w, lane, reading.bounds, &events);
                }
                self.answers.pulls.append(&mut reading.waiting);
                self.mark_dirty(w);
            }
        }
    }
}

fn is_change(event: &Event) -> bool {
    matches!(event.body, EventBody::Edited(_) | EventBody::Deleted { .. })
}

/// An event that shows a message, with the last of its changes.
fn with_change(event: &Arc<Event>, changes: &BTreeMap<Seq, &Arc<Event>>) -> Arc<Event> {
    let (EventBody::Posted(message) | EventBody::Edited(message)) = &event.body else { return event.clone() };
    let Some(change) = changes.get(&message.place.seq).filter(|change| change.place > message.version) else {
        return event.clone();
    };
    let now = if let EventBody::Edited(edited) = &change.body {
        edited.clone()
    } else {
        Arc::new(message.stub(change.at, change.place))
    };
    let posted = matches!(event.body, EventBody::Posted(_));
    let body = if posted { EventBody::Posted(now) } else { EventBody::Edited(now) };
    Arc::new(Event { place: event.place, at: event.at, by: event.by.clone(), body })
}

enum Read {
    Done,
    Later,
    Fault,
}
