//! A message's own fields, in an event or as an item of a page.

use super::body;
use super::form::{Form, IdForm, get, key, object, put};
use super::object::{Field, Object};
use crate::ids::{Millis, Place, UserId};
use crate::layout::*;
use crate::message::{Attachment, BodyKind, Message, MessageExtra};
use crate::principal::Profile;
use crate::wire::bad::Bad;
use std::sync::Arc;

/// What the frame around a message says already; the message's own field is written only where it differs.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub place: Place,
    pub version: Place,
    pub sender: &'a UserId,
    pub posted_at: Millis,
}

#[inline]
pub fn write(message: &Message, around: Around<'_>, out: &mut Vec<u8>) {
    put::<Int>(key!(n), &message.ordinal, out);
    if message.sender != *around.sender {
        put::<NameOf>(key!(sender), &message.sender, out);
    }
    if message.posted_at != around.posted_at {
        put::<Int>(key!(posted_at), &message.posted_at, out);
    }
    if message.version != around.version {
        put::<PlaceOf>(key!(version), &message.version, out);
    }
    if let Some(extra) = &message.extra {
        write_extra(extra, out);
    }
    body::write(Some(message.kind), &message.body, out);
}

// The duplicate key is its sender's own business and stays with the room.
fn write_extra(extra: &MessageExtra, out: &mut Vec<u8>) {
    put::<Opt<IdForm>>(key!(id), &extra.id, out);
    put::<Or<Text>>(key!(display), &extra.profile.display, out);
    put::<Or<Text>>(key!(avatar), &extra.profile.avatar, out);
    put::<Opt<PlaceOf>>(key!(thread), &extra.thread, out);
    put::<Or<List<NameOf, MENTIONED>>>(key!(mentions), &extra.mentions, out);
    put::<Or<List<Rec<Attachment>, ATTACHED>>>(key!(attachments), &extra.attachments, out);
    put::<Or<Opaque>>(key!(metadata), &extra.metadata, out);
    put::<Opt<Int>>(key!(edited_at), &extra.edited_at, out);
    put::<Opt<Int>>(key!(deleted_at), &extra.deleted_at, out);
    put::<Opt<Int>>(key!(expires_at), &extra.expires_at, out);
}

pub fn read(object: &Object<'_>, around: Around<'_>) -> Result<Message, Bad> {
    let (kind, body) = body::read(object)?;
    let extra = if object.has_one_of(EXTRA) { read_extra(object)? } else { None };
    Ok(Message {
        place: around.place,
        ordinal: get::<Int>(object, Field::n)?,
        sender: get::<Opt<NameOf>>(object, Field::sender)?.unwrap_or_else(|| around.sender.clone()),
        posted_at: get::<Opt<Int>>(object, Field::posted_at)?.unwrap_or(around.posted_at),
        kind: kind.unwrap_or(BodyKind::Text),
        body,
        version: get::<Opt<PlaceOf>>(object, Field::version)?.unwrap_or(around.version),
        extra,
    })
}

/// What few messages have.
const EXTRA: &[Field] = &[
    Field::id,
    Field::display,
    Field::avatar,
    Field::thread,
    Field::mentions,
    Field::attachments,
    Field::metadata,
    Field::edited_at,
    Field::deleted_at,
    Field::expires_at,
];

fn read_extra(object: &Object<'_>) -> Result<Option<Box<MessageExtra>>, Bad> {
    let extra = MessageExtra {
        id: get::<Opt<IdForm>>(object, Field::id)?,
        profile: Profile {
            display: get::<Or<Text>>(object, Field::display)?,
            avatar: get::<Or<Text>>(object, Field::avatar)?,
        },
        thread: get::<Opt<PlaceOf>>(object, Field::thread)?,
        mentions: get::<Or<List<NameOf, MENTIONED>>>(object, Field::mentions)?,
        attachments: get::<Or<List<Rec<Attachment>, ATTACHED>>>(object, Field::attachments)?,
        metadata: get::<Or<Opaque>>(object, Field::metadata)?,
        key: None,
        edited_at: get::<Opt<Int>>(object, Field::edited_at)?,
        deleted_at: get::<Opt<Int>>(object, Field::deleted_at)?,
        expires_at: get::<Opt<Int>>(object, Field::expires_at)?,
    };
    Ok((extra != MessageExtra::default()).then(|| Box::new(extra)))
}

/// An item of a page: the message with its place, sender and time.
impl Form for MessageOf {
    type Value = Arc<Message>;

    fn write(message: &Arc<Message>, out: &mut Vec<u8>) {
        object(out, |out| {
            put::<PlaceOf>(key!(place), &message.place, out);
            put::<Int>(key!(at), &message.posted_at, out);
            put::<NameOf>(key!(by), &message.sender, out);
            let around = Around {
                place: message.place,
                version: message.place,
                sender: &message.sender,
                posted_at: message.posted_at,
            };
            self::write(message, around, out);
        });
    }

    fn read(raw: &str) -> Result<Arc<Message>, Bad> {
        let object = Object::inner(raw)?;
        let place = get::<PlaceOf>(&object, Field::place)?;
        let sender = get::<NameOf>(&object, Field::by)?;
        let posted_at = get::<Int>(&object, Field::at)?;
        let around = Around { place, version: place, sender: &sender, posted_at };
        self::read(&object, around).map(Arc::new)
    }
}
