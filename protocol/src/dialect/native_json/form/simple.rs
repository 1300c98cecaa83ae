//! Forms of one value: strings, integers, flags, names, words.

use super::Form;
use crate::ids::{Epoch, Name, RoomHandle};
use crate::layout::*;
use crate::limits;
use crate::wire::bad::Bad;
use crate::wire::{check, json};
use crate::words::Worded;

/// Forms whose value is a string within a limit.
macro_rules! strings {
    ($($form:ident $limit:expr;)+) => {$(
        impl Form for $form {
            type Value = String;

            fn write(value: &String, out: &mut Vec<u8>) {
                json::string(value, out);
            }

            fn read(raw: &str) -> Result<String, Bad> {
                let text = json::text(raw)?;
                check::sized(&text, $limit)?;
                Ok(text.into_owned())
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
            fn write($of: &$value, out: &mut Vec<u8>) {
                json::integer($number, out);
            }

            #[inline]
            fn read(raw: &str) -> Result<$value, Bad> {
                let $n = json::int(raw)?;
                $wrap
            }
        }
    )+};
}

integers! {
    Int u64, n => Ok(n), v => *v;
    Int32 u32, n => check::small(n), v => u64::from(*v);
    RunOf Epoch, n => Ok(Epoch(n)), v => v.0;
    Handle RoomHandle, n => check::small(n).map(RoomHandle), v => u64::from(v.0);
}

impl Form for Limit {
    type Value = u32;

    fn write(value: &u32, out: &mut Vec<u8>) {
        Int32::write(value, out);
    }

    fn read(raw: &str) -> Result<u32, Bad> {
        Int32::read(raw)
    }

    fn absent() -> Option<u32> {
        Some(limits::PAGE_DEFAULT as u32)
    }
}

impl Form for Flag {
    type Value = bool;

    fn write(value: &bool, out: &mut Vec<u8>) {
        out.extend_from_slice(if *value { b"true" } else { b"false" });
    }

    fn read(raw: &str) -> Result<bool, Bad> {
        json::flag(raw)
    }
}

impl Form for On {
    type Value = bool;

    fn write(value: &bool, out: &mut Vec<u8>) {
        Flag::write(value, out);
    }

    fn read(raw: &str) -> Result<bool, Bad> {
        Flag::read(raw)
    }

    fn absent() -> Option<bool> {
        Some(true)
    }
}

impl Form for NameOf {
    type Value = Name;

    #[inline]
    fn write(value: &Name, out: &mut Vec<u8>) {
        json::string(value.as_str(), out);
    }

    #[inline]
    fn read(raw: &str) -> Result<Name, Bad> {
        check::name(&json::text(raw)?)
    }
}

impl Form for Opaque {
    type Value = String;

    const NULL: bool = true;

    fn write(value: &String, out: &mut Vec<u8>) {
        out.extend_from_slice(if value.is_empty() { b"null" } else { value.as_bytes() });
    }

    fn read(raw: &str) -> Result<String, Bad> {
        check::metadata(raw).map(String::from)
    }
}

impl<T: Worded> Form for Word<T> {
    type Value = T;

    fn write(value: &T, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend_from_slice(value.word().as_bytes());
        out.push(b'"');
    }

    fn read(raw: &str) -> Result<T, Bad> {
        T::from_word(&json::text(raw)?).ok_or_else(|| Bad::malformed(format!("no such {}", T::LIST)))
    }
}
