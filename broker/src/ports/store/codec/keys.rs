//! Keys of rows, and duplicate keys: bytes that order as what they stand for, so that ranges of them mean something.
//!
//! Names hold no control characters, so a zero byte ends one and keeps the order.

use super::bytes::{Reader, name_of};
use rookery_engine::message::EffectId;
use rookery_protocol::command::ReadMark;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{DuplicateKey, Name, Place, RoomKey, RoomKind, UserId};
use rookery_storage::Table;
use rookery_storage::table::{PLACE_KEY_BYTES, place_key, place_of_key};

const END: u8 = 0;
const STREAM: u8 = 1;
const FREE: u8 = 2;

/// `user 00 01 stream n` or `user 00 02 bytes`: keys of two users never meet.
pub fn duplicate(out: &mut Vec<u8>, user: &UserId, key: &DuplicateKey) {
    name(out, user);
    match key {
        DuplicateKey::Stream { stream, n } => {
            out.push(STREAM);
            out.extend_from_slice(&stream.to_be_bytes());
            out.extend_from_slice(&n.to_be_bytes());
        }
        DuplicateKey::Free(text) => {
            out.push(FREE);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Whose key it is.
pub fn owner_of_duplicate(key: &[u8]) -> Option<UserId> {
    name_of(key.split(|byte| *byte == END).next()?)
}

fn name(out: &mut Vec<u8>, name: &Name) {
    out.extend_from_slice(name.as_str().as_bytes());
    out.push(END);
}

/// A key that is one name.
pub fn named(out: &mut Vec<u8>, name: &Name) {
    out.extend_from_slice(name.as_str().as_bytes());
}

/// `realm 00 kind name`.
pub fn room(out: &mut Vec<u8>, room: &RoomKey) {
    name(out, &room.realm);
    out.push(room.kind as u8);
    named(out, &room.name);
}

pub fn room_of(key: &[u8]) -> Option<RoomKey> {
    let end = key.iter().position(|byte| *byte == END)?;
    let (realm, rest) = key.split_at_checked(end)?;
    let mut rest = Reader::new(rest.get(1..)?);
    let kind = RoomKind::from_number(u64::from(rest.byte()?))?;
    Some(RoomKey { realm: name_of(realm)?, kind, name: name_of(rest.rest())? })
}

pub fn place(out: &mut Vec<u8>, place: Place) {
    out.extend_from_slice(&place_key(place));
}

/// `target reaction 00 user`.
pub fn reaction(out: &mut Vec<u8>, target: Place, reaction: &Name, user: &UserId) {
    place(out, target);
    name(out, reaction);
    named(out, user);
}

pub fn reaction_of(key: &[u8]) -> Option<(Place, Name, UserId)> {
    let target = place_of_key(key)?;
    let rest = key.get(PLACE_KEY_BYTES..)?;
    let end = rest.iter().position(|byte| *byte == END)?;
    Some((target, name_of(&rest[..end])?, name_of(&rest[end + 1..])?))
}

/// A key that is one place.
pub fn whole_place_of(key: &[u8]) -> Option<Place> {
    place_of_key(key).filter(|_| key.len() == PLACE_KEY_BYTES)
}

/// `user 00 mark`.
pub fn watermark(out: &mut Vec<u8>, user: &UserId, mark: ReadMark) {
    name(out, user);
    out.push(mark as u8);
}

pub fn watermark_of(key: &[u8]) -> Option<(UserId, ReadMark)> {
    let (mark, rest) = key.split_last()?;
    let (end, user) = rest.split_last()?;
    let mark = ReadMark::from_number(u64::from(*mark))?;
    (*end == END).then_some((name_of(user)?, mark))
}

/// `user 00 stream`.
pub fn stream(out: &mut Vec<u8>, user: &UserId, stream: u64) {
    name(out, user);
    out.extend_from_slice(&stream.to_be_bytes());
}

pub fn stream_of(key: &[u8]) -> Option<(UserId, u64)> {
    let (rest, stream) = key.split_last_chunk::<8>()?;
    let (end, user) = rest.split_last()?;
    (*end == END).then_some((name_of(user)?, u64::from_be_bytes(*stream)))
}

/// `cause 00 place index`: effects in the order of their causes.
pub fn effect(out: &mut Vec<u8>, id: &EffectId) {
    room(out, &id.cause);
    out.push(END);
    place(out, id.place);
    out.extend_from_slice(&id.index.to_be_bytes());
}

/// Where a fact is kept, and whether it is still to be said: a row per thing that the directory knows.
pub fn fact(out: &mut Vec<u8>, fact: &Fact) -> (Table, bool) {
    match fact {
        Fact::RoomListed { room: key, .. } => {
            room(out, key);
            (Table::Listings, true)
        }
        Fact::RoomUnlisted { room: key } => {
            room(out, key);
            (Table::Listings, false)
        }
        Fact::NameTaken { name, .. } => {
            named(out, name);
            (Table::Names, true)
        }
        Fact::NameReleased { name } => {
            named(out, name);
            (Table::Names, false)
        }
        Fact::NumbersTaken { counter, .. } => {
            named(out, counter);
            (Table::Counters, true)
        }
        Fact::DirectPaired { low, high, .. } => {
            name(out, low);
            named(out, high);
            (Table::Pairs, true)
        }
        Fact::UserSeen { user, .. } | Fact::UserErased { user } => {
            named(out, user);
            (Table::Users, true)
        }
        Fact::TokenRevoked { id } => {
            out.push(TOKEN);
            named(out, id);
            (Table::Revocations, true)
        }
        Fact::UserRevoked { user, .. } => {
            out.push(USER);
            named(out, user);
            (Table::Revocations, true)
        }
    }
}

const TOKEN: u8 = 0;
const USER: u8 = 1;
