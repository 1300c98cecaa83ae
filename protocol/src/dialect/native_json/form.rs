//! How each form of [`crate::layout`] is written and read as JSON.

use super::object::{Field, Object};
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
use crate::wire::{check, json};
use crate::words::Worded;
use std::sync::Arc;

/// A form as a JSON value.
pub trait Form {
    type Value;

    fn write(value: &Self::Value, out: &mut Vec<u8>);

    fn read(raw: &str) -> Result<Self::Value, Bad>;

    /// What it means that the field is not there.
    fn absent() -> Option<Self::Value> {
        None
    }

    /// Whether a writer leaves it out.
    fn left_out(_: &Self::Value) -> bool {
        false
    }

    /// Whether `null` is a value of this form, and not the same as absent.
    const NULL: bool = false;
}

/// A structure, whose fields may stand in a larger object or in one of its own.
pub trait Fields: Sized {
    /// Each field with a comma in front.
    fn write_fields(&self, out: &mut Vec<u8>);

    fn read_fields(object: &Object<'_>) -> Result<Self, Bad>;
}

/// Writes `,"field":value`, or nothing.
#[inline]
pub fn put<C: Form>(key: &str, value: &C::Value, out: &mut Vec<u8>) {
    if !C::left_out(value) {
        out.extend_from_slice(key.as_bytes());
        C::write(value, out);
    }
}

#[inline]
pub fn get<C: Form>(object: &Object<'_>, field: Field) -> Result<C::Value, Bad> {
    let taken = match object.raw(field) {
        Some(raw) if C::NULL || raw != "null" => C::read(raw),
        _ => C::absent().ok_or_else(|| Bad::malformed("missing")),
    };
    taken.map_err(|bad| bad.at(field.word()))
}

/// The text before a field's value.
macro_rules! key {
    ($field:ident) => {
        concat!(",\"", stringify!($field), "\":")
    };
    ($field:ident $word:ident) => {
        concat!(",\"", stringify!($word), "\":")
    };
}

/// The name of a field.
macro_rules! field {
    ($field:ident) => {
        $crate::dialect::native_json::object::Field::$field
    };
    ($field:ident $word:ident) => {
        $crate::dialect::native_json::object::Field::$word
    };
}

pub(super) use {field, key};

/// An object of its own.
pub fn object(out: &mut Vec<u8>, write_fields: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    write_fields(out);
    match out.get_mut(at) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

macro_rules! records {
    ($($record:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {$(
        impl Fields for $record {
            fn write_fields(&self, out: &mut Vec<u8>) {
                $(put::<$form>(key!($field $($word)?), &self.$field, out);)*
            }

            fn read_fields(object: &Object<'_>) -> Result<$record, Bad> {
                Ok($record { $($field: get::<$form>(object, field!($field $($word)?))?),* })
            }
        }
    )*};
}

each_record!(records);

impl<T: Fields> Form for Rec<T> {
    type Value = T;

    fn write(value: &T, out: &mut Vec<u8>) {
        object(out, |out| value.write_fields(out));
    }

    fn read(raw: &str) -> Result<T, Bad> {
        T::read_fields(&Object::inner(raw)?)
    }
}

impl<C: Form> Form for Shared<C> {
    type Value = Arc<C::Value>;

    fn write(value: &Arc<C::Value>, out: &mut Vec<u8>) {
        C::write(value, out);
    }

    fn read(raw: &str) -> Result<Arc<C::Value>, Bad> {
        C::read(raw).map(Arc::new)
    }
}

impl<C: Form> Form for Opt<C> {
    type Value = Option<C::Value>;

    const NULL: bool = C::NULL;

    fn write(value: &Option<C::Value>, out: &mut Vec<u8>) {
        match value {
            Some(value) => C::write(value, out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn read(raw: &str) -> Result<Option<C::Value>, Bad> {
        C::read(raw).map(Some)
    }

    fn absent() -> Option<Option<C::Value>> {
        Some(None)
    }

    fn left_out(value: &Option<C::Value>) -> bool {
        value.is_none()
    }
}

impl<C: Form> Form for Or<C>
where
    C::Value: Default + PartialEq,
{
    type Value = C::Value;

    const NULL: bool = C::NULL;

    fn write(value: &C::Value, out: &mut Vec<u8>) {
        C::write(value, out);
    }

    fn read(raw: &str) -> Result<C::Value, Bad> {
        C::read(raw)
    }

    fn absent() -> Option<C::Value> {
        Some(C::Value::default())
    }

    fn left_out(value: &C::Value) -> bool {
        *value == C::Value::default()
    }
}

impl<C: Form, const MAX: usize> Form for List<C, MAX> {
    type Value = Vec<C::Value>;

    fn write(values: &Vec<C::Value>, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            C::write(value, out);
        }
        out.push(b']');
    }

    fn read(raw: &str) -> Result<Vec<C::Value>, Bad> {
        let mut values = Vec::new();
        json::items(raw, MAX, |item| {
            values.push(C::read(item)?);
            Ok(())
        })?;
        Ok(values)
    }
}

/// Forms whose value is a string within a limit.
macro_rules! strings {
    ($($form:ident $limit:expr;)+) => {$(
        impl Form for $form {
            type Value = String;

            fn write(value: &String, out: &mut Vec<u8>) {
                json::string(value, out);
            }

            fn read(raw: &str) -> Result<String, Bad> {
                let text = json::text(raw)?;
                check::sized(&text, $limit)?;
                Ok(text.into_owned())
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
            fn write($of: &$value, out: &mut Vec<u8>) {
                json::integer($number, out);
            }

            #[inline]
            fn read(raw: &str) -> Result<$value, Bad> {
                let $n = json::int(raw)?;
                $wrap
            }
        }
    )+};
}

integers! {
    Int u64, n => Ok(n), v => *v;
    Int32 u32, n => check::small(n), v => u64::from(*v);
    RunOf Epoch, n => Ok(Epoch(n)), v => v.0;
    Handle RoomHandle, n => check::small(n).map(RoomHandle), v => u64::from(v.0);
}

impl Form for Limit {
    type Value = u32;

    fn write(value: &u32, out: &mut Vec<u8>) {
        Int32::write(value, out);
    }

    fn read(raw: &str) -> Result<u32, Bad> {
        Int32::read(raw)
    }

    fn absent() -> Option<u32> {
        Some(limits::PAGE_DEFAULT as u32)
    }
}

impl Form for Flag {
    type Value = bool;

    fn write(value: &bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if *value { b"true" } else { b"false" });
    }

    fn read(raw: &str) -> Result<bool, Bad> {
        json::flag(raw)
    }
}

impl Form for On {
    type Value = bool;

    fn write(value: &bool, out: &mut Vec<u8>) {
        Flag::write(value, out);
    }

    fn read(raw: &str) -> Result<bool, Bad> {
        Flag::read(raw)
    }

    fn absent() -> Option<bool> {
        Some(true)
    }
}

impl Form for NameOf {
    type Value = Name;

    #[inline]
    fn write(value: &Name, out: &mut Vec<u8>) {
        json::string(value.as_str(), out);
    }

    #[inline]
    fn read(raw: &str) -> Result<Name, Bad> {
        check::name(&json::text(raw)?)
    }
}

impl Form for Opaque {
    type Value = String;

    const NULL: bool = true;

    fn write(value: &String, out: &mut Vec<u8>) {
        out.extend_from_slice(if value.is_empty() { b"null" } else { value.as_bytes() });
    }

    fn read(raw: &str) -> Result<String, Bad> {
        check::metadata(raw).map(String::from)
    }
}

impl<T: Worded> Form for Word<T> {
    type Value = T;

    fn write(value: &T, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(value.word().as_bytes());
        out.push(b'"');
    }

    fn read(raw: &str) -> Result<T, Bad> {
        T::from_word(&json::text(raw)?).ok_or_else(|| Bad::malformed(format!("no such {}", T::LIST)))
    }
}

/// `[epoch, seq]`.
impl Form for PlaceOf {
    type Value = Place;

    fn write(value: &Place, out: &mut Vec<u8>) {
        out.push(b'[');
        json::integer(value.epoch.0, out);
        out.push(b',');
        json::integer(value.seq.0, out);
        out.push(b']');
    }

    fn read(raw: &str) -> Result<Place, Bad> {
        let bad = || Bad::malformed("not a place: [epoch, seq]");
        let inner = raw.strip_prefix('[').and_then(|r| r.strip_suffix(']')).ok_or_else(bad)?;
        let (epoch, seq) = inner.split_once(',').ok_or_else(bad)?;
        let int = |raw: &str| json::int(raw.trim_matches([' ', '\t', '\r', '\n'])).map_err(|_| bad());
        Ok(Place::new(int(epoch)?, int(seq)?))
    }
}

/// A string: an ordinary room. An integer: a handle. An object: everything else.
impl Form for RefOf {
    type Value = RoomRef;

    fn write(value: &RoomRef, out: &mut Vec<u8>) {
        match value {
            RoomRef::Handle(handle) => Handle::write(handle, out),
            RoomRef::Room { realm: None, name } => NameOf::write(name, out),
            RoomRef::Room { realm: Some(realm), name } => object(out, |out| {
                put::<NameOf>(key!(realm), realm, out);
                put::<NameOf>(key!(name), name, out);
            }),
            RoomRef::Direct { name } => object(out, |out| put::<NameOf>(key!(direct), name, out)),
            RoomRef::Inbox => out.extend_from_slice(br#"{"inbox":true}"#),
            RoomRef::Lobby => out.extend_from_slice(br#"{"lobby":true}"#),
            RoomRef::Directory => out.extend_from_slice(br#"{"directory":true}"#),
        }
    }

    #[inline]
    fn read(raw: &str) -> Result<RoomRef, Bad> {
        match raw.as_bytes().first() {
            Some(b'"') => Ok(RoomRef::Room { realm: None, name: NameOf::read(raw)? }),
            Some(b'{') => room_object(raw),
            _ => Handle::read(raw).map(RoomRef::Handle).map_err(|_| Bad::malformed("not a room")),
        }
    }
}

fn room_object(raw: &str) -> Result<RoomRef, Bad> {
    let object = Object::inner(raw)?;
    let own = |field| get::<Or<Flag>>(&object, field);
    let name = get::<Opt<NameOf>>(&object, Field::name)?;
    let realm = get::<Opt<NameOf>>(&object, Field::realm)?;
    let direct = get::<Opt<NameOf>>(&object, Field::direct)?;
    let flags = (own(Field::inbox)?, own(Field::lobby)?, own(Field::directory)?);
    match (name, realm, direct, flags) {
        (Some(name), realm, None, (false, false, false)) => Ok(RoomRef::Room { realm, name }),
        (None, None, Some(name), (false, false, false)) => Ok(RoomRef::Direct { name }),
        (None, None, None, (true, false, false)) => Ok(RoomRef::Inbox),
        (None, None, None, (false, true, false)) => Ok(RoomRef::Lobby),
        (None, None, None, (false, false, true)) => Ok(RoomRef::Directory),
        _ => Err(Bad::malformed("give one of `name` (with `realm` or not), `direct`, `inbox`, `lobby`, `directory`")),
    }
}

/// An array of words; unknown ones are wishes of a newer client, and left unheard.
impl Form for WantsOf {
    type Value = Wants;

    fn write(value: &Wants, out: &mut Vec<u8>) {
        let words: &[u8] = match (value.presence, value.summary_only) {
            (false, false) => b"[]",
            (true, false) => br#"["presence"]"#,
            (false, true) => br#"["summary_only"]"#,
            (true, true) => br#"["presence","summary_only"]"#,
        };
        out.extend_from_slice(words);
    }

    fn read(raw: &str) -> Result<Wants, Bad> {
        let mut wants = Wants::default();
        json::items(raw, 16, |item| {
            match &*json::text(item)? {
                "presence" => wants.presence = true,
                "summary_only" => wants.summary_only = true,
                _ => {}
            }
            Ok(())
        })?;
        Ok(wants)
    }
}

/// `"live"`, `"resuming"`, `{"gap":reason}` or `{"retract":place}`.
impl Form for StartOf {
    type Value = Start;

    fn write(value: &Start, out: &mut Vec<u8>) {
        match value {
            Start::Live => out.extend_from_slice(br#""live""#),
            Start::Resuming => out.extend_from_slice(br#""resuming""#),
            Start::Gap(reason) => object(out, |out| put::<Word<_>>(key!(gap), reason, out)),
            Start::Retract { above } => object(out, |out| put::<PlaceOf>(key!(retract), above, out)),
        }
    }

    fn read(raw: &str) -> Result<Start, Bad> {
        match raw {
            r#""live""# => return Ok(Start::Live),
            r#""resuming""# => return Ok(Start::Resuming),
            _ => {}
        }
        let object = Object::inner(raw)?;
        if let Some(reason) = get::<Opt<Word<_>>>(&object, Field::gap)? {
            return Ok(Start::Gap(reason));
        }
        Ok(Start::Retract { above: get::<PlaceOf>(&object, Field::retract)? })
    }
}

/// `[index, "error"]`.
impl Form for RefusedRoom {
    type Value = (u32, ErrorCode);

    fn write((index, code): &(u32, ErrorCode), out: &mut Vec<u8>) {
        out.push(b'[');
        Int32::write(index, out);
        out.push(b',');
        Word::write(code, out);
        out.push(b']');
    }

    fn read(raw: &str) -> Result<(u32, ErrorCode), Bad> {
        let mut index = None;
        let mut code = None;
        json::items(raw, 2, |item| {
            match index {
                None => index = Some(Int32::read(item)?),
                Some(_) => code = Some(Word::read(item)?),
            }
            Ok(())
        })?;
        index.zip(code).ok_or_else(|| Bad::malformed("not [index, error]"))
    }
}

/// A string: free. `["stream", n]`: a stream, whose id may need all 64 bits and is therefore a string of digits.
pub struct KeyForm;

impl Form for KeyForm {
    type Value = DuplicateKey;

    fn write(value: &DuplicateKey, out: &mut Vec<u8>) {
        match value {
            DuplicateKey::Free(key) => json::string(key, out),
            DuplicateKey::Stream { stream, n } => {
                out.extend_from_slice(b"[\"");
                json::integer(*stream, out);
                out.extend_from_slice(b"\",");
                json::integer(*n, out);
                out.push(b']');
            }
        }
    }

    fn read(raw: &str) -> Result<DuplicateKey, Bad> {
        if raw.starts_with('"') {
            return check::free_key(&json::text(raw)?);
        }
        let bad = || Bad::malformed("not a key: a string, or [\"stream\", n]");
        let inner = raw.strip_prefix('[').and_then(|r| r.strip_suffix(']')).ok_or_else(bad)?;
        let (stream, n) = inner.split_once(',').ok_or_else(bad)?;
        let trim = |raw: &'static [char], text| str::trim_matches(text, raw);
        let space = &[' ', '\t', '\r', '\n'];
        let stream = json::text(trim(space, stream)).map_err(|_| bad())?;
        // The same stream has one spelling only.
        if stream.is_empty() || stream.len() > 20 || !stream.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad());
        }
        let stream: u64 = stream.parse().map_err(|_| bad())?;
        Ok(DuplicateKey::Stream { stream, n: json::int(trim(space, n)).map_err(|_| bad())? })
    }
}

/// 32 hexadecimal digits.
pub struct IdForm;

impl Form for IdForm {
    type Value = MessageId;

    fn write(value: &MessageId, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        out.push(b'"');
        out.extend(value.0.iter().flat_map(|b| [HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]));
        out.push(b'"');
    }

    fn read(raw: &str) -> Result<MessageId, Bad> {
        let text = json::text(raw)?;
        let digits = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32 && !text.starts_with('+'));
        digits.map(|n| MessageId(n.to_be_bytes())).ok_or_else(|| Bad::malformed("not 32 hexadecimal digits"))
    }
}
