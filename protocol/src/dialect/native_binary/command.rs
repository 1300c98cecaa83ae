//! Commands as frames: `kind | number | fields`, where the kind is 128 and the command's number in the catalog.

use super::form::{self, BodyForm, Form, KeyForm, get, named};
use super::frame;
use super::reader::{Reader, put_bytes};
use crate::catalog::CommandKind;
use crate::command::{Command, HistoryFrom, Post, PostExtra, ReadMark, Revocation, Role, RoomRef, RosterOf, Status};
use crate::command::{RoomSettings, SubscribeRoom};
use crate::dialect::contract::{Number, Talk};
use crate::errors::ErrorCode;
use crate::ids::AckLevel;
use crate::layout::*;
use crate::message::{Attachment, BodyKind};
use crate::reply::Refusal;
use crate::wire::bad::Bad;
use crate::wire::{check, varint};

/// Kinds from here on are commands.
pub const COMMANDS: u8 = 128;

/// One frame, without its length.
#[inline]
pub fn receive(frame: &[u8], talk: &mut Talk) {
    let mut from = Reader::new(frame);
    let kind = from.byte().unwrap_or(0);
    let number = if kind < COMMANDS { Ok(0) } else { get::<Int32>("number", &mut from) };
    let number = match number {
        Ok(number) => number,
        Err(bad) => return talk.refuse(0, bad.refusal()),
    };
    let Some(kind) = kind.checked_sub(COMMANDS).and_then(|n| CommandKind::from_number(u64::from(n))) else {
        return talk.refuse(number, unknown(kind));
    };
    let read = read(kind, &mut from).and_then(|command| check::command(&command).map(|()| command));
    match read {
        Ok(command) => talk.ask(number, command),
        Err(bad) => talk.refuse(number, bad.refusal()),
    }
}

#[cold]
fn unknown(kind: u8) -> Refusal {
    Refusal::because(ErrorCode::UnknownCommand, format!("there is no command of kind {kind}"))
}

macro_rules! commands {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        fn read(kind: CommandKind, from: &mut Reader<'_>) -> Result<Command, Bad> {
            Ok(match kind {
                CommandKind::Post => {
                    let flags = from.wide().map_err(|b| b.at("flags"))?;
                    let room = get::<RefOf>("room", from)?;
                    Command::Post(take_post(flags, room, from)?)
                }
                CommandKind::Edit => take_edit(from)?,
                CommandKind::History => Command::History {
                    room: get::<RefOf>("room", from)?,
                    from: get::<FromForm>("from", from)?,
                    limit: get::<Limit>("limit", from)?,
                    thread: get::<Opt<PlaceOf>>("thread", from)?,
                },
                CommandKind::Broadcast => {
                    let rooms = get::<List<RefOf, ROOMS>>("rooms", from)?;
                    let flags = from.wide().map_err(|b| b.at("flags"))?;
                    Command::Broadcast { rooms, post: Box::new(take_post(flags, RoomRef::Inbox, from)?) }
                }
                CommandKind::Revoke => Command::Revoke(get::<RevocationForm>("what", from)?),
                $(CommandKind::$variant => Command::$variant {
                    $($field: get::<$form>(named!($field $($word)?), from)?),*
                },)*
            })
        }

        /// A client's frame: one command, with its length in front.
        pub fn write(number: Number, command: &Command, out: &mut Vec<u8>) {
            frame(COMMANDS + command.row().number, out, |out| {
                varint::put(u64::from(number), out);
                match command {
                    Command::Post(post) => {
                        varint::put(flags(post), out);
                        RefOf::put(&post.room, out);
                        put_post(post, out);
                    }
                    Command::Edit { room, target, kind, body, metadata, ack } => {
                        RefOf::put(room, out);
                        PlaceOf::put(target, out);
                        put_bytes(body, out);
                        Opt::<Word<_>>::put(kind, out);
                        Opt::<Opaque>::put(metadata, out);
                        Opt::<Word<_>>::put(ack, out);
                    }
                    Command::History { room, from, limit, thread } => {
                        RefOf::put(room, out);
                        FromForm::put(from, out);
                        Limit::put(limit, out);
                        Opt::<PlaceOf>::put(thread, out);
                    }
                    Command::Broadcast { rooms, post } => {
                        List::<RefOf, ROOMS>::put(rooms, out);
                        varint::put(flags(post), out);
                        put_post(post, out);
                    }
                    Command::Revoke(revocation) => RevocationForm::put(revocation, out),
                    $(Command::$variant { $($field),* } => { $(<$form>::put($field, out);)* })*
                }
            });
        }
    };
}

each_command!(commands);

/// Bits of a post's flags: the fields behind the body, in this order.
mod flag {
    pub const KIND: u64 = 1;
    pub const KEY: u64 = 1 << 1;
    pub const ACK: u64 = 1 << 2;
    pub const THREAD: u64 = 1 << 3;
    pub const MENTIONS: u64 = 1 << 4;
    pub const ATTACHMENTS: u64 = 1 << 5;
    pub const METADATA: u64 = 1 << 6;
    pub const EXPECT: u64 = 1 << 7;
    pub const EXPIRES_IN_MS: u64 = 1 << 8;
    pub const ON_BEHALF_OF: u64 = 1 << 9;
    /// Those that few posts have.
    pub const EXTRA: u64 = THREAD | MENTIONS | ATTACHMENTS | METADATA | EXPECT | EXPIRES_IN_MS | ON_BEHALF_OF;
}

fn flags(post: &Post) -> u64 {
    let when = |set: bool, flag: u64| if set { flag } else { 0 };
    let own = when(post.kind != BodyKind::Text, flag::KIND)
        | when(post.key.is_some(), flag::KEY)
        | when(post.ack.is_some(), flag::ACK);
    let extra = post.extra.as_ref().map_or(0, |extra| {
        when(extra.thread.is_some(), flag::THREAD)
            | when(!extra.mentions.is_empty(), flag::MENTIONS)
            | when(!extra.attachments.is_empty(), flag::ATTACHMENTS)
            | when(!extra.metadata.is_empty(), flag::METADATA)
            | when(extra.expect.is_some(), flag::EXPECT)
            | when(extra.expires_in_ms.is_some(), flag::EXPIRES_IN_MS)
            | when(extra.on_behalf_of.is_some(), flag::ON_BEHALF_OF)
    });
    own | extra
}

fn put_post(post: &Post, out: &mut Vec<u8>) {
    put_bytes(&post.body, out);
    if post.kind != BodyKind::Text {
        Word::put(&post.kind, out);
    }
    if let Some(key) = &post.key {
        KeyForm::put(key, out);
    }
    if let Some(ack) = &post.ack {
        Word::put(ack, out);
    }
    let Some(extra) = &post.extra else { return };
    if let Some(thread) = &extra.thread {
        PlaceOf::put(thread, out);
    }
    if !extra.mentions.is_empty() {
        List::<NameOf, MENTIONED>::put(&extra.mentions, out);
    }
    if !extra.attachments.is_empty() {
        List::<Rec<Attachment>, ATTACHED>::put(&extra.attachments, out);
    }
    if !extra.metadata.is_empty() {
        Opaque::put(&extra.metadata, out);
    }
    if let Some(expect) = &extra.expect {
        PlaceOf::put(expect, out);
    }
    if let Some(ms) = &extra.expires_in_ms {
        Int::put(ms, out);
    }
    if let Some(user) = &extra.on_behalf_of {
        NameOf::put(user, out);
    }
}

#[inline]
fn take_post(flags: u64, room: RoomRef, from: &mut Reader<'_>) -> Result<Post, Bad> {
    let has = |flag| flags & flag != 0;
    let body = form::body(from).map_err(|b| b.at("body"))?;
    let kind = if has(flag::KIND) { get::<Word<BodyKind>>("kind", from)? } else { BodyKind::Text };
    check::body(Some(kind), body).map_err(|b| b.at("body"))?;
    let key = if has(flag::KEY) { Some(get::<KeyForm>("key", from)?) } else { None };
    let ack = if has(flag::ACK) { Some(get::<Word<AckLevel>>("ack", from)?) } else { None };
    let extra = if has(flag::EXTRA) { take_extra(flags, from)? } else { None };
    Ok(Post { room, kind, body: body.into(), key, ack, extra })
}

fn take_extra(flags: u64, from: &mut Reader<'_>) -> Result<Option<Box<PostExtra>>, Bad> {
    let has = |flag| flags & flag != 0;
    let mut extra = PostExtra::default();
    if has(flag::THREAD) {
        extra.thread = Some(get::<PlaceOf>("thread", from)?);
    }
    if has(flag::MENTIONS) {
        extra.mentions = get::<List<NameOf, MENTIONED>>("mentions", from)?;
    }
    if has(flag::ATTACHMENTS) {
        extra.attachments = get::<List<Rec<Attachment>, ATTACHED>>("attachments", from)?;
    }
    if has(flag::METADATA) {
        extra.metadata = get::<Opaque>("metadata", from)?;
    }
    if has(flag::EXPECT) {
        extra.expect = Some(get::<PlaceOf>("expect", from)?);
    }
    if has(flag::EXPIRES_IN_MS) {
        extra.expires_in_ms = Some(get::<Int>("expires_in_ms", from)?);
    }
    if has(flag::ON_BEHALF_OF) {
        extra.on_behalf_of = Some(get::<NameOf>("on_behalf_of", from)?);
    }
    Ok((extra != PostExtra::default()).then(|| Box::new(extra)))
}

fn take_edit(from: &mut Reader<'_>) -> Result<Command, Bad> {
    let room = get::<RefOf>("room", from)?;
    let target = get::<PlaceOf>("target", from)?;
    let body = get::<BodyForm>("body", from)?;
    let kind = get::<Opt<Word<BodyKind>>>("kind", from)?;
    check::body(kind, &body).map_err(|b| b.at("body"))?;
    let metadata = get::<Opt<Opaque>>("metadata", from)?;
    Ok(Command::Edit { room, target, kind, body, metadata, ack: get::<Opt<Word<_>>>("ack", from)? })
}

/// Where a page begins: a number for the way, then a place or a count.
struct FromForm;

impl Form for FromForm {
    type Value = HistoryFrom;

    fn put(value: &HistoryFrom, out: &mut Vec<u8>) {
        let mut place = |way: u8, place: &_| {
            out.push(way);
            PlaceOf::put(place, out);
        };
        match value {
            HistoryFrom::Newest => out.push(0),
            HistoryFrom::Before(at) => place(1, at),
            HistoryFrom::After(at) => place(2, at),
            HistoryFrom::Around(at) => place(3, at),
            HistoryFrom::FromOldest(n) => {
                out.push(4);
                Int::put(n, out);
            }
            HistoryFrom::FromNewest(n) => {
                out.push(5);
                Int::put(n, out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<HistoryFrom, Bad> {
        match from.byte()? {
            0 => Ok(HistoryFrom::Newest),
            1 => Ok(HistoryFrom::Before(PlaceOf::take(from)?)),
            2 => Ok(HistoryFrom::After(PlaceOf::take(from)?)),
            3 => Ok(HistoryFrom::Around(PlaceOf::take(from)?)),
            4 => Ok(HistoryFrom::FromOldest(Int::take(from)?)),
            5 => Ok(HistoryFrom::FromNewest(Int::take(from)?)),
            _ => Err(Bad::malformed("no such way to begin a page")),
        }
    }
}

/// 0 and a token's id; 1 and a user; 2, a user and a time.
struct RevocationForm;

impl Form for RevocationForm {
    type Value = Revocation;

    fn put(value: &Revocation, out: &mut Vec<u8>) {
        match value {
            Revocation::Token { id } => {
                out.push(0);
                NameOf::put(id, out);
            }
            Revocation::User { user } => {
                out.push(1);
                NameOf::put(user, out);
            }
            Revocation::IssuedBefore { user, at } => {
                out.push(2);
                NameOf::put(user, out);
                Int::put(at, out);
            }
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Revocation, Bad> {
        match from.byte()? {
            0 => Ok(Revocation::Token { id: NameOf::take(from)? }),
            1 => Ok(Revocation::User { user: NameOf::take(from)? }),
            2 => Ok(Revocation::IssuedBefore { user: NameOf::take(from)?, at: Int::take(from)? }),
            _ => Err(Bad::malformed("no such revocation")),
        }
    }
}
