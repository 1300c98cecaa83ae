//! Whether what a store keeps of a room holds together: read in every way it can be asked for, and compared.
//!
//! It is made of asks, so every engine is judged by it. What only an engine can see of its own files, it says itself.

use crate::answer::{Found, Outcome, Replay, RoomState};
use crate::ask::{Ask, PageAsk, PageFrom, ReplayAsk};
use crate::limits::PAGE_RECORDS;
use crate::record::Record;
use crate::settled::Fault;
use crate::walk::{AS_KEPT, Asker, END, messages_after, state, unexpected};
use crate::{Millis, Place, RoomKey};
use std::collections::BTreeMap;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub room: Option<RoomKey>,
    pub place: Option<Place>,
    pub what: String,
}

/// Every so many messages it is asked where an ordinal stands.
const STRIDE: u64 = 64;

/// Looks at one room. `seen` gets every record that can be read, once; what is wrong goes to `report`.
pub fn room(
    ask: &mut Asker<'_>,
    room: &RoomKey,
    seen: &mut dyn FnMut(&Record),
    report: &mut dyn FnMut(Finding),
) -> Option<RoomState> {
    let mut look = Look { ask, room, report, faults: 0, kept: Kept::default() };
    let state = match state(look.ask, room) {
        Ok(state) => state,
        Err(fault) => {
            look.fault(fault);
            return None;
        }
    };
    look.messages(&state, seen);
    look.replay(&state, seen);
    // What follows is found by what was read; where that has holes, it would only say so again.
    if look.faults == 0 {
        look.ordinals(&state);
        look.threads();
        look.expiring();
        look.rows(&state);
    }
    Some(state)
}

/// What was read of the messages, to be found again in other ways.
#[derive(Default)]
struct Kept {
    /// Every 64th, by how many stand before it.
    marks: Vec<(u64, Place)>,
    threads: BTreeMap<Place, Vec<Place>>,
    expiring: Vec<(Millis, Place)>,
    count: u64,
}

struct Look<'a, 'b> {
    ask: &'a mut Asker<'b>,
    room: &'a RoomKey,
    report: &'a mut dyn FnMut(Finding),
    faults: u64,
    kept: Kept,
}

impl Look<'_, '_> {
    fn say(&mut self, place: Option<Place>, what: impl Into<String>) {
        self.faults += 1;
        (self.report)(Finding { room: Some(self.room.clone()), place, what: what.into() });
    }

    /// Where a fault was met, if it says so.
    fn fault(&mut self, fault: Fault) -> Option<Place> {
        if let Fault::Damaged { place, what, .. } = fault {
            self.say(place, what);
            return place;
        }
        self.say(None, fault.to_string());
        None
    }

    fn messages(&mut self, state: &RoomState, seen: &mut dyn FnMut(&Record)) {
        let first = state.next_ordinal.saturating_sub(state.messages);
        let mut after = Place::START;
        loop {
            let records = match messages_after(self.ask, self.room, after, END) {
                Ok(records) => records,
                Err(fault) => match self.fault(fault) {
                    Some(place) if place > after => {
                        after = place;
                        continue;
                    }
                    Some(_) | None => return,
                },
            };
            let Some(last) = records.last() else { break };
            let reached = last.place;
            for record in &records {
                self.message(state, first, after, record);
                after = record.place;
                seen(record);
            }
            after = reached;
        }
        if self.faults == 0 && self.kept.count != state.messages {
            let (is, count) = (state.messages, self.kept.count);
            self.say(None, format!("{is} messages are counted and {count} are there"));
        }
    }

    fn message(&mut self, state: &RoomState, first: u64, after: Place, record: &Record) {
        let place = record.place;
        if place <= after || state.place_at(place.seq) != place {
            self.say(Some(place), "a message out of its order");
        }
        let count = self.kept.count;
        if self.faults == 0 && record.ordinal() != Some(first.saturating_add(count)) {
            let is = record.ordinal().unwrap_or(0);
            self.say(Some(place), format!("the ordinal is {is} and should be {}", first.saturating_add(count)));
        }
        if count.is_multiple_of(STRIDE) {
            self.kept.marks.push((count, place));
        }
        if let Some(root) = record.thread() {
            self.kept.threads.entry(root).or_default().push(place);
        }
        self.kept.expiring.extend(record.expires().map(|time| (time, place)));
        self.kept.count += 1;
        self.key(record);
    }

    /// Its duplicate key leads to it.
    fn key(&mut self, record: &Record) {
        let Some(key) = record.key.clone() else { return };
        let want = Found { place: record.place, ordinal: record.ordinal() };
        match (self.ask)(&Ask::Lookup { room: self.room.clone(), key }) {
            Ok(Outcome::Found(Some(found))) if found == want => {}
            Ok(Outcome::Found(_)) => self.say(Some(record.place), "its duplicate key does not lead to it"),
            Ok(other) => {
                self.fault(unexpected(&other));
            }
            Err(fault) => {
                self.fault(fault);
            }
        }
    }

    fn replay(&mut self, state: &RoomState, seen: &mut dyn FnMut(&Record)) {
        let mut after = state.floor;
        while after < state.newest {
            let ask = ReplayAsk { room: self.room.clone(), after, limit: PAGE_RECORDS, fence: END, now: AS_KEPT };
            let run = match (self.ask)(&Ask::Replay(ask)) {
                Ok(Outcome::Replay(replay)) => match *replay {
                    Replay::Run(run) => run,
                    Replay::Gone { floor } => {
                        return self.say(Some(floor), "replay says that it begins later than the room does");
                    }
                },
                Ok(other) => {
                    self.fault(unexpected(&other));
                    return;
                }
                Err(fault) => match self.fault(fault) {
                    Some(place) if place > after => {
                        after = place;
                        continue;
                    }
                    Some(_) | None => return,
                },
            };
            for item in &run.items {
                let place = item.record.place;
                if place.seq.0 != after.seq.0.saturating_add(1) || state.place_at(place.seq) != place {
                    self.say(Some(place), format!("it does not follow {after}"));
                }
                after = place;
                if !item.record.is_message() {
                    self.key(&item.record);
                    seen(&item.record);
                }
            }
            if run.items.is_empty() {
                return self.say(Some(after), format!("replay ends here, and the room at {}", state.newest));
            }
        }
    }

    fn page(&mut self, thread: Option<Place>, from: PageFrom, limit: usize) -> Option<(Vec<Place>, u64)> {
        let page = PageAsk { room: self.room.clone(), thread, from, limit, fence: END, now: AS_KEPT };
        match (self.ask)(&Ask::Page(page)) {
            Ok(Outcome::Page(page)) => Some((page.records.iter().map(|record| record.place).collect(), page.newer)),
            Ok(other) => {
                self.fault(unexpected(&other));
                None
            }
            Err(fault) => {
                self.fault(fault);
                None
            }
        }
    }

    /// An ordinal leads to its message, and counting gives what was counted.
    fn ordinals(&mut self, state: &RoomState) {
        for (before, place) in std::mem::take(&mut self.kept.marks) {
            let Some((places, _)) = self.page(None, PageFrom::FromOldest(before), 1) else { return };
            if places != [place] {
                self.say(Some(place), format!("message {before} from the oldest is looked for elsewhere"));
            }
        }
        let ask = Ask::Count { room: self.room.clone(), after: Place::START, fence: END };
        match (self.ask)(&ask) {
            Ok(Outcome::Counted(count)) if count == state.messages => {}
            Ok(Outcome::Counted(count)) => {
                self.say(None, format!("{count} messages are counted, not {}", state.messages))
            }
            Ok(other) => {
                self.fault(unexpected(&other));
            }
            Err(fault) => {
                self.fault(fault);
            }
        }
    }

    fn threads(&mut self) {
        for (root, want) in std::mem::take(&mut self.kept.threads) {
            let mut got = Vec::new();
            loop {
                let from = PageFrom::FromOldest(got.len() as u64);
                let Some((places, newer)) = self.page(Some(root), from, PAGE_RECORDS) else { return };
                let over = newer == 0 || places.is_empty();
                got.extend(places);
                if over {
                    break;
                }
            }
            if got != want {
                self.say(Some(root), format!("its thread has {} messages and shows {}", want.len(), got.len()));
            }
        }
    }

    fn expiring(&mut self) {
        let mut want = std::mem::take(&mut self.kept.expiring);
        want.sort_unstable_by_key(|(time, place)| (*time, place.seq));
        let ask = Ask::Expired { room: self.room.clone(), now: Millis::MAX, limit: PAGE_RECORDS };
        let got = match (self.ask)(&ask) {
            Ok(Outcome::Expired(places)) => places,
            Ok(other) => {
                self.fault(unexpected(&other));
                return;
            }
            Err(fault) => {
                self.fault(fault);
                return;
            }
        };
        let more = want.len() > PAGE_RECORDS;
        let want: Vec<Place> = want.into_iter().take(PAGE_RECORDS).map(|(_, place)| place).collect();
        if got != want {
            let place = want.iter().zip(&got).find(|(want, got)| want != got).map(|(want, _)| *want);
            let all = if more { "at least " } else { "" };
            self.say(place, format!("{all}{} messages expire and {} are found by it", want.len(), got.len()));
        }
    }

    fn rows(&mut self, state: &RoomState) {
        for row in &state.rows {
            let ask = Ask::Row { room: self.room.clone(), table: row.table, key: row.key.clone() };
            match (self.ask)(&ask) {
                Ok(Outcome::Row(Some(value))) if value == row.value => {}
                Ok(Outcome::Row(_)) => self.say(None, format!("a row of {} is not found by its key", row.table.word())),
                Ok(other) => {
                    self.fault(unexpected(&other));
                }
                Err(fault) => {
                    self.fault(fault);
                }
            }
        }
    }
}
