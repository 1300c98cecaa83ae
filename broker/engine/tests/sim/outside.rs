//! Everything outside the shards: dice, agenda, store, sequencer, lanes, and the books of the judge.

use crate::agenda::{Agenda, Happening};
use crate::journal::Journal;
use crate::lanes::Lanes;
use crate::ledger::{Ledger, Stamp};
use crate::plan::{Plan, REALM};
use crate::rng::Rng;
use crate::sequencer::Sequencer;
use crate::trace::Trace;
use rookery_engine::ports::{Fact, Ticket};
use rookery_engine::settings::Deliver;
use rookery_protocol::ids::{DuplicateKey, Epoch, RoomKey, RoomKind, UserId};
use std::collections::HashMap;

pub struct Outside {
    pub plan: Plan,
    pub dice: Rng,
    pub agenda: Agenda,
    pub journal: Journal,
    pub sequencer: Sequencer,
    pub lanes: Lanes,
    pub ledger: Ledger,
    pub trace: Trace,
    /// Which life of the node this is; rises with every crash.
    pub life: u32,
    /// Faults are over.
    pub peace: bool,
    /// The first violation that was found where nothing could be returned.
    pub wrong: Option<String>,
    /// What was posted under which key, to play it back as another node's event.
    pub posts: HashMap<(RoomKey, UserId, DuplicateKey), Vec<u8>>,
    /// Answers of the store reach a shard in order: not before this time.
    pub stored_at: Vec<u64>,
    /// When subscriptions last fell behind: a lane was full, or a turn brought more than an outbox takes.
    pub squeezed: Option<Stamp>,
    /// Failures that a shard has not heard of, by the ticket that will tell it.
    pub bad_news: HashMap<(u8, Ticket), RoomKey>,
    pub far_users: u64,
    /// Rooms that somebody created, or that need no creation.
    pub created: Vec<bool>,
    /// Bodies that were refused for good: they must stand nowhere.
    pub refused: Vec<(RoomKey, Vec<u8>)>,
}

/// Lanes that are wide take more than a run ever sends.
pub const WIDE: usize = 64 << 20;

impl Outside {
    pub fn new(plan: Plan, keep: usize, loud: bool) -> Outside {
        let seed = plan.seed;
        Outside {
            dice: Rng::new(seed.rotate_left(32) ^ 0x5851_f42d_4c95_7f2d),
            agenda: Agenda::default(),
            journal: Journal::new(Epoch(1000), plan.far_store),
            sequencer: Sequencer::default(),
            lanes: Lanes::new(plan.shards, WIDE),
            ledger: Ledger { keeps: plan.keeping(), ..Ledger::default() },
            trace: Trace::new(keep, loud),
            life: 0,
            peace: false,
            wrong: None,
            posts: HashMap::new(),
            stored_at: vec![0; usize::from(plan.shards)],
            squeezed: None,
            bad_news: HashMap::new(),
            far_users: 0,
            created: plan.rooms.iter().map(|r| r.class.implicit).collect(),
            refused: Vec::new(),
            plan,
        }
    }

    /// Keeps the first violation.
    pub fn check(&mut self, verdict: Result<(), String>) {
        if let Err(wrong) = verdict {
            self.wrong.get_or_insert(wrong);
        }
    }

    pub fn log(&mut self, what: std::fmt::Arguments<'_>) {
        self.trace.line(self.agenda.now().mono, what);
    }

    pub fn after(&mut self, delay: u64, what: Happening) {
        self.agenda.after(delay, self.life, what);
    }

    /// A fact of one room, behind those that are under way to it.
    pub fn room_fact(&mut self, shard: u8, room: usize, delay: u64, fact: Fact) {
        let at = self.agenda.now().mono + delay;
        let line = self.sequencer.line(room);
        line.facts_at = line.facts_at.max(at);
        let at = line.facts_at;
        self.agenda.at(at, self.life, Happening::Fact { shard, fact: Box::new(fact) });
    }

    /// Another node's event that a failure of the store took away before this node heard of it.
    pub fn is_dead(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Foreign { room, event } => {
                self.ledger.books.get(room).is_some_and(|b| b.lost.contains_key(&event.event.place))
            }
            Fact::Sequenced { .. }
            | Fact::Stored { .. }
            | Fact::Loaded { .. }
            | Fact::Fetched { .. }
            | Fact::Verified { .. }
            | Fact::Consulted { .. }
            | Fact::StoreBack
            | Fact::Undone { .. } => false,
        }
    }

    /// A shard is about to hear a fact.
    pub fn heard(&mut self, shard: u8, fact: &Fact) {
        if let Fact::Stored { ticket, .. } = fact
            && let Some(room) = self.bad_news.remove(&(shard, *ticket))
        {
            self.journal.told(&room);
            if !self.ledger.keeps.contains(&room) {
                let stamp = self.ledger.tick();
                self.ledger.book(&room).heard_of_loss(stamp);
            }
        }
    }

    /// The journal of a shard syncs, and the shard is told.
    pub fn sync(&mut self, shard: u8) {
        let answers = match self.journal.sync(shard, &mut self.dice, &mut self.ledger) {
            Ok(answers) => answers,
            Err(wrong) => return self.check(Err(wrong)),
        };
        for (room, ticket) in self.journal.take_failed() {
            // What a room keeps is not numbered anew.
            if !self.ledger.keeps.contains(&room) {
                let index = self.sequencer.index(&room);
                self.sequencer.line(index).failed = true;
            }
            self.bad_news.insert((shard, ticket), room);
        }
        for fact in answers {
            let now = self.agenda.now().mono;
            let at = &mut self.stored_at[usize::from(shard)];
            *at = (*at).max(now + self.dice.below(4));
            self.agenda.at(*at, self.life, Happening::Fact { shard, fact: Box::new(fact) });
        }
        if self.journal.waiting(shard) > 0 {
            self.set_sync(shard);
        }
    }

    /// What was live is catching up.
    pub fn squeeze(&mut self) {
        self.squeezed = Some(self.ledger.tick());
    }

    /// The node starts again.
    pub fn begin_life(&mut self) {
        self.life += 1;
        self.journal.new_run();
        self.journal.begin(self.plan.shards);
        self.sequencer.crash();
        self.bad_news.clear();
        let capacity = self.lanes.capacity;
        self.lanes = Lanes::new(self.plan.shards, capacity);
        self.stored_at.fill(0);
    }

    pub fn set_sync(&mut self, shard: u8) {
        let delay = 1 + self.dice.below(self.plan.sync_ms);
        self.after(delay, Happening::Sync { shard });
    }
}

impl Outside {
    /// A room by the plan's index; the one behind the last is the user's inbox.
    pub fn room(&self, index: usize, user: &UserId) -> RoomKey {
        match self.plan.rooms.get(index) {
            Some(room) => room.key.clone(),
            None => RoomKey { realm: REALM, kind: RoomKind::Inbox, name: user.clone() },
        }
    }

    pub fn deliver(&self, room: &RoomKey) -> Deliver {
        self.plan.rooms.iter().find(|r| r.key == *room).map_or(Deliver::Placed, |r| r.class.deliver)
    }
}
