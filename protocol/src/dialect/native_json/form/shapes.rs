//! Forms with a shape of their own: places, rooms, wishes, keys, ids.

use super::super::object::{Field, Object};
use super::{Form, get, key, object, put};
use crate::command::{RoomRef, Wants};
use crate::errors::ErrorCode;
use crate::ids::{DuplicateKey, MessageId, Place};
use crate::layout::*;
use crate::reply::Start;
use crate::wire::bad::Bad;
use crate::wire::{check, json};

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
