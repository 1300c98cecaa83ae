//! The far sequencer at work, and the imaginary other nodes that use it too.

use crate::agenda::Happening;
use crate::journal::key_rows;
use crate::ledger::name;
use crate::outside::Outside;
use crate::plan::REALM;
use crate::sequencer::Ask;
use rookery_engine::message::ShardId;
use rookery_engine::placement;
use rookery_engine::ports::{Fact, Foreign, Row, Sequenced};
use rookery_protocol::command::{Access, Role};
use rookery_protocol::event::{Departure, Event, EventBody};
use rookery_protocol::ids::{DuplicateKey, Name, Place, RoomKey, RoomKind, UserId};
use rookery_protocol::message::{BodyKind, Message, MessageExtra};
use std::sync::Arc;

impl Outside {
    /// The sequencer takes up the oldest question of a room; other nodes may come first.
    pub fn number(&mut self, room: usize) {
        let line = self.sequencer.line(room);
        let key = line.room.clone();
        let Some(ask) = line.queue.pop_front() else {
            return self.foreign(room, &key);
        };
        if ask.epoch > line.epoch {
            let tables = self.journal.tables(&key);
            let (stored, keys) = (tables.last, tables.keys.clone());
            self.sequencer.line(room).open(ask.epoch, stored, keys.into_iter().collect());
        }
        if self.dice.chance(self.plan.foreign) {
            self.foreign(room, &key);
        }
        if !self.peace && self.dice.chance(self.plan.unknown) {
            self.unknown(room, &key, &ask);
            return self.tell(room, &ask, Sequenced::Unknown);
        }
        let answer = self.sequencer.line(room).answer(&ask);
        self.tell(room, &ask, answer);
    }

    fn tell(&mut self, room: usize, ask: &Ask, answer: Sequenced) {
        let delay = self.dice.below(self.plan.sequence_ms);
        self.room_fact(ask.shard, room, delay, Fact::Sequenced { room: ask.handle, ticket: ask.ticket, answer });
    }

    /// Something of another node: only what holds whatever came before it.
    fn foreign(&mut self, room: usize, key: &RoomKey) {
        let line = self.sequencer.line(room);
        if line.epoch.0 == 0 || line.failed || self.journal.failing || key.kind != RoomKind::Room {
            return;
        }
        let last = line.last;
        self.far_users += 1;
        let far = Name::new(&format!("far-{}", self.far_users)).expect("a name");
        let settled = self.journal.tables(key).last == last;
        let victim = self.journal.tables(key).members.iter().find(|(_, role)| **role == Role::Member);
        let victim = victim.map(|(user, _)| user.clone());
        let dice = self.dice.below(10);
        let (body, rows): (Body, Vec<Row>) = match (dice, victim) {
            // Taking a member away while its commands are under way makes void what comes behind.
            (0, Some(user)) if settled => (
                Body::Event(EventBody::Left { user: user.clone(), why: Departure::Removed }),
                vec![Row::Member { user, role: None }],
            ),
            (1, _) => (
                Body::Event(EventBody::Joined { user: far.clone(), role: Role::Member }),
                vec![Row::Member { user: far.clone(), role: Some(Role::Member) }],
            ),
            _ => {
                let key = self.dice.chance(500).then(|| DuplicateKey::Stream { stream: self.far_users, n: 1 });
                (Body::Post { body: format!("far {}", self.far_users).into_bytes(), key }, Vec::new())
            }
        };
        self.place_foreign(room, key, &far, body, rows);
    }

    fn place_foreign(&mut self, room: usize, key: &RoomKey, by: &UserId, body: Body, mut rows: Vec<Row>) {
        let place = self.sequencer.line(room).next();
        let at = self.agenda.now().wall;
        let body = match body {
            Body::Event(body) => body,
            Body::Post { body, key } => {
                let message = message(place, by, at, body, key);
                rows.extend(key_rows(&message));
                EventBody::Posted(Arc::new(message))
            }
        };
        let event = Event { place, at, by: by.clone(), body };
        self.log(format_args!("another node places {} {place} {:?}", name(key), event.body.kind()));
        let placed = self.ledger.placed(key, &Arc::new(event.clone()));
        self.check(placed);
        let foreign = Foreign { event, rows, privileged: true };
        self.journal.foreign(key, foreign.clone());
        let shard = self.home_of(key);
        let delay = self.dice.below(self.plan.sequence_ms);
        self.room_fact(shard, room, delay, Fact::Foreign { room: key.clone(), event: Box::new(foreign) });
        // Its node stores it soon, if what stands before it is stored by then. Where writes fail, they fail for all
        // nodes alike: there it is stored with what this node writes, or not at all.
        if !self.plan.store_fails {
            let delay = self.dice.between(1, 200);
            self.after(delay, Happening::Settle { room: key.clone() });
        }
    }

    /// Nobody can say what became of a question. It may have its place all the same.
    fn unknown(&mut self, room: usize, key: &RoomKey, ask: &Ask) {
        let open = self.plan.rooms.iter().any(|r| r.key == *key && r.class.access == Access::Open);
        let posted = ask.key.as_ref().and_then(|(user, k)| self.posts.get(&(key.clone(), user.clone(), k.clone())));
        let posted = posted.cloned();
        if self.journal.failing || self.sequencer.line(room).failed {
            return;
        }
        let line = self.sequencer.line(room);
        let fresh = ask.key.as_ref().is_some_and(|k| !line.keys.contains_key(k));
        match (self.dice.below(3), &ask.key, posted) {
            (0, Some((user, k)), Some(body)) if open && fresh => {
                let (user, k) = (user.clone(), k.clone());
                let body = Body::Post { body, key: Some(k.clone()) };
                self.place_foreign(room, key, &user, body, Vec::new());
                let line = self.sequencer.line(room);
                line.keys.insert((user, k), line.last);
            }
            (1, _, _) => self.place_foreign(room, key, &REALM, Body::Event(EventBody::Void), Vec::new()),
            _ => {}
        }
    }

    pub fn home_of(&self, room: &RoomKey) -> u8 {
        let ShardId(shard) = placement::shard_of(room, self.placement_key(), self.plan.shards);
        shard
    }

    /// Another one in each life: rooms move between shards when the node comes back.
    pub fn placement_key(&self) -> u64 {
        self.plan.seed.wrapping_mul(31).wrapping_add(u64::from(self.life))
    }
}

enum Body {
    Event(EventBody),
    Post { body: Vec<u8>, key: Option<DuplicateKey> },
}

fn message(place: Place, sender: &UserId, at: u64, body: Vec<u8>, key: Option<DuplicateKey>) -> Message {
    Message {
        place,
        ordinal: 0,
        sender: sender.clone(),
        posted_at: at,
        kind: BodyKind::Text,
        body: Arc::from(body),
        version: place,
        extra: key.map(|key| Box::new(MessageExtra { key: Some(key), ..MessageExtra::default() })),
    }
}
