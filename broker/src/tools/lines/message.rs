//! A message's line: everything that is kept of it, written out.

use super::{At, at, base64, from_base64, key, name, place};
use crate::ports::store::codec::message::{message_of, put_message};
use bytes::Bytes;
use rookery_protocol::ids::{DuplicateKey, MessageId};
use rookery_protocol::message::{Attachment, BodyKind, Message, MessageExtra};
use rookery_protocol::principal::Profile;
use rookery_storage::record::{Kind, State};
use rookery_storage::{Millis, Name, Place, Record};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MessageLine {
    pub place: At,
    pub ordinal: u64,
    pub time: Millis,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<At>,
    /// Whether it says something: left out, `deleted` or `expired`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Millis>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<At>,
    /// The record's duplicate key, its owner included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// None of an expired one, of which nothing is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Says {
    pub sender: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted_at: Option<Millis>,
    pub kind: String,
    /// The body, where its bytes are text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body otherwise, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<ExtraLine>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ExtraLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub display: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub avatar: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<At>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<AttachmentLine>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    /// Numbers of streams need more than 53 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<(String, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Millis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Millis>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttachmentLine {
    pub name: String,
    pub media_type: String,
    pub url: String,
    pub bytes: u64,
}

pub fn of_message(record: &Record) -> Result<MessageLine, String> {
    let Kind::Message { ordinal, version, state, expires, thread } = record.kind else {
        return Err("it is no message".to_owned());
    };
    let says = match state {
        State::Expired => None,
        State::Present | State::Deleted => {
            let (message, by) = message_of(record).map_err(|why| why.to_string())?;
            Some(says(&message, &by, record.time))
        }
    };
    Ok(MessageLine {
        place: at(record.place),
        ordinal,
        time: record.time,
        version: (version != record.place).then(|| at(version)),
        state: match state {
            State::Present => None,
            State::Deleted => Some("deleted".to_owned()),
            State::Expired => Some("expired".to_owned()),
        },
        expires,
        thread: thread.map(at),
        key: record.key.as_ref().map(|key| base64(key)),
        says,
    })
}

fn says(message: &Message, by: &Name, time: Millis) -> Says {
    let text = std::str::from_utf8(&message.body).ok();
    Says {
        sender: message.sender.as_str().to_owned(),
        by: (*by != message.sender).then(|| by.as_str().to_owned()),
        posted_at: (message.posted_at != time).then_some(message.posted_at),
        kind: message.kind.word().to_owned(),
        text: text.map(str::to_owned),
        bytes: text.is_none().then(|| base64(&message.body)),
        extra: message.extra.as_deref().map(extra_line),
    }
}

fn extra_line(extra: &MessageExtra) -> ExtraLine {
    let attachment = |a: &Attachment| AttachmentLine {
        name: a.name.clone(),
        media_type: a.media_type.clone(),
        url: a.url.clone(),
        bytes: a.bytes,
    };
    let (stream, free_key) = match &extra.key {
        Some(DuplicateKey::Stream { stream, n }) => (Some((stream.to_string(), *n)), None),
        Some(DuplicateKey::Free(text)) => (None, Some(text.to_string())),
        None => (None, None),
    };
    ExtraLine {
        id: extra.id.map(|id| base64(&id.0)),
        display: extra.profile.display.clone(),
        avatar: extra.profile.avatar.clone(),
        thread: extra.thread.map(at),
        mentions: extra.mentions.iter().map(|user| user.as_str().to_owned()).collect(),
        attachments: extra.attachments.iter().map(attachment).collect(),
        metadata: extra.metadata.clone(),
        stream,
        free_key,
        edited_at: extra.edited_at,
        deleted_at: extra.deleted_at,
        expires_at: extra.expires_at,
    }
}

impl MessageLine {
    pub fn record(&self) -> Result<Record, String> {
        let here = place(self.place);
        let version = self.version.map_or(here, place);
        let state = match self.state.as_deref() {
            None => State::Present,
            Some("deleted") => State::Deleted,
            Some("expired") => State::Expired,
            Some(other) => return Err(format!("state {other:?} is neither deleted nor expired")),
        };
        let payload = match (&self.says, state) {
            (Some(says), State::Present | State::Deleted) => says.payload(self, version)?,
            (None, State::Expired) => Bytes::new(),
            (Some(_), State::Expired) => return Err("an expired message says nothing".to_owned()),
            (None, State::Present | State::Deleted) => return Err("the message says nothing".to_owned()),
        };
        let (ordinal, expires, thread) = (self.ordinal, self.expires, self.thread.map(place));
        let kind = Kind::Message { ordinal, version, state, expires, thread };
        Ok(Record { place: here, time: self.time, kind, key: key(self.key.as_deref())?, payload })
    }
}

impl Says {
    fn payload(&self, line: &MessageLine, version: Place) -> Result<Bytes, String> {
        let kind = BodyKind::from_word(&self.kind).ok_or_else(|| format!("there is no kind {:?}", self.kind))?;
        let body: Bytes = match (&self.text, &self.bytes) {
            (Some(text), None) => Bytes::copy_from_slice(text.as_bytes()),
            (None, Some(bytes)) if !kind.is_text() => from_base64(bytes, "bytes")?,
            (None, Some(_)) => return Err(format!("a body of kind {} is text", self.kind)),
            (Some(_), Some(_)) => return Err("a body is either text or bytes".to_owned()),
            (None, None) => return Err("there is neither text nor bytes".to_owned()),
        };
        let sender = name(&self.sender, "sender")?;
        let by = self.by.as_deref().map_or(Ok(sender.clone()), |by| name(by, "by"))?;
        let message = Message {
            place: place(line.place),
            ordinal: line.ordinal,
            sender,
            posted_at: self.posted_at.unwrap_or(line.time),
            kind,
            body: Arc::from(&body[..]),
            version,
            extra: self.extra.as_ref().map(ExtraLine::extra).transpose()?.map(Box::new),
        };
        let mut payload = Vec::new();
        put_message(&mut payload, &message, Some((&by, line.time)));
        Ok(payload.into())
    }
}

impl ExtraLine {
    fn extra(&self) -> Result<MessageExtra, String> {
        let id = match &self.id {
            None => None,
            Some(text) => {
                let bytes = from_base64(text, "id")?;
                Some(MessageId(bytes[..].try_into().map_err(|_| "an id has 16 bytes".to_owned())?))
            }
        };
        let key = match (&self.stream, &self.free_key) {
            (None, None) => None,
            (Some((stream, n)), None) => {
                let stream = stream.parse().map_err(|_| format!("stream {stream:?} is no number"))?;
                Some(DuplicateKey::Stream { stream, n: *n })
            }
            (None, Some(text)) => Some(DuplicateKey::Free(text.as_str().into())),
            (Some(_), Some(_)) => return Err("a message has one key".to_owned()),
        };
        let attachment = |a: &AttachmentLine| Attachment {
            name: a.name.clone(),
            media_type: a.media_type.clone(),
            url: a.url.clone(),
            bytes: a.bytes,
        };
        Ok(MessageExtra {
            id,
            profile: Profile { display: self.display.clone(), avatar: self.avatar.clone() },
            thread: self.thread.map(place),
            mentions: self.mentions.iter().map(|user| name(user, "mentions")).collect::<Result<_, _>>()?,
            attachments: self.attachments.iter().map(attachment).collect(),
            metadata: self.metadata.clone(),
            key,
            edited_at: self.edited_at,
            deleted_at: self.deleted_at,
            expires_at: self.expires_at,
        })
    }
}
