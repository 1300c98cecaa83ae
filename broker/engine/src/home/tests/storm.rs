//! Rooms, inboxes and a directory under random wishes, a late and failing store, lost effects and unclean stops: in the
//! end everything that one room says of another is true.

use super::*;
use crate::settings::OnFailure;
use rookery_protocol::command::{Access, ReadMark, Revocation, Role, RoomSettings};
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::Epoch;
use std::collections::{BTreeMap, BTreeSet};

const USERS: [&str; 4] = ["ann", "bob", "eve", "zoe"];
const ROOMS: [&str; 3] = ["general", "random", "lunch"];

struct Storm {
    bench: Bench,
    dice: Dice,
    class: RoomClass,
    limits: Limits,
    run: u64,
    /// Asked and not answered in this run.
    open: Vec<u32>,
    numbers: BTreeMap<u64, u32>,
    streams: u64,
}

fn storm(seed: u64) -> Storm {
    let mut dice = Dice(seed);
    let class = RoomClass {
        on_failure: if dice.below(3) == 0 { OnFailure::Keep } else { OnFailure::Refuse },
        deliver: if dice.below(3) == 0 { crate::settings::Deliver::Stored } else { crate::settings::Deliver::Placed },
        ..RoomClass::default()
    };
    let limits = if dice.below(3) == 0 {
        Limits { room_in_flight: 80, room_waiting: 6, recent_events: 8, replay_page_events: 4, ..Limits::default() }
    } else {
        Limits::default()
    };
    let mut bench = Bench::limited(class.clone(), Late::default(), AckLevel::Durable, limits.clone());
    bench.lossy = Some((dice.below(40), Dice(seed ^ 77)));
    Storm { bench, dice, class, limits, run: 100, open: Vec::new(), numbers: BTreeMap::new(), streams: 0 }
}

impl Storm {
    fn weather(&mut self) {
        let dice = &mut self.dice;
        let late = |dice: &mut Dice| dice.below(2) == 0;
        self.bench.ports.late = Late { sequence: late(dice), submit: late(dice), load: late(dice), fetch: late(dice) };
        self.bench.ports.fail_reads = dice.below(12) == 0;
        self.bench.ports.fail_writes = (dice.below(6) == 0).then(|| {
            self.run += 1000;
            Epoch(self.run)
        });
    }

    fn step(&mut self) {
        match self.dice.below(40) {
            0 => self.weather(),
            1 => self.crash(),
            2..=5 => self.bench.facts(),
            6..=9 => {
                let ms = self.dice.below(3000);
                self.bench.pass(ms);
            }
            10..=12 => self.attach(),
            _ => self.wish(),
        }
        if self.dice.below(3) == 0 {
            self.bench.turn();
        }
        self.collect();
    }

    fn crash(&mut self) {
        let stored = self.dice.below(3) as usize;
        self.bench.ports.crash(stored);
        self.run += 1000;
        self.open.clear();
        self.bench.ports.fail_writes = self.bench.ports.fail_writes.map(|_| Epoch(self.run + 1));
        self.bench.restart_in(self.run, self.class.clone(), self.limits.clone());
    }

    fn attach(&mut self) {
        let who = principal(self.dice.one(&USERS));
        let key = room(RoomKind::Room, self.dice.one(&ROOMS));
        let cursor = [None, Some(Place::START)][self.dice.below(2) as usize];
        // Answered by an attached or a refusal: looked at by other tests.
        self.bench.attach_as(&who, &key, Wants::default(), cursor);
    }

    fn wish(&mut self) {
        let user = Name::new(self.dice.one(&USERS)).unwrap();
        let other = Name::new(self.dice.one(&USERS)).unwrap();
        let who = if self.dice.below(4) == 0 { server() } else { principal(user.as_str()) };
        let talk = room(RoomKind::Room, self.dice.one(&ROOMS));
        let inbox = room(RoomKind::Inbox, who.user.as_str());
        let directory = room(RoomKind::Directory, "*");
        let last = self.bench.ports.store(&talk).last;
        let target = Place { epoch: last.epoch, seq: rookery_protocol::ids::Seq(1 + self.dice.below(last.seq.0 + 2)) };
        let role = self.dice.one(Role::ALL);
        let reaction = Name::literal("+1");
        let settings = Box::new(RoomSettings {
            title: Some(format!("title {}", self.dice.below(3))),
            access: Some(self.dice.one(Access::ALL)),
            listed: Some(self.dice.below(2) == 0),
            ..RoomSettings::default()
        });
        self.streams += 1;
        let n = 1 + self.dice.below(20);
        let (key, command) = match self.dice.below(26) {
            0..=3 => (talk, post("words", stream(1, n))),
            4 => (talk, post("words", Some(DuplicateKey::Free(format!("k{n}").into())))),
            5 => (talk, post_extra("look", PostExtra { mentions: vec![other], ..PostExtra::default() })),
            6 => (talk, post_extra("soon gone", PostExtra { expires_in_ms: Some(n * 100), ..PostExtra::default() })),
            7 => (talk, Command::Create { room: ROOM, settings, members: vec![other] }),
            8 => (talk, Command::Update { room: ROOM, settings }),
            9 => (talk, Command::Archive { room: ROOM, archived: n > 12 }),
            10 if n > 14 => (talk, Command::DeleteRoom { room: ROOM }),
            10 | 11 => (talk, Command::Join { room: ROOM }),
            12 => (talk, Command::Leave { room: ROOM }),
            13 => (talk, Command::Invite { room: ROOM, user: other, role }),
            14 => (talk, Command::RemoveMember { room: ROOM, user: other }),
            15 => (talk, Command::SetRole { room: ROOM, user: other, role }),
            16 => (talk, Command::Delete { room: ROOM, target, ack: None }),
            17 => (talk, Command::React { room: ROOM, target, reaction }),
            18 => (talk, Command::Unreact { room: ROOM, target, reaction }),
            19 => (talk, Command::MarkRead { room: ROOM, place: target, mark: ReadMark::Read }),
            20 => (directory, Command::DirectRoom { user: other }),
            21 => (directory, Command::TakeNumbers { counter: Name::literal("ids"), count: n as u32 }),
            22 => (directory, Command::ListRooms { mine: n > 10, after: None, limit: 2 }),
            23 => (inbox, Command::UnreadSummary { after: None, limit: 5 }),
            24 if n > 18 => (inbox, Command::Erase { user: other }),
            24 => (directory, Command::Revoke(Revocation::Token { id: other })),
            _ => (talk, Command::Pin { room: ROOM, target }),
        };
        let number = self.bench.ask(&who, &key, command);
        self.open.push(number);
    }

    /// Every answer is the only one to its command.
    fn collect(&mut self) {
        let Storm { bench, open, numbers, .. } = self;
        open.retain(|number| match bench.reply(*number) {
            Some(Reply::Numbers { first, count }) => {
                assert!(numbers.insert(first, count).is_none(), "{first} was given twice");
                false
            }
            Some(_) => false,
            None => true,
        });
        bench.told.retain(|told| matches!(told, ToEdge::Reply { .. }));
    }

    /// Everything works again, for long enough.
    fn heal(&mut self) {
        self.bench.ports.late = Late::default();
        self.bench.ports.fail_reads = false;
        self.bench.ports.fail_writes = None;
        self.bench.lossy = None;
        for _ in 0..4 {
            self.bench.facts();
            self.bench.fact(crate::ports::Fact::StoreBack);
            self.bench.pass(150_000);
            self.collect();
            // Touched, so that what a stop left undone goes on.
            for key in self.bench.ports.stores.keys().cloned().collect::<Vec<_>>() {
                self.bench.ask(
                    &server(),
                    &key,
                    Command::MarkRead { room: ROOM, place: Place::START, mark: ReadMark::Read },
                );
                self.bench.turn();
            }
            self.bench.told.clear();
        }
    }

    fn judge(&mut self) {
        assert!(self.open.is_empty(), "{} commands without an answer", self.open.len());
        let stores = &self.bench.ports.stores;
        for (key, tables) in stores {
            assert!(tables.pending.is_empty(), "{key:?} still waits for {:?}", tables.pending.values());
        }
        let inbox = |user: &Name| stores.get(&room(RoomKind::Inbox, user.as_str()));
        let directory = stores.get(&room(RoomKind::Directory, "*")).cloned().unwrap_or_default();
        let mut listed = BTreeSet::new();
        for fact in &directory.facts {
            use rookery_protocol::event::Fact;
            match fact {
                Fact::RoomListed { room, .. } => drop(listed.insert(room.clone())),
                Fact::RoomUnlisted { room } => drop(listed.remove(room)),
                Fact::DirectPaired { low, high, room: name } => {
                    let tables = &stores[&room(RoomKind::Direct, name.as_str())];
                    let erased = |user: &Name| !tables.members.contains_key(user);
                    assert!(tables.info.is_some() && (tables.members.len() == 2 || erased(low) || erased(high)));
                }
                _ => {}
            }
        }
        let mut next = 1;
        for (first, count) in &self.numbers {
            assert!(*first >= next, "numbers {first} and on were given twice");
            next = first + u64::from(*count);
        }
        for (key, tables) in stores.iter().filter(|(key, _)| matches!(key.kind, RoomKind::Room | RoomKind::Direct)) {
            let info = tables.info.as_ref();
            let created = info.is_some_and(|info| !info.deleted);
            assert_eq!(listed.contains(key), created && info.unwrap().listed, "{key:?} is listed rightly");
            for user in USERS.iter().map(|user| Name::new(user).unwrap()).chain([Name::literal("backend")]) {
                let belongs = inbox(&user).is_some_and(|tables| tables.belongs.contains_key(key));
                assert_eq!(belongs, tables.members.contains_key(&user), "{user:?} in {key:?}");
            }
            // Of what was posted as often as it was asked, each key has one message.
            let keyed = tables.events.values().filter_map(|event| match &event.body {
                EventBody::Posted(m) => m.extra.as_ref()?.key.clone().map(|key| (event.by.clone(), key)),
                _ => None,
            });
            let mut seen = BTreeSet::new();
            for key in keyed {
                assert!(seen.insert(key.clone()), "{key:?} was posted twice");
            }
        }
    }
}

/// Seeds to run: `ROOKERY_STORM=17` replays one, `ROOKERY_STORM=1..2001` runs many.
fn seeds() -> std::ops::Range<u64> {
    let Some(wanted) = option_env!("ROOKERY_STORM") else { return 1..201 };
    let (first, end) = wanted.split_once("..").unwrap_or((wanted, ""));
    let first = first.parse().unwrap();
    first..if end.is_empty() { first + 1 } else { end.parse().unwrap() }
}

#[test]
fn what_rooms_say_of_each_other_becomes_true() {
    for seed in seeds() {
        let failed = std::panic::catch_unwind(|| {
            let mut storm = storm(seed);
            for _ in 0..600 {
                storm.step();
            }
            storm.heal();
            storm.judge();
        });
        assert!(failed.is_ok(), "ROOKERY_STORM={seed} replays it");
    }
}
