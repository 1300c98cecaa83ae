//! The messages of a room in their order: those that are kept one by one, over those that lie in runs.

use super::faults::located;
use super::keys::RoomBytes;
use super::runs::{Run, Way, runs};
use super::space::Space;
use super::view::{View, open_record};
use crate::meta::RoomMeta;
use crate::record::Record;
use crate::settled::Fault;
use crate::{Place, RoomKey, Seq};
use bytes::Bytes;
use std::collections::VecDeque;
use std::iter::Peekable;

type Each<'v, T> = Box<dyn Iterator<Item = Result<T, Fault>> + 'v>;

/// A message, and whether it is kept by itself.
#[derive(Clone, Debug)]
pub struct Found {
    pub record: Record,
    pub is_single: bool,
}

pub struct Messages<'v> {
    view: &'v View<'v>,
    room: &'v RoomKey,
    meta: &'v RoomMeta,
    bounds: (Seq, Seq),
    way: Way,
    singles: Peekable<Each<'v, Record>>,
    runs: Each<'v, Run>,
    /// Of the run that is read now, those that are to come.
    ahead: VecDeque<Record>,
}

/// Messages from one seq to another, both included, as far as they can lie there.
pub fn messages<'v>(
    view: &'v View<'v>,
    room: &'v RoomKey,
    bytes: &RoomBytes,
    meta: &'v RoomMeta,
    (from, to): (Seq, Seq),
    way: Way,
) -> Messages<'v> {
    let from = from.max(Seq(meta.message_floor.seq.0.saturating_add(1)));
    let to = to.min(meta.newest.seq);
    let pairs = view.range(Space::Messages, &bytes.seq(from), &bytes.seq(Seq(to.0.saturating_add(1)).max(from)));
    let open = move |pair: Result<(Bytes, Bytes), Fault>| {
        let (key, value) = located(pair, room, Some(meta.place_at(from)))?;
        open_record(room, meta, &key, &value)
    };
    let singles: Each<'v, Record> = match way {
        Way::Up => Box::new(pairs.map(open)),
        Way::Down => Box::new(pairs.rev().map(open)),
    };
    let runs = if from <= to { runs(view, room, bytes, (from, to), way) } else { Box::new(std::iter::empty()) };
    Messages { view, room, meta, bounds: (from, to), way, singles: singles.peekable(), runs, ahead: VecDeque::new() }
}

impl Messages<'_> {
    /// Reads on to the next run that has something here.
    fn look_ahead(&mut self) -> Result<(), Fault> {
        let (from, to) = self.bounds;
        while self.ahead.is_empty() {
            let Some(run) = self.runs.next() else { return Ok(()) };
            let messages = run?.messages(self.view, self.room, self.meta)?;
            self.ahead.extend(messages.into_iter().filter(|record| (from..=to).contains(&record.place.seq)));
        }
        Ok(())
    }

    fn end(&mut self) {
        self.singles = (Box::new(std::iter::empty()) as Each<'_, Record>).peekable();
        self.runs = Box::new(std::iter::empty());
        self.ahead.clear();
    }

    fn pop(&mut self) -> Option<Result<Found, Fault>> {
        let record = if self.way == Way::Up { self.ahead.pop_front() } else { self.ahead.pop_back() };
        record.map(|record| Ok(Found { record, is_single: false }))
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Found, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Err(fault) = self.look_ahead() {
            self.end();
            return Some(Err(fault));
        }
        let next = if self.way == Way::Up { self.ahead.front() } else { self.ahead.back() };
        let single = match (self.singles.peek(), next) {
            (None, _) => return self.pop(),
            (Some(Ok(single)), Some(next)) => {
                let (single, next) = (single.place.seq, next.place.seq);
                if (self.way == Way::Up && next < single) || (self.way == Way::Down && next > single) {
                    return self.pop();
                }
                if next == single {
                    // It was rewritten since.
                    drop(self.pop());
                }
                self.singles.next()
            }
            (Some(_), _) => self.singles.next(),
        };
        single.map(|single| single.map(|record| Found { record, is_single: true }))
    }
}

/// What lies outside these bounds is not looked for: it may be another's, or a tombstone that costs a search.
pub fn may_lie(meta: &RoomMeta, place: Place) -> bool {
    meta.place_at(place.seq) == place && place.seq > meta.message_floor.seq && place.seq <= meta.newest.seq
}

/// The message at a place, if it is kept.
pub fn message(
    view: &View<'_>,
    room: &RoomKey,
    bytes: &RoomBytes,
    meta: &RoomMeta,
    place: Place,
) -> Result<Option<Record>, Fault> {
    if !may_lie(meta, place) {
        return Ok(None);
    }
    let key = bytes.seq(place.seq);
    if let Some(value) = located(view.get(Space::Messages, &key), room, Some(place))? {
        return open_record(room, meta, &key, &value).map(Some);
    }
    let Some(run) = runs(view, room, bytes, (place.seq, place.seq), Way::Down).next().transpose()? else {
        return Ok(None);
    };
    run.message(view, room, place)
}
