//! An event as a record, and back. Place, time and the message that a change is about stand in the record itself.
//!
//! The payload of a change:
//!
//! ```text
//! 0     version: 1
//! 1     kind of change
//! 2     by: one byte of length, bytes
//!       its fields
//! ```
//!
//! An edit holds no body: replay joins the message as it is now. A void has no payload, so nobody knows who it was of.

use super::bytes::{Reader, Unreadable, VERSION, put_name};
use super::message::{NOBODY, message_of, put_message};
use super::values::{put_fact, put_info, put_notice, take_fact, take_info, take_notice};
use bytes::Bytes;
use rookery_protocol::command::Role;
use rookery_protocol::event::{Departure, Event, EventBody};
use rookery_protocol::ids::UserId;
use rookery_protocol::message::Message;
use rookery_storage::record::{Kind, State, Touches};
use rookery_storage::{Item, Record, Rewrite};
use std::sync::Arc;

// Kinds of change. On disk: never another meaning for a number that was given.
const EDITED: u8 = 1;
const DELETED: u8 = 2;
const REACTED: u8 = 3;
const UNREACTED: u8 = 4;
const PINNED: u8 = 5;
const UNPINNED: u8 = 6;
const JOINED: u8 = 7;
const LEFT: u8 = 8;
const ROLE_SET: u8 = 9;
const UPDATED: u8 = 10;
const NOTIFIED: u8 = 11;
const RECORDED: u8 = 12;

/// `scratch` is left empty. The record gets its duplicate key from the rows of its batch.
pub fn record_of(event: &Event, scratch: &mut Vec<u8>) -> Record {
    let kind = match &event.body {
        EventBody::Posted(message) => {
            put_message(scratch, message, Some((&event.by, event.at)));
            Kind::Message {
                ordinal: message.ordinal,
                version: message.version,
                state: state_of(message),
                expires: message.extra.as_ref().and_then(|extra| extra.expires_at),
                thread: message.thread(),
            }
        }
        EventBody::Void => Kind::Void,
        EventBody::Edited(_)
        | EventBody::Deleted { .. }
        | EventBody::Reacted { .. }
        | EventBody::Unreacted { .. }
        | EventBody::Pinned { .. }
        | EventBody::Unpinned { .. }
        | EventBody::Joined { .. }
        | EventBody::Left { .. }
        | EventBody::RoleSet { .. }
        | EventBody::Updated(_)
        | EventBody::Notified(_)
        | EventBody::Recorded(_) => {
            scratch.extend_from_slice(&[VERSION, 0]);
            put_name(scratch, &event.by);
            let (number, touches) = put_change(scratch, &event.body);
            scratch[1] = number;
            Kind::Change { touches }
        }
    };
    Record { place: event.place, time: event.at, kind, key: None, payload: taken(scratch) }
}

/// A message in its present version, in its place.
pub fn rewrite_of(message: &Message, scratch: &mut Vec<u8>) -> Rewrite {
    put_message(scratch, message, None);
    Rewrite { target: message.place, version: message.version, deleted: message.is_deleted(), payload: taken(scratch) }
}

/// What was written so far, as bytes of their own: the store keeps them for long.
pub fn taken(scratch: &mut Vec<u8>) -> Bytes {
    let bytes = Bytes::copy_from_slice(scratch);
    scratch.clear();
    bytes
}

fn state_of(message: &Message) -> State {
    if message.is_deleted() { State::Deleted } else { State::Present }
}

fn put_change(out: &mut Vec<u8>, body: &EventBody) -> (u8, Touches) {
    match body {
        EventBody::Edited(message) => (EDITED, Touches::Rewrites(message.place)),
        EventBody::Deleted { target } => (DELETED, Touches::Rewrites(*target)),
        EventBody::Reacted { target, reaction } => {
            put_name(out, reaction);
            (REACTED, Touches::Marks(*target))
        }
        EventBody::Unreacted { target, reaction } => {
            put_name(out, reaction);
            (UNREACTED, Touches::Marks(*target))
        }
        EventBody::Pinned { target } => (PINNED, Touches::Marks(*target)),
        EventBody::Unpinned { target } => (UNPINNED, Touches::Marks(*target)),
        EventBody::Joined { user, role } => {
            put_name(out, user);
            out.push(*role as u8);
            (JOINED, Touches::Nothing)
        }
        EventBody::Left { user, why } => {
            put_name(out, user);
            out.push(*why as u8);
            (LEFT, Touches::Nothing)
        }
        EventBody::RoleSet { user, role } => {
            put_name(out, user);
            out.push(*role as u8);
            (ROLE_SET, Touches::Nothing)
        }
        EventBody::Updated(info) => {
            put_info(out, info);
            (UPDATED, Touches::Nothing)
        }
        EventBody::Notified(notice) => {
            put_notice(out, notice);
            (NOTIFIED, Touches::Nothing)
        }
        EventBody::Recorded(fact) => {
            put_fact(out, fact);
            (RECORDED, Touches::Nothing)
        }
        // They have records of another kind.
        EventBody::Posted(_) | EventBody::Void => (0, Touches::Nothing),
    }
}

/// The event of a replayed record, with the message as it is now. One whose message is not kept any more stands as a
/// void: whoever replays it has nothing to change.
pub fn event_of(item: &Item) -> Result<Event, Unreadable> {
    let record = &item.record;
    let (by, body) = match record.kind {
        Kind::Message { .. } => {
            let (message, by) = message_of(record)?;
            (by, EventBody::Posted(Arc::new(message)))
        }
        Kind::Void => (NOBODY, EventBody::Void),
        Kind::Change { touches } => {
            let (by, change) = Reader::value(&record.payload, |from| take_change(from, touches))?;
            let body = match (change, &item.current) {
                (Change::Whole(body), _) => body,
                (Change::Edit, Some(current)) => EventBody::Edited(Arc::new(message_of(current)?.0)),
                (Change::Edit, None) => EventBody::Void,
            };
            (by, body)
        }
    };
    Ok(Event { place: record.place, at: record.time, by, body })
}

enum Change {
    Whole(EventBody),
    /// The message is joined.
    Edit,
}

fn take_change(from: &mut Reader<'_>, touches: Touches) -> Option<(UserId, Change)> {
    let kind = from.byte()?;
    let by = from.name()?;
    let rewrites = if let Touches::Rewrites(target) = touches { Some(target) } else { None };
    let marks = if let Touches::Marks(target) = touches { Some(target) } else { None };
    let role = |from: &mut Reader<'_>| Role::from_number(u64::from(from.byte()?));
    let body = match kind {
        EDITED => return rewrites.map(|_| (by, Change::Edit)),
        DELETED => EventBody::Deleted { target: rewrites? },
        REACTED => EventBody::Reacted { target: marks?, reaction: from.name()? },
        UNREACTED => EventBody::Unreacted { target: marks?, reaction: from.name()? },
        PINNED => EventBody::Pinned { target: marks? },
        UNPINNED => EventBody::Unpinned { target: marks? },
        JOINED => EventBody::Joined { user: from.name()?, role: role(from)? },
        LEFT => EventBody::Left { user: from.name()?, why: Departure::from_number(u64::from(from.byte()?))? },
        ROLE_SET => EventBody::RoleSet { user: from.name()?, role: role(from)? },
        UPDATED => EventBody::Updated(Arc::new(take_info(from)?)),
        NOTIFIED => EventBody::Notified(Box::new(take_notice(from)?)),
        RECORDED => EventBody::Recorded(Box::new(take_fact(from)?)),
        _ => return None,
    };
    // A change that touches what its kind does not was written by nobody.
    (body.target() == rewrites.or(marks)).then_some((by, Change::Whole(body)))
}

/// What stands in for an event that cannot be read, so that the run around it has no hole.
pub fn stand_in(record: &Record) -> Event {
    Event { place: record.place, at: record.time, by: NOBODY, body: EventBody::Void }
}
