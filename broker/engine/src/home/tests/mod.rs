//! A home alone, with ports in memory: what is said to it and what it answers.

mod attaching;
mod directory;
mod effects;
mod failures;
mod keys;
mod messages;
mod presence;
mod replaying;
mod retention;
mod rooms;
mod sequencing;
mod sessions;
mod settling;
mod storm;

use super::Home;
use crate::fanout::{Chunk, Outbound};
use crate::message::{
    Address, Attach, ConnId, Detach, Envelope, Lane, PageAnswer, ReplyTo, RoomAddress, SessionOpened, ShardId, ToEdge,
    ToHome,
};
use crate::settings::{Limits, RoomClass};
use crate::testing::{FakePorts, Late, at, backend, principal, room, settings};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::command::{Command, Post, PostExtra, RoomRef, Wants};
use rookery_protocol::dialect::contract::Encoding;
use rookery_protocol::dialect::registry;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{AckLevel, DuplicateKey, Name, Place, RoomHandle, RoomKey, RoomKind};
use rookery_protocol::message::BodyKind;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Reply, Subscribed};
use std::collections::VecDeque;
use std::sync::Arc;

/// A home, its ports, and everything it told its edges.
pub(super) struct Bench {
    pub home: Home,
    pub ports: FakePorts,
    pub out: Outbound,
    pub ms: u64,
    pub told: VecDeque<ToEdge>,
    /// Messages to homes are not passed on, but kept.
    pub cut: Option<Vec<ToHome>>,
    /// Of effects and their answers, this many in a hundred are lost.
    pub lossy: Option<(u64, Dice)>,
    numbers: u32,
}

/// Numbers that look random and are the same for a seed.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        (mixed ^ (mixed >> 29)) % n
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

pub(super) const ROOM: RoomRef = RoomRef::Inbox;

impl Bench {
    pub fn new() -> Bench {
        Bench::with(RoomClass::default(), Late::default())
    }

    pub fn with(class: RoomClass, late: Late) -> Bench {
        Bench::limited(class, late, AckLevel::Durable, Limits::default())
    }

    pub fn limited(class: RoomClass, late: Late, reach: AckLevel, limits: Limits) -> Bench {
        Bench {
            home: Home::new(settings(class, reach, limits)),
            ports: FakePorts::new(late),
            out: Outbound::new(1),
            ms: 0,
            told: VecDeque::new(),
            cut: None,
            lossy: None,
            numbers: 0,
        }
    }

    /// Over a store that confirms with this node's disk and reaches more later.
    pub fn far() -> Bench {
        let mut bench = Bench::with(RoomClass::default(), Late { submit: true, ..Late::default() });
        bench.begin_far();
        bench
    }

    pub fn begin_far(&mut self) {
        let mut settings = (*settings(RoomClass::default(), AckLevel::Durable, Limits::default())).clone();
        settings.confirms = AckLevel::Local;
        self.home = Home::new(Arc::new(settings));
    }

    /// The same store under a new home: what a restart finds.
    pub fn restart(&mut self, class: RoomClass) {
        self.restart_in(200, class, Limits::default());
    }

    pub fn restart_in(&mut self, run: u64, class: RoomClass, limits: Limits) {
        let mut settings = (*settings(class, AckLevel::Durable, limits)).clone();
        settings.run.0 = run;
        self.home = Home::new(Arc::new(settings));
        self.out = Outbound::new(1);
        self.told.clear();
    }

    fn reply_to(&mut self, slot: u32, kind: CommandKind) -> ReplyTo {
        self.numbers += 1;
        let to = Address { shard: ShardId(0), conn: ConnId { slot, generation: 1 } };
        ReplyTo { to, number: self.numbers, row: kind.row(), gather: Some(self.numbers) }
    }

    pub fn tell(&mut self, message: ToHome) {
        self.home.take(at(self.ms), &mut self.ports, ShardId(0), message, &mut self.out);
    }

    /// Asks without ending the turn; answers the number.
    pub fn ask(&mut self, who: &Principal, key: &RoomKey, command: Command) -> u32 {
        let reply_to = self.reply_to(slot_of(who), command.kind());
        let envelope = Envelope {
            room: RoomAddress::Key(key.clone()),
            who: Arc::new(who.clone()),
            reply_to,
            at: at(self.ms).wall,
            command,
        };
        self.tell(ToHome::Command(Box::new(envelope)));
        reply_to.number
    }

    /// Asks, ends the turn, and answers the answer.
    pub fn say(&mut self, who: &Principal, key: &RoomKey, command: Command) -> Reply {
        let number = self.ask(who, key, command);
        self.turn();
        match self.reply(number) {
            Some(reply) => reply,
            None => panic!("no answer to {number} in {:?}", self.told),
        }
    }

    pub fn refused(&mut self, who: &Principal, key: &RoomKey, command: Command) -> ErrorCode {
        let reply = self.say(who, key, command);
        let Reply::Refused(refusal) = reply else { panic!("{reply:?} is no refusal") };
        refusal.code
    }

    pub fn placed(&mut self, who: &Principal, key: &RoomKey, command: Command) -> Place {
        let reply = self.say(who, key, command);
        let Reply::Placed { place, .. } = reply else { panic!("{reply:?} is no place") };
        place
    }

    pub fn post(&mut self, user: &str, key: &RoomKey, body: &str) -> Place {
        self.placed(&principal(user), key, post(body, None))
    }

    /// Ends a turn: messages to homes come back to this one, until there are none.
    pub fn turn(&mut self) {
        for _ in 0..64 {
            self.home.end_turn(at(self.ms), &mut self.ports, &mut self.out);
            if self.out.is_empty(ShardId(0)) {
                self.home.submit_rest(at(self.ms), &mut self.ports, &mut self.out);
                if self.out.is_empty(ShardId(0)) && !self.home.wants_end() {
                    return;
                }
                continue;
            }
            let parcel = self.out.take(ShardId(0));
            self.told.extend(parcel.to_edge);
            for message in parcel.to_home {
                let effect = matches!(message, ToHome::Effect(_) | ToHome::EffectDone(_));
                if effect && self.lossy.as_mut().is_some_and(|(of, dice)| dice.below(100) < *of) {
                    continue;
                }
                match &mut self.cut {
                    Some(cut) => cut.push(message),
                    None => self.tell(message),
                }
            }
        }
        panic!("a turn does not end");
    }

    /// Late answers arrive, one turn each.
    pub fn facts(&mut self) {
        self.ports.settle();
        while let Some(fact) = self.ports.facts.pop_front() {
            self.home.fact(at(self.ms), &mut self.ports, fact, &mut self.out);
            self.turn();
            self.ports.settle();
        }
    }

    pub fn fact(&mut self, fact: crate::ports::Fact) {
        self.home.fact(at(self.ms), &mut self.ports, fact, &mut self.out);
        self.turn();
    }

    /// Time passes; what is due fires, and its turn ends.
    pub fn pass(&mut self, ms: u64) {
        let end = self.ms + ms;
        while let Some(next) = self.home.next_deadline().filter(|next| *next <= end) {
            self.ms = self.ms.max(next);
            self.home.tick(at(self.ms), &mut self.ports, &mut self.out);
            self.turn();
        }
        self.ms = end;
    }

    pub fn reply(&mut self, number: u32) -> Option<Reply> {
        let is = |told: &ToEdge| matches!(told, ToEdge::Reply { number: n, .. } if *n == number);
        let i = self.told.iter().position(is)?;
        let Some(ToEdge::Reply { reply, .. }) = self.told.remove(i) else { return None };
        assert!(!self.told.iter().any(is), "two answers to {number}");
        Some(reply)
    }

    pub fn attach_as(&mut self, who: &Principal, key: &RoomKey, wants: Wants, cursor: Option<Place>) -> u32 {
        self.attach_at(slot_of(who), who, key, wants, cursor)
    }

    fn attach_at(&mut self, slot: u32, who: &Principal, key: &RoomKey, wants: Wants, cursor: Option<Place>) -> u32 {
        let reply_to = self.reply_to(slot, CommandKind::Subscribe);
        let attach = Attach {
            room: RoomAddress::Key(key.clone()),
            who: Arc::new(who.clone()),
            reply_to,
            at: at(self.ms).wall,
            lane: lane(wants),
            cursor,
            presence_grace_ms: None,
        };
        self.tell(ToHome::Attach(Box::new(attach)));
        reply_to.number
    }

    pub fn attach(&mut self, user: &str, key: &RoomKey, cursor: Option<Place>) -> Box<Subscribed> {
        let number = self.attach_as(&principal(user), key, Wants::default(), cursor);
        self.turn();
        self.attached(number)
    }

    pub fn attached(&mut self, asked: u32) -> Box<Subscribed> {
        let is = |told: &ToEdge| matches!(told, ToEdge::Attached { number, .. } if *number == asked);
        let i = self.told.iter().position(is);
        match i.and_then(|i| self.told.remove(i)) {
            Some(ToEdge::Attached { subscribed, .. }) => subscribed,
            other => panic!("not attached but {other:?}: {:?}", self.told),
        }
    }

    /// Another connection of a user.
    pub fn attach_from(&mut self, user: &str, slot: u32, key: &RoomKey) -> Box<Subscribed> {
        let number = self.attach_at(slot, &principal(user), key, Wants::default(), None);
        self.turn();
        self.attached(number)
    }

    /// The handle of the room that was touched first.
    pub fn home_handle(&self) -> RoomHandle {
        crate::placement::handle(1, ShardId(0), 1).unwrap()
    }

    pub fn home_end(&self) -> Place {
        self.home.end_of(self.home_handle()).unwrap()
    }

    pub fn detach(&mut self, user: &str, room: RoomHandle, wants: Wants) {
        let conn = ConnId { slot: slot_of(&principal(user)), generation: 1 };
        let address = Address { shard: ShardId(0), conn };
        let user = Name::new(user).unwrap();
        self.tell(ToHome::Detach(Detach { room, lane: lane(wants), address, user, lane_empty: true }));
        self.turn();
    }

    pub fn pull(&mut self, room: RoomHandle, after: Place) -> PageAnswer {
        self.tell(ToHome::Pull { room, lane: lane(Wants::default()), after });
        self.turn();
        self.page()
    }

    pub fn page(&mut self) -> PageAnswer {
        let i = self.told.iter().position(|told| matches!(told, ToEdge::Page { .. }));
        match i.and_then(|i| self.told.remove(i)) {
            Some(ToEdge::Page { answer, .. }) => answer,
            other => panic!("no page but {other:?}"),
        }
    }

    /// Everything that is wanted, from after a place to the end.
    pub fn replay(&mut self, room: RoomHandle, mut after: Place) -> Vec<u64> {
        let mut seqs = Vec::new();
        loop {
            match self.pull(room, after) {
                PageAnswer::Events(chunk) => {
                    assert!(chunk.before.seq <= after.seq && chunk.last.seq > after.seq);
                    seqs.extend(chunk.entries().iter().map(|e| e.seq).filter(|seq| *seq > after.seq.0));
                    after = chunk.last;
                }
                PageAnswer::AtEnd => return seqs,
                other @ (PageAnswer::Gap { .. } | PageAnswer::Retract { .. } | PageAnswer::Later { .. }) => {
                    panic!("{other:?}")
                }
            }
        }
    }

    /// Chunks that were told and not looked at yet.
    pub fn chunks(&mut self) -> Vec<Arc<Chunk>> {
        let mut chunks = Vec::new();
        self.told.retain(|told| {
            if let ToEdge::Chunk(chunk) = told {
                chunks.push(chunk.clone());
            }
            !matches!(told, ToEdge::Chunk(_))
        });
        chunks
    }

    /// Their text, signals and events of all lanes together.
    pub fn heard(&mut self) -> String {
        self.chunks().iter().map(|chunk| String::from_utf8_lossy(chunk.bytes()).into_owned()).collect()
    }

    pub fn open(&mut self, user: &str, slot: u32, most: Option<u32>, newest_wins: bool) -> Reply {
        let mut reply_to = self.reply_to(slot, CommandKind::Authenticate);
        reply_to.gather = None;
        let opened = SessionOpened {
            inbox: room(RoomKind::Inbox, user),
            lobby: room(RoomKind::Lobby, "*"),
            directory: room(RoomKind::Directory, "*"),
            who: Arc::new(principal(user)),
            reply_to,
            connections_per_user: most,
            newest_wins,
            presence_grace_ms: Some(1000),
        };
        self.tell(ToHome::SessionOpened(Box::new(opened)));
        self.turn();
        self.reply(reply_to.number).unwrap()
    }
}

pub(super) fn lane(wants: Wants) -> Lane {
    Lane { encoding: Encoding { dialect: registry::NATIVE_JSON, variant: 0 }, wants }
}

pub(super) fn general() -> RoomKey {
    room(RoomKind::Room, "general")
}

/// Every user has one connection.
pub(super) fn slot_of(who: &Principal) -> u32 {
    who.user.as_str().bytes().fold(7, |slot: u32, b| slot.wrapping_mul(31).wrapping_add(u32::from(b)))
}

pub(super) fn post(body: &str, key: Option<DuplicateKey>) -> Command {
    Command::Post(Post { room: ROOM, kind: BodyKind::Text, body: body.as_bytes().into(), key, ack: None, extra: None })
}

pub(super) fn post_extra(body: &str, extra: PostExtra) -> Command {
    let Command::Post(post) = post(body, None) else { unreachable!() };
    Command::Post(Post { extra: Some(Box::new(extra)), ..post })
}

pub(super) fn stream(stream: u64, n: u64) -> Option<DuplicateKey> {
    Some(DuplicateKey::Stream { stream, n })
}

pub(super) fn ann() -> Principal {
    principal("ann")
}

pub(super) fn bob() -> Principal {
    principal("bob")
}

pub(super) fn server() -> Principal {
    backend()
}
