//! Rooms with a bit of everything, told to any engine.

use rookery_storage::conformance::say::{
    self, change, deletion, edit, expiring, keyed, mark, message, of, put, reply, rewrite, room_of, void,
};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::memory::{Memory, MemoryOptions};
use rookery_storage::{
    Ask, Batch, Completion, Cut, Entry, Fault, Keep, Outcome, RoomKey, RoomKind, Settled, Store, Table, Ticket,
    ask::Position,
};

/// Small, so that tests reach the tables, too.
pub fn small() -> EmbeddedOptions {
    EmbeddedOptions { cache_bytes: 1 << 20, memtable_bytes: 32 * 1024, ..EmbeddedOptions::default() }
}

pub fn rooms() -> Vec<RoomKey> {
    vec![
        room_of("away", RoomKind::Room, "a"),
        room_of("home", RoomKind::Room, "a"),
        room_of("home", RoomKind::Room, "empty"),
        room_of("home", RoomKind::Inbox, "a"),
    ]
}

/// What is told of a room, one batch after another.
pub fn batches(room: &RoomKey, events: u64) -> Vec<Batch> {
    if room.name.as_str() == "empty" {
        return vec![say::rows(room, vec![put(Table::Meta, "", "settings")])];
    }
    let mut batches = Vec::new();
    let (mut ordinal, mut first) = (0, None);
    for seq in 1..=events {
        let at = (1 + seq / 70, seq);
        let text = format!("text {seq} of {}", room.name);
        let mut batch = Batch::new(room.clone());
        let target = first.filter(|_| seq % 9 > 5).unwrap_or((1, 1));
        let event = match seq % 9 {
            6 => {
                batch.rewrites.push(rewrite(target, at, &text));
                edit(at, target)
            }
            7 => {
                batch.rows.push(put(Table::Reactions, of(target, &text), "x"));
                mark(at, target, &text)
            }
            8 if seq % 2 == 0 => void(at),
            8 => keyed(change(at, &text), &text),
            kind => {
                ordinal += 1;
                first = first.or(Some(at));
                match kind {
                    1 if seq > 1 => reply(at, ordinal, (1, 1), &text),
                    2 => expiring(at, ordinal, &text, 10_000 + seq),
                    3 => keyed(message(at, ordinal, &text), &text),
                    _ => message(at, ordinal, &text),
                }
            }
        };
        batch.events.push(event);
        batches.push(batch);
    }
    let last = (1 + events / 70, events + 1);
    batches.push(Batch {
        events: vec![edit(last, (1, 3))],
        rewrites: vec![deletion((1, 3), last, "stub")],
        rows: vec![put(Table::Members, "ann", "1")],
        ..Batch::new(room.clone())
    });
    batches
}

pub fn trim() -> Keep {
    Keep { messages: 60, changes: 20, ..Keep::ALL }
}

pub struct Told(Memory);

impl Told {
    pub fn memory() -> Told {
        Told(Memory::new(MemoryOptions { seed: 5, ..MemoryOptions::default() }))
    }

    fn only(&mut self) -> Outcome {
        let mut out = Vec::new();
        self.0.poll(&mut out);
        let Some(Completion { outcome, .. }) = out.pop() else { panic!("nothing came") };
        outcome
    }

    pub fn write(&mut self, batch: Batch) {
        self.0.submit(batch.clone(), Ticket(1));
        let outcome = self.only();
        assert!(matches!(outcome, Outcome::Stored(_)), "{outcome:?} of {batch:?}");
    }

    pub fn ask(&mut self, ask: &Ask) -> Result<Outcome, Fault> {
        self.0.ask(ask.clone(), Ticket(2));
        Ok(self.only())
    }
}

/// Everything, into memory and into this folder; one room cut, one trimmed.
pub fn tell(folder: &std::path::Path, events: u64) -> (Told, Embedded) {
    let mut memory = Told::memory();
    let embedded = Embedded::open(folder, &small()).unwrap();
    let mut position = 0;
    let mut both = |memory: &mut Told, batch: Batch| {
        position += 1;
        memory.write(batch.clone());
        embedded.apply(vec![Entry::new(Position(position), batch)]).unwrap();
    };
    for room in rooms() {
        for batch in batches(&room, events) {
            both(&mut memory, batch);
        }
    }
    let above = rookery_storage::Place::new(1, 40);
    both(&mut memory, Batch { cut: Cut::Above(above), ..Batch::new(rooms()[0].clone()) });
    let ask = Ask::Trim { room: rooms()[3].clone(), keep: trim(), now: 10_020 };
    memory.ask(&ask).unwrap();
    embedded.answer(&ask).unwrap();
    embedded.sync(Position(position)).unwrap();
    (memory, embedded)
}
