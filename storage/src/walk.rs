//! Everything that is kept, room by room and in order, by asks alone: whoever goes through a whole store goes this way.

use crate::answer::{Outcome, Replay, RoomState};
use crate::ask::{Ask, PageAsk, PageFrom, ReplayAsk};
use crate::limits::{PAGE_RECORDS, SCAN_ROWS};
use crate::record::Record;
use crate::settled::Fault;
use crate::{Place, RoomKey};
use std::collections::VecDeque;

/// Whoever answers: a settled store, or a node's store.
pub type Asker<'a> = dyn FnMut(&Ask) -> Result<Outcome, Fault> + 'a;

/// Above everything that can be placed.
pub const END: Place = Place::new(u64::MAX, u64::MAX);

/// Nothing has expired yet at this time: what is kept is seen as it is kept.
pub const AS_KEPT: u64 = 0;

/// Every room, in the order of keys.
pub fn rooms<E: From<Fault>>(
    ask: &mut Asker<'_>,
    visit: &mut dyn FnMut(&mut Asker<'_>, RoomKey) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = None;
    loop {
        let outcome = ask(&Ask::Rooms { after, limit: SCAN_ROWS })?;
        let Outcome::Rooms(page) = outcome else { return Err(unexpected(&outcome).into()) };
        after = page.rooms.last().cloned();
        for room in page.rooms {
            visit(ask, room)?;
        }
        if !page.more {
            return Ok(());
        }
    }
}

pub fn state(ask: &mut Asker<'_>, room: &RoomKey) -> Result<RoomState, Fault> {
    let outcome = ask(&Ask::Load { room: room.clone() })?;
    if let Outcome::Loaded(state) = outcome { Ok(*state) } else { Err(unexpected(&outcome)) }
}

/// Every record up to the fence, in the order of seqs. Below the room's floor only messages are kept.
pub fn records<E: From<Fault>>(
    ask: &mut Asker<'_>,
    room: &RoomKey,
    state: &RoomState,
    fence: Place,
    visit: &mut dyn FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    let mut records = Records::new(room, state, fence);
    while let Some(record) = records.next(ask)? {
        visit(record)?;
    }
    Ok(())
}

/// The records of a room, one after the other.
pub struct Records {
    room: RoomKey,
    floor: Place,
    fence: Place,
    /// The last that was read.
    after: Place,
    read: VecDeque<Record>,
    over: bool,
}

impl Records {
    pub fn new(room: &RoomKey, state: &RoomState, fence: Place) -> Records {
        Records {
            room: room.clone(),
            floor: state.floor,
            fence,
            after: Place::START,
            read: VecDeque::new(),
            over: false,
        }
    }

    pub fn next(&mut self, ask: &mut Asker<'_>) -> Result<Option<Record>, Fault> {
        while self.read.is_empty() && !self.over {
            if self.after.seq < self.floor.seq {
                self.read_messages(ask)?;
            } else {
                self.replay(ask)?;
            }
        }
        Ok(self.read.pop_front())
    }

    fn read_messages(&mut self, ask: &mut Asker<'_>) -> Result<(), Fault> {
        let floor = self.floor;
        let records = messages_after(ask, &self.room, self.after, self.fence)?;
        let below = records.iter().take_while(|record| record.place.seq <= floor.seq).count();
        self.after = if below < records.len() { floor } else { records.last().map_or(floor, |last| last.place) };
        self.read.extend(records.into_iter().take(below));
        Ok(())
    }

    fn replay(&mut self, ask: &mut Asker<'_>) -> Result<(), Fault> {
        let (room, fence) = (self.room.clone(), self.fence);
        let after = ReplayAsk { room, after: self.after, limit: PAGE_RECORDS, fence, now: AS_KEPT };
        let outcome = ask(&Ask::Replay(after))?;
        let Outcome::Replay(replay) = outcome else { return Err(unexpected(&outcome)) };
        let run = match *replay {
            Replay::Run(run) => run,
            Replay::Gone { floor } => return Err(moved(&self.room, floor)),
        };
        self.after = run.reached;
        self.over = !run.more || run.items.is_empty();
        self.read.extend(run.items.into_iter().map(|item| item.record));
        Ok(())
    }
}

/// The next messages behind a place, as kept.
pub fn messages_after(ask: &mut Asker<'_>, room: &RoomKey, after: Place, fence: Place) -> Result<Vec<Record>, Fault> {
    let from = PageFrom::After(after);
    let page = PageAsk { room: room.clone(), thread: None, from, limit: PAGE_RECORDS, fence, now: AS_KEPT };
    let outcome = ask(&Ask::Page(page))?;
    if let Outcome::Page(page) = outcome { Ok(page.records) } else { Err(unexpected(&outcome)) }
}

/// Not what was asked for: the store is away, or not what it says it is.
pub fn unexpected(outcome: &Outcome) -> Fault {
    Fault::Io(if let Outcome::Failed(failure) = outcome {
        failure.to_string()
    } else {
        format!("the store answered something else: {outcome:?}").chars().take(200).collect()
    })
}

fn moved(room: &RoomKey, floor: Place) -> Fault {
    Fault::Io(format!("{} {} was trimmed to {floor} while it was read", room.kind.word(), room.name))
}
