//! How each form of [`crate::layout`] is written and read as bytes.

use super::reader::{Reader, measured, put_bytes};
use crate::command::{Access, Role, RoomRef, RoomSettings, Status, SubscribeRoom, Wants};
use crate::errors::ErrorCode;
use crate::event::{Notice, NoticeKind, PresenceOf, RoomInfo};
use crate::ids::{AckLevel, DuplicateKey, Epoch, MessageId, Name, Place, RoomHandle, RoomKey, RoomKind};
use crate::layout::*;
use crate::limits;
use crate::message::Attachment;
use crate::reply::{
    Page, ReactionCount, Refusal, RoomEntry, RosterEntry, Start, Subscribed, UnreadEntry, UserEntry, Welcome,
};
use crate::wire::bad::Bad;
use crate::wire::{check, varint};
use crate::words::Worded;
use std::sync::Arc;

/// A form as bytes.
pub trait Form {
    type Value;

    fn put(value: &Self::Value, out: &mut Vec<u8>);

    fn take(from: &mut Reader<'_>) -> Result<Self::Value, Bad>;
}

/// A structure, whose fields may be the rest of a frame or stand in a block of their own.
pub trait Fields: Sized {
    fn put_fields(&self, out: &mut Vec<u8>);

    fn take_fields(from: &mut Reader<'_>) -> Result<Self, Bad>;
}

#[inline]
pub fn get<C: Form>(field: &str, from: &mut Reader<'_>) -> Result<C::Value, Bad> {
    C::take(from).map_err(|bad| bad.at(field))
}

/// The name of a field, as documents and details call it.
macro_rules! named {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $word:ident) => {
        stringify!($word)
    };
}

pub(super) use named;

macro_rules! records {
    ($($record:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {$(
        impl Fields for $record {
            fn put_fields(&self, out: &mut Vec<u8>) {
                $(<$form>::put(&self.$field, out);)*
            }

            fn take_fields(from: &mut Reader<'_>) -> Result<$record, Bad> {
                Ok($record { $($field: get::<$form>(named!($field $($word)?), from)?),* })
            }
        }
    )*};
}

each_record!(records);

/// A length and the fields; what a newer writer added behind them is passed over.
impl<T: Fields> Form for Rec<T> {
    type Value = T;

    fn put(value: &T, out: &mut Vec<u8>) {
        measured(1, out, |out| value.put_fields(out));
    }

    fn take(from: &mut Reader<'_>) -> Result<T, Bad> {
        T::take_fields(&mut Reader::new(from.bytes()?))
    }
}

impl<C: Form> Form for Shared<C> {
    type Value = Arc<C::Value>;

    fn put(value: &Arc<C::Value>, out: &mut Vec<u8>) {
        C::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Arc<C::Value>, Bad> {
        C::take(from).map(Arc::new)
    }
}

/// 0, or 1 and the value.
impl<C: Form> Form for Opt<C> {
    type Value = Option<C::Value>;

    fn put(value: &Option<C::Value>, out: &mut Vec<u8>) {
        Flag::put(&value.is_some(), out);
        if let Some(value) = value {
            C::put(value, out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Option<C::Value>, Bad> {
        Ok(if Flag::take(from)? { Some(C::take(from)?) } else { None })
    }
}

/// What text encodings leave out costs a byte here, so it is always there.
impl<C: Form> Form for Or<C> {
    type Value = C::Value;

    fn put(value: &C::Value, out: &mut Vec<u8>) {
        C::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<C::Value, Bad> {
        C::take(from)
    }
}

/// A count and the items.
impl<C: Form, const MAX: usize> Form for List<C, MAX> {
    type Value = Vec<C::Value>;

    fn put(values: &Vec<C::Value>, out: &mut Vec<u8>) {
        varint::put(values.len() as u64, out);
        for value in values {
            C::put(value, out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Vec<C::Value>, Bad> {
        let count = from.wide()?;
        if count > MAX as u64 {
            return Err(Bad::too_large(MAX as u64, "items"));
        }
        // Nothing is reserved for an announced count: the list grows with what is really there.
        let mut values = Vec::new();
        for index in 0..count as usize {
            values.push(C::take(from).map_err(|bad| bad.item(index))?);
        }
        Ok(values)
    }
}

/// Forms whose value is a string within a limit.
macro_rules! strings {
    ($($form:ident $limit:expr;)+) => {$(
        impl Form for $form {
            type Value = String;

            fn put(value: &String, out: &mut Vec<u8>) {
                put_bytes(value.as_bytes(), out);
            }

            fn take(from: &mut Reader<'_>) -> Result<String, Bad> {
                check::sized(from.text()?, $limit).map(String::from)
            }
        }
    )+};
}

strings! {
    Token limits::TOKEN_BYTES;
    Text limits::TEXT_FIELD_BYTES;
    Long u64::MAX;
}

/// Forms whose value is an integer.
macro_rules! integers {
    ($($form:ident $value:ty, $n:ident => $wrap:expr, $of:ident => $number:expr;)+) => {$(
        impl Form for $form {
            type Value = $value;

            #[inline]
            fn put($of: &$value, out: &mut Vec<u8>) {
                varint::put($number, out);
            }

            #[inline]
            fn take(from: &mut Reader<'_>) -> Result<$value, Bad> {
                let $n = from.int()?;
                $wrap
            }
        }
    )+};
}

integers! {
    Int u64, n => Ok(n), v => *v;
    Int32 u32, n => check::small(n), v => u64::from(*v);
    Limit u32, n => check::small(n), v => u64::from(*v);
    RunOf Epoch, n => Ok(Epoch(n)), v => v.0;
    Handle RoomHandle, n => check::small(n).map(RoomHandle), v => u64::from(v.0);
}

impl Form for Flag {
    type Value = bool;

    fn put(value: &bool, out: &mut Vec<u8>) {
        out.push(u8::from(*value));
    }

    fn take(from: &mut Reader<'_>) -> Result<bool, Bad> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Bad::malformed("not 0 or 1")),
        }
    }
}

impl Form for On {
    type Value = bool;

    fn put(value: &bool, out: &mut Vec<u8>) {
        Flag::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<bool, Bad> {
        Flag::take(from)
    }
}

impl Form for NameOf {
    type Value = Name;

    #[inline]
    fn put(value: &Name, out: &mut Vec<u8>) {
        put_bytes(value.as_str().as_bytes(), out);
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Result<Name, Bad> {
        check::name(from.text()?)
    }
}

/// Checked here, because text encodings write it as it came.
impl Form for Opaque {
    type Value = String;

    fn put(value: &String, out: &mut Vec<u8>) {
        put_bytes(value.as_bytes(), out);
    }

    fn take(from: &mut Reader<'_>) -> Result<String, Bad> {
        check::metadata(from.text()?).map(String::from)
    }
}

impl<T: Worded> Form for Word<T> {
    type Value = T;

    fn put(value: &T, out: &mut Vec<u8>) {
        varint::put(value.number(), out);
    }

    fn take(from: &mut Reader<'_>) -> Result<T, Bad> {
        T::from_number(from.wide()?).ok_or_else(|| Bad::malformed(format!("no such {}", T::LIST)))
    }
}

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
    type Value = Vec<u8>;

    #[inline]
    fn put(value: &Vec<u8>, out: &mut Vec<u8>) {
        put_bytes(value, out);
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Result<Vec<u8>, Bad> {
        body(from).map(Vec::from)
    }
}

/// The bytes of a body, within their limit, before they are copied.
#[inline]
pub fn body<'a>(from: &mut Reader<'a>) -> Result<&'a [u8], Bad> {
    let bytes = from.bytes()?;
    if bytes.len() as u64 <= limits::BODY_BYTES { Ok(bytes) } else { Err(Bad::too_large(limits::BODY_BYTES, "bytes")) }
}
