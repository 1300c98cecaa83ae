//! Forms of one value: strings, integers, flags, names, words.

use super::super::reader::{Reader, put_bytes};
use super::Form;
use crate::ids::{Epoch, Name, RoomHandle};
use crate::layout::*;
use crate::limits;
use crate::wire::bad::Bad;
use crate::wire::{check, varint};
use crate::words::Worded;

/// Forms whose value is a string within a limit.
macro_rules! strings {
    ($($form:ident $limit:expr;)+) => {$(
        impl Form for $form {
            type Value = String;

            fn put(value: &String, out: &mut Vec<u8>) {
                put_bytes(value.as_bytes(), out);
            }

            fn take(from: &mut Reader<'_>) -> Result<String, Bad> {
                check::sized(from.text()?, $limit).map(String::from)
            }
        }
    )+};
}

strings! {
    Token limits::TOKEN_BYTES;
    Text limits::TEXT_FIELD_BYTES;
    Long u64::MAX;
}

/// Forms whose value is an integer.
macro_rules! integers {
    ($($form:ident $value:ty, $n:ident => $wrap:expr, $of:ident => $number:expr;)+) => {$(
        impl Form for $form {
            type Value = $value;

            #[inline]
            fn put($of: &$value, out: &mut Vec<u8>) {
                varint::put($number, out);
            }

            #[inline]
            fn take(from: &mut Reader<'_>) -> Result<$value, Bad> {
                let $n = from.int()?;
                $wrap
            }
        }
    )+};
}

integers! {
    Int u64, n => Ok(n), v => *v;
    Int32 u32, n => check::small(n), v => u64::from(*v);
    Limit u32, n => check::small(n), v => u64::from(*v);
    RunOf Epoch, n => Ok(Epoch(n)), v => v.0;
    Handle RoomHandle, n => check::small(n).map(RoomHandle), v => u64::from(v.0);
}

impl Form for Flag {
    type Value = bool;

    fn put(value: &bool, out: &mut Vec<u8>) {
        out.push(u8::from(*value));
    }

    fn take(from: &mut Reader<'_>) -> Result<bool, Bad> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Bad::malformed("not 0 or 1")),
        }
    }
}

impl Form for On {
    type Value = bool;

    fn put(value: &bool, out: &mut Vec<u8>) {
        Flag::put(value, out);
    }

    fn take(from: &mut Reader<'_>) -> Result<bool, Bad> {
        Flag::take(from)
    }
}

impl Form for NameOf {
    type Value = Name;

    #[inline]
    fn put(value: &Name, out: &mut Vec<u8>) {
        put_bytes(value.as_str().as_bytes(), out);
    }

    #[inline]
    fn take(from: &mut Reader<'_>) -> Result<Name, Bad> {
        check::name(from.text()?)
    }
}

/// Checked here, because text encodings write it as it came.
impl Form for Opaque {
    type Value = String;

    fn put(value: &String, out: &mut Vec<u8>) {
        put_bytes(value.as_bytes(), out);
    }

    fn take(from: &mut Reader<'_>) -> Result<String, Bad> {
        check::metadata(from.text()?).map(String::from)
    }
}

impl<T: Worded> Form for Word<T> {
    type Value = T;

    fn put(value: &T, out: &mut Vec<u8>) {
        varint::put(value.number(), out);
    }

    fn take(from: &mut Reader<'_>) -> Result<T, Bad> {
        T::from_number(from.wide()?).ok_or_else(|| Bad::malformed(format!("no such {}", T::LIST)))
    }
}
