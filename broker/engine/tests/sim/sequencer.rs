//! The simulation's sequencer. At best it counts at once; at worst it is a far one: it answers late, several questions
//! are under way, other nodes' events come between, it knows duplicate keys, and sometimes nobody knows what it did.

use rookery_engine::ports::{SequenceRequest, Sequenced, Ticket};
use rookery_protocol::ids::{DuplicateKey, Epoch, Place, RoomHandle, RoomKey, UserId};
use std::collections::{BTreeMap, VecDeque};

/// A question under way.
pub struct Ask {
    pub shard: u8,
    pub ticket: Ticket,
    pub handle: RoomHandle,
    pub epoch: Epoch,
    pub key: Option<(UserId, DuplicateKey)>,
    pub expect: Option<Place>,
}

impl Ask {
    pub fn new(shard: u8, ticket: Ticket, request: &SequenceRequest<'_>) -> Ask {
        Ask {
            shard,
            ticket,
            handle: request.handle,
            epoch: request.run,
            key: request.key.map(|(user, key)| (user.clone(), key.clone())),
            expect: request.expect,
        }
    }
}

/// One room as the sequencer knows it.
pub struct Line {
    pub room: RoomKey,
    pub last: Place,
    /// The epoch it numbers in; 0 before anybody asked.
    pub epoch: Epoch,
    /// The store failed: what was numbered above what is stored is dead.
    pub failed: bool,
    pub keys: BTreeMap<(UserId, DuplicateKey), Place>,
    pub queue: VecDeque<Ask>,
    /// Facts of a room arrive in order: not before this time.
    pub facts_at: u64,
}

impl Line {
    fn new(room: RoomKey) -> Line {
        Line {
            room,
            last: Place::START,
            epoch: Epoch(0),
            failed: false,
            keys: BTreeMap::new(),
            queue: VecDeque::new(),
            facts_at: 0,
        }
    }

    /// A new epoch begins. If the store failed, or nobody asked before, it does so behind what is stored: what was
    /// numbered above that is forgotten, keys included.
    pub fn open(&mut self, epoch: Epoch, stored: Place, keys: BTreeMap<(UserId, DuplicateKey), Place>) {
        if self.failed || self.epoch == Epoch(0) {
            self.last = stored;
            self.keys = keys;
            self.failed = false;
        }
        self.epoch = epoch;
    }

    pub fn answer(&mut self, ask: &Ask) -> Sequenced {
        if let Some(key) = &ask.key
            && let Some(place) = self.keys.get(key)
        {
            return Sequenced::Duplicate(*place);
        }
        if ask.expect.is_some_and(|expected| expected != self.last) {
            return Sequenced::Unexpected;
        }
        let place = self.next();
        if let Some(key) = &ask.key {
            self.keys.insert(key.clone(), place);
        }
        Sequenced::Placed(place)
    }

    pub fn next(&mut self) -> Place {
        self.last = Place::new(self.epoch.0, self.last.seq.0 + 1);
        self.last
    }
}

#[derive(Default)]
pub struct Sequencer {
    lines: Vec<Line>,
    by_room: BTreeMap<RoomKey, usize>,
}

impl Sequencer {
    pub fn index(&mut self, room: &RoomKey) -> usize {
        if let Some(index) = self.by_room.get(room) {
            return *index;
        }
        self.lines.push(Line::new(room.clone()));
        self.by_room.insert(room.clone(), self.lines.len() - 1);
        self.lines.len() - 1
    }

    pub fn line(&mut self, index: usize) -> &mut Line {
        &mut self.lines[index]
    }

    /// The node stopped: its questions are void, and so is the numbering.
    pub fn crash(&mut self) {
        self.lines.clear();
        self.by_room.clear();
    }

    /// Questions without an answer.
    pub fn waiting(&self) -> usize {
        self.lines.iter().map(|l| l.queue.len()).sum()
    }
}

/// Without another node to ask: the next place follows from what the room knows.
pub fn at_once(request: &SequenceRequest<'_>) -> Sequenced {
    if request.expect.is_some_and(|expected| expected != request.after) {
        return Sequenced::Unexpected;
    }
    let epoch = request.run.max(request.after.epoch);
    Sequenced::Placed(Place { epoch, seq: rookery_protocol::ids::Seq(request.after.seq.0 + 1) })
}
