//! What a delivery costs in a whole shard, sockets left out: decode, decide, encode, fan out, hand over.
//!
//! `cargo run --release -p rookery-engine --example shard_cost`
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use rookery_engine::edge::Opening;
use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Fetch, Fetched, Now, Ports, RoomImage, SequenceRequest, Sequenced, Shown, StoreFault, Stored, Ticket,
    Verdict,
};
use rookery_engine::settings::{Limits, RealmSettings, RoomClass, Settings};
use rookery_engine::shard::Shard;
use rookery_protocol::command::{Command, Post, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::{DialectId, Form, Hello, Incoming};
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::{AckLevel, Epoch, Name, Place, RoomHandle, RoomKey, Seq};
use rookery_protocol::message::BodyKind;
use rookery_protocol::principal::Principal;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NOW: Now = Now { mono: 1000, wall: 1_000_000 };

/// Believes every token, gives every place at once, and has no store behind it.
struct Here;

impl Ports for Here {
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
    fn verify(&mut self, _: Ticket, _: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        Some(Ok(Principal {
            realm: shown.realm.clone(),
            user: Name::new(shown.token).ok()?,
            profile: Default::default(),
            claims: vec![],
            can: None,
            organisation: None,
            powers: Default::default(),
            expires_at: None,
            token_id: None,
            issued_at: 0,
        }))
    }
}

struct Bench {
    shard: Shard,
    dialect: DialectId,
    dirty: Vec<ConnId>,
}

impl Bench {
    fn new(dialect: DialectId) -> Bench {
        let limits = Limits {
            commands_per_second: 0,
            user_commands_per_second: 0,
            outbox_high_bytes: 1 << 20,
            ..Limits::default()
        };
        let class = RoomClass { events_per_second: u32::MAX, events_burst: u32::MAX, ..RoomClass::default() };
        let realms = vec![RealmSettings {
            realm: Name::literal("main"),
            classes: vec![Arc::new(class)],
            token_life_ms: 0,
            hook: Default::default(),
        }];
        let settings = Settings {
            shard: ShardId(0),
            shards: 1,
            run: Epoch(1),
            placement_key: 1,
            reach: AckLevel::Accepted,
            confirms: AckLevel::Accepted,
            realms,
            limits,
        };
        Bench { shard: Shard::new(Arc::new(settings)), dialect, dirty: vec![] }
    }

    fn join(&mut self, user: &str, room: &str) -> ConnId {
        let hello = Hello { path: "/", query: "", token: Some(user) };
        let opening =
            Opening { before: &[], dialect: self.dialect, realm: Name::literal("main"), hello, address: None };
        let conn = self.shard.open(NOW, &mut Here, opening);
        let room = RoomRef::Room { realm: None, name: Name::new(room).unwrap() };
        let rooms = vec![SubscribeRoom { room, cursor: None, wants: Wants::default() }];
        self.say(conn, &Command::Subscribe { rooms });
        self.shard.turn(NOW, &mut Here);
        self.flush();
        conn
    }

    fn encode(&self, command: &Command) -> Vec<u8> {
        let mut bytes = Vec::new();
        registry::speaker(self.dialect).unwrap().say(1, command, &mut bytes);
        bytes
    }

    fn say(&mut self, conn: ConnId, command: &Command) {
        let bytes = self.encode(command);
        self.receive(conn, &bytes);
    }

    fn receive(&mut self, conn: ConnId, bytes: &[u8]) {
        let message = match registry::get(self.dialect).profile().form {
            Form::Binary => Incoming::Binary(bytes),
            Form::Text | Form::Either => Incoming::Text(std::str::from_utf8(bytes).unwrap()),
        };
        self.shard.receive(NOW, &mut Here, conn, message);
    }

    /// Bytes handed over.
    fn flush(&mut self) -> usize {
        self.shard.take_dirty(&mut self.dirty);
        let mut sum = 0;
        for conn in self.dirty.drain(..) {
            let bytes = self.shard.slices(conn).map(<[u8]>::len).sum();
            self.shard.wrote(NOW, conn, bytes);
            sum += bytes;
        }
        sum
    }
}

/// Each turn every room gets `posts` messages of 128 bytes from one of its subscribers.
fn workload(name: &str, dialect: u8, rooms: usize, receivers: usize, posts: usize) {
    let mut bench = Bench::new(DialectId(dialect));
    let mut senders = Vec::new();
    for room in 0..rooms {
        let conns: Vec<_> =
            (0..receivers).map(|n| bench.join(&format!("user-{room}-{n}"), &format!("room-{room}"))).collect();
        let post = Post {
            room: RoomRef::Room { realm: None, name: Name::new(&format!("room-{room}")).unwrap() },
            kind: BodyKind::Text,
            body: vec![b'x'; 128].into(),
            key: None,
            ack: None,
            extra: None,
        };
        senders.push((conns[0], bench.encode(&Command::Post(post))));
    }
    let deliveries = rooms * receivers * posts;
    let turns = (3_000_000 / deliveries).clamp(100, 3000);
    let (mut parts, mut sum) = ([const { Vec::new() }; 3], 0);
    for turn in 0..turns + 20 {
        let start = Instant::now();
        for (conn, bytes) in &senders {
            for _ in 0..posts {
                bench.receive(*conn, bytes);
            }
        }
        let heard = Instant::now();
        bench.shard.turn(NOW, &mut Here);
        let turned = Instant::now();
        let bytes = bench.flush();
        if turn >= 20 {
            for (part, time) in parts.iter_mut().zip([heard - start, turned - heard, turned.elapsed()]) {
                part.push(time);
            }
            sum += bytes;
        }
    }
    let median = |part: &mut Vec<Duration>, of: usize| {
        part.sort_unstable();
        part[part.len() / 2].as_nanos() as f64 / of as f64
    };
    let [heard, turned, flushed] = &mut parts;
    println!(
        "{name:44} hear {:6.0} ns, turn {:6.0} ns a message; flush {:5.1} ns a delivery; {} bytes a delivery",
        median(heard, rooms * posts),
        median(turned, rooms * posts),
        median(flushed, deliveries),
        sum / (turns * deliveries),
    );
}

fn main() {
    for (language, dialect) in [("json", 0), ("binary", 1)] {
        workload(&format!("{language} F2: 100 receivers, 64 a turn"), dialect, 1, 100, 64);
        workload(&format!("{language} F3: 100 rooms of 10, 6 a turn"), dialect, 100, 10, 6);
        workload(&format!("{language} F4: 1000 receivers, 64 a turn"), dialect, 1, 1000, 64);
        workload(&format!("{language} F1: 100 receivers, 1 a turn"), dialect, 1, 100, 1);
    }
}
