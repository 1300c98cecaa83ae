//! What each form of [`crate::layout`] is called in documents.

use crate::command::{RoomSettings, SubscribeRoom};
use crate::event::{Notice, PresenceOf, RoomInfo};
use crate::ids::RoomKey;
use crate::layout::*;
use crate::message::Attachment;
use crate::reply::{
    Described, Page, ReactionCount, Refusal, RoomEntry, RosterEntry, Subscribed, UnreadEntry, UserEntry, Welcome,
};
use crate::words::Worded;

pub trait Named {
    fn name() -> String;

    /// What it means that a JSON object does not have it. None: it must be there.
    fn absent() -> Option<String> {
        None
    }
}

macro_rules! plain {
    ($($form:ty => $name:literal)+) => {$(
        impl Named for $form {
            fn name() -> String {
                $name.to_owned()
            }
        }
    )+};
}

plain! {
    Token => "token"
    Text => "text"
    Long => "long text"
    Opaque => "json"
    NameOf => "name"
    Int => "int"
    Int32 => "int32"
    Flag => "flag"
    PlaceOf => "place"
    RunOf => "int"
    Handle => "handle"
    RefOf => "room"
    WantsOf => "wishes"
    StartOf => "start"
    RefusedRoom => "refused room"
    MessageOf => "message"
}

macro_rules! records {
    ($($record:ty => $name:literal)+) => {$(
        impl Named for Rec<$record> {
            fn name() -> String {
                concat!("structure `", $name, "`").to_owned()
            }
        }
    )+};
}

records! {
    SubscribeRoom => "subscribe_room"
    RoomSettings => "settings"
    Attachment => "attachment"
    RoomKey => "room_key"
    RoomInfo => "info"
    PresenceOf => "presence"
    Notice => "notice"
    Welcome => "welcome"
    Subscribed => "subscribed"
    Page => "page"
    ReactionCount => "reaction_count"
    Described => "described"
    RosterEntry => "roster_entry"
    RoomEntry => "room_entry"
    UserEntry => "user_entry"
    UnreadEntry => "unread_entry"
    Refusal => "refusal"
}

impl Named for Limit {
    fn name() -> String {
        "int32".to_owned()
    }

    fn absent() -> Option<String> {
        Some(crate::limits::PAGE_DEFAULT.to_string())
    }
}

impl Named for On {
    fn name() -> String {
        "flag".to_owned()
    }

    fn absent() -> Option<String> {
        Some("true".to_owned())
    }
}

impl<T: Worded> Named for Word<T> {
    fn name() -> String {
        format!("word: {}", T::LIST)
    }
}

impl<C: Named> Named for Opt<C> {
    fn name() -> String {
        format!("optional {}", C::name())
    }

    fn absent() -> Option<String> {
        Some("none".to_owned())
    }
}

impl<C: Named + Defaulted> Named for Or<C> {
    fn name() -> String {
        C::name()
    }

    fn absent() -> Option<String> {
        Some(C::default_name())
    }
}

impl<C: Named> Named for Shared<C> {
    fn name() -> String {
        C::name()
    }
}

impl<C: Named> Named for Boxed<C> {
    fn name() -> String {
        C::name()
    }
}

impl<C: Named, const MAX: usize> Named for List<C, MAX> {
    fn name() -> String {
        if MAX == MANY { format!("list of {}", C::name()) } else { format!("list of {}, at most {MAX}", C::name()) }
    }
}

/// How the default of a form is called.
pub trait Defaulted {
    fn default_name() -> String;
}

macro_rules! defaults {
    ($($form:ty => $name:literal)+) => {$(
        impl Defaulted for $form {
            fn default_name() -> String {
                $name.to_owned()
            }
        }
    )+};
}

defaults! {
    Text => "empty"
    Long => "empty"
    Opaque => "none"
    Int => "0"
    Int32 => "0"
    Flag => "false"
    WantsOf => "none"
    Boxed<Rec<RoomSettings>> => "nothing set"
}

impl<C, const MAX: usize> Defaulted for List<C, MAX> {
    fn default_name() -> String {
        "empty".to_owned()
    }
}

impl<T: Worded + Default> Defaulted for Word<T> {
    fn default_name() -> String {
        format!("`{}`", T::default().word())
    }
}
