//! Edits and deletions that come back: made again by whoever made them, where the message still stands as they saw it.

use super::{key_of, says};
use crate::ports::store::codec::keys;
use crate::ports::store::codec::message::message_of;
use crate::ports::store::codec::records::event_of;
use crate::ports::store::fetch::{END, fetch_of};
use crate::ports::store::reading::STORE_NOW;
use rookery_protocol::command::{Command, RoomRef};
use rookery_protocol::ids::{Millis, Place, RoomKey, Seq, UserId};
use rookery_protocol::message::Message;
use rookery_storage::record::{State, Touches};
use rookery_storage::settled::Fault;
use rookery_storage::{Ask, Batch, Item, Kind, Outcome, Position, Record, Replay, ReplayAsk, Rewrite};
use std::collections::HashMap;

/// A change that is not made yet.
pub struct Change {
    pub by: UserId,
    pub at: Millis,
    /// Where the message is now.
    target: Place,
    wanted: Message,
}

impl Change {
    pub fn command(&self) -> Command {
        let (room, target, ack) = (RoomRef::Inbox, self.target, None);
        if self.wanted.is_deleted() {
            return Command::Delete { room, target, ack };
        }
        let metadata = Some(metadata(&self.wanted).to_owned());
        Command::Edit { room, target, kind: Some(self.wanted.kind), body: self.wanted.body.clone(), metadata, ack }
    }
}

/// What is left to do for a batch.
#[derive(Default)]
pub struct Left {
    pub changes: Vec<Change>,
    /// Changes that are not made again: others may have decided otherwise meanwhile, or what they are about is gone.
    pub given_up: usize,
}

/// The versions that messages have by changes that came back: what follows those saw them so.
#[derive(Default)]
pub struct Ours(HashMap<(RoomKey, Place), Place>);

impl Ours {
    /// Nothing is left to come back.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

enum Verdict {
    Open(Change),
    Stands,
    GivenUp,
}

/// `all`: what else comes back at the same time.
pub fn left(
    ask: &impl Fn(&Ask) -> Result<Outcome, Fault>,
    batch: &Batch,
    all: &[(Position, Batch)],
    ours: &mut Ours,
    now: Millis,
) -> Result<Left, Fault> {
    let mut left = Left::default();
    for record in &batch.events {
        let Kind::Change { touches } = record.kind else { continue };
        let verdict = match touches {
            Touches::Rewrites(target) if is_overtaken(record.place, target, &batch.room, all) => continue,
            Touches::Rewrites(_) => {
                let rewrite = batch.rewrites.iter().find(|rewrite| rewrite.version == record.place);
                match rewrite.and_then(|rewrite| Some((rewrite, wanted(record, rewrite)?))) {
                    Some((rewrite, (by, wanted))) => {
                        judge(ask, &batch.room, rewrite, (by, record.time), wanted, all, ours, now)?
                    }
                    None => Verdict::GivenUp,
                }
            }
            Touches::Marks(_) | Touches::Nothing => Verdict::GivenUp,
        };
        match verdict {
            Verdict::Open(change) => left.changes.push(change),
            Verdict::Stands => {}
            // What comes back may begin with what had settled after all.
            Verdict::GivenUp => left.given_up += usize::from(!has_settled(ask, &batch.room, record.place)?),
        }
    }
    Ok(left)
}

/// A later change of the same message says all that this one does.
fn is_overtaken(version: Place, target: Place, room: &RoomKey, all: &[(Position, Batch)]) -> bool {
    let of_room = all.iter().filter(|(_, batch)| batch.room == *room).flat_map(|(_, batch)| &batch.rewrites);
    of_room.into_iter().any(|rewrite| rewrite.target == target && rewrite.version > version)
}

/// The message itself comes back, as it was last.
fn comes_back(target: Place, room: &RoomKey, all: &[(Position, Batch)]) -> bool {
    let of_room = all.iter().filter(|(_, batch)| batch.room == *room).flat_map(|(_, batch)| &batch.events);
    of_room.into_iter().any(|record| record.place == target && record.is_message())
}

/// Whether this very event stands in the room.
fn has_settled(ask: &impl Fn(&Ask) -> Result<Outcome, Fault>, room: &RoomKey, place: Place) -> Result<bool, Fault> {
    let after = Place { seq: Seq(place.seq.0.saturating_sub(1)), ..place };
    let ask_one = ReplayAsk { room: room.clone(), after, limit: 1, fence: END, now: STORE_NOW };
    let answer = ask(&Ask::Replay(ask_one))?;
    let Outcome::Replay(replay) = answer else { return Err(Fault::Io(format!("{answer:?}"))) };
    Ok(match *replay {
        Replay::Run(run) => run.items.first().is_some_and(|item| item.record.place == place),
        Replay::Gone { .. } => false,
    })
}

/// Who made a change, and what it made of the message. None: it cannot be read.
fn wanted(record: &Record, rewrite: &Rewrite) -> Option<(UserId, Message)> {
    let by = event_of(&Item { record: record.clone(), current: None }).ok()?.by;
    let state = if rewrite.deleted { State::Deleted } else { State::Present };
    // The ordinal is not looked at.
    let kind = Kind::Message { ordinal: 1, version: rewrite.version, state, expires: None, thread: None };
    let (place, payload) = (rewrite.target, rewrite.payload.clone());
    let message = message_of(&Record { place, time: record.time, kind, key: None, payload }).ok()?.0;
    Some((by, message))
}

fn judge(
    ask: &impl Fn(&Ask) -> Result<Outcome, Fault>,
    room: &RoomKey,
    rewrite: &Rewrite,
    (by, at): (UserId, Millis),
    wanted: Message,
    all: &[(Position, Batch)],
    ours: &mut Ours,
    now: Millis,
) -> Result<Verdict, Fault> {
    let current = match fetch(ask, room, wanted.place)? {
        Some(message) => message,
        None if comes_back(wanted.place, room, all) => return Ok(Verdict::Stands),
        None => match said_again(ask, room, &wanted)? {
            Some(message) => message,
            None => return Ok(Verdict::GivenUp),
        },
    };
    let of = (room.clone(), rewrite.target);
    if is_same(&current, &wanted) {
        ours.0.insert(of, current.version);
        return Ok(Verdict::Stands);
    }
    // Whoever went on without this disk did so in a higher epoch.
    let is_as_seen = if current.place == rewrite.target {
        current.version < rewrite.version
    } else {
        current.version == current.place
    };
    if !says(&current, now) || !(is_as_seen || ours.0.get(&of) == Some(&current.version)) {
        return Ok(Verdict::GivenUp);
    }
    Ok(Verdict::Open(Change { by, at, target: current.place, wanted }))
}

/// A message that came back before its change did.
fn said_again(
    ask: &impl Fn(&Ask) -> Result<Outcome, Fault>,
    room: &RoomKey,
    wanted: &Message,
) -> Result<Option<Message>, Fault> {
    let mut key = Vec::new();
    keys::duplicate(&mut key, &wanted.sender, &key_of(wanted));
    let answer = ask(&Ask::Lookup { room: room.clone(), key: key.into() })?;
    let Outcome::Found(found) = answer else { return Err(Fault::Io(format!("{answer:?}"))) };
    found.map_or(Ok(None), |found| fetch(ask, room, found.place))
}

fn fetch(
    ask: &impl Fn(&Ask) -> Result<Outcome, Fault>,
    room: &RoomKey,
    place: Place,
) -> Result<Option<Message>, Fault> {
    let answer = ask(&fetch_of(room, vec![place]))?;
    let Outcome::Fetched(records) = answer else { return Err(Fault::Io(format!("{answer:?}"))) };
    let record = records.into_iter().next().flatten();
    Ok(record.and_then(|record| message_of(&record).ok()).map(|(message, _)| message))
}

fn is_same(one: &Message, other: &Message) -> bool {
    if one.is_deleted() || other.is_deleted() {
        return one.is_deleted() && other.is_deleted();
    }
    one.kind == other.kind && one.body == other.body && metadata(one) == metadata(other)
}

fn metadata(message: &Message) -> &str {
    message.extra.as_ref().map_or("", |extra| &extra.metadata)
}
