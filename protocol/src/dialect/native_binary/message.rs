//! A message's own fields, in an event or as an item of a page. What is not usual has a flag bit.
//!
//! ```text
//! flags (varint) … n (varint: seq − ordinal, modulo 2^64) | body (length, bytes) | flagged fields, in the order of their bits
//! ```

use super::form::{self, Form, IdForm, get};
use super::reader::{Reader, measured, put_bytes};
use crate::ids::{Millis, Place, UserId};
use crate::layout::*;
use crate::message::{Attachment, BodyKind, Message, MessageExtra};
use crate::wire::bad::Bad;
use crate::wire::{check, varint};
use std::sync::Arc;

/// Bits of the flags. Bit 0 belongs to the event around the message: it opens an epoch.
pub mod flag {
    pub const OPENS_EPOCH: u64 = 1;
    pub const KIND: u64 = 1 << 1;
    pub const PROFILE: u64 = 1 << 2;
    pub const THREAD: u64 = 1 << 3;
    pub const MENTIONS: u64 = 1 << 4;
    pub const METADATA: u64 = 1 << 5;
    pub const VERSION: u64 = 1 << 6;
    pub const ATTACHMENTS: u64 = 1 << 7;
    pub const SENDER: u64 = 1 << 8;
    pub const POSTED_AT: u64 = 1 << 9;
    pub const ID: u64 = 1 << 10;
    pub const EDITED_AT: u64 = 1 << 11;
    pub const DELETED_AT: u64 = 1 << 12;
    pub const EXPIRES_AT: u64 = 1 << 13;
}

/// What the frame around a message says already; the message's own field is written only where it differs.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    pub place: Place,
    pub version: Place,
    pub sender: &'a UserId,
    pub posted_at: Millis,
}

/// The flags of a message, without bit 0.
#[inline]
pub fn flags(message: &Message, around: &Around<'_>) -> u64 {
    let when = |set: bool, flag: u64| if set { flag } else { 0 };
    let own = when(message.kind != BodyKind::Text, flag::KIND)
        | when(message.version != around.version, flag::VERSION)
        | when(message.sender != *around.sender, flag::SENDER)
        | when(message.posted_at != around.posted_at, flag::POSTED_AT);
    // The duplicate key is its sender's own business and stays with the room.
    let extra = message.extra.as_ref().map_or(0, |extra| {
        when(!extra.profile.is_empty(), flag::PROFILE)
            | when(extra.thread.is_some(), flag::THREAD)
            | when(!extra.mentions.is_empty(), flag::MENTIONS)
            | when(!extra.metadata.is_empty(), flag::METADATA)
            | when(!extra.attachments.is_empty(), flag::ATTACHMENTS)
            | when(extra.id.is_some(), flag::ID)
            | when(extra.edited_at.is_some(), flag::EDITED_AT)
            | when(extra.deleted_at.is_some(), flag::DELETED_AT)
            | when(extra.expires_at.is_some(), flag::EXPIRES_AT)
    });
    own | extra
}

/// Everything behind the fields that the frame around it writes.
#[inline]
pub fn put(message: &Message, flags: u64, out: &mut Vec<u8>) {
    // Small in any room with few changes, where the ordinal itself grows like the seq. Modulo 2^64, so never wrong.
    varint::put(message.place.seq.0.wrapping_sub(message.ordinal), out);
    put_bytes(&message.body, out);
    if flags & !flag::OPENS_EPOCH != 0 {
        put_flagged(message, flags, out);
    }
}

fn put_flagged(message: &Message, flags: u64, out: &mut Vec<u8>) {
    let has = |flag| flags & flag != 0;
    if has(flag::KIND) {
        Word::put(&message.kind, out);
    }
    if let Some(extra) = &message.extra {
        if has(flag::PROFILE) {
            Text::put(&extra.profile.display, out);
            Text::put(&extra.profile.avatar, out);
        }
        if let Some(thread) = &extra.thread {
            PlaceOf::put(thread, out);
        }
        if has(flag::MENTIONS) {
            List::<NameOf, MENTIONED>::put(&extra.mentions, out);
        }
        if has(flag::METADATA) {
            Opaque::put(&extra.metadata, out);
        }
    }
    if has(flag::VERSION) {
        PlaceOf::put(&message.version, out);
    }
    if let Some(extra) = message.extra.as_ref().filter(|_| has(flag::ATTACHMENTS)) {
        List::<Rec<Attachment>, ATTACHED>::put(&extra.attachments, out);
    }
    if has(flag::SENDER) {
        NameOf::put(&message.sender, out);
    }
    if has(flag::POSTED_AT) {
        Int::put(&message.posted_at, out);
    }
    if let Some(extra) = &message.extra {
        if let Some(id) = &extra.id {
            IdForm::put(id, out);
        }
        for at in [extra.edited_at, extra.deleted_at, extra.expires_at].iter().flatten() {
            Int::put(at, out);
        }
    }
}

pub fn take(flags: u64, around: Around<'_>, from: &mut Reader<'_>) -> Result<Message, Bad> {
    let behind = from.wide().map_err(|b| b.at("n"))?;
    let ordinal = check::integer(around.place.seq.0.wrapping_sub(behind)).map_err(|b| b.at("n"))?;
    let mut message = Message {
        place: around.place,
        ordinal,
        sender: around.sender.clone(),
        posted_at: around.posted_at,
        kind: BodyKind::Text,
        body: Arc::from(form::body(from).map_err(|b| b.at("body"))?),
        version: around.version,
        extra: None,
    };
    if flags & !flag::OPENS_EPOCH != 0 {
        take_flagged(&mut message, flags, from)?;
    }
    Ok(message)
}

fn take_flagged(message: &mut Message, flags: u64, from: &mut Reader<'_>) -> Result<(), Bad> {
    let has = |flag| flags & flag != 0;
    let mut extra = MessageExtra::default();
    if has(flag::KIND) {
        message.kind = get::<Word<_>>("kind", from)?;
    }
    if has(flag::PROFILE) {
        extra.profile.display = get::<Text>("display", from)?;
        extra.profile.avatar = get::<Text>("avatar", from)?;
    }
    if has(flag::THREAD) {
        extra.thread = Some(get::<PlaceOf>("thread", from)?);
    }
    if has(flag::MENTIONS) {
        extra.mentions = get::<List<NameOf, MENTIONED>>("mentions", from)?;
    }
    if has(flag::METADATA) {
        extra.metadata = get::<Opaque>("metadata", from)?;
    }
    if has(flag::VERSION) {
        message.version = get::<PlaceOf>("version", from)?;
    }
    if has(flag::ATTACHMENTS) {
        extra.attachments = get::<List<Rec<Attachment>, ATTACHED>>("attachments", from)?;
    }
    if has(flag::SENDER) {
        message.sender = get::<NameOf>("sender", from)?;
    }
    if has(flag::POSTED_AT) {
        message.posted_at = get::<Int>("posted_at", from)?;
    }
    if has(flag::ID) {
        extra.id = Some(get::<IdForm>("id", from)?);
    }
    if has(flag::EDITED_AT) {
        extra.edited_at = Some(get::<Int>("edited_at", from)?);
    }
    if has(flag::DELETED_AT) {
        extra.deleted_at = Some(get::<Int>("deleted_at", from)?);
    }
    if has(flag::EXPIRES_AT) {
        extra.expires_at = Some(get::<Int>("expires_at", from)?);
    }
    message.extra = (extra != MessageExtra::default()).then(|| Box::new(extra));
    Ok(())
}

/// An item of a page, in a block of its own: flags, place, time, sender, and the rest as in an event.
impl Form for MessageOf {
    type Value = Arc<Message>;

    fn put(message: &Arc<Message>, out: &mut Vec<u8>) {
        let around = Around {
            place: message.place,
            version: message.place,
            sender: &message.sender,
            posted_at: message.posted_at,
        };
        let flags = flags(message, &around);
        measured(2, out, |out| {
            varint::put(flags, out);
            PlaceOf::put(&message.place, out);
            Int::put(&message.posted_at, out);
            NameOf::put(&message.sender, out);
            self::put(message, flags, out);
        });
    }

    fn take(from: &mut Reader<'_>) -> Result<Arc<Message>, Bad> {
        let mut from = Reader::new(from.bytes()?);
        let flags = from.wide().map_err(|b| b.at("flags"))?;
        let place = get::<PlaceOf>("place", &mut from)?;
        let posted_at = get::<Int>("at", &mut from)?;
        let sender = get::<NameOf>("by", &mut from)?;
        self::take(flags, Around { place, version: place, sender: &sender, posted_at }, &mut from).map(Arc::new)
    }
}
