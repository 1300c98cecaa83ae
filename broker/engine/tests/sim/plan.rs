//! What a seed makes of a run: how large the world is, and what goes wrong in it.

use crate::rng::Rng;
use rookery_engine::settings::{Decides, Deliver, Limits, OnFailure, RealmSettings, RoomClass, SecondConnection};
use rookery_protocol::command::Access;
use rookery_protocol::ids::{AckLevel, Name, RoomKey, RoomKind};
use std::collections::HashSet;
use std::sync::Arc;

pub const REALM: Name = Name::literal("main");

#[derive(Debug)]
pub struct Plan {
    pub seed: u64,
    pub shards: u8,
    pub users: u64,
    pub clients: usize,
    pub rooms: Vec<RoomPlan>,
    /// Logical milliseconds with faults; then they stop.
    pub fault_ms: u64,
    /// A client wants something this often, on average.
    pub act_ms: u64,
    pub crashes: u64,
    pub store_fails: bool,
    /// How often old changes go.
    pub forgets: u64,
    /// Batches are synced before `submit` returns.
    pub store_at_once: bool,
    pub sync_ms: u64,
    /// Synced is not all that the store promises: the rest comes later.
    pub far_store: bool,
    pub loads_fail: bool,
    pub fetch_ms: u64,
    pub far_sequencer: bool,
    pub sequence_ms: u64,
    pub foreign: u64,
    pub unknown: u64,
    pub verify_ms: u64,
    pub hook: HookPlan,
    pub lane_ms: u64,
    pub narrow_lanes: bool,
    /// Of a thousand clients.
    pub slow: u64,
    /// Connections cut, of a thousand actions.
    pub cuts: u64,
    /// Of a thousand commands; the others are posts.
    pub other_commands: u64,
    pub quiet: bool,
    pub limits: Limits,
}

/// What the realm's hook does while there are faults; in peace it allows all.
#[derive(Clone, Debug, Default)]
pub struct HookPlan {
    pub decides: Decides,
    /// 0: it rules at once.
    pub ms: u64,
    /// Of a thousand questions: refused for good, and left without a ruling.
    pub refuses: u64,
    pub fails: u64,
    pub dice: Rng,
}

impl HookPlan {
    fn new(dice: &mut Rng) -> HookPlan {
        if !dice.chance(500) {
            return HookPlan::default();
        }
        HookPlan {
            decides: Decides { subscribe: dice.chance(700), post: dice.chance(800) },
            ms: if dice.chance(200) { 0 } else { dice.between(1, 300) },
            refuses: if dice.chance(500) { dice.between(5, 200) } else { 0 },
            fails: if dice.chance(500) { dice.between(5, 200) } else { 0 },
            dice: Rng::new(dice.next()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct RoomPlan {
    pub key: RoomKey,
    pub class: Arc<RoomClass>,
}

impl Plan {
    pub fn new(seed: u64) -> Plan {
        let mut rng = Rng::new(seed);
        let dice = &mut rng;
        let far_sequencer = dice.chance(400);
        let users = dice.between(2, 5);
        let mut limits = Limits {
            commands_per_second: 100_000,
            commands_burst: 100_000,
            user_commands_per_second: 100_000,
            user_commands_burst: 100_000,
            ..Limits::default()
        };
        if dice.chance(700) {
            // Small enough that a few messages do what thousands do in earnest.
            limits.outbox_low_bytes = dice.between(500, 3000) as usize;
            limits.outbox_shed_bytes = limits.outbox_low_bytes + dice.below(2000) as usize;
            limits.outbox_high_bytes = limits.outbox_shed_bytes + dice.between(3000, 12000) as usize;
            limits.outbox_cut_bytes = limits.outbox_high_bytes + dice.between(20_000, 60_000) as usize;
            limits.replay_page_events = dice.between(1, 16);
            limits.recent_events = (limits.replay_page_events + dice.below(64)) as usize;
            limits.recent_bytes = dice.between(2000, 50_000) as usize;
        }
        if dice.chance(200) {
            limits.room_in_flight = dice.between(4, 40) as usize;
            limits.room_waiting = dice.between(4, 40) as usize;
        }
        Plan {
            seed,
            shards: [1, 2, 2, 4][dice.below(4) as usize],
            users,
            clients: dice.between(users, users * 2 + 2) as usize,
            rooms: rooms(dice),
            fault_ms: dice.between(8_000, 30_000),
            act_ms: dice.between(40, 300),
            crashes: if dice.chance(600) { dice.between(1, 4) } else { 0 },
            store_fails: dice.chance(400),
            forgets: if dice.chance(250) { dice.between(1, 4) } else { 0 },
            store_at_once: dice.chance(250),
            sync_ms: dice.between(1, 60),
            loads_fail: dice.chance(300),
            fetch_ms: if dice.chance(300) { 0 } else { dice.between(1, 80) },
            far_sequencer,
            sequence_ms: dice.between(1, 80),
            foreign: if far_sequencer && dice.chance(700) { dice.between(20, 400) } else { 0 },
            unknown: if far_sequencer && dice.chance(400) { dice.between(5, 80) } else { 0 },
            verify_ms: if dice.chance(500) { 0 } else { dice.between(1, 200) },
            lane_ms: dice.between(0, 10),
            narrow_lanes: dice.chance(500),
            slow: if dice.chance(600) { dice.between(100, 700) } else { 0 },
            cuts: if dice.chance(800) { dice.between(5, 60) } else { 0 },
            other_commands: dice.between(100, 700),
            quiet: dice.chance(200),
            far_store: dice.chance(300),
            // Dice of its own, so that worlds without a hook are what they were.
            hook: HookPlan::new(&mut Rng::new(seed ^ 0x400c)),
            limits,
        }
    }

    /// What the store reaches.
    pub fn reach(&self) -> AckLevel {
        if self.far_store { AckLevel::Durable } else { AckLevel::Local }
    }

    /// The user that may do everything.
    pub const ADMIN: &str = "admin";

    pub fn user(n: u64) -> Name {
        Name::new(&format!("user-{n}")).expect("a name")
    }

    pub fn keeping(&self) -> HashSet<RoomKey> {
        let keeps = |r: &&RoomPlan| r.class.on_failure == OnFailure::Keep;
        self.rooms.iter().filter(keeps).map(|r| r.key.clone()).collect()
    }

    pub fn realms(&self) -> Vec<RealmSettings> {
        let mut classes: Vec<Arc<RoomClass>> = self.rooms.iter().map(|r| r.class.clone()).collect();
        classes.push(Arc::new(RoomClass { presence_grace_ms: 500, ..RoomClass::default() }));
        vec![RealmSettings { realm: REALM, classes, token_life_ms: 0, hook: self.hook.decides }]
    }
}

/// Each room has a class of its own.
fn rooms(dice: &mut Rng) -> Vec<RoomPlan> {
    let count = dice.between(1, 4);
    (0..count)
        .map(|n| {
            let name = format!("room-{n}");
            let members = dice.chance(350);
            let class = RoomClass {
                name: name.clone(),
                pattern: name.clone(),
                access: if members { Access::Members } else { Access::Open },
                implicit: !members,
                deliver: if dice.chance(300) { Deliver::Stored } else { Deliver::Placed },
                on_failure: if dice.chance(300) { OnFailure::Keep } else { OnFailure::Refuse },
                second_connection: if dice.chance(150) {
                    SecondConnection::Replaces
                } else {
                    SecondConnection::Allowed
                },
                presence_grace_ms: dice.between(0, 2000) as u32,
                events_per_second: 100_000,
                events_burst: 100_000,
                ..RoomClass::default()
            };
            let key = RoomKey { realm: REALM, kind: RoomKind::Room, name: Name::new(&name).expect("a name") };
            RoomPlan { key, class: Arc::new(class) }
        })
        .collect()
}
