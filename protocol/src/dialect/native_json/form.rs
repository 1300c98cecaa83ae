//! How each form of [`crate::layout`] is written and read as JSON: what a form is, and forms that are made of others.
//! [`simple`] has those of one value, [`shapes`] those with a shape of their own.

mod shapes;
mod simple;

pub use shapes::{IdForm, KeyForm};

use super::object::{Field, Object};
use crate::command::{Access, Role, RoomSettings, Status, SubscribeRoom};
use crate::errors::ErrorCode;
use crate::event::{Notice, NoticeKind, PresenceOf, RoomInfo};
use crate::ids::{AckLevel, RoomKey, RoomKind};
use crate::layout::*;
use crate::message::Attachment;
use crate::reply::{
    Described, Page, ReactionCount, Refusal, RoomEntry, RosterEntry, Subscribed, UnreadEntry, UserEntry, Welcome,
};
use crate::wire::bad::Bad;
use crate::wire::json;
use std::sync::Arc;

/// A form as a JSON value.
pub trait Form {
    type Value;

    fn write(value: &Self::Value, out: &mut Vec<u8>);

    fn read(raw: &str) -> Result<Self::Value, Bad>;

    /// What it means that the field is not there.
    fn absent() -> Option<Self::Value> {
        None
    }

    /// Whether a writer leaves it out.
    fn left_out(_: &Self::Value) -> bool {
        false
    }

    /// Whether `null` is a value of this form, and not the same as absent.
    const NULL: bool = false;
}

/// A structure, whose fields may stand in a larger object or in one of its own.
pub trait Fields: Sized {
    /// Each field with a comma in front.
    fn write_fields(&self, out: &mut Vec<u8>);

    fn read_fields(object: &Object<'_>) -> Result<Self, Bad>;
}

/// Writes `,"field":value`, or nothing.
#[inline]
pub fn put<C: Form>(key: &str, value: &C::Value, out: &mut Vec<u8>) {
    if !C::left_out(value) {
        out.extend_from_slice(key.as_bytes());
        C::write(value, out);
    }
}

#[inline]
pub fn get<C: Form>(object: &Object<'_>, field: Field) -> Result<C::Value, Bad> {
    let taken = match object.raw(field) {
        Some(raw) if C::NULL || raw != "null" => C::read(raw),
        _ => C::absent().ok_or_else(|| Bad::malformed("missing")),
    };
    taken.map_err(|bad| bad.at(field.word()))
}

/// The text before a field's value.
macro_rules! key {
    ($field:ident) => {
        concat!(",\"", stringify!($field), "\":")
    };
    ($field:ident $word:ident) => {
        concat!(",\"", stringify!($word), "\":")
    };
}

/// The name of a field.
macro_rules! field {
    ($field:ident) => {
        $crate::dialect::native_json::object::Field::$field
    };
    ($field:ident $word:ident) => {
        $crate::dialect::native_json::object::Field::$word
    };
}

pub(super) use {field, key};

/// An object of its own.
pub fn object(out: &mut Vec<u8>, write_fields: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    write_fields(out);
    match out.get_mut(at) {
        Some(comma) => *comma = b'{',
        None => out.push(b'{'),
    }
    out.push(b'}');
}

macro_rules! records {
    ($($record:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {$(
        impl Fields for $record {
            fn write_fields(&self, out: &mut Vec<u8>) {
                $(put::<$form>(key!($field $($word)?), &self.$field, out);)*
            }

            fn read_fields(object: &Object<'_>) -> Result<$record, Bad> {
                Ok($record { $($field: get::<$form>(object, field!($field $($word)?))?),* })
            }
        }
    )*};
}

each_record!(records);

impl<T: Fields> Form for Rec<T> {
    type Value = T;

    fn write(value: &T, out: &mut Vec<u8>) {
        object(out, |out| value.write_fields(out));
    }

    fn read(raw: &str) -> Result<T, Bad> {
        T::read_fields(&Object::inner(raw)?)
    }
}

impl<C: Form> Form for Shared<C> {
    type Value = Arc<C::Value>;

    fn write(value: &Arc<C::Value>, out: &mut Vec<u8>) {
        C::write(value, out);
    }

    fn read(raw: &str) -> Result<Arc<C::Value>, Bad> {
        C::read(raw).map(Arc::new)
    }
}

impl<C: Form> Form for Boxed<C> {
    type Value = Box<C::Value>;

    fn write(value: &Box<C::Value>, out: &mut Vec<u8>) {
        C::write(value, out);
    }

    fn read(raw: &str) -> Result<Box<C::Value>, Bad> {
        C::read(raw).map(Box::new)
    }
}

impl<C: Form> Form for Opt<C> {
    type Value = Option<C::Value>;

    const NULL: bool = C::NULL;

    fn write(value: &Option<C::Value>, out: &mut Vec<u8>) {
        match value {
            Some(value) => C::write(value, out),
            None => out.extend_from_slice(b"null"),
        }
    }

    fn read(raw: &str) -> Result<Option<C::Value>, Bad> {
        C::read(raw).map(Some)
    }

    fn absent() -> Option<Option<C::Value>> {
        Some(None)
    }

    fn left_out(value: &Option<C::Value>) -> bool {
        value.is_none()
    }
}

impl<C: Form> Form for Or<C>
where
    C::Value: Default + PartialEq,
{
    type Value = C::Value;

    const NULL: bool = C::NULL;

    fn write(value: &C::Value, out: &mut Vec<u8>) {
        C::write(value, out);
    }

    fn read(raw: &str) -> Result<C::Value, Bad> {
        C::read(raw)
    }

    fn absent() -> Option<C::Value> {
        Some(C::Value::default())
    }

    fn left_out(value: &C::Value) -> bool {
        *value == C::Value::default()
    }
}

impl<C: Form, const MAX: usize> Form for List<C, MAX> {
    type Value = Vec<C::Value>;

    fn write(values: &Vec<C::Value>, out: &mut Vec<u8>) {
        out.push(b'[');
        for (i, value) in values.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            C::write(value, out);
        }
        out.push(b']');
    }

    fn read(raw: &str) -> Result<Vec<C::Value>, Bad> {
        let mut values = Vec::new();
        json::items(raw, MAX, |item| {
            values.push(C::read(item)?);
            Ok(())
        })?;
        Ok(values)
    }
}
