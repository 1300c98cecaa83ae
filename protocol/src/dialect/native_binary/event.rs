//! Events and signals as frames.
//!
//! ```text
//! event:  kind | flags | room | [epoch, if bit 0] | seq | at | by | fields
//! signal: kind | room | fields
//! ```

use super::form::{Fields, Form, get, named};
use super::frame;
use super::message::{self, Around, flag};
use super::reader::Reader;
use crate::command::{ReadMark, Role};
use crate::dialect::speak::{Epochs, ServerFrame};
use crate::event::{Departure, Event, EventBody, Fact, FactKind, Kind, Notice, PresenceOf, RoomInfo, Signal};
use crate::ids::{Epoch, Place, RoomHandle, RoomKey, Seq};
use crate::layout::*;
use crate::wire::bad::Bad;
use crate::wire::varint;
use std::sync::Arc;

macro_rules! events {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write(room: RoomHandle, event: &Event, opens_epoch: bool, out: &mut Vec<u8>) {
            let around = Around { place: event.place, version: event.place, sender: &event.by, posted_at: event.at };
            let own = match &event.body {
                EventBody::Posted(message) | EventBody::Edited(message) => message::flags(message, &around),
                EventBody::Updated(_) | EventBody::Notified(_) | EventBody::Recorded(_) => 0,
                $(EventBody::$variant { .. } => 0,)*
            };
            frame(event.body.kind() as u8, out, |out| {
                let flags = own | if opens_epoch { flag::OPENS_EPOCH } else { 0 };
                varint::put(flags, out);
                Handle::put(&room, out);
                if opens_epoch {
                    varint::put(event.place.epoch.0, out);
                }
                varint::put(event.place.seq.0, out);
                varint::put(event.at, out);
                NameOf::put(&event.by, out);
                match &event.body {
                    EventBody::Posted(message) => message::put(message, flags, out),
                    EventBody::Edited(message) => {
                        PlaceOf::put(&message.place, out);
                        message::put(message, flags, out);
                    }
                    EventBody::Updated(info) => info.put_fields(out),
                    EventBody::Notified(notice) => notice.put_fields(out),
                    EventBody::Recorded(fact) => put_fact(fact, out),
                    $(EventBody::$variant { $($field),* } => { $(<$form>::put($field, out);)* })*
                }
            });
        }

        fn take_body(kind: Kind, flags: u64, event: &Around<'_>, from: &mut Reader<'_>) -> Result<Option<EventBody>, Bad> {
            Ok(Some(match kind {
                Kind::Posted => EventBody::Posted(Arc::new(message::take(flags, *event, from)?)),
                Kind::Edited => {
                    let place = get::<PlaceOf>("target", from)?;
                    EventBody::Edited(Arc::new(message::take(flags, Around { place, ..*event }, from)?))
                }
                Kind::Updated => EventBody::Updated(Arc::new(RoomInfo::take_fields(from)?)),
                Kind::Notified => EventBody::Notified(Box::new(Notice::take_fields(from)?)),
                Kind::Recorded => EventBody::Recorded(Box::new(take_fact(from)?)),
                $(Kind::$variant => EventBody::$variant {
                    $($field: get::<$form>(named!($field $($word)?), from)?),*
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
        fn put_fact(fact: &Fact, out: &mut Vec<u8>) {
            Word::<FactKind>::put(&fact.kind(), out);
            match fact {
                $(Fact::$variant { $($field),* } => { $(<$form>::put($field, out);)* })*
            }
        }

        fn take_fact(from: &mut Reader<'_>) -> Result<Fact, Bad> {
            Ok(match get::<Word<FactKind>>("fact", from)? {
                $(FactKind::$variant => Fact::$variant {
                    $($field: get::<$form>(named!($field $($word)?), from)?),*
                },)*
            })
        }
    };
}

each_fact!(facts);

macro_rules! signals {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write_signal(room: RoomHandle, signal: &Signal, out: &mut Vec<u8>) {
            frame(signal.kind() as u8, out, |out| {
                Handle::put(&room, out);
                match signal {
                    Signal::Presence(presence) => presence.put_fields(out),
                    $(Signal::$variant { $($field),* } => { $(<$form>::put($field, out);)* })*
                }
            });
        }

        fn take_signal(kind: Kind, from: &mut Reader<'_>) -> Result<Option<Signal>, Bad> {
            Ok(Some(match kind {
                Kind::Presence => Signal::Presence(PresenceOf::take_fields(from)?),
                $(Kind::$variant => Signal::$variant {
                    $($field: get::<$form>(named!($field $($word)?), from)?),*
                },)*
                Kind::Posted | Kind::Edited | Kind::Deleted | Kind::Reacted | Kind::Unreacted | Kind::Pinned
                | Kind::Unpinned | Kind::Joined | Kind::Left | Kind::RoleSet | Kind::Updated | Kind::Notified
                | Kind::Recorded | Kind::Void => return Ok(None),
            }))
        }
    };
}

each_signal!(signals);

/// What a client makes of a frame of this kind.
pub fn hear(kind: Kind, from: &mut Reader<'_>, epochs: &Epochs) -> Result<Option<ServerFrame>, Bad> {
    if kind.is_signal() {
        let room = get::<Handle>("room", from)?;
        return Ok(take_signal(kind, from)?.map(|signal| ServerFrame::Signal { room, signal }));
    }
    let flags = from.wide().map_err(|b| b.at("flags"))?;
    let room = get::<Handle>("room", from)?;
    let opens_epoch = flags & flag::OPENS_EPOCH != 0;
    let epoch = if opens_epoch { Epoch(get::<Int>("epoch", from)?) } else { epochs.of(room) };
    let place = Place { epoch, seq: Seq(get::<Int>("seq", from)?) };
    let at = get::<Int>("at", from)?;
    let by = get::<NameOf>("by", from)?;
    let body = take_body(kind, flags, &Around { place, version: place, sender: &by, posted_at: at }, from)?;
    Ok(body.map(|body| ServerFrame::Event { room, opens_epoch, event: Event { place, at, by, body } }))
}
