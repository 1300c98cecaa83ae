//! How each form of [`crate::layout`] is written and read as bytes: what a form is, and forms that are made of others.
//! [`simple`] has those of one value, [`shapes`] those with a shape of their own.

mod shapes;
mod simple;

pub use shapes::{BodyForm, IdForm, KeyForm, body};

use super::reader::{Reader, measured};
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
use crate::wire::varint;
use std::sync::Arc;

/// A form as bytes.
pub trait Form {
    type Value;

    fn put(value: &Self::Value, out: &mut Vec<u8>);

    fn take(from: &mut Reader<'_>) -> Result<Self::Value, Bad>;
}

/// A structure, whose fields may be the rest of a frame or stand in a block of their own.
pub trait Fields: Sized {
    fn put_fields(&self, out: &mut Vec<u8>);

    fn take_fields(from: &mut Reader<'_>) -> Result<Self, Bad>;
}

#[inline]
pub fn get<C: Form>(field: &str, from: &mut Reader<'_>) -> Result<C::Value, Bad> {
    C::take(from).map_err(|bad| bad.at(field))
}

/// The name of a field, as documents and details call it.
macro_rules! named {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $word:ident) => {
        stringify!($word)
    };
}

pub(super) use named;

macro_rules! records {
    ($($record:ident { $($field:ident $(as $word:ident)? : $form:ty),* $(,)? })*) => {$(
        impl Fields for $record {
            fn put_fields(&self, out: &mut Vec<u8>) {
                $(<$form>::put(&self.$field, out);)*
            }

            fn take_fields(from: &mut Reader<'_>) -> Result<$record, Bad> {
                Ok($record { $($field: get::<$form>(named!($field $($word)?), from)?),* })
            }
        }
    )*};
}

each_record!(records);

/// A length and the fields; what a newer writer added behind them is passed over.
impl<T: Fields> Form for Rec<T> {
    type Value = T;

    fn put(value: &T, out: &mut Vec<u8>) {
        measured(1, out, |out| value.put_fields(out));
    }

    fn take(from: &mut Reader<'_>) -> Result<T, Bad> {
        T::take_fields(&mut Reader::new(from.bytes()?))
    }
}

impl<C: Form> Form for Shared<C> {
    type Value = Arc<C::Value>;

    fn put(value: &Arc<C::Value>, out: &mut Vec<u8>) {
        C::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Arc<C::Value>, Bad> {
        C::take(from).map(Arc::new)
    }
}

impl<C: Form> Form for Boxed<C> {
    type Value = Box<C::Value>;

    fn put(value: &Box<C::Value>, out: &mut Vec<u8>) {
        C::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<Box<C::Value>, Bad> {
        C::take(from).map(Box::new)
    }
}

/// 0, or 1 and the value.
impl<C: Form> Form for Opt<C> {
    type Value = Option<C::Value>;

    fn put(value: &Option<C::Value>, out: &mut Vec<u8>) {
        Flag::put(&value.is_some(), out);
        if let Some(value) = value {
            C::put(value, out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Option<C::Value>, Bad> {
        Ok(if Flag::take(from)? { Some(C::take(from)?) } else { None })
    }
}

/// What text encodings leave out costs a byte here, so it is always there.
impl<C: Form> Form for Or<C> {
    type Value = C::Value;

    fn put(value: &C::Value, out: &mut Vec<u8>) {
        C::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<C::Value, Bad> {
        C::take(from)
    }
}

/// A count and the items.
impl<C: Form, const MAX: usize> Form for List<C, MAX> {
    type Value = Vec<C::Value>;

    fn put(values: &Vec<C::Value>, out: &mut Vec<u8>) {
        varint::put(values.len() as u64, out);
        for value in values {
            C::put(value, out);
        }
    }

    fn take(from: &mut Reader<'_>) -> Result<Vec<C::Value>, Bad> {
        let count = from.wide()?;
        if count > MAX as u64 {
            return Err(Bad::too_large(MAX as u64, "items"));
        }
        // Nothing is reserved for an announced count: the list grows with what is really there.
        let mut values = Vec::new();
        for index in 0..count as usize {
            values.push(C::take(from).map_err(|bad| bad.item(index))?);
        }
        Ok(values)
    }
}
