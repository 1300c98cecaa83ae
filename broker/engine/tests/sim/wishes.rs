//! What a client wants next.

use crate::client::{Asked, Client, Posted, What};
use crate::judge::AskedRoom;
use crate::outside::Outside;
use rookery_protocol::command::{
    Command, HistoryFrom, Post, PostExtra, ReadMark, Role, RoomRef, RoomSettings, RosterOf, SubscribeRoom, Wants,
};
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::{AckLevel, DuplicateKey, Name, Place};
use rookery_protocol::message::BodyKind;

/// Messages of one connection, as the payloads of WebSocket messages.
pub type Said = Vec<Vec<u8>>;

const REACTIONS: [&str; 3] = ["+1", "heart", "🐦"];

impl Client {
    /// First words on a new connection: who it is, and what it had before.
    pub fn greet(&mut self, outside: &mut Outside, said: &mut Said) {
        let wanted: Vec<usize> = (0..self.rooms.len()).filter(|i| self.rooms[*i].wanted).collect();
        let token = self.user.as_str().to_owned();
        if outside.dice.chance(500) || wanted.is_empty() {
            self.say(Command::Authenticate { token }, What::Hello, 1, outside, said);
            if !wanted.is_empty() && outside.dice.chance(700) {
                self.subscribe(&wanted, None, outside, said);
            }
        } else {
            self.subscribe(&wanted, Some(token), outside, said);
        }
    }

    /// Several rooms in one frame, with the cursors of what it has.
    pub fn subscribe(&mut self, rooms: &[usize], token: Option<String>, outside: &mut Outside, said: &mut Said) {
        let stamp = outside.ledger.tick();
        let mut asked = Vec::new();
        let mut frame = Vec::new();
        for index in rooms {
            let cursor = self.rooms[*index].cursor.or_else(|| outside.dice.chance(300).then_some(Place::START));
            let room = self.room_ref(*index, outside);
            asked.push(AskedRoom::new(outside.room(*index, &self.user), *index, cursor, stamp));
            let wants = Wants { presence: outside.dice.chance(200), summary_only: false };
            frame.push(SubscribeRoom { room, cursor, wants });
        }
        let replies = asked.len() as u32 + u32::from(token.is_some());
        let what = What::Subscribe(asked);
        let command = match token {
            Some(_) => Command::Resume { token, rooms: frame },
            None if outside.dice.chance(300) => Command::Resume { token: None, rooms: frame },
            None => Command::Subscribe { rooms: frame },
        };
        self.say(command, what, replies, outside, said);
    }

    fn room_ref(&self, index: usize, outside: &Outside) -> RoomRef {
        match outside.plan.rooms.get(index) {
            Some(room) => RoomRef::Room { realm: None, name: room.key.name.clone() },
            None => RoomRef::Inbox,
        }
    }

    /// By its handle where it may, by its name where it must or likes to.
    fn named(&self, index: usize, outside: &mut Outside) -> RoomRef {
        match self.sub(index) {
            Some((handle, _)) if outside.dice.chance(700) => RoomRef::Handle(handle),
            _ => self.room_ref(index, outside),
        }
    }

    pub fn say(&mut self, command: Command, what: What, replies: u32, outside: &mut Outside, said: &mut Said) {
        let stamp = outside.ledger.tick();
        let Some(link) = self.link.as_mut() else { return };
        let number = link.next_number;
        link.next_number += 1;
        link.asked.insert(number, Asked::new(what, stamp, replies));
        let mut payload = Vec::new();
        if let Some(speak) = registry::speaker(self.dialect) {
            speak.say(number, &command, &mut payload);
        }
        outside.log(format_args!("client {} asks {number}: {} {}", self.id, command.row().word, brief(&command)));
        said.push(payload);
    }

    /// Sends again what nobody answered.
    pub fn retry(&mut self, most: usize, outside: &mut Outside, said: &mut Said) {
        for _ in 0..most {
            let Some(posted) = self.unacked.pop_front() else { return };
            self.post(posted, outside, said);
        }
    }

    fn post(&mut self, posted: Posted, outside: &mut Outside, said: &mut Said) {
        let room = self.named(posted.room, outside);
        if let Some(key) = &posted.key {
            let copy = (outside.room(posted.room, &self.user), self.user.clone(), key.clone());
            outside.posts.insert(copy, posted.body.clone());
        }
        let extra = (!posted.mentions.is_empty())
            .then(|| Box::new(PostExtra { mentions: posted.mentions.clone(), ..PostExtra::default() }));
        let post = Post {
            room,
            kind: BodyKind::Text,
            body: posted.body.as_slice().into(),
            key: posted.key.clone(),
            ack: posted.level,
            extra,
        };
        self.say(Command::Post(post), What::Post(posted), 1, outside, said);
    }

    fn new_post(&mut self, room: usize, outside: &mut Outside, said: &mut Said) {
        self.posts += 1;
        let mut body = format!("client {} post {}", self.id, self.posts).into_bytes();
        let padding = if outside.dice.chance(50) { 3000 } else { 60 };
        body.resize(body.len() + outside.dice.below(padding) as usize, b'.');
        let key = match outside.dice.below(10) {
            0..=6 => {
                let n = self.next_n[room];
                self.next_n[room] += outside.dice.between(1, 2);
                Some(DuplicateKey::Stream { stream: self.id as u64 + 1, n })
            }
            7..=8 => Some(DuplicateKey::Free(format!("free-{}-{}", self.id, self.posts).into())),
            _ => None,
        };
        let level = level(outside);
        let mentions = if outside.dice.chance(100) { vec![self.somebody(outside)] } else { Vec::new() };
        self.post(Posted { room, key, body, level, mentions, tries: 0, unsure: false }, outside, said);
    }

    fn somebody(&self, outside: &mut Outside) -> Name {
        let n = outside.dice.below(outside.plan.users);
        crate::plan::Plan::user(n)
    }

    /// Something that a user does.
    pub fn wish(&mut self, outside: &mut Outside, said: &mut Said) {
        let rooms = outside.plan.rooms.len() as u64;
        let room = outside.dice.below(rooms) as usize;
        if !outside.created[room] && self.user == crate::plan::Plan::user(0) {
            return self.create(room, outside, said);
        }
        if !outside.dice.chance(outside.plan.other_commands) {
            let burst = if outside.dice.chance(60) { outside.dice.between(5, 30) } else { 1 };
            for _ in 0..burst {
                self.new_post(room, outside, said);
            }
            return;
        }
        let target = outside.dice.pick(&self.rooms[room].known).copied();
        let named = self.named(room, outside);
        let level = level(outside);
        let asked = level.unwrap_or(outside.plan.reach());
        let change = What::Change { room, level: asked };
        let placed = What::Change { room, level: AckLevel::Accepted };
        let reaction = Name::literal(REACTIONS[outside.dice.below(3) as usize]);
        let user = self.somebody(outside);
        let command = match outside.dice.weighted(&[14, 14, 12, 6, 5, 4, 4, 6, 6, 4, 3, 3, 2, 4, 6, 4, 3, 2, 2, 2]) {
            0 => return self.resubscribe(room, outside, said),
            1 => match target {
                Some(target) => {
                    self.posts += 1;
                    let body = format!("client {} edit {}", self.id, self.posts).into_bytes();
                    (
                        Command::Edit {
                            room: named,
                            target,
                            kind: None,
                            body: body.into(),
                            metadata: None,
                            ack: level,
                        },
                        change,
                    )
                }
                None => return,
            },
            2 => match target {
                Some(target) if outside.dice.chance(500) => {
                    (Command::Delete { room: named, target, ack: level }, change)
                }
                Some(target) => (Command::React { room: named, target, reaction }, placed),
                None => return,
            },
            3 => match target {
                Some(target) => (Command::Unreact { room: named, target, reaction }, placed),
                None => return,
            },
            4 => match target {
                Some(target) => (Command::Pin { room: named, target }, placed),
                None => return,
            },
            5 => match target {
                Some(target) => (Command::Unpin { room: named, target }, placed),
                None => return,
            },
            6 => (Command::Join { room: named }, placed),
            7 => (Command::Invite { room: named, user, role: Role::Member }, placed),
            8 => (Command::RemoveMember { room: named, user }, placed),
            9 => (Command::Leave { room: named }, placed),
            10 => (Command::SetRole { room: named, user, role: Role::Admin }, placed),
            11 => return self.unsubscribe(room, outside, said),
            12 => (Command::Ping, What::Other),
            13 => (Command::Typing { room: named, on: true }, What::Other),
            14 => {
                let from = match (outside.dice.below(4), target) {
                    (0, Some(place)) => HistoryFrom::Before(place),
                    (1, Some(place)) => HistoryFrom::After(place),
                    (2, Some(place)) => HistoryFrom::Around(place),
                    _ => HistoryFrom::Newest,
                };
                let limit = outside.dice.between(1, 30) as u32;
                (Command::History { room: named, from, limit, thread: None }, What::History { room })
            }
            15 => match target {
                Some(place) => (Command::MarkRead { room: named, place, mark: ReadMark::Read }, What::Other),
                None => return,
            },
            16 => (Command::Roster { room: named, of: RosterOf::Members, after: None, limit: 20 }, What::Other),
            17 => (Command::UnreadSummary { after: None, limit: 20 }, What::Other),
            18 => (Command::ListRooms { mine: true, after: None, limit: 20 }, What::Other),
            _ => (Command::Roster { room: named, of: RosterOf::Present, after: None, limit: 20 }, What::Other),
        };
        let (command, what) = command;
        self.say(command, what, 1, outside, said);
    }

    fn create(&mut self, room: usize, outside: &mut Outside, said: &mut Said) {
        let named = self.room_ref(room, outside);
        let access = outside.plan.rooms[room].class.access;
        let settings = RoomSettings { access: Some(access), ..RoomSettings::default() };
        let members = (1..outside.plan.users).map(crate::plan::Plan::user).filter(|_| outside.dice.chance(700));
        let command = Command::Create { room: named, settings: Box::new(settings), members: members.collect() };
        let what = What::Change { room, level: AckLevel::Accepted };
        self.say(command, what, 1, outside, said);
    }

    /// Subscribes to something, at times to what it is subscribed to.
    pub fn resubscribe(&mut self, room: usize, outside: &mut Outside, said: &mut Said) {
        let index = if outside.dice.chance(200) { self.rooms.len() - 1 } else { room };
        self.rooms[index].wanted = true;
        if !self.is_asked(index) && (self.sub(index).is_none() || outside.dice.chance(150)) {
            self.subscribe(&[index], None, outside, said);
        }
    }

    /// Wanted rooms that it neither has nor waits for.
    pub fn missing(&self) -> Vec<usize> {
        let lacks = |i: &usize| self.rooms[*i].wanted && self.sub(*i).is_none() && !self.is_asked(*i);
        (0..self.rooms.len()).filter(lacks).collect()
    }

    pub fn is_asked(&self, index: usize) -> bool {
        let asked = |what: &What| match what {
            What::Subscribe(rooms) => rooms.iter().any(|r| r.index == index),
            What::Unsubscribe => true,
            What::Hello | What::Post(_) | What::Change { .. } | What::History { .. } | What::Other => false,
        };
        self.link.as_ref().is_some_and(|l| l.asked.values().any(|a| asked(&a.what)))
    }

    fn unsubscribe(&mut self, room: usize, outside: &mut Outside, said: &mut Said) {
        let Some((handle, _)) = self.sub(room) else { return };
        if self.is_asked(room) {
            return;
        }
        self.rooms[room].wanted = false;
        let rooms = vec![RoomRef::Handle(handle)];
        self.say(Command::Unsubscribe { rooms }, What::Unsubscribe, 1, outside, said);
    }
}

fn level(outside: &mut Outside) -> Option<AckLevel> {
    match outside.dice.below(4) {
        0 => Some(AckLevel::Accepted),
        1 => Some(AckLevel::Local),
        _ => None,
    }
}

/// What of a command helps a reader of the trace.
fn brief(command: &Command) -> String {
    if let Command::Post(post) = command {
        return format!("{:?} {:?}", post.room, post.key);
    }
    if let Command::Subscribe { rooms } | Command::Resume { rooms, .. } = command {
        return rooms.iter().map(|r| format!("{:?} {:?}; ", r.room, r.cursor)).collect();
    }
    if let Command::Edit { room, target, .. } | Command::Delete { room, target, .. } = command {
        return format!("{room:?} {target}");
    }
    if let Command::Invite { room, user, .. } | Command::RemoveMember { room, user } = command {
        return format!("{room:?} {user}");
    }
    String::new()
}
