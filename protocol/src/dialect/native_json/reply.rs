//! Replies and marks as JSON objects: `{"re":7,"ok":"placed","place":[1790000000,42],"n":41,"level":"durable"}`.

use super::form::{Fields, Form, field, get, key, put};
use super::object::{Field, Object};
use crate::dialect::contract::Number;
use crate::dialect::speak::ServerFrame;
use crate::event::PresenceOf;
use crate::ids::AckLevel;
use crate::layout::*;
use crate::reply::{
    Described, EndReason, GapReason, Mark, MarkKind, Page, Refusal, Reply, ReplyKind, RoomEntry, RosterEntry,
    Subscribed, UnreadEntry, UserEntry, Welcome,
};
use crate::wire::bad::Bad;
use crate::wire::json;

macro_rules! replies {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write(number: Number, reply: &Reply, out: &mut Vec<u8>) {
            out.extend_from_slice(br#"{"re":"#);
            json::integer(u64::from(number), out);
            if let Reply::Refused(refusal) = reply {
                return write_refusal(refusal, out);
            }
            write_done(reply, out);
            out.push(b'}');
        }

        /// What a reply says beside its number, with a comma in front.
        pub fn write_done(reply: &Reply, out: &mut Vec<u8>) {
            put::<Word<ReplyKind>>(key!(ok), &reply.kind(), out);
            match reply {
                Reply::Welcome(welcome) => welcome.write_fields(out),
                Reply::Subscribed(subscribed) => subscribed.write_fields(out),
                Reply::History(page) => page.write_fields(out),
                Reply::Described(described) => described.write_fields(out),
                Reply::Refused(_) => {}
                $(Reply::$variant { $($field),* } => { $(put::<$form>(key!($field $($word)?), $field, out);)* })*
            }
        }

        fn read(kind: ReplyKind, object: &Object<'_>) -> Result<Reply, Bad> {
            Ok(match kind {
                ReplyKind::Welcome => Reply::Welcome(Box::new(Welcome::read_fields(object)?)),
                ReplyKind::Subscribed => Reply::Subscribed(Box::new(Subscribed::read_fields(object)?)),
                ReplyKind::History => Reply::History(Box::new(Page::read_fields(object)?)),
                ReplyKind::Described => Reply::Described(Box::new(Described::read_fields(object)?)),
                ReplyKind::Refused => Reply::Refused(Refusal::read_fields(object)?),
                $(ReplyKind::$variant => Reply::$variant {
                    $($field: get::<$form>(object, field!($field $($word)?))?),*
                },)*
            })
        }
    };
}

each_reply!(replies);

/// `message` says in words what `error` says in one, for whoever reads along; programs look at `error`.
fn write_refusal(refusal: &Refusal, out: &mut Vec<u8>) {
    refusal.write_fields(out);
    out.extend_from_slice(key!(message).as_bytes());
    json::string(refusal.code.sentence(), out);
    out.push(b'}');
}

macro_rules! marks {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write_mark(mark: &Mark, out: &mut Vec<u8>) {
            out.extend_from_slice(br#"{"mark":"#);
            Word::write(&mark.kind(), out);
            match mark {
                $(Mark::$variant { $($field),* } => { $(put::<$form>(key!($field $($word)?), $field, out);)* })*
            }
            out.push(b'}');
        }

        fn read_mark(kind: MarkKind, object: &Object<'_>) -> Result<Mark, Bad> {
            Ok(match kind {
                $(MarkKind::$variant => Mark::$variant {
                    $($field: get::<$form>(object, field!($field $($word)?))?),*
                },)*
            })
        }
    };
}

each_mark!(marks);

/// What a client makes of an object with `re`. None: a reply that is newer than this client.
pub fn hear(raw: &str, object: &Object<'_>) -> Result<Option<ServerFrame>, Bad> {
    let number = Int32::read(raw).map_err(|b| b.at("re"))?;
    let kind = match object.given(Field::ok) {
        Some(raw) => ReplyKind::from_word(&json::text(raw)?),
        None => Some(ReplyKind::Refused),
    };
    let Some(kind) = kind else { return Ok(None) };
    Ok(Some(ServerFrame::Reply { number, reply: read(kind, object)? }))
}

/// What a client makes of an object with `mark`.
pub fn hear_mark(raw: &str, object: &Object<'_>) -> Result<Option<ServerFrame>, Bad> {
    let Some(kind) = MarkKind::from_word(&json::text(raw)?) else { return Ok(None) };
    Ok(Some(ServerFrame::Mark(read_mark(kind, object)?)))
}
