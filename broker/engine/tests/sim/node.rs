//! The shards of one life of the node, driven as the shell drives them.

use crate::agenda::Happening;
use crate::carrier::Carrier;
use crate::client::Link;
use crate::outside::Outside;
use rookery_engine::edge::{AfterWrite, Opening};
use rookery_engine::message::{Caller, ConnId, ShardId};
use rookery_engine::ports::Fact;
use rookery_engine::settings::Settings;
use rookery_engine::shard::{Shard, TurnEnd};
use rookery_protocol::command::Command;
use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::AckLevel;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Reply;
use std::sync::Arc;

#[derive(Default)]
pub struct Node {
    shards: Vec<Driven>,
}

/// One shard, and what its shell remembers.
struct Driven {
    shard: Shard,
    turn_set: bool,
    tick_at: Option<u64>,
    /// A lane was full: another turn when it has moved.
    waits: bool,
    /// Subscriptions that fell from live to catching up so far.
    fallen: u64,
}

impl Driven {
    /// What was live may be catching up since this was looked at last.
    fn note_fallen(&mut self, outside: &mut Outside) {
        let counters = &self.shard.edge.counters;
        let fallen = counters.lagged + counters.skipped;
        if fallen > self.fallen {
            self.fallen = fallen;
            outside.squeeze();
        }
    }
}

impl Node {
    /// A life begins.
    pub fn start(outside: &mut Outside) -> Node {
        let plan = &outside.plan;
        let settings = |shard| Settings {
            shard: ShardId(shard),
            shards: plan.shards,
            run: outside.journal.run,
            placement_key: outside.placement_key(),
            reach: plan.reach(),
            confirms: AckLevel::Local,
            realms: plan.realms(),
            limits: plan.limits.clone(),
        };
        let driven = |shard| Driven {
            shard: Shard::new(Arc::new(settings(shard))),
            turn_set: false,
            tick_at: None,
            waits: false,
            fallen: 0,
        };
        Node { shards: (0..plan.shards).map(driven).collect() }
    }

    /// Something is about to happen to a shard: it will need a turn soon.
    fn touch(&mut self, shard: u8, outside: &mut Outside) -> &mut Shard {
        let driven = &mut self.shards[usize::from(shard)];
        if !driven.turn_set {
            driven.turn_set = true;
            let delay = if outside.dice.chance(600) { 0 } else { outside.dice.below(4) };
            outside.after(delay, Happening::Turn { shard });
        }
        &mut driven.shard
    }

    pub fn open(&mut self, shard: u8, opening: Opening<'_>, outside: &mut Outside) -> ConnId {
        let now = outside.agenda.now();
        self.touch(shard, outside).open(now, &mut Carrier { me: shard, outside }, opening)
    }

    pub fn receive(&mut self, shard: u8, conn: ConnId, message: Incoming<'_>, outside: &mut Outside) {
        let now = outside.agenda.now();
        self.touch(shard, outside).receive(now, &mut Carrier { me: shard, outside }, conn, message);
    }

    pub fn call(&mut self, shard: u8, caller: Caller, who: Arc<Principal>, command: Command, outside: &mut Outside) {
        let now = outside.agenda.now();
        self.touch(shard, outside).call(now, &mut Carrier { me: shard, outside }, caller, who, command);
    }

    pub fn hang_up(&mut self, shard: u8, caller: Caller) {
        self.shards[usize::from(shard)].shard.edge.hang_up(caller);
    }

    pub fn take_answered(&mut self, shard: u8) -> Vec<(Caller, Reply)> {
        let mut answered = Vec::new();
        self.shards[usize::from(shard)].shard.edge.take_answered(&mut answered);
        answered
    }

    pub fn closed(&mut self, shard: u8, conn: ConnId, outside: &mut Outside) {
        let now = outside.agenda.now();
        self.touch(shard, outside).closed(now, conn, DropReason::Left);
    }

    pub fn fact(&mut self, shard: u8, fact: Fact, outside: &mut Outside) {
        let now = outside.agenda.now();
        self.touch(shard, outside).fact(now, &mut Carrier { me: shard, outside }, fact);
    }

    pub fn parcel(&mut self, from: u8, to: u8, outside: &mut Outside) {
        let now = outside.agenda.now();
        let Some(parcel) = outside.lanes.lane(from, to).pop() else { return };
        self.touch(to, outside).parcel(now, &mut Carrier { me: to, outside }, ShardId(from), parcel);
        if self.shards[usize::from(from)].waits {
            self.touch(from, outside);
        }
    }

    pub fn tick(&mut self, shard: u8, outside: &mut Outside) {
        let now = outside.agenda.now();
        let driven = &mut self.shards[usize::from(shard)];
        if driven.tick_at.is_some_and(|at| at > now.mono) {
            return;
        }
        driven.tick_at = None;
        self.touch(shard, outside).tick(now, &mut Carrier { me: shard, outside });
    }

    /// Ends a turn and sets the next tick. Answers who has bytes.
    pub fn turn(&mut self, shard: u8, outside: &mut Outside) -> Vec<ConnId> {
        let now = outside.agenda.now();
        let driven = &mut self.shards[usize::from(shard)];
        driven.turn_set = false;
        let end = driven.shard.turn(now, &mut Carrier { me: shard, outside });
        driven.waits = end == TurnEnd::LaneFull;
        if driven.waits {
            outside.squeeze();
        }
        driven.note_fallen(outside);
        if let Some(at) = driven.shard.next_deadline()
            && driven.tick_at.is_none_or(|set| set > at)
        {
            let at = at.max(now.mono + 1);
            driven.tick_at = Some(at);
            outside.agenda.at(at, outside.life, Happening::Tick { shard });
        }
        let mut dirty = Vec::new();
        driven.shard.take_dirty(&mut dirty);
        dirty
    }

    /// What nobody waits for, once the sockets are written.
    pub fn after_writes(&mut self, shard: u8, outside: &mut Outside) {
        let now = outside.agenda.now();
        let driven = &mut self.shards[usize::from(shard)];
        driven.shard.after_writes(now, &mut Carrier { me: shard, outside });
        if driven.shard.wants_turn() {
            self.touch(shard, outside);
        }
    }

    /// Gives a client's socket what it takes.
    pub fn write(&mut self, link: &mut Link, outside: &mut Outside) -> AfterWrite {
        let (now, conn) = (outside.agenda.now(), link.conn);
        let driven = &mut self.shards[usize::from(link.shard)];
        // A client that reads may be given bytes of a turn that has not ended.
        driven.note_fallen(outside);
        loop {
            let mut room = link.window.saturating_sub(link.pipe.len());
            let mut taken = 0;
            let mut waiting = 0;
            for slice in driven.shard.slices(conn) {
                let part = slice.len().min(room);
                link.pipe.extend(&slice[..part]);
                room -= part;
                taken += part;
                waiting += slice.len();
            }
            let after = driven.shard.wrote(now, conn, taken);
            let done = match after {
                AfterWrite::Empty | AfterWrite::Close(_) => Some(after),
                AfterWrite::More if taken < waiting => Some(driven.shard.blocked(now, conn)),
                AfterWrite::More => None,
            };
            if let Some(after) = done {
                if driven.shard.wants_turn() {
                    self.touch(link.shard, outside);
                }
                return after;
            }
        }
    }

    pub fn pong(&mut self, shard: u8, conn: ConnId, outside: &mut Outside) {
        let now = outside.agenda.now();
        self.touch(shard, outside).heard(now, conn);
    }

    /// Bytes that wait for a connection.
    pub fn queued(&self, shard: u8, conn: ConnId) -> usize {
        self.shards[usize::from(shard)].shard.edge.queued(conn)
    }

    /// At rest nothing waits, neither for a client nor for another shard, and no connection is left of who is gone.
    pub fn at_rest(&self, shard: u8, conns: &[ConnId]) -> Result<(), String> {
        let Driven { shard: driven, waits, .. } = &self.shards[usize::from(shard)];
        if *waits || driven.wants_turn() {
            return Err(format!("shard {shard} has something for another"));
        }
        let (open, _) = driven.edge.size();
        if open != conns.len() {
            return Err(format!("shard {shard} has {open} connections, and {} clients", conns.len()));
        }
        if driven.edge.callers() > 0 {
            return Err(format!("shard {shard} waits for answers that nobody wants"));
        }
        match conns.iter().find(|conn| driven.edge.queued(**conn) > 0) {
            Some(conn) => Err(format!("bytes wait for {conn:?}, whose socket takes them")),
            None => Ok(()),
        }
    }
}
