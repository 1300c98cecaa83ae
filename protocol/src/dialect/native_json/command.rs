//! Commands as JSON objects: `{"do":"post","id":7,"room":"general","body":"hi"}`.

use super::body;
use super::form::{KeyForm, field, get, key, put};
use super::object::{Field, Object};
use crate::catalog::CommandKind;
use crate::command::{Command, HistoryFrom, Post, PostExtra, ReadMark, Role, RoomRef, RosterOf, Status};
use crate::command::{Revocation, RoomSettings, SubscribeRoom};
use crate::dialect::contract::{Number, Talk};
use crate::errors::ErrorCode;
use crate::ids::AckLevel;
use crate::layout::*;
use crate::limits;
use crate::message::{Attachment, BodyKind};
use crate::reply::Refusal;
use crate::wire::bad::Bad;
use crate::wire::scan::Scan;
use crate::wire::{check, json};
use smallvec::SmallVec;
use std::borrow::Cow;

/// One message: an object, or an array of them. What cannot be read is answered; nothing here ends a connection,
/// because the next message begins where it begins.
pub fn receive(text: &str, talk: &mut Talk) {
    match text.trim_start_matches(SPACE).as_bytes().first() {
        Some(b'[') => batch(text, talk),
        _ => one(text, LEVELS, talk),
    }
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
const LEVELS: usize = limits::JSON_DEPTH as usize;

/// All or nothing: an array that is no JSON, or too long, asks nothing.
fn batch(text: &str, talk: &mut Talk) {
    let mut commands: SmallVec<[&str; 16]> = SmallVec::new();
    let mut scan = Scan::new(text, LEVELS);
    let read = scan.array(|raw| {
        if commands.len() as u64 == limits::FRAMES_PER_MESSAGE {
            return Err(Bad::too_large(limits::FRAMES_PER_MESSAGE, "commands in one message"));
        }
        commands.push(raw);
        Ok(())
    });
    match read.and_then(|()| scan.end()) {
        Ok(()) if commands.is_empty() => {
            talk.refuse(0, Refusal::because(ErrorCode::Malformed, "an array of commands has at least one"));
        }
        Ok(()) => commands.iter().for_each(|raw| one(raw, LEVELS - 1, talk)),
        Err(bad) => talk.refuse(0, bad.refusal()),
    }
}

fn one(text: &str, levels: usize, talk: &mut Talk) {
    let mut object = Object::new();
    if let Err(bad) = object.fill(text, levels) {
        return talk.refuse(0, bad.refusal());
    }
    let number = match get::<Opt<Int32>>(&object, Field::id) {
        Ok(number) => number.unwrap_or(0),
        Err(bad) => return talk.refuse(0, bad.refusal()),
    };
    match command(&object) {
        Ok(command) => talk.ask(number, command),
        Err(bad) => talk.refuse(number, bad.refusal()),
    }
}

fn command(object: &Object<'_>) -> Result<Command, Bad> {
    object.complete()?;
    let raw = object.given(Field::r#do).ok_or_else(|| Bad::malformed("missing").at("do"))?;
    let word = json::text(raw).map_err(|b| b.at("do"))?;
    let kind = CommandKind::from_word(&word).ok_or_else(|| unknown(&word))?;
    let command = read(kind, object)?;
    check::command(&command)?;
    Ok(command)
}

#[cold]
fn unknown(word: &str) -> Bad {
    // Shown back, so cut: it is a stranger's text.
    let shown: Cow<'_, str> = word.chars().take(32).collect();
    Bad { code: ErrorCode::UnknownCommand, what: format!("field `do`: there is no command `{shown}`").into() }
}

macro_rules! commands {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn read(kind: CommandKind, object: &Object<'_>) -> Result<Command, Bad> {
            Ok(match kind {
                CommandKind::Post => Command::Post(post(get::<RefOf>(object, Field::room)?, object)?),
                CommandKind::Edit => edit(object)?,
                CommandKind::History => history(object)?,
                CommandKind::Broadcast => Command::Broadcast {
                    rooms: get::<List<RefOf, ROOMS>>(object, Field::rooms)?,
                    post: Box::new(post(RoomRef::Inbox, object)?),
                },
                CommandKind::Revoke => Command::Revoke(revocation(object)?),
                $(CommandKind::$variant => Command::$variant {
                    $($field: get::<$form>(object, field!($field $($word)?))?),*
                },)*
            })
        }

        /// A client's message: one command.
        pub fn write(number: Number, command: &Command, out: &mut Vec<u8>) {
            out.extend_from_slice(br#"{"do":""#);
            out.extend_from_slice(command.row().word.as_bytes());
            out.extend_from_slice(br#"","id":"#);
            json::integer(u64::from(number), out);
            match command {
                Command::Post(post) => {
                    put::<RefOf>(key!(room), &post.room, out);
                    write_post(post, out);
                }
                Command::Edit { room, target, kind, body, metadata, ack } => {
                    put::<RefOf>(key!(room), room, out);
                    put::<PlaceOf>(key!(target), target, out);
                    if *kind == Some(BodyKind::Text) {
                        put::<Word<_>>(key!(kind), &BodyKind::Text, out);
                    }
                    body::write(*kind, body, out);
                    put::<Opt<Opaque>>(key!(metadata), metadata, out);
                    put::<Opt<Word<_>>>(key!(ack), ack, out);
                }
                Command::History { room, from, limit, thread } => {
                    put::<RefOf>(key!(room), room, out);
                    match from {
                        HistoryFrom::Newest => {}
                        HistoryFrom::Before(place) => put::<PlaceOf>(key!(before), place, out),
                        HistoryFrom::After(place) => put::<PlaceOf>(key!(after), place, out),
                        HistoryFrom::Around(place) => put::<PlaceOf>(key!(around), place, out),
                        HistoryFrom::FromOldest(n) => put::<Int>(key!(skip_oldest), n, out),
                        HistoryFrom::FromNewest(n) => put::<Int>(key!(skip_newest), n, out),
                    }
                    put::<Limit>(key!(limit), limit, out);
                    put::<Opt<PlaceOf>>(key!(thread), thread, out);
                }
                Command::Broadcast { rooms, post } => {
                    put::<List<RefOf, ROOMS>>(key!(rooms), rooms, out);
                    write_post(post, out);
                }
                Command::Revoke(revocation) => match revocation {
                    Revocation::Token { id } => put::<NameOf>(key!(token_id), id, out),
                    Revocation::User { user } => put::<NameOf>(key!(user), user, out),
                    Revocation::IssuedBefore { user, at } => {
                        put::<NameOf>(key!(user), user, out);
                        put::<Int>(key!(issued_before), at, out);
                    }
                },
                $(Command::$variant { $($field),* } => { $(put::<$form>(key!($field $($word)?), $field, out);)* })*
            }
            out.push(b'}');
        }
    };
}

each_command!(commands);

#[inline]
fn post(room: RoomRef, object: &Object<'_>) -> Result<Post, Bad> {
    let (kind, body) = body::read_command(object)?;
    Ok(Post {
        room,
        kind: kind.unwrap_or_default(),
        body,
        key: get::<Opt<KeyForm>>(object, Field::key)?,
        ack: get::<Opt<Word<_>>>(object, Field::ack)?,
        extra: if object.has_one_of(EXTRA) { post_extra(object)? } else { None },
    })
}

/// What few posts have.
const EXTRA: &[Field] = &[
    Field::thread,
    Field::mentions,
    Field::attachments,
    Field::metadata,
    Field::expect,
    Field::expires_in_ms,
    Field::on_behalf_of,
];

fn post_extra(object: &Object<'_>) -> Result<Option<Box<PostExtra>>, Bad> {
    let extra = PostExtra {
        thread: get::<Opt<PlaceOf>>(object, Field::thread)?,
        mentions: get::<Or<List<NameOf, MENTIONED>>>(object, Field::mentions)?,
        attachments: get::<Or<List<Rec<Attachment>, ATTACHED>>>(object, Field::attachments)?,
        metadata: get::<Or<Opaque>>(object, Field::metadata)?,
        expect: get::<Opt<PlaceOf>>(object, Field::expect)?,
        expires_in_ms: get::<Opt<Int>>(object, Field::expires_in_ms)?,
        on_behalf_of: get::<Opt<NameOf>>(object, Field::on_behalf_of)?,
    };
    Ok((extra != PostExtra::default()).then(|| Box::new(extra)))
}

fn write_post(post: &Post, out: &mut Vec<u8>) {
    body::write(Some(post.kind), &post.body, out);
    put::<Opt<KeyForm>>(key!(key), &post.key, out);
    put::<Opt<Word<AckLevel>>>(key!(ack), &post.ack, out);
    let Some(extra) = &post.extra else { return };
    put::<Opt<PlaceOf>>(key!(thread), &extra.thread, out);
    put::<Or<List<NameOf, MENTIONED>>>(key!(mentions), &extra.mentions, out);
    put::<Or<List<Rec<Attachment>, ATTACHED>>>(key!(attachments), &extra.attachments, out);
    put::<Or<Opaque>>(key!(metadata), &extra.metadata, out);
    put::<Opt<PlaceOf>>(key!(expect), &extra.expect, out);
    put::<Opt<Int>>(key!(expires_in_ms), &extra.expires_in_ms, out);
    put::<Opt<NameOf>>(key!(on_behalf_of), &extra.on_behalf_of, out);
}

fn edit(object: &Object<'_>) -> Result<Command, Bad> {
    let (kind, body) = body::read_command(object)?;
    Ok(Command::Edit {
        room: get::<RefOf>(object, Field::room)?,
        target: get::<PlaceOf>(object, Field::target)?,
        kind,
        body,
        metadata: get::<Opt<Opaque>>(object, Field::metadata)?,
        ack: get::<Opt<Word<_>>>(object, Field::ack)?,
    })
}

fn history(object: &Object<'_>) -> Result<Command, Bad> {
    let mut from = HistoryFrom::Newest;
    let mut set = |field: Field, given: Option<HistoryFrom>| match given {
        Some(_) if from != HistoryFrom::Newest => Err(Bad::malformed("a page begins in one way only").at(field.word())),
        Some(given) => {
            from = given;
            Ok(())
        }
        None => Ok(()),
    };
    let place = |field| get::<Opt<PlaceOf>>(object, field);
    let count = |field| get::<Opt<Int>>(object, field);
    set(Field::before, place(Field::before)?.map(HistoryFrom::Before))?;
    set(Field::after, place(Field::after)?.map(HistoryFrom::After))?;
    set(Field::around, place(Field::around)?.map(HistoryFrom::Around))?;
    set(Field::skip_oldest, count(Field::skip_oldest)?.map(HistoryFrom::FromOldest))?;
    set(Field::skip_newest, count(Field::skip_newest)?.map(HistoryFrom::FromNewest))?;
    Ok(Command::History {
        room: get::<RefOf>(object, Field::room)?,
        from,
        limit: get::<Limit>(object, Field::limit)?,
        thread: get::<Opt<PlaceOf>>(object, Field::thread)?,
    })
}

fn revocation(object: &Object<'_>) -> Result<Revocation, Bad> {
    let token = get::<Opt<NameOf>>(object, Field::token_id)?;
    let user = get::<Opt<NameOf>>(object, Field::user)?;
    let at = get::<Opt<Int>>(object, Field::issued_before)?;
    match (token, user, at) {
        (Some(id), None, None) => Ok(Revocation::Token { id }),
        (None, Some(user), None) => Ok(Revocation::User { user }),
        (None, Some(user), Some(at)) => Ok(Revocation::IssuedBefore { user, at }),
        _ => Err(Bad::malformed("give `token_id`, or `user`, or `user` with `issued_before`")),
    }
}
