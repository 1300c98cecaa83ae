//! One JSON object as raw values by field, found without building a tree and without comparing names twice.

use crate::wire::bad::Bad;
use crate::wire::json;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::fmt;

macro_rules! fields {
    ($($field:ident)+) => {
        /// Every field name of this dialect. A name means the same wherever it stands.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Field { r#do, $($field),+ }

        impl Field {
            const COUNT: usize = [$(Field::$field),+].len() + 1;

            fn from_word(word: &str) -> Option<Field> {
                match word { "do" => Some(Field::r#do), $(stringify!($field) => Some(Field::$field),)+ _ => None }
            }

            pub const fn word(self) -> &'static str {
                match self { Field::r#do => "do", $(Field::$field => stringify!($field)),+ }
            }
        }
    };
}

fields! {
    id re ok error mark ev
    room rooms realm name direct inbox lobby directory kind
    body body64 key ack thread mentions attachments metadata expect expires_in_ms on_behalf_of
    token status text user users cursor wants target reaction place state on
    before after around skip_oldest skip_newest limit of settings members archived role mine query
    holder counter count token_id issued_before
    title topic description access listed deleted creator created_at
    url media_type bytes last_seen about notice fact
    now run ping_ms silence_ms max_message_bytes max_rooms expires_at
    handle start gap retract from end messages read read_n info present
    reactions fence more more_before more_after sample display avatar last unread last_line
    item retry_ms detail message why first low high by at n line above next
    level duplicate placed refused complete reason
    seq epoch version sender posted_at edited_at deleted_at
}

/// The known fields of an object; unknown ones are checked for syntax and forgotten.
pub struct Object<'a> {
    /// Position in `values` plus one, by field.
    slots: [u8; Field::COUNT],
    values: SmallVec<[&'a str; 12]>,
    twice: Option<Field>,
}

impl<'a> Object<'a> {
    pub fn parse(text: &'a str) -> Result<Object<'a>, Bad> {
        let mut object = Object { slots: [0; Field::COUNT], values: SmallVec::new(), twice: None };
        let mut reader = serde_json::Deserializer::from_str(text);
        reader.deserialize_map(Fill(&mut object)).and_then(|()| reader.end()).map_err(|e| json::syntax(&e))?;
        Ok(object)
    }

    /// A field that stood twice: readers differ on which one counts, so neither does.
    pub fn complete(&self) -> Result<(), Bad> {
        match self.twice {
            Some(field) => Err(Bad::malformed("given twice").at(field.word())),
            None => Ok(()),
        }
    }

    #[inline]
    pub fn raw(&self, field: Field) -> Option<&'a str> {
        match self.slots[field as usize] {
            0 => None,
            slot => Some(self.values[usize::from(slot) - 1]),
        }
    }

    /// `null` says no more than silence.
    #[inline]
    pub fn given(&self, field: Field) -> Option<&'a str> {
        self.raw(field).filter(|raw| *raw != "null")
    }
}

struct Fill<'o, 'a>(&'o mut Object<'a>);

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(field) = map.next_key_seed(KeyOf)? {
            let raw: &'de RawValue = map.next_value()?;
            let Some(field) = field else { continue };
            if self.0.slots[field as usize] != 0 {
                self.0.twice = self.0.twice.or(Some(field));
                continue;
            }
            self.0.values.push(raw.get());
            // At most COUNT values, which is below 256.
            self.0.slots[field as usize] = self.0.values.len() as u8;
        }
        Ok(())
    }
}

const _: () = assert!(Field::COUNT < 256);

struct KeyOf;

impl<'de> DeserializeSeed<'de> for KeyOf {
    type Value = Option<Field>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<Field>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf {
    type Value = Option<Field>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, word: &str) -> Result<Option<Field>, E> {
        Ok(Field::from_word(word))
    }
}
