//! Random histories, told to an engine and to the naive store alike; every answer must be the same.
//!
//! A story is made from a list of numbers, so that a seed or a shrinking test can tell it.

use super::bench::{Bench, same};
use super::naive::Naive;
use super::say::{self, At};
use super::{Check, Verdict};
use crate::answer::{Completion, Outcome, RoomState};
use crate::ask::{Ask, Keep, PageAsk, PageFrom, ReplayAsk};
use crate::batch::{Batch, Cut};
use crate::dice::Dice;
use crate::record::Record;
use crate::store::{Store, Ticket};
use crate::table::Table;
use crate::{Millis, Place, RoomKey};

pub(super) const CHECKS: &[Check] =
    &[Check { promise: 0, name: "random histories are answered as the naive store answers them", run: seeded }];

const SEEDS: u64 = 24;
const STEPS: usize = 150;

fn seeded(bench: &mut Bench<'_>) -> Verdict {
    // Each story has rooms of its own: the store goes on.
    const NAMES: [&str; 3] = ["a", "b", "c"];
    const REALMS: [&str; SEEDS as usize] = [
        "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "r16",
        "r17", "r18", "r19", "r20", "r21", "r22", "r23",
    ];
    for (seed, realm) in REALMS.into_iter().enumerate() {
        let rooms = NAMES.map(|name| say::room_of(realm, rookery_protocol::ids::RoomKind::Room, name));
        let mut dice = Dice::new(seed as u64);
        let numbers: Vec<u64> = (0..STEPS).map(|_| dice.roll()).collect();
        tell(bench, &rooms, &numbers).map_err(|what| format!("story {seed}: {what}"))?;
    }
    Ok(())
}

/// Tells one story, a step per number.
pub fn tell(bench: &mut Bench<'_>, rooms: &[RoomKey], numbers: &[u64]) -> Verdict {
    let mut teller = Teller { naive: Naive::default(), now: 1000, keys: 0, last_epoch: 0 };
    for (step, number) in numbers.iter().enumerate() {
        let mut dice = Dice::new(*number);
        let room = &rooms[dice.below(rooms.len() as u64) as usize];
        let told = match number % 16 {
            0..=7 => teller.write(bench, room, &mut dice),
            8 => teller.trim(bench, room, &mut dice),
            _ => teller.read(bench, room, &mut dice),
        };
        told.map_err(|what| format!("step {step}, number {number}: {what}"))?;
        teller.now += dice.below(40);
    }
    Ok(())
}

struct Teller {
    naive: Naive,
    now: Millis,
    keys: u64,
    last_epoch: u64,
}

impl Teller {
    fn naive(&mut self, ask: Ask) -> Verdict<Outcome> {
        self.naive.ask(ask, Ticket(0));
        let mut out = Vec::new();
        self.naive.poll(&mut out);
        out.pop().map(|Completion { outcome, .. }| outcome).ok_or_else(|| "the naive store is silent".to_owned())
    }

    fn state(&mut self, room: &RoomKey) -> Verdict<RoomState> {
        let outcome = self.naive(Ask::Load { room: room.clone() })?;
        let Outcome::Loaded(state) = outcome else { return Err(format!("the naive store answered {outcome:?}")) };
        Ok(*state)
    }

    /// Messages by their places, for what refers to one.
    fn messages(&mut self, room: &RoomKey) -> Verdict<Vec<At>> {
        let ask = PageAsk {
            room: room.clone(),
            thread: None,
            from: PageFrom::Newest,
            limit: usize::MAX,
            fence: super::bench::END,
            now: self.now,
        };
        let outcome = self.naive(Ask::Page(ask))?;
        let Outcome::Page(page) = outcome else { return Err(format!("the naive store answered {outcome:?}")) };
        Ok(page.records.iter().map(|record| (record.place.epoch.0, record.place.seq.0)).collect())
    }

    fn both(&mut self, bench: &mut Bench<'_>, ask: Ask) -> Verdict {
        let got = bench.ask(ask.clone())?;
        let want = self.naive(ask.clone())?;
        same(&format!("{ask:?}"), got, want)
    }

    fn write(&mut self, bench: &mut Bench<'_>, room: &RoomKey, dice: &mut Dice) -> Verdict {
        let batch = self.batch(room, dice)?;
        bench.write(batch.clone()).map_err(|what| format!("{what}, of {batch:?}"))?;
        self.naive.submit(batch.clone(), Ticket(0));
        let mut out = Vec::new();
        self.naive.poll(&mut out);
        let taken = out.iter().all(|completion| matches!(completion.outcome, Outcome::Stored(_)));
        same(&format!("the naive store takes {batch:?}"), taken, true)?;
        self.both(bench, Ask::Load { room: room.clone() })
    }

    /// A sound batch: cut or not, in a new epoch or not, with events of every kind and what they bring along.
    fn batch(&mut self, room: &RoomKey, dice: &mut Dice) -> Verdict<Batch> {
        let state = self.state(room)?;
        let mut messages = self.messages(room)?;
        let mut batch = Batch::new(room.clone());
        let (mut end, mut sealed) = (state.newest, state.sealed.is_some());
        let back = dice.below(4).min(end.seq.0.saturating_sub(state.floor.seq.0));
        let lower = |seq: u64| {
            let epoch = state.epochs.iter().rev().find(|(_, first)| first.0 <= seq);
            epoch.map_or(Place::START, |(epoch, _)| Place { epoch: *epoch, seq: crate::Seq(seq) })
        };
        let mut fresh = false;
        match dice.below(24) {
            0 => {
                end = lower(end.seq.0 - back);
                batch.cut = Cut::Above(end);
                sealed = true;
            }
            1 => {
                batch.cut = Cut::Everything;
                sealed = true;
                fresh = true;
                messages.clear();
            }
            2 | 3 => {
                end = lower(end.seq.0 - back);
                sealed = true;
            }
            _ => {}
        }
        messages.retain(|at| at.1 <= end.seq.0);
        let kept = self.messages(room)?.iter().filter(|at| at.1 > end.seq.0).count() as u64;
        let mut next_ordinal = if fresh { 1 } else { state.next_ordinal - kept };
        self.last_epoch = self.last_epoch.max(end.epoch.0).max(state.newest.epoch.0);
        if sealed || end == Place::START || dice.per_mille(50) {
            self.last_epoch += 1 + dice.below(3);
            end.epoch.0 = self.last_epoch;
        }
        let only_cut = batch.cut != Cut::Nothing && dice.per_mille(500);
        let count = if only_cut { 0 } else { 1 + dice.below(5) };
        for seq in (1..=count).map(|n| end.seq.0 + n) {
            let at = (end.epoch.0, seq);
            let mut record = self.event(at, next_ordinal, &messages, &mut batch, dice);
            record.time = self.now.saturating_sub(dice.below(100));
            if record.is_message() {
                next_ordinal += 1;
                messages.push(at);
            }
            batch.events.push(record);
        }
        // A late rewrite, of an old or of no version.
        if dice.per_mille(200) {
            let at = pick(&messages, dice).unwrap_or((1, 1));
            let version = (at.0 + dice.below(3), at.1 + 1 + dice.below(30));
            batch.rewrites.push(say::rewrite(at, version, "late"));
        }
        if dice.per_mille(400) {
            let key = format!("{}", dice.below(5));
            let put = dice.per_mille(700);
            batch.rows.push(if put { say::put(Table::Members, key, "row") } else { say::unput(Table::Members, key) });
        }
        Ok(batch)
    }

    fn event(&mut self, at: At, ordinal: u64, messages: &[At], batch: &mut Batch, dice: &mut Dice) -> Record {
        let text = format!("text {}", dice.below(1000));
        if let (0..=2, Some(root)) = (dice.below(12), root(messages, dice)) {
            return say::reply(at, ordinal, root, &text);
        }
        let record = match (dice.below(10), pick(messages, dice)) {
            (0..=3, _) => say::message(at, ordinal, &text),
            (4, _) => say::expiring(at, ordinal, &text, self.now + dice.below(200)),
            (5, Some(target)) => {
                batch.rewrites.push(say::rewrite(target, at, &text));
                say::edit(at, target)
            }
            (6, Some(target)) => {
                batch.rewrites.push(say::deletion(target, at, "stub"));
                say::edit(at, target)
            }
            (7, Some(target)) => {
                batch.rows.push(say::put(Table::Reactions, say::of(target, &text), "x"));
                say::mark(at, target, &text)
            }
            (8, _) => return say::void(at),
            _ => say::change(at, &text),
        };
        if !dice.per_mille(500) {
            return record;
        }
        self.keys += 1;
        say::keyed(record, &format!("key {}", self.keys))
    }

    fn trim(&mut self, bench: &mut Bench<'_>, room: &RoomKey, dice: &mut Dice) -> Verdict {
        let mut keep = Keep::ALL;
        match dice.below(6) {
            0 => keep.messages = dice.below(20),
            1 => keep.changes = dice.below(20),
            2 => keep.messages_since = self.now.saturating_sub(dice.below(400)),
            3 => keep.changes_since = self.now.saturating_sub(dice.below(400)),
            4 => keep.bytes = dice.below(4000) as usize,
            _ => {}
        }
        self.both(bench, Ask::Trim { room: room.clone(), keep, now: self.now })?;
        self.both(bench, Ask::Load { room: room.clone() })
    }

    fn read(&mut self, bench: &mut Bench<'_>, room: &RoomKey, dice: &mut Dice) -> Verdict {
        let state = self.state(room)?;
        let mut place = |beyond: u64| {
            let seq = dice.below(state.newest.seq.0 + 1 + beyond);
            let own = state.epochs.iter().rev().find(|(_, first)| first.0 <= seq).map_or(0, |(epoch, _)| epoch.0);
            let epoch = if dice.per_mille(800) { own } else { dice.below(state.newest.epoch.0 + 2) };
            Place::new(epoch, seq)
        };
        let (one, other, fence) = (place(3), place(3), place(3));
        let fence = if dice.per_mille(600) { super::bench::END } else { fence };
        let (room, now) = (room.clone(), self.now);
        let limit = [0, 1, 3, 10, usize::MAX][dice.below(5) as usize];
        let n = dice.below(20);
        let from = match dice.below(6) {
            0 => PageFrom::Newest,
            1 => PageFrom::Before(one),
            2 => PageFrom::After(one),
            3 => PageFrom::Around(one),
            4 => PageFrom::FromOldest(n),
            _ => PageFrom::FromNewest(n),
        };
        let thread = if dice.per_mille(500) { root(&self.messages(&room)?, dice).map(say::place) } else { None };
        let ask = match dice.below(12) {
            0 => Ask::Fetch { places: vec![one, other, fence], room, now },
            1 => Ask::Count { room, after: one, fence },
            2 => Ask::Expired { room, now, limit },
            3 => Ask::Row { room, table: Table::Members, key: say::bytes(n.to_string()) },
            4 | 5 => Ask::Lookup { room, key: say::bytes(format!("key {}", dice.below(self.keys + 2))) },
            6 | 7 => Ask::Replay(ReplayAsk { room, after: one, limit, fence, now }),
            _ => Ask::Page(PageAsk { room, thread, from, limit, fence, now }),
        };
        self.both(bench, ask)
    }
}

fn pick(messages: &[At], dice: &mut Dice) -> Option<At> {
    let at = dice.below(messages.len() as u64) as usize;
    messages.get(at).copied()
}

/// One of the oldest, so that threads get long.
fn root(messages: &[At], dice: &mut Dice) -> Option<At> {
    pick(&messages[..messages.len().min(3)], dice)
}
