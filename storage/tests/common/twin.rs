//! Memory stores that break one promise each, on purpose.

use super::memory;
use rookery_protocol::ids::RoomKind;
use rookery_storage::answer::{Completion, Failure, Outcome, Replay, Run};
use rookery_storage::ask::{Ask, Keep, PageFrom};
use rookery_storage::batch::{Batch, Cut, Row};
use rookery_storage::conformance::bench::END;
use rookery_storage::memory::Memory;
use rookery_storage::{AckLevel, Epoch, Kind, Place, Record, RoomKey, Seq, State, Store, Ticket};
use std::collections::BTreeMap;

/// What is wrong with a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    RowsAreLeftOut,
    FailureLeavesEvents,
    CompletionsAreReversed,
    UnknownRoomHasOrdinalZero,
    TimeIsForgotten,
    ClaimsDurable,
    CompletesTwice,
    FailureIsFilledUp,
    LastBatchIsNotSeen,
    LastRewriteWins,
    VersionsCompareBySeq,
    DeletionIsIgnored,
    RewriteChangesTime,
    RewriteFindsAnother,
    KeysOutliveTheirRecords,
    EpochsAreOnlyTheFirst,
    EpochsNeverGo,
    CutIsIgnored,
    RemovalKeepsRows,
    FenceIsIgnored,
    PageIsOffByOne,
    StubsAreHidden,
    ThreadsAreIgnored,
    VoidsAreNotReplayed,
    ReplayShowsThePosted,
    NothingIsGone,
    NothingIsRetracted,
    OldKeysAreForgotten,
    FirstRowWriteWins,
    LoadLeavesOutARow,
    RestIsNeverOver,
    ScanEndsWithARoom,
    RoomsAreThoseWithRows,
    RowsOutliveTheirMessage,
    TrimTakesOneMore,
    OneRangeForAll,
    TrimForgetsOrdinals,
    ExpiredIsShown,
    TailIsReversed,
    TailShowsFailures,
    KindsAreMixed,
    CountIsSometimesWrong,
}

pub struct Twin {
    flaw: Flaw,
    inner: Memory,
    done: Vec<Completion>,
    held: Option<Batch>,
    failed: Vec<Batch>,
    rewrites: u64,
    posted: BTreeMap<(RoomKey, Place), Record>,
    keys: BTreeMap<Vec<u8>, Place>,
    epochs: BTreeMap<RoomKey, Vec<(Epoch, Seq)>>,
    rested: BTreeMap<RoomKey, Vec<Row>>,
}

impl Twin {
    pub fn new(flaw: Flaw) -> Twin {
        Twin {
            flaw,
            inner: memory(),
            done: Vec::new(),
            held: None,
            failed: Vec::new(),
            rewrites: 0,
            posted: BTreeMap::new(),
            keys: BTreeMap::new(),
            epochs: BTreeMap::new(),
            rested: BTreeMap::new(),
        }
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn written(&mut self, batch: Batch) -> Outcome {
        self.inner.submit(batch, Ticket(0));
        self.only()
    }

    fn asked(&mut self, ask: Ask) -> Outcome {
        self.inner.ask(ask, Ticket(0));
        self.only()
    }

    fn only(&mut self) -> Outcome {
        let mut out = Vec::new();
        self.inner.poll(&mut out);
        assert_eq!(out.len(), 1);
        out.remove(0).outcome
    }

    fn spoil_batch(&mut self, batch: &mut Batch) {
        match self.flaw {
            Flaw::RowsAreLeftOut if !batch.events.is_empty() => batch.rows.clear(),
            Flaw::TimeIsForgotten => batch.events.iter_mut().for_each(|record| record.time = 0),
            Flaw::LastRewriteWins => {
                for rewrite in &mut batch.rewrites {
                    self.rewrites += 1;
                    rewrite.version.epoch.0 = (1 << 40) + self.rewrites;
                }
            }
            Flaw::VersionsCompareBySeq => {
                batch.rewrites.iter_mut().for_each(|rewrite| rewrite.version.epoch = Epoch(1 << 40));
            }
            Flaw::DeletionIsIgnored => batch.rewrites.retain(|rewrite| !rewrite.deleted),
            Flaw::RewriteFindsAnother => self.find_others(batch),
            Flaw::CutIsIgnored if matches!(batch.cut, Cut::Above(_)) => batch.cut = Cut::Nothing,
            Flaw::RemovalKeepsRows if batch.cut == Cut::Everything && batch.events.is_empty() => {
                batch.cut = Cut::Above(Place::START);
            }
            Flaw::FirstRowWriteWins => batch.rows.reverse(),
            Flaw::KindsAreMixed => batch.room.kind = RoomKind::Room,
            _ => {}
        }
    }

    fn find_others(&mut self, batch: &mut Batch) {
        for rewrite in &mut batch.rewrites {
            let key = (batch.room.clone(), rewrite.target);
            let known = self.posted.contains_key(&key) || batch.events.iter().any(|r| r.place == rewrite.target);
            let other = self.posted.keys().find(|(room, _)| *room == batch.room);
            if let (false, Some((_, place))) = (known, other) {
                rewrite.target = *place;
            }
        }
    }

    fn remember(&mut self, batch: &Batch) {
        for record in &batch.events {
            if let Some(key) = &record.key {
                self.keys.insert(key.to_vec(), record.place);
            }
            if record.is_message() {
                self.posted.insert((batch.room.clone(), record.place), record.clone());
            }
            let epochs = self.epochs.entry(batch.room.clone()).or_default();
            if epochs.last().is_none_or(|(epoch, _)| *epoch < record.place.epoch) {
                epochs.push((record.place.epoch, record.place.seq));
            }
        }
    }

    fn spoil_ask(&mut self, ask: &mut Ask) {
        match ask {
            Ask::Page(page) => {
                if self.is(Flaw::FenceIsIgnored) {
                    page.fence = END;
                }
                if self.is(Flaw::ThreadsAreIgnored) {
                    page.thread = None;
                }
                if self.is(Flaw::ExpiredIsShown) {
                    page.now = 0;
                }
                if let (PageFrom::FromNewest(n), true) = (&mut page.from, self.flaw == Flaw::PageIsOffByOne) {
                    *n = n.saturating_add(1);
                }
            }
            Ask::Replay(replay) if self.is(Flaw::FenceIsIgnored) => replay.fence = END,
            Ask::Trim { keep, .. } => {
                if self.is(Flaw::TrimTakesOneMore) && *keep != Keep::ALL {
                    keep.messages = keep.messages.saturating_sub(1);
                }
                if self.is(Flaw::OneRangeForAll) {
                    keep.messages = keep.messages.min(keep.changes);
                    keep.changes = keep.messages;
                }
            }
            Ask::Load { room } if self.is(Flaw::KindsAreMixed) => room.kind = RoomKind::Room,
            Ask::Lookup { room, .. } if self.is(Flaw::KindsAreMixed) => room.kind = RoomKind::Room,
            _ => {}
        }
    }

    fn spoil_answer(&mut self, ask: &Ask, outcome: &mut Outcome) {
        match (outcome, ask) {
            (Outcome::Loaded(state), Ask::Load { room }) => match self.flaw {
                Flaw::UnknownRoomHasOrdinalZero if !state.exists() => state.next_ordinal = 0,
                Flaw::TrimForgetsOrdinals if state.messages == 0 => state.next_ordinal = 1,
                Flaw::EpochsAreOnlyTheFirst => state.epochs.truncate(1),
                Flaw::EpochsNeverGo => state.epochs = self.epochs.get(room).cloned().unwrap_or_default(),
                Flaw::RestIsNeverOver => {
                    state.rows = self.rested.get(room).cloned().unwrap_or(std::mem::take(&mut state.rows))
                }
                Flaw::LoadLeavesOutARow if state.rows.len() > 5 => drop(state.rows.pop()),
                _ => {}
            },
            (Outcome::Page(page), _) => {
                if self.is(Flaw::StubsAreHidden) {
                    page.records.retain(|r| !matches!(r.kind, Kind::Message { state: State::Deleted, .. }));
                }
                if self.is(Flaw::RewriteChangesTime) {
                    for record in &mut page.records {
                        if matches!(record.kind, Kind::Message { version, .. } if version != record.place) {
                            record.time += 1;
                        }
                    }
                }
            }
            (Outcome::Replay(replay), Ask::Replay(ask)) => match (&mut **replay, self.flaw) {
                (Replay::Run(run), Flaw::VoidsAreNotReplayed) => run.items.retain(|i| i.record.kind != Kind::Void),
                (Replay::Run(run), Flaw::NothingIsRetracted) => run.retract = None,
                (Replay::Run(run), Flaw::ReplayShowsThePosted) => {
                    for item in &mut run.items {
                        if let Some(posted) = self.posted.get(&(ask.room.clone(), item.record.place)) {
                            item.record = posted.clone();
                        }
                    }
                }
                (Replay::Gone { .. }, Flaw::NothingIsGone) => {
                    **replay = Replay::Run(Run { retract: None, items: vec![], reached: ask.after, more: false });
                }
                _ => {}
            },
            (Outcome::Counted(count), _) if self.is(Flaw::CountIsSometimesWrong) && *count == 7 => *count += 1,
            (Outcome::Found(found), Ask::Lookup { key, .. }) => match self.flaw {
                Flaw::OldKeysAreForgotten if found.is_some_and(|found| found.place.seq.0 < 20) => *found = None,
                Flaw::KeysOutliveTheirRecords if found.is_none() => {
                    let place = self.keys.get(&key[..]).copied();
                    *found = place.map(|place| rookery_storage::Found { place, ordinal: None });
                }
                _ => {}
            },
            (Outcome::Scanned(page), _) if self.is(Flaw::ScanEndsWithARoom) => {
                let first = page.rows.first().map(|(room, _)| room.clone());
                page.rows.retain(|(room, _)| Some(room) == first.as_ref());
            }
            (Outcome::Rooms(page), _) if self.is(Flaw::RoomsAreThoseWithRows) => {
                let has_rows = |room: &RoomKey| match self.asked(Ask::Load { room: room.clone() }) {
                    Outcome::Loaded(state) => !state.rows.is_empty(),
                    _ => false,
                };
                page.rooms.retain(has_rows);
            }
            (Outcome::Rested(_), Ask::Rest { room }) => {
                if let Outcome::Loaded(state) = self.asked(Ask::Load { room: room.clone() }) {
                    self.rested.insert(room.clone(), state.rows);
                }
            }
            (Outcome::Tail(page), _) => match self.flaw {
                Flaw::TailIsReversed => page.batches.reverse(),
                Flaw::TailShowsFailures => {
                    if let (Some(last), Some(batch)) = (page.batches.last_mut(), self.failed.first()) {
                        last.1 = batch.clone();
                    }
                }
                _ => {}
            },
            _ => {}
        }
    }
}

impl Store for Twin {
    fn reach(&self) -> AckLevel {
        AckLevel::Accepted
    }

    fn window(&self) -> usize {
        usize::MAX
    }

    fn submit(&mut self, mut batch: Batch, ticket: Ticket) {
        self.spoil_batch(&mut batch);
        let told = batch.clone();
        let outcome = if self.is(Flaw::LastBatchIsNotSeen) && batch.check().is_ok() && batch.cut == Cut::Nothing {
            match self.held.replace(batch) {
                Some(before) => self.written(before),
                None => Outcome::Stored(AckLevel::Accepted),
            }
        } else {
            self.written(batch)
        };
        match outcome {
            Outcome::Failed(Failure::Invalid) => {
                let mut left = told.clone();
                left.rewrites.clear();
                left.rows.clear();
                left.events.truncate(1);
                if self.is(Flaw::FailureLeavesEvents) {
                    self.written(left);
                } else if self.is(Flaw::FailureIsFilledUp) {
                    left.events.iter_mut().for_each(|record| record.payload.truncate(1));
                    self.written(left);
                }
                self.failed.push(told);
            }
            _ => self.remember(&told),
        }
        let outcome = match outcome {
            Outcome::Stored(_) if self.is(Flaw::ClaimsDurable) => Outcome::Stored(AckLevel::Durable),
            other => other,
        };
        if self.is(Flaw::CompletesTwice) {
            self.done.push(Completion { ticket, outcome: outcome.clone() });
        }
        self.done.push(Completion { ticket, outcome });
    }

    fn ask(&mut self, mut ask: Ask, ticket: Ticket) {
        self.spoil_ask(&mut ask);
        let rows = match &ask {
            Ask::Trim { room, .. } if self.is(Flaw::RowsOutliveTheirMessage) => {
                match self.asked(Ask::Load { room: room.clone() }) {
                    Outcome::Loaded(state) => Some((room.clone(), state.rows)),
                    _ => None,
                }
            }
            _ => None,
        };
        let mut outcome = self.asked(ask.clone());
        self.spoil_answer(&ask, &mut outcome);
        if let Some((room, rows)) = rows {
            use rookery_storage::RowWrite;
            let rows =
                rows.into_iter().map(|r| RowWrite { table: r.table, key: r.key, value: Some(r.value) }).collect();
            self.written(Batch { rows, ..Batch::new(room) });
        }
        self.done.push(Completion { ticket, outcome });
    }

    fn poll(&mut self, out: &mut Vec<Completion>) {
        if self.is(Flaw::CompletionsAreReversed) {
            self.done.reverse();
        }
        out.append(&mut self.done);
    }
}
