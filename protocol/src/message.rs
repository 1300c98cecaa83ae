//! A message as the room knows it now.

use crate::ids::{DuplicateKey, MessageId, Millis, Ordinal, Place, UserId};
use crate::principal::Profile;
use std::sync::Arc;

/// What the body is. Bodies are bytes that nobody between sender and reader looks into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BodyKind {
    #[default]
    Text = 0,
    Markdown = 1,
    Code = 2,
    Image = 3,
    File = 4,
    System = 5,
    /// Bytes that are not text. Dialects that speak only text hide it.
    Binary = 6,
}

impl BodyKind {
    pub const ALL: [BodyKind; 7] = [
        BodyKind::Text,
        BodyKind::Markdown,
        BodyKind::Code,
        BodyKind::Image,
        BodyKind::File,
        BodyKind::System,
        BodyKind::Binary,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            BodyKind::Text => "text",
            BodyKind::Markdown => "markdown",
            BodyKind::Code => "code",
            BodyKind::Image => "image",
            BodyKind::File => "file",
            BodyKind::System => "system",
            BodyKind::Binary => "binary",
        }
    }

    pub fn from_word(word: &str) -> Option<BodyKind> {
        Self::ALL.into_iter().find(|k| k.word() == word)
    }

    pub fn from_number(n: u64) -> Option<BodyKind> {
        Self::ALL.into_iter().find(|k| *k as u64 == n)
    }

    /// Bodies of every kind but [`BodyKind::Binary`] are UTF-8.
    pub const fn is_text(self) -> bool {
        !matches!(self, BodyKind::Binary)
    }
}

/// A message in its present version. An edit replaces it as a whole; a deletion leaves a stub without body and extra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub place: Place,
    pub ordinal: Ordinal,
    pub sender: UserId,
    pub posted_at: Millis,
    pub kind: BodyKind,
    /// Shared, because the recent log, the store and a chunk under construction look at the same bytes.
    pub body: Arc<[u8]>,
    /// The place of the last change, or of the posting. It only rises.
    pub version: Place,
    /// What most messages do not have.
    pub extra: Option<Box<MessageExtra>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageExtra {
    /// Set for imported messages; ours have an id made from their place.
    pub id: Option<MessageId>,
    /// The sender's profile as of posting.
    pub profile: Profile,
    /// The message whose thread this one belongs to.
    pub thread: Option<Place>,
    pub mentions: Vec<UserId>,
    pub attachments: Vec<Attachment>,
    /// One JSON value, opaque to us.
    pub metadata: String,
    pub key: Option<DuplicateKey>,
    pub edited_at: Option<Millis>,
    pub deleted_at: Option<Millis>,
    pub expires_at: Option<Millis>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    pub name: String,
    pub media_type: String,
    pub url: String,
    pub bytes: u64,
}

impl Message {
    pub fn is_deleted(&self) -> bool {
        self.extra.as_ref().is_some_and(|e| e.deleted_at.is_some())
    }

    pub fn thread(&self) -> Option<Place> {
        self.extra.as_ref().and_then(|e| e.thread)
    }

    /// What stays of a deleted message: who, when and where, but not what.
    pub fn stub(&self, deleted_at: Millis, version: Place) -> Message {
        Message {
            body: Arc::from(&[][..]),
            version,
            extra: Some(Box::new(MessageExtra {
                id: self.extra.as_ref().and_then(|e| e.id),
                thread: self.thread(),
                key: self.extra.as_ref().and_then(|e| e.key.clone()),
                deleted_at: Some(deleted_at),
                ..MessageExtra::default()
            })),
            sender: self.sender.clone(),
            ..*self
        }
    }
}
