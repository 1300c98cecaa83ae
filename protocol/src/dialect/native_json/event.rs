//! Events and signals as JSON objects: `{"ev":"posted","room":3,"seq":42,"at":…,"by":"alice","n":41,"body":"hi"}`.

use super::form::{Fields, field, get, key, put};
use super::message::{self, Around};
use super::object::{Field, Object};
use crate::command::{ReadMark, Role};
use crate::dialect::speak::{Epochs, ServerFrame};
use crate::event::{Departure, Event, EventBody, Fact, FactKind, Kind, Notice, PresenceOf, RoomInfo, Signal};
use crate::ids::{Epoch, Place, RoomHandle, RoomKey, Seq};
use crate::layout::*;
use crate::wire::bad::Bad;
use crate::wire::json;
use std::sync::Arc;

fn open(kind: Kind, room: RoomHandle, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"ev":""#);
    out.extend_from_slice(kind.word().as_bytes());
    out.extend_from_slice(br#"","room":"#);
    json::integer(u64::from(room.0), out);
}

macro_rules! events {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write(room: RoomHandle, event: &Event, opens_epoch: bool, out: &mut Vec<u8>) {
            open(event.body.kind(), room, out);
            if opens_epoch {
                put::<Int>(key!(epoch), &event.place.epoch.0, out);
            }
            put::<Int>(key!(seq), &event.place.seq.0, out);
            put::<Int>(key!(at), &event.at, out);
            put::<NameOf>(key!(by), &event.by, out);
            let around = |place| Around { place, version: event.place, sender: &event.by, posted_at: event.at };
            match &event.body {
                EventBody::Posted(message) => message::write(message, around(event.place), out),
                EventBody::Edited(message) => {
                    put::<PlaceOf>(key!(target), &message.place, out);
                    message::write(message, around(message.place), out);
                }
                EventBody::Updated(info) => put::<Shared<Rec<RoomInfo>>>(key!(info), info, out),
                EventBody::Notified(notice) => notice.write_fields(out),
                EventBody::Recorded(fact) => write_fact(fact, out),
                $(EventBody::$variant { $($field),* } => { $(put::<$form>(key!($field $($word)?), $field, out);)* })*
            }
            out.push(b'}');
        }

        fn read_body(kind: Kind, object: &Object<'_>, event: &Around<'_>) -> Result<Option<EventBody>, Bad> {
            Ok(Some(match kind {
                Kind::Posted => EventBody::Posted(Arc::new(message::read(object, *event)?)),
                Kind::Edited => {
                    let place = get::<PlaceOf>(object, Field::target)?;
                    EventBody::Edited(Arc::new(message::read(object, Around { place, ..*event })?))
                }
                Kind::Updated => EventBody::Updated(get::<Shared<Rec<RoomInfo>>>(object, Field::info)?),
                Kind::Notified => EventBody::Notified(Box::new(Notice::read_fields(object)?)),
                Kind::Recorded => EventBody::Recorded(Box::new(read_fact(object)?)),
                $(Kind::$variant => EventBody::$variant {
                    $($field: get::<$form>(object, field!($field $($word)?))?),*
                },)*
                Kind::Typing | Kind::Presence | Kind::Connected | Kind::Disconnected | Kind::Crowd
                | Kind::ReadUpTo | Kind::Report | Kind::Replaced | Kind::Summary | Kind::Retract => return Ok(None),
            }))
        }
    };
}

each_event!(events);

macro_rules! facts {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        fn write_fact(fact: &Fact, out: &mut Vec<u8>) {
            put::<Word<FactKind>>(key!(fact), &fact.kind(), out);
            match fact {
                $(Fact::$variant { $($field),* } => { $(put::<$form>(key!($field $($word)?), $field, out);)* })*
            }
        }

        fn read_fact(object: &Object<'_>) -> Result<Fact, Bad> {
            Ok(match get::<Word<FactKind>>(object, Field::fact)? {
                $(FactKind::$variant => Fact::$variant {
                    $($field: get::<$form>(object, field!($field $($word)?))?),*
                },)*
            })
        }
    };
}

each_fact!(facts);

macro_rules! signals {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write_signal(room: RoomHandle, signal: &Signal, out: &mut Vec<u8>) {
            open(signal.kind(), room, out);
            match signal {
                Signal::Presence(presence) => presence.write_fields(out),
                $(Signal::$variant { $($field),* } => { $(put::<$form>(key!($field $($word)?), $field, out);)* })*
            }
            out.push(b'}');
        }

        fn read_signal(kind: Kind, object: &Object<'_>) -> Result<Option<Signal>, Bad> {
            Ok(Some(match kind {
                Kind::Presence => Signal::Presence(PresenceOf::read_fields(object)?),
                $(Kind::$variant => Signal::$variant {
                    $($field: get::<$form>(object, field!($field $($word)?))?),*
                },)*
                Kind::Posted | Kind::Edited | Kind::Deleted | Kind::Reacted | Kind::Unreacted | Kind::Pinned
                | Kind::Unpinned | Kind::Joined | Kind::Left | Kind::RoleSet | Kind::Updated | Kind::Notified
                | Kind::Recorded | Kind::Void => return Ok(None),
            }))
        }
    };
}

each_signal!(signals);

/// What a client makes of an object with `ev`. None: a kind that is newer than this client.
pub fn hear(word: &str, object: &Object<'_>, epochs: &Epochs) -> Result<Option<ServerFrame>, Bad> {
    let Some(kind) = Kind::from_word(word) else { return Ok(None) };
    let room = get::<Handle>(object, Field::room)?;
    if kind.is_signal() {
        return Ok(read_signal(kind, object)?.map(|signal| ServerFrame::Signal { room, signal }));
    }
    let opened = get::<Opt<Int>>(object, Field::epoch)?.map(Epoch);
    let epoch = opened.unwrap_or_else(|| epochs.of(room));
    let place = Place { epoch, seq: Seq(get::<Int>(object, Field::seq)?) };
    let at = get::<Int>(object, Field::at)?;
    let by = get::<NameOf>(object, Field::by)?;
    let body = read_body(kind, object, &Around { place, version: place, sender: &by, posted_at: at })?;
    Ok(body.map(|body| ServerFrame::Event {
        room,
        opens_epoch: opened.is_some(),
        event: Event { place, at, by, body },
    }))
}
