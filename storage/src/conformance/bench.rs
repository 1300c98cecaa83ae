//! Carries a check out on one store: hands in, waits for completions, and watches over them all the while.

use super::{Rig, Verdict};
use crate::answer::{
    Completion, Failure, Found, Outcome, Page, Replay, RoomState, RoomsPage, Run, ScanPage, TailPage, Trimmed,
};
use crate::ask::{Ask, Keep, PageAsk, PageFrom, Position, ReplayAsk};
use crate::batch::Batch;
use crate::record::Record;
use crate::store::Ticket;
use crate::table::Table;
use crate::{AckLevel, Millis, Place, RoomKey};
use bytes::Bytes;
use std::collections::BTreeMap;

/// So many waits without the completion that is waited for are a broken promise.
const PATIENCE: u32 = 200_000;

/// The end of a room, for asks that want all of it.
pub const END: Place = Place::new(u64::MAX, u64::MAX);

/// The time of asks that do not care.
pub const NOW: Millis = 1_000_000;

pub struct Bench<'a> {
    rig: &'a mut dyn Rig,
    tickets: u64,
    under_way: BTreeMap<Ticket, UnderWay>,
    finished: BTreeMap<Ticket, Outcome>,
    /// The ticket that completed last, by room and level: tickets rise with submission.
    last: BTreeMap<(RoomKey, AckLevel), Ticket>,
    not_applicable: bool,
}

struct UnderWay {
    /// Of a batch.
    room: Option<RoomKey>,
    level: Option<AckLevel>,
}

macro_rules! answers {
    ($($name:ident($($arg:ident: $type:ty),*) asks $ask:expr, wants $variant:ident: $answer:ty;)+) => {$(
        pub fn $name(&mut self, $($arg: $type),*) -> Verdict<$answer> {
            let outcome = self.ask($ask)?;
            if let Outcome::$variant(answer) = outcome {
                return Ok(answer);
            }
            Err(format!("an ask was answered with {outcome:?}"))
        }
    )+};
}

impl<'a> Bench<'a> {
    pub fn new(rig: &'a mut dyn Rig) -> Bench<'a> {
        Bench {
            rig,
            tickets: 0,
            under_way: BTreeMap::new(),
            finished: BTreeMap::new(),
            last: BTreeMap::new(),
            not_applicable: false,
        }
    }

    pub fn reach(&mut self) -> AckLevel {
        self.rig.store().reach()
    }

    /// Hands in without waiting.
    pub fn submit(&mut self, batch: Batch) -> Ticket {
        let ticket = self.ticket(Some(batch.room.clone()));
        self.rig.store().submit(batch, ticket);
        ticket
    }

    /// Waits for a batch's last completion.
    pub fn outcome(&mut self, ticket: Ticket) -> Verdict<Result<AckLevel, Failure>> {
        let outcome = self.finish(ticket)?;
        if let Outcome::Stored(level) = outcome {
            return Ok(Ok(level));
        }
        let Outcome::Failed(failure) = outcome else { return Err(format!("a batch was answered with {outcome:?}")) };
        Ok(Err(failure))
    }

    /// Writes what must be taken.
    pub fn write(&mut self, batch: Batch) -> Verdict {
        let ticket = self.submit(batch);
        self.outcome(ticket)?.map(drop).map_err(|failure| format!("a sound batch failed: {failure}"))
    }

    /// Writes what must fail.
    pub fn refused(&mut self, batch: Batch) -> Verdict<Failure> {
        let ticket = self.submit(batch);
        match self.outcome(ticket)? {
            Ok(level) => Err(format!("a batch that had to fail was stored, {level:?}")),
            Err(failure) => Ok(failure),
        }
    }

    pub fn ask(&mut self, ask: Ask) -> Verdict<Outcome> {
        let ticket = self.ticket(None);
        self.rig.store().ask(ask, ticket);
        self.finish(ticket)
    }

    answers! {
        load(room: &RoomKey) asks Ask::Load { room: room.clone() }, wants Loaded: Box<RoomState>;
        fetch(room: &RoomKey, places: &[Place]) asks
            Ask::Fetch { room: room.clone(), places: places.to_vec(), now: NOW }, wants Fetched: Vec<Option<Record>>;
        page(room: &RoomKey, from: PageFrom, limit: usize, fence: Place) asks
            Ask::Page(PageAsk { room: room.clone(), thread: None, from, limit, fence, now: NOW }), wants Page: Box<Page>;
        thread(room: &RoomKey, root: Place, from: PageFrom, limit: usize, fence: Place) asks
            Ask::Page(PageAsk { room: room.clone(), thread: Some(root), from, limit, fence, now: NOW }),
            wants Page: Box<Page>;
        row(room: &RoomKey, table: Table, key: &[u8]) asks
            Ask::Row { room: room.clone(), table, key: Bytes::copy_from_slice(key) }, wants Row: Option<Bytes>;
        expired(room: &RoomKey, now: Millis, limit: usize) asks
            Ask::Expired { room: room.clone(), now, limit }, wants Expired: Vec<Place>;
        replay(room: &RoomKey, after: Place, limit: usize, fence: Place) asks
            Ask::Replay(ReplayAsk { room: room.clone(), after, limit, fence, now: NOW }), wants Replay: Box<Replay>;
        count(room: &RoomKey, after: Place, fence: Place) asks
            Ask::Count { room: room.clone(), after, fence }, wants Counted: u64;
        lookup(room: &RoomKey, key: &str) asks
            Ask::Lookup { room: room.clone(), key: Bytes::copy_from_slice(key.as_bytes()) }, wants Found: Option<Found>;
        scan(table: Table, after: Option<(RoomKey, Bytes)>, limit: usize) asks
            Ask::Scan { table, after, limit }, wants Scanned: Box<ScanPage>;
        rooms(after: Option<RoomKey>, limit: usize) asks Ask::Rooms { after, limit }, wants Rooms: Box<RoomsPage>;
        rest(room: &RoomKey) asks Ask::Rest { room: room.clone() }, wants Rested: bool;
        tail(after: Position, limit: usize) asks Ask::Tail { after, limit }, wants Tail: Box<TailPage>;
        trim(room: &RoomKey, keep: Keep, now: Millis) asks
            Ask::Trim { room: room.clone(), keep, now }, wants Trimmed: Trimmed;
    }

    /// Everything that can be replayed, in one go.
    pub fn run(&mut self, room: &RoomKey, after: Place) -> Verdict<Run> {
        match *self.replay(room, after, usize::MAX, END)? {
            Replay::Run(run) => Ok(run),
            Replay::Gone { floor } => Err(format!("replay after {after} should be possible, but begins at {floor}")),
        }
    }

    /// Every message, oldest first.
    pub fn messages(&mut self, room: &RoomKey) -> Verdict<Vec<Record>> {
        Ok(self.page(room, PageFrom::FromOldest(0), usize::MAX, END)?.records)
    }

    /// Crashes the store. False: it does not outlive its process, and the check ends.
    pub fn crash(&mut self) -> bool {
        self.under_way.clear();
        self.not_applicable = !self.rig.crash();
        !self.not_applicable
    }

    pub fn is_not_applicable(&self) -> bool {
        self.not_applicable
    }

    fn ticket(&mut self, room: Option<RoomKey>) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.under_way.insert(ticket, UnderWay { room, level: None });
        ticket
    }

    fn finish(&mut self, ticket: Ticket) -> Verdict<Outcome> {
        let mut out = Vec::new();
        for _ in 0..PATIENCE {
            self.rig.store().poll(&mut out);
            for completion in out.drain(..) {
                self.watch(completion)?;
            }
            if let Some(outcome) = self.finished.remove(&ticket) {
                return Ok(outcome);
            }
            self.rig.wait();
        }
        Err(format!("{ticket:?} never completed"))
    }

    /// Judges a completion by itself: promised levels, rising, in the order of the room.
    fn watch(&mut self, Completion { ticket, outcome }: Completion) -> Verdict {
        let reach = self.reach();
        let Some(waiting) = self.under_way.get_mut(&ticket) else {
            return Err(format!("{ticket:?} completed again or was never handed in: {outcome:?}"));
        };
        if let Outcome::Stored(level) = outcome {
            let Some(room) = waiting.room.clone() else { return Err(format!("an ask was answered with {level:?}")) };
            if level > reach {
                return Err(format!("a store that reaches {reach:?} claims {level:?}"));
            }
            if waiting.level.is_some_and(|before| before >= level) {
                return Err(format!("{level:?} came after {:?} for one batch", waiting.level));
            }
            waiting.level = Some(level);
            let last = self.last.insert((room, level), ticket);
            if last.is_some_and(|last| last > ticket) {
                return Err(format!("{ticket:?} reached {level:?} after {last:?}, which was submitted later"));
            }
            if level < reach {
                return Ok(());
            }
        }
        if matches!(outcome, Outcome::Failed(_)) && waiting.level.is_some() {
            return Err(format!("a batch failed after it had reached {:?}", waiting.level));
        }
        self.under_way.remove(&ticket);
        self.finished.insert(ticket, outcome);
        Ok(())
    }
}

/// The whole of a check's arithmetic: this, or an error that shows both.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, want: T) -> Verdict {
    if got == want { Ok(()) } else { Err(format!("{what}:\n     got {got:?}\n    want {want:?}")) }
}
