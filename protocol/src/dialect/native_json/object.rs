//! One JSON object as raw values by field, found without building a tree and without comparing names twice.

use crate::wire::bad::Bad;
use crate::wire::json;
use crate::wire::scan::{DEEP, Scan};
use smallvec::SmallVec;

macro_rules! fields {
    ($($field:ident)+) => {
        /// Every field name of this dialect. A name means the same wherever it stands.
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Field { r#do, $($field),+ }

        impl Field {
            const ALL: &'static [Field] = &[Field::r#do, $(Field::$field),+];
            const WORDS: &'static [&'static str] = &["do", $(stringify!($field)),+];

            pub const fn word(self) -> &'static str {
                Field::WORDS[self as usize]
            }
        }
    };
}

fields! {
    id room body key kind ack body64
    ev re ok seq at by n
    error mark rooms realm name direct inbox lobby directory thread mentions attachments metadata expect expires_in_ms on_behalf_of
    token status text user users cursor wants target reaction place state on
    before after around skip_oldest skip_newest limit of settings members archived role mine query
    holder counter count token_id issued_before
    title topic description access listed deleted creator created_at
    url media_type bytes last_seen about notice fact
    now run ping_ms silence_ms max_message_bytes max_rooms expires_at
    handle start gap retract from end messages read read_n info present
    reactions fence more more_before more_after sample display avatar last unread last_line
    item retry_ms detail message why first low high line above next
    level duplicate placed refused complete reason
    epoch version sender posted_at edited_at deleted_at
}

/// A hash table of the words, made by the compiler: fields are looked up for each one of a message, and comparing with
/// a hundred words one after another would cost more than all the rest.
const BUCKETS: usize = 512;
static BUCKET: [u8; BUCKETS] = {
    assert!(Field::ALL.len() < NO_FIELD as usize);
    let mut buckets = [NO_FIELD; BUCKETS];
    let mut i = 0;
    while i < Field::ALL.len() {
        let mut bucket = bucket_of(Field::WORDS[i].as_bytes());
        while buckets[bucket] != NO_FIELD {
            bucket = (bucket + 1) % BUCKETS;
        }
        buckets[bucket] = i as u8;
        i += 1;
    }
    buckets
};
const NO_FIELD: u8 = 255;

const fn bucket_of(word: &[u8]) -> usize {
    let (first, middle, last) = match word {
        [] => (0, 0, 0),
        _ => (word[0] as usize, word[word.len() / 2] as usize, word[word.len() - 1] as usize),
    };
    (first * 7 + middle * 67 + last * 29 + word.len() * 151) % BUCKETS
}

impl Field {
    #[inline]
    pub fn from_word(word: &[u8]) -> Option<Field> {
        let mut bucket = bucket_of(word);
        while BUCKET[bucket] != NO_FIELD {
            let field = usize::from(BUCKET[bucket]);
            // Words are short: comparing their bytes here is cheaper than calling a function for it.
            if Field::WORDS[field].len() == word.len() && Field::WORDS[field].bytes().eq(word.iter().copied()) {
                return Some(Field::ALL[field]);
            }
            bucket = (bucket + 1) % BUCKETS;
        }
        None
    }

    /// A name with its quotes, and perhaps with escapes, which no word of ours has.
    #[inline]
    fn from_name(name: &str) -> Result<Option<Field>, Bad> {
        let known = name.as_bytes().get(1..name.len() - 1).and_then(Field::from_word);
        if known.is_some() { Ok(known) } else { Field::from_escaped(name) }
    }

    #[cold]
    fn from_escaped(name: &str) -> Result<Option<Field>, Bad> {
        json::text(name).map(|word| Field::from_word(word.as_bytes()))
    }
}

/// The known fields of an object; unknown ones are checked for syntax and forgotten.
pub struct Object<'a> {
    /// Position in `values` plus one, by field.
    slots: [u8; Field::ALL.len()],
    values: SmallVec<[&'a str; 12]>,
    twice: Option<Field>,
}

impl<'a> Object<'a> {
    pub fn new() -> Object<'a> {
        Object { slots: [0; Field::ALL.len()], values: SmallVec::new(), twice: None }
    }

    /// Takes in a whole message, of at most `levels` nested levels.
    pub fn fill(&mut self, text: &'a str, levels: usize) -> Result<(), Bad> {
        let mut scan = Scan::new(text, levels);
        scan.object(|name, raw| self.add(name, raw))?;
        scan.end()
    }

    /// A field that did not come with the text: from a URL, say.
    pub fn give(&mut self, field: Field, raw: &'a str) {
        self.set(field, raw);
    }

    /// A value in another object, whose nesting was bounded with it. No field of it stands twice.
    pub fn inner(raw: &'a str) -> Result<Object<'a>, Bad> {
        if !raw.starts_with('{') {
            return Err(Bad::malformed("not an object"));
        }
        let mut object = Object::new();
        object.fill(raw, DEEP)?;
        object.complete()?;
        Ok(object)
    }

    #[inline]
    fn add(&mut self, name: &'a str, raw: &'a str) -> Result<(), Bad> {
        if let Some(field) = Field::from_name(name)? {
            self.set(field, raw);
        }
        Ok(())
    }

    #[inline]
    fn set(&mut self, field: Field, raw: &'a str) {
        if self.slots[field as usize] != 0 {
            self.twice = self.twice.or(Some(field));
            return;
        }
        self.values.push(raw);
        // At most one value per field, which is below 256.
        self.slots[field as usize] = self.values.len() as u8;
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

    #[inline]
    pub fn has_one_of(&self, fields: &[Field]) -> bool {
        fields.iter().any(|field| self.slots[*field as usize] != 0)
    }

    /// `null` says no more than silence.
    #[inline]
    pub fn given(&self, field: Field) -> Option<&'a str> {
        self.raw(field).filter(|raw| *raw != "null")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_finds_its_field_and_others_find_none() {
        for field in Field::ALL {
            assert_eq!(Field::from_word(field.word().as_bytes()), Some(*field));
            assert_eq!(Field::from_word(format!("{}x", field.word()).as_bytes()), None);
        }
        assert_eq!(Field::from_word(b""), None);
        let distance = |field: &Field| {
            let home = bucket_of(field.word().as_bytes());
            let at = BUCKET.iter().position(|f| *f == *field as u8).unwrap();
            (at + BUCKETS - home) % BUCKETS
        };
        assert!(Field::ALL.iter().all(|f| distance(f) <= 6));
    }
}
