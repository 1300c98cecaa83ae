//! A text with placeholders, cut once and filled in often.

use std::fmt::Write as _;
use std::io::Write as _;

use ring::hmac;

use crate::adapter::Who;
use crate::adapter::token::{self, Tokens};

/// What a placeholder stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Room,
    Body,
    Id,
    On,
    User,
    Token,
    Voucher,
    Key,
    Auth,
}

const SLOTS: [(&str, Slot); 9] = [
    ("room", Slot::Room),
    ("body", Slot::Body),
    ("id", Slot::Id),
    ("on", Slot::On),
    ("user", Slot::User),
    ("token", Slot::Token),
    ("voucher", Slot::Voucher),
    ("key", Slot::Key),
    ("auth", Slot::Auth),
];

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Plain(String),
    Slot(Slot),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Part>);

/// A text that is signed with a secret shared with the target (HMAC-SHA256).
#[derive(Clone, Debug)]
pub struct Sign {
    pub key: String,
    pub secret: String,
    pub text: Text,
}

/// What placeholders are filled in with.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    pub who: Who<'a>,
    pub room: u16,
    pub body: &'a [u8],
    pub id: u32,
    pub on: bool,
    pub tokens: &'a Tokens,
    pub sign: Option<&'a Sign>,
}

impl<'a> Values<'a> {
    pub fn of(who: Who<'a>) -> Values<'a> {
        Values { who, room: 0, body: &[], id: 0, on: false, tokens: &Tokens::None, sign: None }
    }
}

impl Text {
    /// Cuts a text at its placeholders, of which only `allowed` ones may be there. Braces around anything but a word of
    /// small letters are braces, as JSON has them.
    pub fn cut(text: &str, allowed: &[Slot]) -> Result<Text, String> {
        let (mut parts, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            plain.push_str(before);
            let word = from[1..].split_once('}').map(|(word, _)| word);
            let word = word.filter(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
            let Some(word) = word else {
                plain.push('{');
                rest = &from[1..];
                continue;
            };
            let slot = SLOTS.iter().find(|(name, slot)| *name == word && allowed.contains(slot));
            let Some((_, slot)) = slot else {
                let names =
                    SLOTS.iter().filter(|(_, slot)| allowed.contains(slot)).map(|(name, _)| format!("{{{name}}}"));
                let names: Vec<String> = names.collect();
                return Err(format!("{{{word}}} means nothing here; there are {}", names.join(", ")));
            };
            if !plain.is_empty() {
                parts.push(Part::Plain(std::mem::take(&mut plain)));
            }
            parts.push(Part::Slot(*slot));
            rest = &from[word.len() + 2..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Plain(plain));
        }
        Ok(Text(parts))
    }

    pub fn has(&self, slot: Slot) -> bool {
        self.0.contains(&Part::Slot(slot))
    }

    pub fn write(&self, values: &Values<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Plain(text) => out.extend_from_slice(text.as_bytes()),
                Part::Slot(slot) => slot.write(values, out),
            }
        }
    }
}

impl Slot {
    fn write(self, values: &Values<'_>, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = match self {
            Slot::Room => write!(out, "{}", values.room),
            Slot::Id => write!(out, "{}", values.id),
            Slot::On => write!(out, "{}", values.on),
            // Bodies of the driver are ASCII letters, digits and marks that no text form escapes.
            Slot::Body => out.write_all(values.body),
            Slot::User => out.write_all(token::user(values.who.connection).as_bytes()),
            Slot::Token => out.write_all(values.tokens.of(values.who.connection).unwrap_or_default().as_bytes()),
            Slot::Voucher => out.write_all(values.who.voucher.as_bytes()),
            Slot::Key => out.write_all(values.sign.map_or("", |sign| &sign.key).as_bytes()),
            Slot::Auth => out.write_all(values.sign.map_or_else(String::new, |sign| sign.auth(values)).as_bytes()),
        };
    }
}

impl Sign {
    /// `KEY:` and the signature in hexadecimal digits.
    fn auth(&self, values: &Values<'_>) -> String {
        let mut signed = Vec::new();
        self.text.write(values, &mut signed);
        let secret = match values.tokens {
            Tokens::Minted(secret) => secret,
            Tokens::None | Tokens::Given(_) => &self.secret,
        };
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &signed);
        let mut auth = format!("{}:", self.key);
        for byte in signature.as_ref() {
            let _ = write!(auth, "{byte:02x}");
        }
        auth
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_of_json_stay_and_unknown_words_are_named() {
        let text = Text::cut(r#"{"id":{id},"a":{},"to":"r-{room}"}"#, &[Slot::Id, Slot::Room]).unwrap();
        let mut out = Vec::new();
        text.write(&Values { id: 7, room: 3, ..Values::of(Who::default()) }, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), r#"{"id":7,"a":{},"to":"r-3"}"#);
        assert!(text.has(Slot::Id) && !text.has(Slot::Body));
        let error = Text::cut("{rom} {room}", &[Slot::Id, Slot::Room]).unwrap_err();
        assert_eq!(error, "{rom} means nothing here; there are {room}, {id}");
        assert!(Text::cut("{body}", &[Slot::Room]).is_err());
        for plain in ["{", "}{", "{room", "{ROOM}", "{}", ""] {
            let mut out = Vec::new();
            Text::cut(plain, &[]).unwrap().write(&Values::of(Who::default()), &mut out);
            assert_eq!(out, plain.as_bytes());
        }
    }
}
