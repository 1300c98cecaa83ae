//! What tests stand on: an edge, clients that speak to it, and hands that play its homes.

use super::super::{AfterWrite, Edge, Opening};
use crate::fanout::{Chunk, ChunkEntry, Outbound, Pinned};
use crate::message::*;
use crate::ports::*;
use crate::settings::{Decides, Limits, RealmSettings, RoomClass, Settings};
use rookery_protocol::catalog::Row as CatalogRow;
use rookery_protocol::command::{Command, Post, RoomRef, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::*;
use rookery_protocol::dialect::native_json::NativeJson;
use rookery_protocol::dialect::speak::{Epochs, ServerFrame, Speak};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::{Event, EventBody, Kind, Signal};
use rookery_protocol::ids::*;
use rookery_protocol::message::{BodyKind, Message};
use rookery_protocol::principal::{Powers, Principal};
use rookery_protocol::reply::{Mark, Refusal, Reply, Start, Subscribed};
use rookery_protocol::wire::frames::Frames;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const JSON: DialectId = DialectId(0);
/// JSON whose clients do not get their own events back, are closed when they lag, and keep their tokens for ever.
pub const OLDER: DialectId = DialectId(1);

struct Older;

static OLDER_PROFILE: Profile = Profile {
    name: "older",
    subprotocol: None,
    form: Form::Either,
    says: !(1 << (Kind::Retract as u8)),
    text_bodies: true,
    echo: false,
    presence_grace_ms: Some(7),
    on_lag: OnLag::Close,
    on_expiry: OnExpiry::Ignore,
    rate_limited: false,
    connections_per_user: None,
    message_bytes: 65536,
};

impl Dialect for Older {
    fn profile(&self) -> &'static Profile {
        &OLDER_PROFILE
    }
    fn open(&self, stage: &mut Stage, hello: &Hello<'_>, talk: &mut Talk) {
        NativeJson.open(stage, hello, talk);
    }
    fn receive(&self, stage: &mut Stage, message: Incoming<'_>, talk: &mut Talk) {
        NativeJson.receive(stage, message, talk);
    }
    fn variant(&self, stage: &Stage) -> u8 {
        NativeJson.variant(stage)
    }
    fn reply(&self, stage: &mut Stage, n: Number, asked: &'static CatalogRow, reply: &Reply, out: &mut Frames) {
        NativeJson.reply(stage, n, asked, reply, out);
    }
    fn mark(&self, stage: &mut Stage, mark: &Mark, out: &mut Frames) {
        NativeJson.mark(stage, mark, out);
    }
    fn event(&self, v: u8, room: RoomOnWire<'_>, event: &Event, opens_epoch: bool, out: &mut Frames) {
        NativeJson.event(v, room, event, opens_epoch, out);
    }
    fn signal(&self, v: u8, room: RoomOnWire<'_>, signal: &Signal, out: &mut Frames) {
        NativeJson.signal(v, room, signal, out);
    }
    fn goodbye(&self, stage: &mut Stage, reason: DropReason, detail: &str, out: &mut Frames) {
        NativeJson.goodbye(stage, reason, detail, out);
    }
}

fn dialects(id: DialectId) -> &'static dyn Dialect {
    if id == OLDER { &Older } else { &NativeJson }
}

/// Verifies tokens that are a user's name, perhaps with words before it: `late:` answers later, `backend:` has that
/// power, `expires@5000:` ends then. `bad` is bad.
#[derive(Default)]
pub struct Doors {
    pub asked: Vec<(Ticket, String)>,
}

pub fn principal(token: &str) -> Verdict {
    let mut words: Vec<&str> = token.split(':').collect();
    let user = words.pop().unwrap();
    if user == "bad" {
        return Err(Refusal::new(ErrorCode::BadToken));
    }
    let expires_at = words.iter().find_map(|w| w.strip_prefix("expires@")).map(|at| at.parse().unwrap());
    Ok(Principal {
        realm: name("main"),
        user: name(user),
        profile: Default::default(),
        claims: vec![],
        can: None,
        organisation: words.iter().find_map(|w| w.strip_prefix("of@")).map(name),
        powers: Powers { backend: words.contains(&"backend"), any_realm: words.contains(&"any") },
        expires_at,
        token_id: Some(name(token)),
        issued_at: 100,
    })
}

impl Ports for Doors {
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
    fn verify(&mut self, ticket: Ticket, _: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        if shown.token.starts_with("late:") {
            self.asked.push((ticket, shown.token.to_owned()));
            return None;
        }
        Some(principal(shown.token))
    }
}

pub struct Bench {
    pub edge: Edge,
    pub doors: Doors,
    pub now: Now,
    pub out: Outbound,
    pub pinned: Arc<Pinned>,
    clients: BTreeMap<ConnId, (Epochs, Vec<u8>)>,
    number: Number,
}

pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub fn room_key(room: &str) -> RoomKey {
    RoomKey { realm: name("main"), kind: RoomKind::Room, name: name(room) }
}

pub fn room_ref(room: &str) -> RoomRef {
    RoomRef::Room { realm: None, name: name(room) }
}

pub fn wish(room: &str, cursor: Option<Place>) -> SubscribeRoom {
    SubscribeRoom { room: room_ref(room), cursor, wants: Wants::default() }
}

pub fn post(room: RoomRef, body: &[u8]) -> Command {
    Command::Post(Post { room, kind: BodyKind::Text, body: body.into(), key: None, ack: None, extra: None })
}

pub fn at(seq: u64) -> Place {
    Place::new(1, seq)
}

pub fn lane_of(dialect: DialectId) -> Lane {
    Lane { encoding: Encoding { dialect, variant: 0 }, wants: Wants::default() }
}

/// One event as an entry of a chunk: its seq, or a signal (0), and whose command it was.
#[derive(Clone, Copy)]
pub struct Said {
    pub seq: u64,
    pub origin: Option<ConnId>,
    pub bytes: usize,
}

pub fn seqs(range: std::ops::RangeInclusive<u64>) -> Vec<Said> {
    range.map(|seq| Said { seq, origin: None, bytes: 10 }).collect()
}

pub const TYPING: Said = Said { seq: 0, origin: None, bytes: 10 };

impl Bench {
    pub fn new() -> Bench {
        Bench::with(Limits::default())
    }

    pub fn with(limits: Limits) -> Bench {
        let settings = Settings {
            shard: ShardId(0),
            shards: 1,
            run: Epoch(9),
            placement_key: 7,
            reach: AckLevel::Local,
            confirms: AckLevel::Local,
            realms: vec![RealmSettings {
                realm: name("main"),
                classes: vec![Arc::new(RoomClass::default())],
                token_life_ms: 0,
                hook: Decides::default(),
            }],
            limits,
        };
        let mut bench = Bench {
            edge: Edge::with_dialects(Arc::new(settings), dialects),
            doors: Doors::default(),
            now: Now { mono: 1000, wall: 1_000_000 },
            out: Outbound::new(1),
            pinned: Arc::default(),
            clients: BTreeMap::new(),
            number: 100,
        };
        // The realm's directory was heard before.
        bench.give(ToEdge::Revocations { realm: name("main"), facts: Some(Vec::new()) });
        bench
    }

    pub fn open(&mut self, dialect: DialectId) -> ConnId {
        let opening = Opening { before: &[], dialect, realm: name("main"), hello: Hello::default(), address: None };
        let conn = self.edge.open(self.now, &mut self.doors, opening, &mut self.out);
        self.clients.insert(conn, Default::default());
        conn
    }

    /// Opened, authenticated and welcomed.
    pub fn enter(&mut self, token: &str, dialect: DialectId) -> ConnId {
        let conn = self.open(dialect);
        self.ask(conn, Command::Authenticate { token: token.to_owned() });
        self.inbox_says(Reply::Done);
        let said = self.read(conn);
        assert!(matches!(&said[..], [ServerFrame::Reply { reply: Reply::Welcome(_), .. }]), "{said:?}");
        conn
    }

    pub fn ask(&mut self, conn: ConnId, command: Command) -> Number {
        self.number += 1;
        let mut bytes = Vec::new();
        NativeJson.say(self.number, &command, &mut bytes);
        let text = std::str::from_utf8(&bytes).unwrap();
        self.edge.receive(self.now, &mut self.doors, conn, Incoming::Text(text), &mut self.out);
        self.number
    }

    pub fn give(&mut self, message: ToEdge) {
        self.edge.take(self.now, &mut self.doors, ShardId(0), message, &mut self.out);
    }

    /// What the edge has for homes.
    pub fn sent(&mut self) -> Vec<ToHome> {
        self.out.take(ShardId(0)).to_home
    }

    pub fn commands(&mut self) -> Vec<Envelope> {
        let commands = self.sent().into_iter().filter_map(|m| match m {
            ToHome::Command(envelope) => Some(*envelope),
            _ => None,
        });
        commands.collect()
    }

    pub fn attaches(&mut self) -> Vec<Attach> {
        let attaches = self.sent().into_iter().filter_map(|m| match m {
            ToHome::Attach(attach) => Some(*attach),
            _ => None,
        });
        attaches.collect()
    }

    pub fn pulls(&mut self) -> Vec<Place> {
        let pulls = self.sent().into_iter().filter_map(|m| match m {
            ToHome::Pull { after, .. } => Some(after),
            _ => None,
        });
        pulls.collect()
    }

    pub fn reply(&mut self, to: ReplyTo, reply: Reply) {
        let ReplyTo { to, number, row, gather } = to;
        self.give(ToEdge::Reply { to: to.conn, number, row, gather, reply });
    }

    pub fn inbox_says(&mut self, reply: Reply) -> SessionOpened {
        let opened = self.sent().into_iter().find_map(|m| match m {
            ToHome::SessionOpened(opened) => Some(*opened),
            _ => None,
        });
        let opened = opened.unwrap();
        self.reply(opened.reply_to, reply);
        opened
    }

    pub fn attached(&mut self, attach: &Attach, handle: u32, start: Start, from: Place, end: Place) {
        let RoomAddress::Key(room) = &attach.room else { panic!("attaches name keys") };
        let subscribed = Subscribed {
            room: room.clone(),
            handle: RoomHandle(handle),
            start,
            from,
            end,
            messages: end.seq.0,
            read: Place::START,
            read_ordinal: 0,
            info: Arc::default(),
            role: None,
            present: 1,
        };
        let ReplyTo { to, number, row, gather } = attach.reply_to;
        let subscribed = Box::new(subscribed);
        self.give(ToEdge::Attached { to: to.conn, number, row, gather, lane: attach.lane, subscribed });
    }

    /// Subscribed to room `handle`, live at `end`.
    pub fn subscribe(&mut self, conn: ConnId, handle: u32, end: Place) {
        self.ask(conn, Command::Subscribe { rooms: vec![wish(&format!("room-{handle}"), None)] });
        let attach = self.attaches().pop().unwrap();
        self.attached(&attach, handle, Start::Live, end, end);
        let said = self.read(conn);
        assert!(matches!(&said[..], [ServerFrame::Reply { reply: Reply::Subscribed(_), .. }]), "{said:?}");
    }

    pub fn chunk(&self, handle: u32, lane: Lane, before: Place, last: Place, said: &[Said]) -> Arc<Chunk> {
        let (mut frames, mut entries, mut prev) = (Frames::new(), Vec::new(), before);
        let key = room_key(&format!("room-{handle}"));
        let on_wire = RoomOnWire { handle: RoomHandle(handle), key: &key };
        for Said { seq, origin, bytes } in said {
            let origin = origin.map(|conn| Address { shard: ShardId(0), conn });
            entries.push(ChunkEntry { offset: frames.len() as u32, seq: *seq, origin });
            if last < before {
                let signal = Signal::Retract { above: last, next: Place::new(last.epoch.0 + 1, last.seq.0 + 1) };
                NativeJson.signal(0, on_wire, &signal, &mut frames);
            } else if *seq == 0 {
                NativeJson.signal(0, on_wire, &Signal::Typing { user: name("typist"), on: true }, &mut frames);
            } else {
                let place = Place { epoch: last.epoch, seq: Seq(*seq) };
                let event = posted(place, *bytes);
                NativeJson.event(0, on_wire, &event, prev.epoch != place.epoch, &mut frames);
                prev = place;
            }
        }
        let bytes = frames.into_bytes();
        Arc::new(Chunk::new(RoomHandle(handle), lane, before, last, bytes, entries, &self.pinned))
    }

    /// Events `range` of a room, live.
    pub fn events(&mut self, handle: u32, range: std::ops::RangeInclusive<u64>) {
        let (before, last) = (at(range.start() - 1), at(*range.end()));
        let chunk = self.chunk(handle, lane_of(JSON), before, last, &seqs(range));
        self.give(ToEdge::Chunk(chunk));
    }

    pub fn page(&mut self, handle: u32, lane: Lane, after: Place, answer: PageAnswer, end: Place) {
        self.give(ToEdge::Page { room: RoomHandle(handle), lane, after, answer, end });
    }

    /// Takes what the socket would, and reads it as the client does.
    pub fn read(&mut self, conn: ConnId) -> Vec<ServerFrame> {
        self.read_some(conn, usize::MAX).0
    }

    /// Takes at most this many bytes.
    pub fn read_some(&mut self, conn: ConnId, most: usize) -> (Vec<ServerFrame>, AfterWrite) {
        let mut dirty = Vec::new();
        self.edge.take_dirty(&mut dirty);
        let mut bytes: Vec<u8> = self.edge.slices(conn).flatten().copied().collect();
        bytes.truncate(most);
        let after = self.edge.wrote(self.now, conn, bytes.len(), &mut self.out);
        let (epochs, waiting) = self.clients.get_mut(&conn).unwrap();
        waiting.extend(bytes);
        let mut heard = Vec::new();
        while let Some((first, payload, total)) = frame(waiting) {
            if first == 0x81 {
                let text = std::str::from_utf8(&waiting[payload..total]).unwrap();
                NativeJson.hear(epochs, Incoming::Text(text), &mut heard).unwrap();
            }
            waiting.drain(..total);
        }
        (heard, after)
    }

    /// Bytes that lie in an outbox, raw.
    pub fn raw(&self, conn: ConnId) -> Vec<u8> {
        self.edge.slices(conn).flatten().copied().collect()
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.mono += ms;
        self.now.wall += ms;
        self.edge.tick(self.now, &mut self.out);
    }
}

pub fn posted(place: Place, bytes: usize) -> Event {
    let message = Message {
        place,
        ordinal: place.seq.0,
        sender: name("ann"),
        posted_at: 5,
        kind: BodyKind::Text,
        body: Arc::from(vec![b'x'; bytes]),
        version: place,
        extra: None,
    };
    Event { place, at: 5, by: name("ann"), body: EventBody::Posted(Arc::new(message)) }
}

/// First byte, payload's start and end of the first whole frame.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let first = *bytes.first()?;
    let (len, header) = match *bytes.get(1)? {
        126 => (usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap())), 4),
        127 => (u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap()) as usize, 10),
        n => (usize::from(n), 2),
    };
    (bytes.len() >= header + len).then_some((first, header, header + len))
}

/// Places of the events among what was heard.
pub fn places(heard: &[ServerFrame]) -> Vec<Place> {
    let events = heard.iter().filter_map(|f| match f {
        ServerFrame::Event { event, .. } => Some(event.place),
        _ => None,
    });
    events.collect()
}

pub fn marks(heard: &[ServerFrame]) -> Vec<Mark> {
    let marks = heard.iter().filter_map(|f| match f {
        ServerFrame::Mark(mark) => Some(mark.clone()),
        _ => None,
    });
    marks.collect()
}

pub fn replies(heard: &[ServerFrame]) -> Vec<(Number, Reply)> {
    let replies = heard.iter().filter_map(|f| match f {
        ServerFrame::Reply { number, reply } => Some((*number, reply.clone())),
        _ => None,
    });
    replies.collect()
}

pub fn refusals(heard: &[ServerFrame]) -> Vec<(Number, ErrorCode)> {
    let refused = replies(heard).into_iter().filter_map(|(number, reply)| match reply {
        Reply::Refused(refusal) => Some((number, refusal.code)),
        _ => None,
    });
    refused.collect()
}
