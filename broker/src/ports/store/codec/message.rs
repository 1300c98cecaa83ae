//! The payload of a message's record: what the record itself does not say. A rewrite has the same layout.
//!
//! ```text
//! 0     version: 1
//! 1     flags
//! 2     kind of the body
//! 3     sender: one byte of length, bytes
//!       [by: the same], [posted at], [extra: two bytes of flags, little-endian, and its fields in their order]
//!       body, to the end
//! ```

use super::bytes::{Reader, Unreadable, VERSION, put_name, put_number, put_place, put_text};
use super::keys;
use rookery_protocol::ids::{DuplicateKey, MessageId, Millis, Name, Place, UserId};
use rookery_protocol::message::{Attachment, BodyKind, Message, MessageExtra};
use rookery_protocol::principal::Profile;
use rookery_storage::record::{Kind, State};
use rookery_storage::{Ordinal, Record};
use std::sync::Arc;

/// Its command was another's than its sender's.
const HAS_BY: u8 = 1;
/// The time of posting is not the record's.
const HAS_POSTED_AT: u8 = 2;
const HAS_EXTRA: u8 = 4;
const FLAGS: u8 = HAS_BY | HAS_POSTED_AT | HAS_EXTRA;

const ID: u16 = 1;
const PROFILE: u16 = 1 << 1;
const THREAD: u16 = 1 << 2;
const MENTIONS: u16 = 1 << 3;
const ATTACHMENTS: u16 = 1 << 4;
const METADATA: u16 = 1 << 5;
const STREAM_KEY: u16 = 1 << 6;
const FREE_KEY: u16 = 1 << 7;
const EDITED_AT: u16 = 1 << 8;
const DELETED_AT: u16 = 1 << 9;
const EXPIRES_AT: u16 = 1 << 10;
const EXTRA_FLAGS: u16 = (1 << 11) - 1;

/// Stands where nobody knows any more who it was: the actor of a void, the sender of a message that the store emptied.
pub const NOBODY: UserId = Name::literal("-");

/// What the message's record says beside the payload.
struct Head {
    place: Place,
    time: Millis,
    ordinal: Ordinal,
    version: Place,
}

/// `by`, `time`: of the event that posted it. A rewrite does not know them and leaves them out.
pub fn put_message(out: &mut Vec<u8>, message: &Message, posted: Option<(&UserId, Millis)>) {
    let by = posted.map(|(by, _)| by).filter(|by| **by != message.sender);
    let posted_at = posted.is_none_or(|(_, time)| time != message.posted_at);
    let flags = if by.is_some() { HAS_BY } else { 0 }
        | if posted_at { HAS_POSTED_AT } else { 0 }
        | if message.extra.is_some() { HAS_EXTRA } else { 0 };
    out.extend_from_slice(&[VERSION, flags, message.kind as u8]);
    put_name(out, &message.sender);
    if let Some(by) = by {
        put_name(out, by);
    }
    if posted_at {
        put_number(out, message.posted_at);
    }
    if let Some(extra) = &message.extra {
        put_extra(out, extra);
    }
    out.extend_from_slice(&message.body);
}

fn put_extra(out: &mut Vec<u8>, extra: &MessageExtra) {
    let at = out.len();
    out.extend_from_slice(&[0, 0]);
    let mut flags = 0u16;
    if let Some(id) = &extra.id {
        flags |= ID;
        out.extend_from_slice(&id.0);
    }
    if !extra.profile.is_empty() {
        flags |= PROFILE;
        put_text(out, &extra.profile.display);
        put_text(out, &extra.profile.avatar);
    }
    if let Some(thread) = extra.thread {
        flags |= THREAD;
        put_place(out, thread);
    }
    if !extra.mentions.is_empty() {
        flags |= MENTIONS;
        put_number(out, extra.mentions.len() as u64);
        extra.mentions.iter().for_each(|user| put_name(out, user));
    }
    if !extra.attachments.is_empty() {
        flags |= ATTACHMENTS;
        put_number(out, extra.attachments.len() as u64);
        extra.attachments.iter().for_each(|attachment| put_attachment(out, attachment));
    }
    if !extra.metadata.is_empty() {
        flags |= METADATA;
        put_text(out, &extra.metadata);
    }
    match &extra.key {
        Some(DuplicateKey::Stream { stream, n }) => {
            flags |= STREAM_KEY;
            out.extend_from_slice(&stream.to_le_bytes());
            put_number(out, *n);
        }
        Some(DuplicateKey::Free(text)) => {
            flags |= FREE_KEY;
            put_text(out, text);
        }
        None => {}
    }
    let times = [(EDITED_AT, extra.edited_at), (DELETED_AT, extra.deleted_at), (EXPIRES_AT, extra.expires_at)];
    for (flag, time) in times {
        if let Some(time) = time {
            flags |= flag;
            put_number(out, time);
        }
    }
    out[at..at + 2].copy_from_slice(&flags.to_le_bytes());
}

fn put_attachment(out: &mut Vec<u8>, attachment: &Attachment) {
    put_text(out, &attachment.name);
    put_text(out, &attachment.media_type);
    put_text(out, &attachment.url);
    put_number(out, attachment.bytes);
}

/// The message of a record, and whose command posted it.
pub fn message_of(record: &Record) -> Result<(Message, UserId), Unreadable> {
    let Kind::Message { ordinal, version, state, expires, .. } = record.kind else {
        return Err(Unreadable::Impossible);
    };
    let head = Head { place: record.place, time: record.time, ordinal, version };
    if state == State::Expired {
        let sender = record.key.as_ref().and_then(|key| keys::owner_of_duplicate(key)).unwrap_or(NOBODY);
        return Ok((emptied(&head, sender.clone(), expires), sender));
    }
    Reader::value(&record.payload, |from| take_message(from, &head))
}

/// Who sent it, without a look at the rest.
pub fn sender_of(payload: &[u8]) -> Option<&str> {
    let mut from = Reader::new(payload.get(3..)?);
    let count = from.byte()?;
    std::str::from_utf8(from.bytes(usize::from(count))?).ok()
}

/// What stays of a message that the store emptied because its time had come.
fn emptied(head: &Head, sender: UserId, expires: Option<Millis>) -> Message {
    let extra = MessageExtra { deleted_at: Some(expires.unwrap_or(head.time)), ..MessageExtra::default() };
    Message {
        place: head.place,
        ordinal: head.ordinal,
        sender,
        posted_at: head.time,
        kind: BodyKind::Text,
        body: Arc::from(&[][..]),
        version: head.version,
        extra: Some(Box::new(extra)),
    }
}

fn take_message(from: &mut Reader<'_>, head: &Head) -> Option<(Message, UserId)> {
    let flags = from.byte().filter(|flags| flags & !FLAGS == 0)?;
    let kind = BodyKind::from_number(u64::from(from.byte()?))?;
    let sender = from.name()?;
    let by = if flags & HAS_BY != 0 { from.name()? } else { sender.clone() };
    let posted_at = if flags & HAS_POSTED_AT != 0 { from.number()? } else { head.time };
    let extra = if flags & HAS_EXTRA != 0 { Some(Box::new(take_extra(from)?)) } else { None };
    let body = from.rest();
    if kind.is_text() && simdutf8::basic::from_utf8(body).is_err() {
        return None;
    }
    let message = Message {
        place: head.place,
        ordinal: head.ordinal,
        sender,
        posted_at,
        kind,
        body: Arc::from(body),
        version: head.version,
        extra,
    };
    Some((message, by))
}

fn take_extra(from: &mut Reader<'_>) -> Option<MessageExtra> {
    let flags = u16::from_le_bytes(from.array()?);
    if flags & !EXTRA_FLAGS != 0 || flags & STREAM_KEY != 0 && flags & FREE_KEY != 0 {
        return None;
    }
    let has = |flag: u16| flags & flag != 0;
    let mut extra = MessageExtra::default();
    if has(ID) {
        extra.id = Some(MessageId(from.array()?));
    }
    if has(PROFILE) {
        extra.profile = Profile { display: from.text()?, avatar: from.text()? };
    }
    if has(THREAD) {
        extra.thread = Some(from.place()?);
    }
    if has(MENTIONS) {
        extra.mentions = from.list(Reader::name)?;
    }
    if has(ATTACHMENTS) {
        extra.attachments = from.list(take_attachment)?;
    }
    if has(METADATA) {
        extra.metadata = from.text()?;
    }
    if has(STREAM_KEY) {
        extra.key = Some(DuplicateKey::Stream { stream: u64::from_le_bytes(from.array()?), n: from.number()? });
    }
    if has(FREE_KEY) {
        extra.key = Some(DuplicateKey::Free(from.text()?.into()));
    }
    if has(EDITED_AT) {
        extra.edited_at = Some(from.number()?);
    }
    if has(DELETED_AT) {
        extra.deleted_at = Some(from.number()?);
    }
    if has(EXPIRES_AT) {
        extra.expires_at = Some(from.number()?);
    }
    Some(extra)
}

fn take_attachment(from: &mut Reader<'_>) -> Option<Attachment> {
    Some(Attachment { name: from.text()?, media_type: from.text()?, url: from.text()?, bytes: from.number()? })
}
