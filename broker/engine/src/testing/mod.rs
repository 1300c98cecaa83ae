//! Ports for tests: a sequencer and a store in memory that answer at once or when told to, and fail when told to.

mod tables;

pub use tables::Tables;

use crate::message::{ConnId, Parcel, ShardId};
use crate::ports::{
    Batch, Fact, Fetch, Fetched, Now, Ports, RoomImage, SequenceRequest, Sequenced, Shown, StoreFault, Stored, Ticket,
    Verdict,
};
use crate::settings::{Decides, Keep, Limits, RealmSettings, RoomClass, Settings};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{AckLevel, Epoch, Name, Place, Realm, RoomHandle, RoomKey, RoomKind, Seq};
use rookery_protocol::principal::{Powers, Principal, Profile};
use rookery_protocol::reply::Refusal;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Which answers come later, as facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    pub sequence: bool,
    pub submit: bool,
    pub load: bool,
    pub fetch: bool,
}

#[derive(Default)]
pub struct FakePorts {
    pub late: Late,
    pub stores: BTreeMap<RoomKey, Tables>,
    /// Writes fail, and the next run has this number; the one after that the next, as no number is given twice.
    pub fail_writes: Option<Epoch>,
    pub fail_reads: bool,
    /// The next proposals are answered so, instead of with a place.
    pub sequencer_says: VecDeque<Sequenced>,
    /// Late answers, in the order of asking.
    pub facts: VecDeque<Fact>,
    pub sent: Vec<(ShardId, Parcel)>,
    /// Rooms that were said to rest.
    pub rests: Vec<RoomKey>,
    /// What trims were to leave.
    pub trims: Vec<Keep>,
    /// Calls of each kind.
    pub counts: Counts,
    highest: BTreeMap<RoomKey, Place>,
    /// The highest run that a failure gave.
    run: Epoch,
    /// Batches that the store has but has not answered.
    under_way: VecDeque<(Ticket, Batch)>,
    /// Batches that are confirmed and have not settled.
    pub unsettled: Vec<(Ticket, RoomHandle)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub loads: usize,
    pub fetches: usize,
    pub batches: usize,
}

impl FakePorts {
    pub fn new(late: Late) -> FakePorts {
        FakePorts { late, ..FakePorts::default() }
    }

    pub fn store(&mut self, room: &RoomKey) -> &mut Tables {
        self.stores.entry(room.clone()).or_default()
    }

    /// The store takes what it has, or fails it, and answers.
    pub fn settle(&mut self) {
        while let Some((ticket, batch)) = self.under_way.pop_front() {
            let room = batch.handle;
            let answer = self.write(batch);
            if answer == Stored::Done {
                self.unsettled.push((ticket, room));
            }
            self.facts.push_back(Fact::Stored { room, ticket, answer });
        }
    }

    /// What is confirmed settles, and answers once more.
    pub fn settle_far(&mut self) {
        for (ticket, room) in self.unsettled.drain(..) {
            self.facts.push_back(Fact::Stored { room, ticket, answer: Stored::Settled });
        }
    }

    /// Another node numbers an event of the room.
    pub fn foreign_place(&mut self, room: &RoomKey, run: Epoch) -> Place {
        let last = self.stores.get(room).map_or(Place::START, |tables| tables.last);
        let highest = self.highest.entry(room.clone()).or_insert(last);
        *highest = Place { epoch: highest.epoch.max(run), seq: Seq(highest.seq.0 + 1) };
        *highest
    }

    /// The node goes down: of each room, so many batches that were under way are stored, and nothing is answered.
    pub fn crash(&mut self, stored: usize) {
        let mut left: BTreeMap<RoomKey, usize> = BTreeMap::new();
        for (_, batch) in std::mem::take(&mut self.under_way) {
            let left = left.entry(batch.room.clone()).or_insert(stored);
            if *left > 0 {
                *left -= 1;
                self.write(batch);
            }
        }
        self.facts.clear();
        self.highest.clear();
    }

    /// What was submitted while nobody knew yet that a batch of the room had failed fails too.
    fn write(&mut self, batch: Batch) -> Stored {
        let failed = |answer: &Stored| matches!(answer, Stored::Failed { .. });
        if self.fail_writes.is_some() || self.unheard(batch.handle).any(failed) {
            let run = self.fail_writes.unwrap_or_default().max(Epoch(self.run.0 + 1));
            self.run = run;
            return Stored::Failed { run };
        }
        self.stores.entry(batch.room.clone()).or_default().write(&batch);
        Stored::Done
    }

    /// Answers about a room's batches that are under way.
    fn unheard(&self, handle: RoomHandle) -> impl Iterator<Item = &Stored> {
        self.facts.iter().filter_map(move |fact| {
            let Fact::Stored { room, answer, .. } = fact else { return None };
            (*room == handle).then_some(answer)
        })
    }
}

impl FakePorts {
    fn said_in(&self, realm: &Realm, user: &Name, after: Option<&RoomKey>, limit: usize) -> Fetched {
        let says = |tables: &Tables| tables.records.values().any(|m| m.sender == *user && !m.is_deleted());
        let rooms = self.stores.iter().filter(|(key, tables)| key.realm == *realm && says(tables));
        let mut rooms: Vec<RoomKey> =
            rooms.map(|(key, _)| key.clone()).filter(|key| after.is_none_or(|after| key > after)).collect();
        let reached = rooms.get(limit.saturating_sub(1)).filter(|_| rooms.len() > limit).cloned();
        rooms.truncate(limit);
        Fetched::Rooms { rooms, reached }
    }
}

impl Ports for FakePorts {
    fn lane_room(&self, _to: ShardId) -> usize {
        usize::MAX
    }

    fn send(&mut self, to: ShardId, parcel: Parcel) {
        self.sent.push((to, parcel));
    }

    fn sequence(&mut self, ticket: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced> {
        let highest = self.highest.entry(request.room.clone()).or_default();
        // A run that is new to the sequencer goes on where its asker says.
        let base = if request.run > highest.epoch { request.after } else { request.after.max(*highest) };
        let answer = match self.sequencer_says.pop_front() {
            Some(answer) => answer,
            None if request.expect.is_some_and(|expected| expected != base) => Sequenced::Unexpected,
            None => {
                *highest = Place { epoch: request.run, seq: Seq(base.seq.0 + 1) };
                Sequenced::Placed(*highest)
            }
        };
        if self.late.sequence {
            self.facts.push_back(Fact::Sequenced { room: request.handle, ticket, answer });
            return None;
        }
        Some(answer)
    }

    fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored> {
        self.counts.batches += 1;
        // What was submitted before is written and answered before.
        let waits = self.under_way.iter().any(|(_, earlier)| earlier.room == batch.room);
        if self.late.submit || waits || self.unheard(batch.handle).next().is_some() {
            self.under_way.push_back((ticket, batch));
            return None;
        }
        Some(self.write(batch))
    }

    fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>> {
        self.counts.loads += 1;
        let image = self.stores.get(room).map(Tables::image).unwrap_or_default();
        let image = if self.fail_reads { Err(StoreFault) } else { Ok(Box::new(image)) };
        if self.late.load {
            self.facts.push_back(Fact::Loaded { room: handle, ticket, image });
            return None;
        }
        Some(image)
    }

    fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>> {
        self.counts.fetches += 1;
        if let Fetch::Trim { keep, .. } = what {
            self.trims.push(*keep);
        }
        let found = match what {
            Fetch::SaidIn { user, after, limit } => self.said_in(&room.realm, user, after.as_ref(), *limit as usize),
            Fetch::Message(_)
            | Fetch::Key { .. }
            | Fetch::Stream { .. }
            | Fetch::Page { .. }
            | Fetch::Replay { .. }
            | Fetch::BySender { .. }
            | Fetch::Expired { .. }
            | Fetch::Trim { .. } => self.stores.entry(room.clone()).or_default().fetch(what),
        };
        let answer = if self.fail_reads { Err(StoreFault) } else { Ok(found) };
        if self.late.fetch {
            self.facts.push_back(Fact::Fetched { room: handle, ticket, answer });
            return None;
        }
        Some(answer)
    }

    fn rests(&mut self, room: &RoomKey) {
        self.rests.push(room.clone());
    }

    /// The token is the user's name.
    fn verify(&mut self, _ticket: Ticket, _: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        let user = Name::new(shown.token).map_err(|_| Refusal::new(ErrorCode::BadToken));
        Some(user.map(|user| Principal { realm: shown.realm.clone(), ..principal(user.as_str()) }))
    }
}

pub const REALM: Realm = Name::literal("main");

/// An ordinary user of the realm `main`. Panics if the name is none.
pub fn principal(user: &str) -> Principal {
    let Ok(user) = Name::new(user) else { panic!("{user:?} is no name") };
    Principal {
        realm: REALM,
        user,
        profile: Profile::default(),
        claims: Vec::new(),
        can: None,
        organisation: None,
        powers: Powers::default(),
        expires_at: None,
        token_id: None,
        issued_at: 0,
    }
}

pub fn backend() -> Principal {
    Principal { powers: Powers { backend: true, any_realm: false }, ..principal("backend") }
}

pub fn room(kind: RoomKind, name: &str) -> RoomKey {
    let Ok(name) = Name::new(name) else { panic!("{name:?} is no name") };
    RoomKey { realm: REALM, kind, name }
}

pub fn settings(class: RoomClass, reach: AckLevel, limits: Limits) -> Arc<Settings> {
    Arc::new(Settings {
        shard: ShardId(0),
        shards: 1,
        run: Epoch(100),
        placement_key: 7,
        reach,
        confirms: reach,
        realms: vec![RealmSettings {
            realm: REALM,
            classes: vec![Arc::new(class)],
            token_life_ms: 0,
            hook: Decides::default(),
        }],
        limits,
    })
}

pub fn at(ms: u64) -> Now {
    Now { mono: ms, wall: 1_700_000_000_000 + ms }
}
