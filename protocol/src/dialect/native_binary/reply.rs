//! Replies (`kind | number | fields`) and marks (`kind | fields`, of which the first is the room) as frames.

use super::form::{Fields, Form, get, named};
use super::frame;
use super::reader::Reader;
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
use crate::wire::varint;

macro_rules! replies {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write(number: Number, reply: &Reply, out: &mut Vec<u8>) {
            frame(reply.kind() as u8, out, |out| {
                varint::put(u64::from(number), out);
                match reply {
                    Reply::Welcome(welcome) => welcome.put_fields(out),
                    Reply::Subscribed(subscribed) => subscribed.put_fields(out),
                    Reply::History(page) => page.put_fields(out),
                    Reply::Described(described) => described.put_fields(out),
                    Reply::Refused(refusal) => refusal.put_fields(out),
                    $(Reply::$variant { $($field),* } => { $(<$form>::put($field, out);)* })*
                }
            });
        }

        /// What a client makes of a frame of this kind.
        pub fn hear(kind: ReplyKind, from: &mut Reader<'_>) -> Result<ServerFrame, Bad> {
            let number = get::<Int32>("number", from)?;
            let reply = match kind {
                ReplyKind::Welcome => Reply::Welcome(Box::new(Welcome::take_fields(from)?)),
                ReplyKind::Subscribed => Reply::Subscribed(Box::new(Subscribed::take_fields(from)?)),
                ReplyKind::History => Reply::History(Box::new(Page::take_fields(from)?)),
                ReplyKind::Described => Reply::Described(Box::new(Described::take_fields(from)?)),
                ReplyKind::Refused => Reply::Refused(Refusal::take_fields(from)?),
                $(ReplyKind::$variant => Reply::$variant {
                    $($field: get::<$form>(named!($field $($word)?), from)?),*
                },)*
            };
            Ok(ServerFrame::Reply { number, reply })
        }
    };
}

each_reply!(replies);

macro_rules! marks {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn write_mark(mark: &Mark, out: &mut Vec<u8>) {
            frame(mark.kind() as u8, out, |out| match mark {
                $(Mark::$variant { $($field),* } => { $(<$form>::put($field, out);)* })*
            });
        }

        /// What a client makes of a frame of this kind.
        pub fn hear_mark(kind: MarkKind, from: &mut Reader<'_>) -> Result<ServerFrame, Bad> {
            Ok(ServerFrame::Mark(match kind {
                $(MarkKind::$variant => Mark::$variant {
                    $($field: get::<$form>(named!($field $($word)?), from)?),*
                },)*
            }))
        }
    };
}

each_mark!(marks);
