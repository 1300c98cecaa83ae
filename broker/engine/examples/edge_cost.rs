//! What a delivery costs at the edge: chunks into outboxes and out again, and the memory of an idle subscription.
//!
//! `cargo run --release -p rookery-engine --example edge_cost`
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use rookery_engine::edge::{Edge, Opening};
use rookery_engine::fanout::{Chunk, ChunkEntry, Outbound, Pinned};
use rookery_engine::message::{Attach, ConnId, Lane, Parcel, ReplyTo, SessionOpened, ShardId, ToEdge, ToHome};
use rookery_engine::placement;
use rookery_engine::ports::{
    Batch, Fetch, Fetched, Now, Ports, RoomImage, SequenceRequest, Sequenced, Shown, StoreFault, Stored, Ticket,
    Verdict,
};
use rookery_engine::settings::{Limits, Settings};
use rookery_protocol::command::{Command, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::{DialectId, Encoding, Hello, Incoming};
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::{AckLevel, Epoch, Name, Place, RoomHandle, RoomKey};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Reply, Start, Subscribed};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BINARY: DialectId = DialectId(1);
const LANE: Lane =
    Lane { encoding: Encoding { dialect: BINARY, variant: 0 }, wants: Wants { presence: false, summary_only: false } };
const EVENT_BYTES: usize = 160;
const NOW: Now = Now { mono: 1000, wall: 1_000_000 };

/// Believes every token.
struct Open;

impl Ports for Open {
    fn lane_room(&self, _: ShardId) -> usize {
        usize::MAX
    }
    fn send(&mut self, _: ShardId, _: Parcel) {}
    fn sequence(&mut self, _: Ticket, _: &SequenceRequest<'_>) -> Option<Sequenced> {
        None
    }
    fn submit(&mut self, _: Ticket, _: Batch) -> Option<Stored> {
        None
    }
    fn load(&mut self, _: Ticket, _: RoomHandle, _: &RoomKey) -> Option<Result<Box<RoomImage>, StoreFault>> {
        None
    }
    fn fetch(&mut self, _: Ticket, _: RoomHandle, _: &RoomKey, _: &Fetch) -> Option<Result<Fetched, StoreFault>> {
        None
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
    edge: Edge,
    out: Outbound,
    pinned: Arc<Pinned>,
    seqs: Vec<u64>,
}

impl Bench {
    fn new() -> Bench {
        let settings = Settings {
            shard: ShardId(0),
            shards: 1,
            run: Epoch(1),
            placement_key: 1,
            reach: AckLevel::Local,
            confirms: AckLevel::Local,
            realms: vec![],
            limits: Limits::default(),
        };
        let edge = Edge::new(Arc::new(settings));
        let mut bench = Bench { edge, out: Outbound::new(1), pinned: Arc::default(), seqs: vec![] };
        bench.give(ToEdge::Revocations { realm: Name::literal("main"), facts: Some(Vec::new()) });
        bench
    }

    /// `connections` of them, subscribed to `rooms` rooms in turn.
    fn populate(&mut self, connections: usize, rooms: usize) -> Vec<ConnId> {
        self.seqs = vec![0; rooms];
        let conns = (0..connections).map(|n| self.join(&format!("user-{n}"), n % rooms)).collect();
        self.flush(&mut Vec::new());
        conns
    }

    fn join(&mut self, user: &str, room: usize) -> ConnId {
        let opening = Opening {
            before: &[],
            dialect: BINARY,
            realm: Name::literal("main"),
            hello: Hello { path: "/", query: "", token: Some(user) },
            address: None,
        };
        let conn = self.edge.open(NOW, &mut Open, opening, &mut self.out);
        self.play_home(0);
        let name = RoomRef::Room { realm: None, name: Name::new(&format!("room-{room}")).unwrap() };
        let rooms = vec![SubscribeRoom { room: name, cursor: None, wants: Wants::default() }];
        let mut bytes = Vec::new();
        registry::speaker(BINARY).unwrap().say(1, &Command::Subscribe { rooms }, &mut bytes);
        self.edge.receive(NOW, &mut Open, conn, Incoming::Binary(&bytes), &mut self.out);
        self.play_home(room);
        conn
    }

    fn play_home(&mut self, room: usize) {
        for message in self.out.take(ShardId(0)).to_home {
            match message {
                ToHome::SessionOpened(opened) => {
                    let SessionOpened { reply_to: ReplyTo { to, number, row, gather }, .. } = *opened;
                    self.give(ToEdge::Reply { to: to.conn, number, row, gather, reply: Reply::Done });
                }
                ToHome::Attach(attach) => self.attach(*attach, room),
                other => panic!("{other:?}"),
            }
        }
    }

    fn attach(&mut self, attach: Attach, room: usize) {
        let rookery_engine::message::RoomAddress::Key(key) = attach.room else { panic!() };
        let end = Place::new(1, self.seqs[room]);
        let subscribed = Box::new(Subscribed {
            room: key,
            handle: handle(room),
            start: Start::Live,
            from: end,
            end,
            messages: 0,
            read: Place::START,
            read_ordinal: 0,
            info: Arc::default(),
            role: None,
            present: 1,
        });
        let ReplyTo { to, number, row, gather } = attach.reply_to;
        self.give(ToEdge::Attached { to: to.conn, number, row, gather, lane: attach.lane, subscribed });
    }

    fn give(&mut self, message: ToEdge) {
        self.edge.take(NOW, &mut Open, ShardId(0), message, &mut self.out);
    }

    fn chunk(&mut self, room: usize, events: u64) -> Arc<Chunk> {
        let before = self.seqs[room];
        self.seqs[room] += events;
        let entries = (0..events).map(|n| rookery_engine::fanout::ChunkEntry {
            offset: n as u32 * EVENT_BYTES as u32,
            seq: before + n + 1,
            origin: None,
        });
        let entries: Vec<ChunkEntry> = entries.collect();
        let bytes = vec![7; EVENT_BYTES * events as usize];
        let (before, last) = (Place::new(1, before), Place::new(1, before + events));
        Arc::new(Chunk::new(handle(room), LANE, before, last, bytes, entries, &self.pinned))
    }

    /// What the shell does, less the system calls. Answers with the number of slices.
    fn flush(&mut self, dirty: &mut Vec<ConnId>) -> usize {
        self.edge.take_dirty(dirty);
        let mut slices = 0;
        for conn in dirty.drain(..) {
            let mut bytes = 0;
            for slice in self.edge.slices(conn) {
                bytes += slice.len();
                slices += 1;
            }
            self.edge.wrote(NOW, conn, bytes, &mut self.out);
        }
        slices
    }
}

fn handle(room: usize) -> RoomHandle {
    placement::handle(room as u32 + 1, ShardId(0), 1).unwrap()
}

/// One turn: `chunks` chunks to each of `rooms` rooms, then the flush.
fn workload(name: &str, connections: usize, rooms: usize, chunks: usize, events: u64) {
    let mut bench = Bench::new();
    bench.populate(connections, rooms);
    let (mut push, mut flush, mut slices) = (Vec::new(), Vec::new(), 0);
    let turns = (20_000_000 / (connections * chunks)).clamp(50, 20_000);
    let mut dirty = Vec::with_capacity(connections);
    for turn in 0..turns + 10 {
        let batch: Vec<Arc<Chunk>> = (0..chunks).flat_map(|_| 0..rooms).map(|room| bench.chunk(room, events)).collect();
        let start = Instant::now();
        for chunk in batch {
            bench.give(ToEdge::Chunk(chunk));
        }
        let pushed = Instant::now();
        let sliced = bench.flush(&mut dirty);
        if turn >= 10 {
            push.push(pushed - start);
            flush.push(pushed.elapsed());
            slices += sliced;
        }
    }
    // The median turn: this machine does other things, too.
    let each = |mut turns: Vec<Duration>| {
        turns.sort_unstable();
        turns[turns.len() / 2].as_nanos() as f64 / (connections * chunks) as f64
    };
    println!(
        "{name:38} push {:6.1} ns, flush {:6.1} ns per chunk and receiver; {:.2} slices per write",
        each(push),
        each(flush),
        slices as f64 / (turns * connections) as f64,
    );
    assert_eq!(bench.pinned.bytes(), 0);
}

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn memory(connections: usize, rooms: usize) {
    let mut bench = Bench::new();
    let before = resident();
    let conns = bench.populate(connections, rooms);
    let grown = resident() - before;
    println!(
        "{connections} idle connections in {rooms} rooms: {} bytes each (allocator included)",
        grown / conns.len()
    );
}

fn timers() {
    let mut timers = rookery_engine::timers::Timers::default();
    let connections = 100_000u64;
    for n in 0..connections {
        timers.set(n * 7919 % 25_000, n);
    }
    let (start, mut fired) = (Instant::now(), 0u64);
    for now in 0..100_000 {
        while let Some(n) = timers.due(now) {
            timers.set(now + 25_000, n);
            fired += 1;
        }
    }
    println!(
        "timers: {} ns each, fired and set again, among {connections}",
        start.elapsed().as_nanos() as u64 / fired.max(1)
    );
}

fn main() {
    memory(10_000, 1_000);
    memory(10_000, 10_000);
    timers();
    for _ in 0..2 {
        workload("F2: 100 receivers, 1 chunk of 64", 100, 1, 1, 64);
        workload("F4: 1000 receivers, 1 chunk of 64", 1000, 1, 1, 64);
        workload("F4: 1000 receivers, 1 chunk of 1", 1000, 1, 1, 1);
        workload("F3: 1000 receivers in 100 rooms", 1000, 100, 1, 6);
        workload("1000 receivers, 8 chunks a turn", 1000, 1, 8, 4);
        workload("1 receiver, 64 chunks a turn", 1, 1, 64, 1);
    }
}
