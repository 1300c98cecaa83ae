//! JSON as text: writing strings and integers, and looking at raw values without building a tree.

use super::bad::Bad;
use super::check;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A string with its quotes.
pub fn string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    escaped(text.as_bytes(), out);
    out.push(b'"');
}

pub fn integer(n: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Copies runs that need no escape; nearly every body is one run.
fn escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = first_special(rest) {
        out.extend_from_slice(&rest[..at]);
        escape(rest[at], out);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

const fn is_special(b: u8) -> bool {
    b < 0x20 || b == b'"' || b == b'\\'
}

/// The first byte that JSON wants escaped. Eight bytes at a time: a byte is special if subtracting from it borrows.
fn first_special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let (words, tail) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let w = u64::from_le_bytes(*word);
        let control = w.wrapping_sub(ONES * 0x20);
        let quote = (w ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
        let slash = (w ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
        // Bytes from 0x80 are never special; borrows may point at a byte too far, so the word is then looked at.
        if (control | quote | slash) & !w & HIGH != 0
            && let Some(at) = word.iter().position(|&b| is_special(b))
        {
            return Some(i * 8 + at);
        }
    }
    tail.iter().position(|&b| is_special(b)).map(|at| words.len() * 8 + at)
}

#[cold]
fn escape(b: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match b {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        _ => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]),
    }
}

/// The text of a raw value that is a string; borrowed unless it has escapes.
#[inline]
pub fn text(raw: &str) -> Result<Cow<'_, str>, Bad> {
    let Some(inner) = raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) else {
        return Err(Bad::malformed("not a string"));
    };
    if inner.as_bytes().contains(&b'\\') {
        // Only now can it still be wrong: half a surrogate pair.
        return serde_json::from_str::<String>(raw)
            .map(Cow::Owned)
            .map_err(|_| Bad::malformed("an escape in this string is no character"));
    }
    Ok(Cow::Borrowed(inner))
}

/// A raw value that is an integer of the wire: digits only, below 2^53.
#[inline]
pub fn int(raw: &str) -> Result<u64, Bad> {
    if raw.is_empty() || raw.len() > 16 {
        return Err(check::not_an_integer());
    }
    let mut n = 0u64;
    for b in raw.bytes() {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return Err(check::not_an_integer());
        }
        n = n * 10 + u64::from(digit);
    }
    check::integer(n)
}

pub fn flag(raw: &str) -> Result<bool, Bad> {
    match raw {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Bad::malformed("not true or false")),
    }
}

/// Hands each item of a raw array to `each`, as raw text, and stops at more than `max` of them.
pub fn items<'a>(raw: &'a str, max: usize, mut each: impl FnMut(&'a str) -> Result<(), Bad>) -> Result<(), Bad> {
    if !raw.starts_with('[') {
        return Err(Bad::malformed("not an array"));
    }
    let mut bad = None;
    let mut reader = serde_json::Deserializer::from_str(raw);
    let read = reader.deserialize_seq(Items { max, each: &mut each, bad: &mut bad });
    match (bad, read) {
        (Some(bad), _) => Err(bad),
        (None, Ok(())) => reader.end().map_err(|e| syntax(&e)),
        (None, Err(e)) => Err(syntax(&e)),
    }
}

#[cold]
pub fn syntax(error: &serde_json::Error) -> Bad {
    Bad::malformed(format!("not JSON: {error}"))
}

struct Items<'f, F> {
    max: usize,
    each: &'f mut F,
    bad: &'f mut Option<Bad>,
}

impl<'de, F: FnMut(&'de str) -> Result<(), Bad>> Visitor<'de> for Items<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut index = 0;
        while let Some(raw) = seq.next_element::<&'de RawValue>()? {
            let taken = if index < self.max {
                (self.each)(raw.get()).map_err(|b| b.item(index))
            } else {
                Err(Bad::too_large(self.max as u64, "items"))
            };
            if let Err(bad) = taken {
                *self.bad = Some(bad);
                return Err(serde::de::Error::custom(""));
            }
            index += 1;
        }
        Ok(())
    }
}

/// Whether objects and arrays are nested deeper than `limit`. Looks at brackets only; the text need not be JSON.
pub fn deeper_than(text: &str, limit: usize) -> bool {
    let bytes = text.as_bytes();
    // `[` and `{` differ from each other in one bit. With no more of them than the limit there is nothing to follow.
    if bytes.iter().filter(|&&b| b & 0xdf == b'[').count() <= limit {
        return false;
    }
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for &b in bytes {
        if in_string {
            in_string = escaped || b != b'"';
            escaped = !escaped && b == b'\\';
            continue;
        }
        match b {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_survives_at_every_position() {
        for c in (0..0x300).chain([0xfffd, 0x1f426]).filter_map(char::from_u32) {
            for before in 0..18 {
                let text = format!("{}{c}{}", "é".repeat(before / 2) + &"x".repeat(before % 2), "tail");
                let mut out = Vec::new();
                string(&text, &mut out);
                assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            }
        }
    }

    #[test]
    fn depth_counts_brackets_outside_strings() {
        assert!(!deeper_than("[[[]]]", 3));
        assert!(deeper_than("[[[[]]]]", 3));
        assert!(deeper_than("[[[{", 3));
        assert!(!deeper_than(r#"["[[[[[\"[[["]"#, 3));
        assert!(!deeper_than("[[]],[[]],[[]]", 2));
    }

    #[test]
    fn integers_are_digits() {
        assert_eq!(int("9007199254740991"), Ok(9007199254740991));
        for bad in ["9007199254740992", "-1", "1.0", "1e3", "\"1\"", "", "99999999999999999"] {
            assert!(int(bad).is_err(), "{bad}");
        }
    }
}
