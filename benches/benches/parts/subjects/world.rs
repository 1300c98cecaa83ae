//! A world that says yes to everything at once and keeps nothing, so that only the engine is measured.

use super::values::EPOCH;
use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Fetch, Fetched, Now, Ports, RoomImage, SequenceRequest, Sequenced, Shown, StoreFault, Stored, Ticket,
    Verdict,
};
use rookery_engine::settings::{Limits, RealmSettings, RoomClass, Settings};
use rookery_protocol::ids::{AckLevel, Epoch, Name, Place, Realm, RoomHandle, RoomKey, Seq};
use rookery_protocol::principal::Principal;
use std::sync::Arc;

pub struct Yes;

pub const HERE: ShardId = ShardId(0);

pub fn at(ms: u64) -> Now {
    Now { mono: ms, wall: 1_790_000_000_000 + ms }
}

/// No rate is limited.
pub fn settings() -> Arc<Settings> {
    let class = RoomClass { events_per_second: 1 << 30, events_burst: 1 << 30, ..RoomClass::default() };
    let realms = vec![RealmSettings {
        realm: Name::literal("main"),
        classes: vec![Arc::new(class)],
        token_life_ms: 0,
        hook: Default::default(),
    }];
    let limits = Limits { commands_per_second: 0, user_commands_per_second: 0, ..Limits::default() };
    Arc::new(Settings {
        shard: HERE,
        shards: 1,
        run: Epoch(EPOCH),
        placement_key: 1,
        reach: AckLevel::Local,
        confirms: AckLevel::Local,
        realms,
        limits,
    })
}

pub fn principal(realm: Realm, user: Name) -> Principal {
    Principal {
        realm,
        user,
        profile: Default::default(),
        claims: Vec::new(),
        can: None,
        organisation: None,
        powers: Default::default(),
        expires_at: None,
        token_id: None,
        issued_at: 0,
    }
}

impl Ports for Yes {
    fn lane_room(&self, _: ShardId) -> usize {
        usize::MAX
    }

    fn send(&mut self, _: ShardId, _: Parcel) {}

    fn sequence(&mut self, _: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced> {
        Some(Sequenced::Placed(Place { epoch: request.run, seq: Seq(request.after.seq.0 + 1) }))
    }

    fn submit(&mut self, _: Ticket, _: Batch) -> Option<Stored> {
        Some(Stored::Done)
    }

    fn load(&mut self, _: Ticket, _: RoomHandle, _: &RoomKey) -> Option<Result<Box<RoomImage>, StoreFault>> {
        Some(Ok(Box::default()))
    }

    fn fetch(&mut self, _: Ticket, _: RoomHandle, _: &RoomKey, _: &Fetch) -> Option<Result<Fetched, StoreFault>> {
        Some(Err(StoreFault))
    }

    /// The token is the user's name.
    fn verify(&mut self, _: Ticket, _: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        Some(Ok(principal(shown.realm.clone(), Name::new(shown.token).ok()?)))
    }
}
