//! The rows of [`crate::layout`] as tables of fields, and those that have a layout of their own.

use super::forms::Named;
use crate::catalog::CommandKind;
use crate::command::{Access, ReadMark, Role, RoomSettings, RosterOf, Status, SubscribeRoom};
use crate::errors::ErrorCode;
use crate::event::{Departure, FactKind, Kind, Notice, NoticeKind, PresenceOf, RoomInfo};
use crate::ids::{AckLevel, RoomKey, RoomKind};
use crate::layout::*;
use crate::message::Attachment;
use crate::reply::{
    Described, EndReason, GapReason, MarkKind, Page, ReactionCount, Refusal, ReplyKind, RoomEntry, RosterEntry,
    Subscribed, UnreadEntry, UserEntry, Welcome,
};

/// One field: its word, its type, what it means that a JSON object leaves it out.
pub struct Field {
    pub word: &'static str,
    pub form: String,
    pub absent: Option<String>,
}

impl Field {
    fn of<C: Named>(word: &'static str) -> Field {
        Field { word, form: C::name(), absent: C::absent() }
    }

    fn own(word: &'static str, form: &str, absent: Option<&str>) -> Field {
        Field { word, form: form.to_owned(), absent: absent.map(str::to_owned) }
    }
}

macro_rules! word {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $word:ident) => {
        stringify!($word)
    };
}

/// The fields of a row.
macro_rules! fields {
    ($($field:ident $(as $word:ident)? : $form:ty),*) => {
        vec![$(Field::of::<$form>(word!($field $($word)?))),*]
    };
}

macro_rules! commands {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn command(kind: CommandKind) -> Vec<Field> {
            match kind {
                CommandKind::Post => post(true),
                CommandKind::Edit => edit(),
                CommandKind::History => history(),
                CommandKind::Broadcast => {
                    let mut fields = vec![Field::of::<List<RefOf, ROOMS>>("rooms")];
                    fields.extend(post(false));
                    fields
                }
                CommandKind::Revoke => revoke(),
                $(CommandKind::$variant => fields!($($field $(as $word)? : $form),*),)*
            }
        }
    };
}

each_command!(commands);

/// Behind `flags` in binary, which says which of the optional ones follow.
fn post(room: bool) -> Vec<Field> {
    let mut fields = Vec::new();
    if room {
        fields.push(Field::of::<RefOf>("room"));
    }
    fields.extend([
        Field::own("body", "body", None),
        Field::own("kind", "word: body kind", Some("`text`")),
        Field::own("key", "key", Some("none")),
        Field::own("ack", "word: ack level", Some("the highest that the store can reach")),
        Field::own("thread", "place", Some("none")),
        Field::of::<Or<List<NameOf, MENTIONED>>>("mentions"),
        Field::of::<Or<List<Rec<Attachment>, ATTACHED>>>("attachments"),
        Field::of::<Or<Opaque>>("metadata"),
        Field::own("expect", "place", Some("none")),
        Field::own("expires_in_ms", "int", Some("none")),
        Field::own("on_behalf_of", "name", Some("none")),
    ]);
    fields
}

fn edit() -> Vec<Field> {
    vec![
        Field::of::<RefOf>("room"),
        Field::of::<PlaceOf>("target"),
        Field::own("body", "body", None),
        Field::of::<Opt<Word<crate::message::BodyKind>>>("kind"),
        Field::of::<Opt<Opaque>>("metadata"),
        Field::of::<Opt<Word<AckLevel>>>("ack"),
    ]
}

fn history() -> Vec<Field> {
    vec![
        Field::of::<RefOf>("room"),
        Field::own("from", "page begin", Some("the newest")),
        Field::of::<Limit>("limit"),
        Field::of::<Opt<PlaceOf>>("thread"),
    ]
}

fn revoke() -> Vec<Field> {
    vec![Field::own("what", "revocation", None)]
}

macro_rules! events {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        /// None: a signal.
        pub fn event(kind: Kind) -> Option<Vec<Field>> {
            Some(match kind {
                Kind::Posted => message(),
                Kind::Edited => {
                    let mut fields = vec![Field::of::<PlaceOf>("target")];
                    fields.extend(message());
                    fields
                }
                Kind::Updated => vec![Field::of::<Rec<RoomInfo>>("info")],
                Kind::Notified => record("notice").unwrap_or_default(),
                Kind::Recorded => vec![Field::of::<Word<FactKind>>("fact")],
                $(Kind::$variant => fields!($($field $(as $word)? : $form),*),)*
                Kind::Typing | Kind::Presence | Kind::Connected | Kind::Disconnected | Kind::Crowd
                | Kind::ReadUpTo | Kind::Report | Kind::Replaced | Kind::Summary | Kind::Retract => return None,
            })
        }
    };
}

each_event!(events);

/// Behind the event's own fields, or those of an item of a page.
pub fn message() -> Vec<Field> {
    let none = Some("none");
    vec![
        Field::own("n", "int", None),
        Field::own("body", "body", None),
        Field::own("kind", "word: body kind", Some("`text`")),
        Field::own("display", "text", Some("empty")),
        Field::own("avatar", "text", Some("empty")),
        Field::own("thread", "place", none),
        Field::of::<Or<List<NameOf, MENTIONED>>>("mentions"),
        Field::of::<Or<Opaque>>("metadata"),
        Field::own("version", "place", Some("the event's place; in a page, the message's")),
        Field::of::<Or<List<Rec<Attachment>, ATTACHED>>>("attachments"),
        Field::own("sender", "name", Some("`by`")),
        Field::own("posted_at", "int", Some("`at`")),
        Field::own("id", "id", Some("made from the place")),
        Field::own("edited_at", "int", none),
        Field::own("deleted_at", "int", none),
        Field::own("expires_at", "int", none),
    ]
}

macro_rules! facts {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn fact(kind: FactKind) -> Vec<Field> {
            match kind {
                $(FactKind::$variant => fields!($($field $(as $word)? : $form),*),)*
            }
        }
    };
}

each_fact!(facts);

macro_rules! signals {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        /// None: an event.
        pub fn signal(kind: Kind) -> Option<Vec<Field>> {
            Some(match kind {
                Kind::Presence => record("presence").unwrap_or_default(),
                $(Kind::$variant => fields!($($field $(as $word)? : $form),*),)*
                Kind::Posted | Kind::Edited | Kind::Deleted | Kind::Reacted | Kind::Unreacted | Kind::Pinned
                | Kind::Unpinned | Kind::Joined | Kind::Left | Kind::RoleSet | Kind::Updated | Kind::Notified
                | Kind::Recorded | Kind::Void => return None,
            })
        }
    };
}

each_signal!(signals);

macro_rules! replies {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn reply(kind: ReplyKind) -> Vec<Field> {
            let structure = |name| record(name).unwrap_or_default();
            match kind {
                ReplyKind::Welcome => structure("welcome"),
                ReplyKind::Subscribed => structure("subscribed"),
                ReplyKind::History => structure("page"),
                ReplyKind::Described => structure("described"),
                ReplyKind::Refused => structure("refusal"),
                $(ReplyKind::$variant => fields!($($field $(as $word)? : $form),*),)*
            }
        }
    };
}

each_reply!(replies);

macro_rules! marks {
    ($($variant:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        pub fn mark(kind: MarkKind) -> Vec<Field> {
            match kind {
                $(MarkKind::$variant => fields!($($field $(as $word)? : $form),*),)*
            }
        }
    };
}

each_mark!(marks);

macro_rules! records {
    ($($record:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {
        /// The structures with their names in documents.
        pub fn records() -> Vec<(String, Vec<Field>)> {
            vec![$((<Rec<$record> as Named>::name(), fields!($($field $(as $word)? : $form),*))),*]
        }
    };
}

each_record!(records);

fn record(name: &str) -> Option<Vec<Field>> {
    let wanted = format!("structure `{name}`");
    records().into_iter().find(|(name, _)| *name == wanted).map(|(_, fields)| fields)
}
