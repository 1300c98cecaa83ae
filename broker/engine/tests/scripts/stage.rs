//! The stage of a script: shards, what surrounds them, and a clock that only the script moves.
//!
//! Everything happens at once and in order: when a client has said something, all shards turn until nothing moves.

use crate::client::{Client, Ear, Heard};
use crate::outside::{Outside, read_token};
use rookery_engine::edge::{AfterWrite, Opening};
use rookery_engine::message::{Caller, ShardId};
use rookery_engine::placement::shard_of;
use rookery_engine::ports::{Fact, Now};
use rookery_engine::settings::{Decides, Limits, RealmSettings, RoomClass, Settings};
use rookery_engine::shard::{Shard, TurnEnd};
use rookery_engine::testing::{FakePorts, Late, REALM, Tables, at, room};
use rookery_protocol::dialect::contract::{Hello, Incoming, Talk};
use rookery_protocol::dialect::registry::{self, NATIVE_JSON};
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::{AckLevel, Epoch, RoomKind};
use rookery_protocol::reply::Reply;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// What a script may set before it begins.
pub struct Plan {
    pub shards: u8,
    pub run: u64,
    pub limits: Limits,
    /// Of every room, unless `classes` has a pattern for it.
    pub class: RoomClass,
    pub classes: Vec<RoomClass>,
    pub late: Late,
    pub token_life_ms: u64,
    pub hook: Decides,
}

pub struct Stage(pub Rc<RefCell<World>>);

pub struct World {
    plan: Plan,
    pub ms: u64,
    shards: Vec<Driven>,
    pub ears: Vec<Ear>,
    callers: u64,
    /// What callers were answered, each once.
    answered: Vec<(Caller, Reply)>,
}

struct Driven {
    shard: Shard,
    outside: Outside,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(|_| {})
    }

    pub fn with(set: impl FnOnce(&mut Plan)) -> Stage {
        let mut plan = Plan {
            shards: 1,
            run: 100,
            limits: Limits::default(),
            class: RoomClass::default(),
            classes: Vec::new(),
            late: Late::default(),
            token_life_ms: 0,
            hook: Decides::default(),
        };
        set(&mut plan);
        let outside = |_| Outside { fake: FakePorts::new(plan.late), ..Outside::default() };
        let shards = (0..plan.shards).map(outside).enumerate();
        let shards = shards.map(|(i, outside)| Driven { shard: shard(&plan, i as u8), outside }).collect();
        Stage(Rc::new(RefCell::new(World { plan, ms: 0, shards, ears: Vec::new(), callers: 0, answered: Vec::new() })))
    }

    /// A connection that nobody knows yet.
    pub fn connect(&self) -> Client {
        self.connect_to(0)
    }

    pub fn connect_to(&self, shard: u8) -> Client {
        let mut world = self.0.borrow_mut();
        let now = at(world.ms);
        let Driven { shard: engine, outside } = &mut world.shards[usize::from(shard)];
        let opening =
            Opening { before: &[], dialect: NATIVE_JSON, realm: REALM, hello: Hello::default(), address: None };
        let conn = engine.open(now, outside, opening);
        let me = world.ears.len();
        world.ears.push(Ear::new(shard, conn));
        world.run();
        Client { stage: self.0.clone(), me }
    }

    /// Somebody comes with a token and is welcome.
    pub fn enter(&self, token: &str) -> Client {
        self.enter_at(0, token)
    }

    pub fn enter_at(&self, shard: u8, token: &str) -> Client {
        let client = self.connect_to(shard);
        client.says(&format!(r#"{{"do":"authenticate","id":1,"token":"{token}"}}"#));
        let user = token.split(' ').next().unwrap();
        client.hears(&format!(r#"{{"re":1,"ok":"welcome","user":"{user}"}}"#));
        client
    }

    /// Somebody without a connection asks the first shard.
    pub fn calls(&self, token: &str, text: &str) -> Caller {
        self.calls_at(0, token, text)
    }

    pub fn calls_at(&self, shard: u8, token: &str, text: &str) -> Caller {
        let mut talk = Talk::default();
        registry::get(NATIVE_JSON).receive(&mut Default::default(), Incoming::Text(text), &mut talk);
        let command = talk.commands.pop().unwrap_or_else(|| panic!("{text} is no command: {:?}", talk.refused)).command;
        let mut world = self.0.borrow_mut();
        let now = at(world.ms);
        world.callers += 1;
        let caller = Caller(world.callers);
        let who = Arc::new(read_token(token, now.wall).unwrap());
        let Driven { shard: engine, outside } = &mut world.shards[usize::from(shard)];
        engine.call(now, outside, caller, who, command);
        world.run();
        caller
    }

    /// The answer, once it has come.
    pub fn answer_to(&self, caller: Caller) -> Option<Reply> {
        let mut world = self.0.borrow_mut();
        let at = world.answered.iter().position(|(to, _)| *to == caller)?;
        let (_, reply) = world.answered.remove(at);
        assert!(world.answered.iter().all(|(to, _)| *to != caller), "two answers to {caller:?}");
        Some(reply)
    }

    pub fn hangs_up(&self, caller: Caller) {
        self.0.borrow_mut().shards[0].shard.edge.hang_up(caller);
    }

    /// Time passes, and what is due happens.
    pub fn pass(&self, ms: u64) {
        let mut world = self.0.borrow_mut();
        let end = world.ms + ms;
        let mut ticks = 0;
        while let Some(next) = world.shards.iter().filter_map(|d| d.shard.next_deadline()).min().filter(|ms| *ms <= end)
        {
            ticks = if next > world.ms { 0 } else { ticks + 1 };
            assert!(ticks < 1_000, "what is due at {next} is due again and again");
            world.ms = world.ms.max(next);
            let now = at(world.ms);
            for Driven { shard, outside } in &mut world.shards {
                shard.tick(now, outside);
            }
            world.run();
        }
        world.ms = end;
    }

    /// Late answers come, in order, until none is left.
    pub fn answers(&self) {
        while self.answer() {}
    }

    /// The next late answer comes. False if there is none.
    pub fn answer(&self) -> bool {
        let mut world = self.0.borrow_mut();
        let now = at(world.ms);
        for Driven { shard, outside } in &mut world.shards {
            outside.fake.settle();
            if let Some(fact) = outside.fake.facts.pop_front() {
                shard.fact(now, outside, fact);
                world.run();
                return true;
            }
        }
        false
    }

    /// The first shard is told something that nobody asked for.
    pub fn fact(&self, fact: Fact) {
        let mut world = self.0.borrow_mut();
        let now = at(world.ms);
        let Driven { shard, outside } = &mut world.shards[0];
        shard.fact(now, outside, fact);
        world.run();
    }

    /// What surrounds the first shard.
    pub fn outside<T>(&self, change: impl FnOnce(&mut Outside) -> T) -> T {
        self.outside_of(0, change)
    }

    pub fn outside_of<T>(&self, shard: u8, change: impl FnOnce(&mut Outside) -> T) -> T {
        change(&mut self.0.borrow_mut().shards[usize::from(shard)].outside)
    }

    pub fn shard<T>(&self, look: impl FnOnce(&mut Shard, Now) -> T) -> T {
        let mut world = self.0.borrow_mut();
        let now = at(world.ms);
        let seen = look(&mut world.shards[0].shard, now);
        world.run();
        seen
    }

    /// What is stored of a room of the first shard.
    pub fn stored<T>(&self, name: &str, look: impl FnOnce(&mut Tables) -> T) -> T {
        let key = room(RoomKind::Room, name);
        self.outside(|outside| look(outside.fake.store(&key)))
    }

    /// The store fails what is written from now on; the next run has this number.
    pub fn store_fails(&self, run: u64) {
        self.outside(|outside| outside.fake.fail_writes = Some(Epoch(run)));
    }

    pub fn store_works(&self) {
        self.outside(|outside| outside.fake.fail_writes = None);
    }

    /// The node goes down without a word and starts again: of each room, so many batches under way were stored.
    pub fn crash(&self, stored: usize, run: u64) {
        let mut world = self.0.borrow_mut();
        let World { plan, shards, ears, .. } = &mut *world;
        plan.run = run;
        for (i, driven) in shards.iter_mut().enumerate() {
            driven.outside.fake.crash(stored);
            driven.outside.fake.sent.clear();
            driven.shard = shard(plan, i as u8);
        }
        for ear in ears {
            ear.conn = None;
        }
    }

    /// A name of a room that lives on this shard.
    pub fn name_on(&self, shard: u8, stem: &str) -> String {
        self.named_on(shard, RoomKind::Room, stem)
    }

    pub fn named_on(&self, shard: u8, kind: RoomKind, stem: &str) -> String {
        let shards = self.0.borrow().plan.shards;
        let lives_there = |name: &String| shard_of(&room(kind, name), PLACEMENT_KEY, shards) == ShardId(shard);
        (0..).map(|i| format!("{stem}{i}")).find(lives_there).unwrap()
    }
}

const PLACEMENT_KEY: u64 = 7;

fn shard(plan: &Plan, number: u8) -> Shard {
    let classes = plan.classes.iter().chain([&plan.class]).cloned().map(Arc::new).collect();
    Shard::new(Arc::new(Settings {
        shard: ShardId(number),
        shards: plan.shards,
        run: Epoch(plan.run),
        placement_key: PLACEMENT_KEY,
        confirms: AckLevel::Durable,
        reach: AckLevel::Durable,
        realms: vec![RealmSettings { realm: REALM, classes, token_life_ms: plan.token_life_ms, hook: plan.hook }],
        limits: plan.limits.clone(),
    }))
}

impl World {
    /// One message of a client; [`World::run`] follows.
    pub fn receive(&mut self, me: usize, text: &str) {
        let now = at(self.ms);
        let ear = &self.ears[me];
        let conn = ear.conn.unwrap_or_else(|| panic!("the connection is gone; {text} is said to nobody"));
        let Driven { shard, outside } = &mut self.shards[usize::from(ear.shard)];
        shard.receive(now, outside, conn, Incoming::Text(text));
    }

    pub fn message_limit(&self, me: usize) -> usize {
        let ear = &self.ears[me];
        ear.conn.map_or(0, |conn| self.shards[usize::from(ear.shard)].shard.message_limit(conn))
    }

    pub fn queued(&self, me: usize) -> usize {
        let ear = &self.ears[me];
        ear.conn.map_or(0, |conn| self.shards[usize::from(ear.shard)].shard.edge.queued(conn))
    }

    /// Its socket ends.
    pub fn hangs_up(&mut self, me: usize) {
        let (now, ear) = (at(self.ms), &mut self.ears[me]);
        if let Some(conn) = ear.conn.take() {
            self.shards[usize::from(ear.shard)].shard.closed(now, conn, DropReason::Left);
        }
        self.run();
    }

    /// Its socket takes bytes again.
    pub fn writable(&mut self, me: usize) {
        self.write(me);
        self.run();
    }

    /// All shards turn, and sockets take what they can, until nothing moves.
    pub fn run(&mut self) {
        for _ in 0..10_000 {
            let now = at(self.ms);
            let (mut moved, mut full) = (false, false);
            let mut parcels = Vec::new();
            for (from, Driven { shard, outside }) in self.shards.iter_mut().enumerate() {
                full |= shard.turn(now, outside) == TurnEnd::LaneFull;
                shard.edge.take_answered(&mut self.answered);
                parcels.extend(outside.fake.sent.drain(..).map(|(to, parcel)| (from, to, parcel)));
            }
            for (from, to, parcel) in parcels {
                let Driven { shard, outside } = &mut self.shards[usize::from(to.0)];
                shard.parcel(now, outside, ShardId(from as u8), parcel);
                moved = true;
            }
            for i in 0..self.shards.len() {
                let mut dirty = Vec::new();
                self.shards[i].shard.take_dirty(&mut dirty);
                for conn in dirty {
                    let heirs = |ear: &Ear| usize::from(ear.shard) == i && ear.conn == Some(conn);
                    if let Some(me) = self.ears.iter().position(heirs) {
                        moved |= self.write(me);
                    }
                }
                let Driven { shard, outside } = &mut self.shards[i];
                shard.after_writes(now, outside);
                // What waits for a full lane waits for the script.
                moved |= !full && shard.wants_turn();
            }
            if !moved {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Gives a socket what it takes; answers whether it took anything, or ended.
    fn write(&mut self, me: usize) -> bool {
        let now = at(self.ms);
        let ear = &mut self.ears[me];
        let Some(conn) = ear.conn else { return false };
        let shard = &mut self.shards[usize::from(ear.shard)].shard;
        let mut moved = false;
        loop {
            let (mut taken, mut waiting) = (0, 0);
            for slice in shard.slices(conn) {
                let part = slice.len().min(ear.takes - taken);
                ear.socket.push(&slice[..part]);
                taken += part;
                waiting += slice.len();
            }
            ear.takes -= if ear.takes == usize::MAX { 0 } else { taken };
            moved |= taken > 0;
            let mut after = shard.wrote(now, conn, taken);
            if after == AfterWrite::More && taken < waiting {
                after = shard.blocked(now, conn);
                if after == AfterWrite::More {
                    break;
                }
            }
            match after {
                AfterWrite::Empty => break,
                AfterWrite::More => {}
                AfterWrite::Close(reason) => {
                    shard.closed(now, conn, reason);
                    ear.conn = None;
                    ear.listen();
                    if !matches!(ear.heard.back(), Some(Heard::Closed { .. })) {
                        ear.heard.push_back(Heard::Cut(reason));
                    }
                    return true;
                }
            }
        }
        if ear.listen() && !ear.mute {
            shard.heard(now, conn);
        }
        moved
    }
}
