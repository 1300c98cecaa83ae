//! What a post costs at its home: a loaded room, a stream key, one turn of 512 posts, a store and a sequencer that answer
//! at once. `cargo run --release -p rookery-engine --features testing --example post_cost`

use rookery_engine::fanout::Outbound;
use rookery_engine::home::Home;
use rookery_engine::message::Parcel;
use rookery_engine::message::{Address, Attach, ConnId, Envelope, Lane, ReplyTo, RoomAddress, ShardId, ToEdge, ToHome};
use rookery_engine::ports::{
    Batch, Fetch, Fetched, Ports, RoomImage, SequenceRequest, Sequenced, Shown, StoreFault, Stored, Ticket, Verdict,
};
use rookery_engine::settings::{Limits, RoomClass};
use rookery_engine::testing::{at, principal, room, settings};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::{Command, Post, RoomRef, Wants};
use rookery_protocol::dialect::contract::Encoding;
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::{AckLevel, DuplicateKey, Place, RoomHandle, RoomKey, RoomKind, Seq};
use rookery_protocol::message::BodyKind;
use std::sync::Arc;

/// As the broker has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Says yes to everything and keeps nothing.
struct Nothing;

impl Ports for Nothing {
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
        Some(Ok(Fetched::Place(None)))
    }
    fn verify(&mut self, _: Ticket, _: ConnId, _: &Shown<'_>) -> Option<Verdict> {
        None
    }
}

const TURN: u64 = 512;
const TURNS: u64 = 2000;

fn main() {
    for (listeners, dialect) in [(0, registry::NATIVE_BINARY), (1, registry::NATIVE_BINARY), (1, registry::NATIVE_JSON)]
    {
        let costs: Vec<f64> = (0..5).map(|_| run(listeners, dialect)).collect();
        println!("{listeners} listening lane(s), dialect {dialect:?}: {costs:.0?} ns per post");
    }
}

/// Nanoseconds that this thread has run, whatever else the machine does.
fn on_cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

fn run(listeners: u32, dialect: rookery_protocol::dialect::contract::DialectId) -> f64 {
    let class = RoomClass { events_per_second: 1 << 30, events_burst: 1 << 30, ..RoomClass::default() };
    let mut home = Home::new(settings(class, AckLevel::Durable, Limits::default()));
    let mut out = Outbound::new(1);
    let ports = &mut Nothing;
    let key = room(RoomKind::Room, "general");
    let who = Arc::new(principal("ann"));
    let reply_to = |number| ReplyTo {
        to: Address { shard: ShardId(0), conn: ConnId { slot: 1, generation: 1 } },
        number,
        row: CommandKind::Post.row(),
        gather: Some(1),
    };
    let attach = Attach {
        room: RoomAddress::Key(key),
        who: who.clone(),
        reply_to: reply_to(0),
        at: 0,
        lane: Lane {
            encoding: Encoding { dialect, variant: 0 },
            wants: Wants { presence: false, summary_only: listeners == 0 },
        },
        cursor: None,
        presence_grace_ms: None,
    };
    home.take(at(0), ports, ShardId(0), ToHome::Attach(Box::new(attach)), &mut out);
    home.end_turn(at(0), ports, &mut out);
    let mut handle = None;
    for told in out.take(ShardId(0)).to_edge {
        if let ToEdge::Attached { subscribed, .. } = told {
            handle = Some(subscribed.handle);
        }
    }
    let Some(handle) = handle else { panic!("not attached") };
    let body: Arc<[u8]> = vec![b'x'; 128].into();
    let mut spent = 0u64;
    for turn in 0..TURNS {
        let commands: Vec<ToHome> = (0..TURN)
            .map(|i| {
                let post = Post {
                    room: RoomRef::Handle(handle),
                    kind: BodyKind::Text,
                    body: body.clone(),
                    key: Some(DuplicateKey::Stream { stream: 9, n: turn * TURN + i + 1 }),
                    ack: None,
                    extra: None,
                };
                ToHome::Command(Box::new(Envelope {
                    room: RoomAddress::Handle(handle),
                    who: who.clone(),
                    reply_to: reply_to(1),
                    at: turn,
                    command: Command::Post(post),
                }))
            })
            .collect();
        let begun = on_cpu();
        for command in commands {
            home.take(at(turn), ports, ShardId(0), command, &mut out);
        }
        home.end_turn(at(turn), ports, &mut out);
        spent += on_cpu() - begun;
        drop(out.take(ShardId(0)));
    }
    spent as f64 / (TURNS * TURN) as f64
}
