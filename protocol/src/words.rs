//! Enums that have a number and a word on the wire: one trait, so that every encoding treats them alike.

use crate::errors::ErrorCode;
use crate::ids::{AckLevel, RoomKind};
use crate::message::BodyKind;

/// A closed list of values, each with a number (binary) and a word (text).
pub trait Worded: Copy + PartialEq + 'static {
    /// What the list is called in documents.
    const LIST: &'static str;

    fn all() -> &'static [Self];
    fn word(self) -> &'static str;
    fn number(self) -> u64;

    fn from_word(word: &str) -> Option<Self> {
        Self::all().iter().copied().find(|v| v.word() == word)
    }

    fn from_number(number: u64) -> Option<Self> {
        Self::all().iter().copied().find(|v| v.number() == number)
    }
}

/// Gives an enum its words, and with them [`Worded`] and the same as plain methods.
macro_rules! words {
    ($($type:ident $list:literal { $($variant:ident = $word:literal),+ $(,)? })+) => {$(
        impl $type {
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            pub const fn word(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }

            pub fn from_word(word: &str) -> Option<$type> {
                match word { $($word => Some($type::$variant),)+ _ => None }
            }

            pub fn from_number(n: u64) -> Option<$type> {
                Self::ALL.iter().copied().find(|v| *v as u64 == n)
            }
        }

        impl $crate::words::Worded for $type {
            const LIST: &'static str = $list;

            fn all() -> &'static [$type] {
                $type::ALL
            }

            fn word(self) -> &'static str {
                $type::word(self)
            }

            fn number(self) -> u64 {
                self as u64
            }

            fn from_word(word: &str) -> Option<$type> {
                $type::from_word(word)
            }
        }
    )+};
}

/// For enums that have their methods already.
macro_rules! worded {
    ($($type:ident $list:literal)+) => {$(
        impl Worded for $type {
            const LIST: &'static str = $list;

            fn all() -> &'static [$type] {
                &$type::ALL
            }

            fn word(self) -> &'static str {
                $type::word(self)
            }

            fn number(self) -> u64 {
                self as u64
            }
        }
    )+};
}

worded! {
    AckLevel "ack level"
    BodyKind "body kind"
    RoomKind "room kind"
    ErrorCode "error"
}
