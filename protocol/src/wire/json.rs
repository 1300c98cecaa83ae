//! JSON as text: writing strings and integers, and looking at raw values without building a tree.

use super::bad::Bad;
use super::check;
use super::scan::{DEEP, Scan};
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

static SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut b = 0;
    while b < special.len() {
        special[b] = is_special(b as u8);
        b += 1;
    }
    special
};

/// The first byte that JSON wants escaped, which is also where a string ends or an escape begins.
#[inline]
pub(super) fn first_special(bytes: &[u8]) -> Option<usize> {
    // Names and small values end soon: looking at each byte is cheaper than being clever.
    const NEAR: usize = 12;
    let near = bytes.len().min(NEAR);
    match bytes[..near].iter().position(|&b| SPECIAL[usize::from(b)]) {
        Some(at) => Some(at),
        None => first_special_far(&bytes[near..]).map(|at| near + at),
    }
}

/// Bodies, mostly.
fn first_special_far(bytes: &[u8]) -> Option<usize> {
    const WIDE: usize = 16;
    let (wide, tail) = bytes.as_chunks::<WIDE>();
    for (i, chunk) in wide.iter().enumerate() {
        // Written so that it becomes a few vector instructions.
        if chunk.iter().fold(false, |found, &b| found | is_special(b)) {
            let (words, _) = chunk.as_chunks::<8>();
            let found = words.iter().enumerate().find_map(|(w, word)| first_in(word).map(|at| w * 8 + at));
            return found.map(|at| i * WIDE + at);
        }
    }
    tail.iter().position(|&b| is_special(b)).map(|at| wide.len() * WIDE + at)
}

#[inline]
fn first_in(word: &[u8; 8]) -> Option<usize> {
    match special_bits(word) {
        0 => None,
        bits => Some(bits.trailing_zeros() as usize / 8),
    }
}

/// The high bit of the first special byte, and perhaps bits above it. A byte is special if subtracting from it borrows;
/// a borrow reaches only bytes above, so the lowest bit is right. Bytes from 0x80 are never special.
fn special_bits(word: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let w = u64::from_le_bytes(*word);
    let control = w.wrapping_sub(ONES * 0x20);
    let quote = (w ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let slash = (w ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (control | quote | slash) & !w & HIGH
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
    // No early end: a plain loop over short texts is faster than a clever one.
    if !inner.bytes().fold(false, |found, b| found | (b == b'\\')) {
        return Ok(Cow::Borrowed(inner));
    }
    unescaped(inner).map(Cow::Owned)
}

/// The scanner has seen that escapes are well formed; only now it shows whether two of them are the halves of one
/// character.
fn unescaped(inner: &str) -> Result<String, Bad> {
    let bad = || Bad::malformed("an escape in this string is no character");
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.bytes().position(|b| b == b'\\') {
        out.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().ok_or_else(bad)?;
        rest = rest.get(at + 2..).ok_or_else(bad)?;
        match escape {
            b'n' => out.push('\n'),
            b't' => out.push('\t'),
            b'r' => out.push('\r'),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'u' => {
                let (unit, after) = code_unit(rest).ok_or_else(bad)?;
                rest = after;
                let mut units = [unit, 0];
                let mut count = 1;
                if (0xd800..0xdc00).contains(&unit) {
                    let (low, after) = rest.strip_prefix("\\u").and_then(code_unit).ok_or_else(bad)?;
                    rest = after;
                    units[1] = low;
                    count = 2;
                }
                for c in char::decode_utf16(units[..count].iter().copied()) {
                    out.push(c.map_err(|_| bad())?);
                }
            }
            // `"`, `\` and `/` stand for themselves.
            other => out.push(char::from(other)),
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn code_unit(text: &str) -> Option<(u16, &str)> {
    let unit = u16::from_str_radix(text.get(..4)?, 16).ok()?;
    Some((unit, &text[4..]))
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
    let mut index = 0;
    Scan::new(raw, DEEP).array(|item| {
        if index == max {
            return Err(Bad::too_large(max as u64, "items"));
        }
        index += 1;
        each(item).map_err(|bad| bad.item(index - 1))
    })
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
    fn escapes_mean_what_another_reader_says() {
        for raw in [
            r#""a\nb""#,
            r#""\\\"\/\b\f\n\r\t""#,
            r#""\u0041\u00e9""#,
            r#""\ud83d\udc26 x""#,
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\ud800""#,
            r#""\ud800x""#,
            r#""\ud800\n""#,
            r#""é\u0000é""#,
            r#""\ud83d\udc2""#,
        ] {
            assert_eq!(text(raw).ok().as_deref(), serde_json::from_str::<String>(raw).ok().as_deref(), "{raw}");
        }
    }

    #[test]
    fn integers_are_digits() {
        assert_eq!(int("9007199254740991"), Ok(9007199254740991));
        for bad in ["9007199254740992", "-1", "1.0", "1e3", "\"1\"", "", "99999999999999999"] {
            assert!(int(bad).is_err(), "{bad}");
        }
    }
}
