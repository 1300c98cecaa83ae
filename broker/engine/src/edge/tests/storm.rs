//! Seeded storms: slow clients, skipped chunks, tails taken back, removals and returns, judged by what each client saw.
//!
//! A failing seed is in the message; it replays exactly.

use super::super::AfterWrite;
use super::bench::*;
use crate::fanout::{Chunk, ChunkEntry};
use crate::message::*;
use crate::settings::Limits;
use rookery_protocol::command::{Command, SubscribeRoom, Wants};
use rookery_protocol::dialect::contract::{Dialect, RoomOnWire};
use rookery_protocol::dialect::native_json::NativeJson;
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::Signal;
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::{EndReason, GapReason, Mark, Refusal, Reply, Start};
use rookery_protocol::wire::frames::Frames;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

const ROOMS: u32 = 3;
const CLIENTS: usize = 6;
const PAGE: usize = 16;
const LARGEST_EVENT: u64 = 300;

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A room as its home has it.
#[derive(Default)]
struct Room {
    /// What stands.
    log: Vec<Place>,
    /// Of everything that ever had a place: what stood before it.
    before: BTreeMap<Place, Place>,
    epoch: u64,
    /// Replay begins behind so many.
    forgotten: usize,
    listening: BTreeSet<Lane>,
    attached: BTreeSet<Address>,
}

impl Room {
    fn end(&self) -> Place {
        self.log.last().copied().unwrap_or(Place::START)
    }
    /// Index of the first event after a place that stands.
    fn index(&self, place: Place) -> Option<usize> {
        if place == Place::START { Some(0) } else { self.log.iter().position(|p| *p == place).map(|i| i + 1) }
    }
    fn ancestor(&self, mut place: Place) -> Place {
        while self.index(place).is_none() {
            place = self.before[&place];
        }
        place
    }
    fn place_before(&self, index: usize) -> Place {
        if index == 0 { Place::START } else { self.log[index - 1] }
    }
}

/// What a client makes of what it is told.
#[derive(Default)]
struct Client {
    conn: Option<ConnId>,
    /// Subscribed now: the last place seen.
    seen: BTreeMap<u32, Place>,
    /// Where it stood when it lost its connection or left.
    cursors: BTreeMap<u32, Place>,
}

struct Storm {
    bench: Bench,
    dice: Dice,
    rooms: Vec<Room>,
    clients: Vec<Client>,
    to_home: VecDeque<ToHome>,
}

impl Storm {
    fn new(seed: u64) -> Storm {
        let limits = Limits {
            outbox_low_bytes: 600,
            outbox_shed_bytes: 900,
            outbox_high_bytes: 2000,
            outbox_cut_bytes: 100_000,
            commands_per_second: 0,
            user_commands_per_second: 0,
            silence_ms: 0,
            ping_ms: 0,
            slow_ms: 400,
            ..Limits::default()
        };
        let room = || Room { epoch: 1, ..Room::default() };
        Storm {
            bench: Bench::with(limits),
            dice: Dice(seed),
            rooms: (0..ROOMS).map(|_| room()).collect(),
            clients: (0..CLIENTS).map(|_| Client::default()).collect(),
            to_home: VecDeque::new(),
        }
    }

    fn step(&mut self) {
        match self.dice.below(20) {
            0..=5 => self.post(),
            6 => self.take_back(),
            7 => self.forget(),
            8..=10 => self.home_answers(3),
            11 => self.behind(),
            12 => self.remove_somebody(),
            13 => self.come_or_go(),
            14 | 15 => self.subscribe(),
            16 => self.unsubscribe(),
            17 => {
                let ms = self.dice.below(60);
                self.bench.pass(ms);
            }
            _ => self.read(),
        }
        self.collect();
        self.clean_up();
    }

    fn collect(&mut self) {
        self.to_home.extend(self.bench.sent());
    }

    fn chunk(&mut self, room: usize, lane: Lane, range: std::ops::Range<usize>, signals: bool) -> Arc<Chunk> {
        let handle = RoomHandle(room as u32);
        let key = room_key(&format!("room-{room}"));
        let on_wire = RoomOnWire { handle, key: &key };
        let (mut frames, mut entries) = (Frames::new(), Vec::new());
        let before = self.rooms[room].place_before(range.start);
        let mut prev = before;
        for index in range {
            let place = self.rooms[room].log[index];
            if signals && self.dice.chance(30) {
                entries.push(ChunkEntry { offset: frames.len() as u32, seq: 0, origin: None });
                NativeJson.signal(0, on_wire, &Signal::Typing { user: name("x"), on: true }, &mut frames);
            }
            entries.push(ChunkEntry { offset: frames.len() as u32, seq: place.seq.0, origin: None });
            // The same place has the same bytes wherever it is told.
            let bytes = (place.seq.0 * 37 + place.epoch.0 * 101) % LARGEST_EVENT;
            NativeJson.event(0, on_wire, &posted(place, bytes as usize), prev.epoch != place.epoch, &mut frames);
            prev = place;
        }
        let bytes = frames.into_bytes();
        Arc::new(Chunk::new(handle, lane, before, prev, bytes, entries, &self.bench.pinned))
    }

    fn post(&mut self) {
        let (room, events) = (self.dice.below(u64::from(ROOMS)) as usize, 1 + self.dice.below(4));
        let skipped = self.dice.chance(10);
        self.post_to(room, events, skipped);
    }

    fn post_to(&mut self, room: usize, events: u64, skipped: bool) {
        let from = self.rooms[room].log.len();
        for _ in 0..events {
            let state = &mut self.rooms[room];
            let before = state.end();
            let place = Place::new(state.epoch, before.seq.0 + 1);
            state.before.insert(place, before);
            state.log.push(place);
        }
        for lane in self.rooms[room].listening.clone() {
            let chunk = self.chunk(room, lane, from..from + events as usize, true);
            if !skipped {
                self.bench.give(ToEdge::Chunk(chunk));
            }
        }
    }

    fn take_back(&mut self) {
        let room = self.dice.below(u64::from(ROOMS)) as usize;
        let tail = self.dice.below(6) as usize;
        let state = &mut self.rooms[room];
        let kept = state.log.len().saturating_sub(tail).max(state.forgotten);
        if kept == state.log.len() || !self.dice.chance(40) {
            return;
        }
        let before = state.end();
        state.log.truncate(kept);
        state.epoch += 1;
        let above = state.end();
        let next = Place::new(state.epoch, above.seq.0 + 1);
        let told = self.dice.chance(70);
        for lane in self.rooms[room].listening.clone() {
            let handle = RoomHandle(room as u32);
            let key = room_key(&format!("room-{room}"));
            let mut frames = Frames::new();
            let on_wire = RoomOnWire { handle, key: &key };
            NativeJson.signal(0, on_wire, &Signal::Retract { above, next }, &mut frames);
            let entries = vec![ChunkEntry { offset: 0, seq: 0, origin: None }];
            let chunk = Chunk::new(handle, lane, before, above, frames.into_bytes(), entries, &self.bench.pinned);
            if told {
                self.bench.give(ToEdge::Chunk(Arc::new(chunk)));
            }
        }
    }

    fn forget(&mut self) {
        let room = self.dice.below(u64::from(ROOMS)) as usize;
        let state = &mut self.rooms[room];
        if state.log.len() > state.forgotten + 40 {
            state.forgotten = state.log.len() - 20;
        }
    }

    fn behind(&mut self) {
        for room in 0..ROOMS {
            let end = self.rooms[room as usize].end();
            self.bench.give(ToEdge::Behind { room: RoomHandle(room), end });
        }
    }

    fn remove_somebody(&mut self) {
        let (room, user) = (self.dice.below(u64::from(ROOMS)) as u32, self.dice.below(CLIENTS as u64));
        let at = self.rooms[room as usize].end();
        let close = self.dice.chance(20).then_some(DropReason::Replaced);
        let whom = Whom::User(name(&format!("user-{user}")));
        self.bench.give(ToEdge::Ended { room: RoomHandle(room), whom, at, reason: EndReason::Removed, close });
    }

    fn home_answers(&mut self, most: u64) {
        for _ in 0..1 + self.dice.below(most) {
            self.collect();
            let Some(message) = self.to_home.pop_front() else { return };
            match message {
                ToHome::SessionOpened(opened) => self.bench.reply(opened.reply_to, Reply::Done),
                ToHome::Attach(attach) => self.answer_attach(*attach),
                ToHome::Detach(detach) => {
                    let room = &mut self.rooms[detach.room.0 as usize];
                    room.attached.remove(&detach.address);
                    if detach.lane_empty {
                        room.listening.remove(&detach.lane);
                    }
                }
                ToHome::Pull { room, lane, after } => self.answer_pull(room.0, lane, after),
                ToHome::Who { room, to } => {
                    let users = vec![name("x")];
                    self.bench.give(ToEdge::Present { to: to.conn, room, users, count: 1, complete: true });
                }
                ToHome::SessionClosed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn answer_attach(&mut self, attach: Attach) {
        let RoomAddress::Key(key) = &attach.room else { panic!() };
        let room: u32 = key.name.as_str().strip_prefix("room-").unwrap().parse().unwrap();
        if self.dice.chance(10) {
            self.bench.reply(attach.reply_to, Reply::Refused(Refusal::new(ErrorCode::NotAllowed)));
            return;
        }
        let state = &mut self.rooms[room as usize];
        state.listening.insert(attach.lane);
        let fresh = state.attached.insert(attach.reply_to.to);
        assert!(fresh, "attached twice");
        let end = state.end();
        let (start, from) = match attach.cursor {
            None => (Start::Live, end),
            Some(cursor) => match state.index(cursor) {
                None => {
                    let above = state.ancestor(cursor);
                    (Start::Retract { above }, above)
                }
                Some(index) if index < state.forgotten => {
                    (Start::Gap(GapReason::TooOld), state.place_before(state.forgotten))
                }
                Some(_) => (Start::Resuming, cursor),
            },
        };
        self.bench.attached(&attach, room, start, from, end);
    }

    fn answer_pull(&mut self, room: u32, lane: Lane, after: Place) {
        let state = &self.rooms[room as usize];
        let end = state.end();
        let answer = if self.dice.chance(10) {
            PageAnswer::Later { retry_after_ms: 1 + self.dice.below(40) as u32 }
        } else {
            match state.index(after) {
                None => {
                    let above = state.ancestor(after);
                    let index = state.index(above).unwrap();
                    let fallback = Place::new(state.epoch, above.seq.0 + 1);
                    PageAnswer::Retract { above, next: state.log.get(index).copied().unwrap_or(fallback) }
                }
                Some(index) if index < state.forgotten => {
                    PageAnswer::Gap { reason: GapReason::Lagged, from: state.place_before(state.forgotten) }
                }
                Some(index) if index == state.log.len() => PageAnswer::AtEnd,
                Some(index) => {
                    let first = index / PAGE * PAGE;
                    let epoch = state.log[index].epoch;
                    let first = (first..=index).find(|i| state.log[*i].epoch == epoch).unwrap();
                    let last = (first / PAGE * PAGE + PAGE).min(state.log.len());
                    let last = (index..last).find(|i| state.log[*i].epoch != epoch).unwrap_or(last);
                    PageAnswer::Events(self.chunk(room as usize, lane, first..last, false))
                }
            }
        };
        self.bench.page(room, lane, after, answer, end);
    }

    /// Verifications that took their time, in the order of asking.
    fn verify(&mut self) {
        for (ticket, token) in std::mem::take(&mut self.bench.doors.asked) {
            for conn in self.clients.iter().filter_map(|c| c.conn) {
                let (answer, bench) = (principal(&token), &mut self.bench);
                bench.edge.verified(bench.now, &mut bench.doors, conn, ticket, answer, &mut bench.out);
            }
        }
    }

    fn come_or_go(&mut self) {
        self.verify();
        let client = self.dice.below(CLIENTS as u64) as usize;
        if let Some(conn) = self.clients[client].conn {
            if self.dice.chance(40) {
                self.bench.edge.closed(self.bench.now, conn, DropReason::Left, &mut self.bench.out);
                self.lose(client);
            } else if self.dice.chance(20) {
                let token = format!("late:user-{client}");
                self.bench.ask(conn, Command::Authenticate { token });
            }
        } else {
            let conn = self.bench.open(JSON);
            self.clients[client].conn = Some(conn);
            let mut rooms = Vec::new();
            for room in 0..ROOMS {
                if self.dice.chance(70) {
                    rooms.push(self.wish(client, room));
                }
            }
            self.bench.ask(conn, Command::Resume { token: Some(format!("user-{client}")), rooms });
        }
    }

    fn wish(&mut self, client: usize, room: u32) -> SubscribeRoom {
        let cursor = self.clients[client].cursors.get(&room).copied().filter(|_| self.dice.chance(80));
        let wants = Wants { presence: self.dice.chance(30), summary_only: false };
        SubscribeRoom { room: room_ref(&format!("room-{room}")), cursor, wants }
    }

    fn lose(&mut self, client: usize) {
        let client = &mut self.clients[client];
        client.conn = None;
        let seen = std::mem::take(&mut client.seen);
        client.cursors.extend(seen);
    }

    fn subscribe(&mut self) {
        let client = self.dice.below(CLIENTS as u64) as usize;
        let room = self.dice.below(u64::from(ROOMS)) as u32;
        if let Some(conn) = self.clients[client].conn {
            let wish = self.wish(client, room);
            self.bench.ask(conn, Command::Subscribe { rooms: vec![wish] });
        }
    }

    fn unsubscribe(&mut self) {
        let client = self.dice.below(CLIENTS as u64) as usize;
        let room = self.dice.below(u64::from(ROOMS));
        if let Some(conn) = self.clients[client].conn {
            self.bench.ask(conn, Command::Unsubscribe { rooms: vec![room_ref(&format!("room-{room}"))] });
        }
    }

    fn read(&mut self) {
        let client = self.dice.below(CLIENTS as u64) as usize;
        let most = 1 + self.dice.below(3000) as usize;
        self.read_client(client, most);
    }

    fn read_client(&mut self, client: usize, most: usize) {
        let Some(conn) = self.clients[client].conn else { return };
        let (heard, after) = self.bench.read_some(conn, most);
        for frame in heard {
            judge(&mut self.clients[client], &self.rooms, frame);
        }
        if let AfterWrite::Close(reason) = after {
            self.bench.edge.closed(self.bench.now, conn, reason, &mut self.bench.out);
            self.lose(client);
        } else if after == AfterWrite::More {
            self.bench.edge.blocked(self.bench.now, conn);
        }
    }

    /// What the shell does with connections that the edge gave up on, and the bound that holds for all others.
    fn clean_up(&mut self) {
        for client in 0..CLIENTS {
            let Some(conn) = self.clients[client].conn else { continue };
            // The high mark, and at most one chunk or page above it for each of two rooms; replies stand beside it.
            let bound = 2000 + 3 * (PAGE as u64 * (LARGEST_EVENT + 150)) + 20_000;
            assert!((self.bench.edge.queued(conn) as u64) < bound, "{}", self.bench.edge.queued(conn));
        }
    }

    /// Everybody reads everything and homes answer everything: then all that is subscribed stands at its room's end.
    fn calm(&mut self) {
        self.behind();
        for _ in 0..400 {
            self.verify();
            self.collect();
            while !self.to_home.is_empty() {
                self.home_answers(1);
            }
            for client in 0..CLIENTS {
                self.read_client(client, usize::MAX);
            }
            self.bench.pass(50);
        }
        self.all_stand_at_the_end();
        // And what comes now comes to all of them by itself.
        for room in 0..ROOMS as usize {
            self.post_to(room, 1, false);
        }
        for client in 0..CLIENTS {
            self.read_client(client, usize::MAX);
        }
        self.all_stand_at_the_end();
        for client in 0..CLIENTS {
            if let Some(conn) = self.clients[client].conn {
                self.bench.edge.closed(self.bench.now, conn, DropReason::Left, &mut self.bench.out);
                self.lose(client);
            }
        }
        self.collect();
        while !self.to_home.is_empty() {
            self.home_answers(1);
        }
        assert_eq!(self.bench.edge.size(), (0, 0));
        assert_eq!(self.bench.pinned.bytes(), 0);
        for room in &self.rooms {
            assert!(room.listening.is_empty() && room.attached.is_empty());
        }
    }
}

impl Storm {
    fn all_stand_at_the_end(&self) {
        for client in &self.clients {
            for (room, seen) in &client.seen {
                assert_eq!(*seen, self.rooms[*room as usize].end(), "room {room}");
            }
        }
    }
}

fn judge(client: &mut Client, rooms: &[Room], frame: ServerFrame) {
    match frame {
        ServerFrame::Reply { reply: Reply::Subscribed(s), .. } => {
            let room = s.handle.0;
            if let Some(seen) = client.seen.get(&room) {
                let told = matches!(s.start, Start::Gap(_) | Start::Retract { .. });
                assert!(told || s.from == *seen, "goes on from {} instead of {seen}", s.from);
            }
            client.seen.insert(room, s.from);
        }
        ServerFrame::Reply { reply: Reply::Unsubscribed { room }, .. } => {
            let seen = client.seen.remove(&room.0).expect("was subscribed");
            client.cursors.insert(room.0, seen);
        }
        ServerFrame::Reply { .. } => {}
        ServerFrame::Event { room, event, .. } => {
            let seen = client.seen.get_mut(&room.0).expect("an event of a room that is not subscribed");
            assert_eq!(rooms[room.0 as usize].before.get(&event.place), Some(&*seen), "before {}", event.place);
            *seen = event.place;
        }
        ServerFrame::Signal { room, signal: Signal::Retract { above, .. } } => {
            let seen = client.seen.get_mut(&room.0).expect("a retract of a room that is not subscribed");
            assert!(above < *seen);
            *seen = above;
        }
        ServerFrame::Signal { room, .. } => assert!(client.seen.contains_key(&room.0)),
        ServerFrame::Mark(Mark::Resumed { room, at }) => assert_eq!(client.seen[&room.0], at),
        ServerFrame::Mark(Mark::Gap { room, from, .. }) => {
            *client.seen.get_mut(&room.0).expect("a gap of a room that is not subscribed") = from;
        }
        ServerFrame::Mark(Mark::Ended { room, at, .. }) => {
            let seen = client.seen.remove(&room.0).expect("the end of a room that is not subscribed");
            assert_eq!(seen, at);
            client.cursors.insert(room.0, seen);
        }
        ServerFrame::Mark(Mark::Present { room, .. }) => assert!(client.seen.contains_key(&room.0)),
    }
}

fn run(seed: u64, steps: u32) -> super::super::Counters {
    let mut storm = Storm::new(seed);
    for _ in 0..steps {
        storm.step();
        let outboxes = &storm.bench.edge.outboxes;
        assert_eq!(outboxes.queued(), outboxes.counted());
    }
    storm.calm();
    storm.bench.edge.counters.clone()
}

#[test]
fn whatever_happens_nobody_misses_anything_untold() {
    let mut sum = super::super::Counters::default();
    let mut gaps = 0;
    for seed in 0..200 {
        let counters = std::panic::catch_unwind(|| run(seed, 500)).unwrap_or_else(|_| panic!("seed {seed}"));
        sum.lagged += counters.lagged;
        sum.skipped += counters.skipped;
        sum.retracts += counters.retracts;
        gaps += GapReason::ALL.iter().map(|reason| counters.gaps(*reason)).sum::<u64>();
        sum.pulls_shared += counters.pulls_shared;
        sum.shed += counters.shed;
        sum.ended += counters.ended;
        // The same seed tells the same story.
        if seed % 50 == 0 {
            assert_eq!(run(seed, 500), counters);
        }
    }
    // It has seen every rung.
    for seen in [sum.lagged, sum.skipped, sum.retracts, gaps, sum.pulls_shared, sum.shed, sum.ended] {
        assert!(seen > 100, "{sum:?}");
    }
}
