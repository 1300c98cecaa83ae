//! Forms with a shape of their own: places, rooms, wishes, keys, ids, bodies.

use super::super::reader::{Reader, put_bytes};
use super::Form;
use crate::command::{RoomRef, Wants};
use crate::errors::ErrorCode;
use crate::ids::{DuplicateKey, MessageId, Place};
use crate::layout::*;
use crate::limits;
use crate::reply::Start;
use crate::wire::bad::Bad;
use crate::wire::{check, varint};
use std::sync::Arc;

impl Form for PlaceOf {
    type Value = Place;

    #[inline]
    fn put(value: &Place, out: &mut Vec<u8>) {
        varint::put(value.epoch.0, out);
        varint::put(value.seq.0, out);
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Result<Place, Bad> {
        Ok(Place::new(from.int()?, from.int()?))
    }
}

const HANDLE: u8 = 0;
const NAMED: u8 = 1;
const OF_REALM: u8 = 2;
const DIRECT: u8 = 3;
const INBOX: u8 = 4;
const LOBBY: u8 = 5;
const DIRECTORY: u8 = 6;

impl Form for RefOf {
    type Value = RoomRef;

    #[inline]
    fn put(value: &RoomRef, out: &mut Vec<u8>) {
        match value {
            RoomRef::Handle(handle) => {
                out.push(HANDLE);
                Handle::put(handle, out);
            }
            RoomRef::Room { realm: None, name } => {
                out.push(NAMED);
                NameOf::put(name, out);
            }
            RoomRef::Room { realm: Some(realm), name } => {
                out.push(OF_REALM);
                NameOf::put(realm, out);
                NameOf::put(name, out);
            }
            RoomRef::Direct { name } => {
                out.push(DIRECT);
                NameOf::put(name, out);
            }
            RoomRef::Inbox => out.push(INBOX),
            RoomRef::Lobby => out.push(LOBBY),
            RoomRef::Directory => out.push(DIRECTORY),
        }
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Result<RoomRef, Bad> {
        match from.byte()? {
            HANDLE => Ok(RoomRef::Handle(Handle::take(from)?)),
            NAMED => Ok(RoomRef::Room { realm: None, name: NameOf::take(from)? }),
            OF_REALM => Ok(RoomRef::Room { realm: Some(NameOf::take(from)?), name: NameOf::take(from)? }),
            DIRECT => Ok(RoomRef::Direct { name: NameOf::take(from)? }),
            INBOX => Ok(RoomRef::Inbox),
            LOBBY => Ok(RoomRef::Lobby),
            DIRECTORY => Ok(RoomRef::Directory),
            _ => Err(Bad::malformed("not a room")),
        }
    }
}

const PRESENCE: u64 = 1;
const SUMMARY_ONLY: u64 = 2;

/// Bits; unknown ones are wishes of a newer client, and left unheard.
impl Form for WantsOf {
    type Value = Wants;

    fn put(value: &Wants, out: &mut Vec<u8>) {
        let presence = if value.presence { PRESENCE } else { 0 };
        let summary_only = if value.summary_only { SUMMARY_ONLY } else { 0 };
        varint::put(presence | summary_only, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Wants, Bad> {
        let bits = from.wide()?;
        Ok(Wants { presence: bits & PRESENCE != 0, summary_only: bits & SUMMARY_ONLY != 0 })
    }
}

impl Form for StartOf {
    type Value = Start;

    fn put(value: &Start, out: &mut Vec<u8>) {
        match value {
            Start::Live => out.push(0),
            Start::Resuming => out.push(1),
            Start::Gap(reason) => {
                out.push(2);
                Word::put(reason, out);
            }
            Start::Retract { above } => {
                out.push(3);
                PlaceOf::put(above, out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Start, Bad> {
        match from.byte()? {
            0 => Ok(Start::Live),
            1 => Ok(Start::Resuming),
            2 => Ok(Start::Gap(Word::take(from)?)),
            3 => Ok(Start::Retract { above: PlaceOf::take(from)? }),
            _ => Err(Bad::malformed("no such start")),
        }
    }
}

impl Form for RefusedRoom {
    type Value = (u32, ErrorCode);

    fn put((index, code): &(u32, ErrorCode), out: &mut Vec<u8>) {
        Int32::put(index, out);
        Word::put(code, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<(u32, ErrorCode), Bad> {
        Ok((Int32::take(from)?, Word::take(from)?))
    }
}

/// 0, stream (any 64 bits), n; or 1 and text.
pub struct KeyForm;

impl Form for KeyForm {
    type Value = DuplicateKey;

    fn put(value: &DuplicateKey, out: &mut Vec<u8>) {
        match value {
            DuplicateKey::Stream { stream, n } => {
                out.push(0);
                varint::put(*stream, out);
                varint::put(*n, out);
            }
            DuplicateKey::Free(key) => {
                out.push(1);
                put_bytes(key.as_bytes(), out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<DuplicateKey, Bad> {
        match from.byte()? {
            0 => Ok(DuplicateKey::Stream { stream: from.wide()?, n: from.int()? }),
            1 => check::free_key(from.text()?),
            _ => Err(Bad::malformed("no such key form")),
        }
    }
}

/// The 16 bytes.
pub struct IdForm;

impl Form for IdForm {
    type Value = MessageId;

    fn put(value: &MessageId, out: &mut Vec<u8>) {
        out.extend_from_slice(&value.0);
    }

    fn take(from: &mut Reader<'_>) -> Result<MessageId, Bad> {
        let bytes = from.take(16)?;
        <[u8; 16]>::try_from(bytes).map(MessageId).map_err(|_| Bad::malformed("not 16 bytes"))
    }
}

/// A length and the bytes, untouched.
pub struct BodyForm;

impl Form for BodyForm {
    type Value = Arc<[u8]>;

    #[inline]
    fn put(value: &Arc<[u8]>, out: &mut Vec<u8>) {
        put_bytes(value, out);
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Result<Arc<[u8]>, Bad> {
        body(from).map(Arc::from)
    }
}

/// The bytes of a body, within their limit, before they are copied.
#[inline]
pub fn body<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], Bad> {
    let bytes = from.bytes()?;
    if bytes.len() as u64 <= limits::BODY_BYTES { Ok(bytes) } else { Err(Bad::too_large(limits::BODY_BYTES, "bytes")) }
}
