//! `rookery.v1.json`: one JSON object per text message (`docs/protocol/json.md`).

use std::borrow::Cow;
use std::io::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::token::Tokens;
use super::{Adapter, Heard, Item, Key, Place, Start, Who, rookery_upgrade};
use crate::marker;
use crate::ws::frame;

pub struct RookeryJson {
    tokens: Tokens,
    next_id: u32,
}

/// What a server may say, as far as a load test cares.
#[derive(Deserialize)]
struct Said<'a> {
    re: Option<u32>,
    #[serde(borrow)]
    ok: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mark: Option<Cow<'a, str>>,
    #[serde(borrow)]
    ev: Option<Cow<'a, str>>,
    place: Option<(u64, u64)>,
    #[serde(borrow)]
    start: Option<&'a RawValue>,
    from: Option<(u64, u64)>,
    above: Option<(u64, u64)>,
    #[serde(borrow)]
    messages: Option<&'a RawValue>,
    #[serde(default)]
    more_after: bool,
}

#[derive(Deserialize)]
struct Message<'a> {
    place: (u64, u64),
    #[serde(borrow)]
    body: Option<Cow<'a, str>>,
}

impl RookeryJson {
    pub fn new(tokens: Tokens) -> RookeryJson {
        RookeryJson { tokens, next_id: 1 }
    }

    /// Begins a command and returns its number; the caller adds what comes behind it.
    fn command(&mut self, word: &str, out: &mut Vec<u8>) -> u32 {
        let id = self.next_id;
        // Writing to a vector cannot fail.
        let _ = write!(out, r#"{{"do":"{word}","id":{id},"#);
        self.next_id = if id >= i32::MAX as u32 { 1 } else { id + 1 };
        id
    }
}

fn place((epoch, seq): (u64, u64)) -> Place {
    Place { epoch, seq }
}

impl Adapter for RookeryJson {
    fn upgrade(&self, connection: usize) -> Option<(String, String)> {
        rookery_upgrade("rookery.v1.json", &self.tokens, connection)
    }

    fn opcode(&self) -> u8 {
        frame::TEXT
    }

    fn subscribe(&mut self, _: Who<'_>, room: u16, after: Option<Place>, out: &mut Vec<u8>) {
        self.command("subscribe", out);
        let _ = write!(out, r#""rooms":[{{"room":"load-{room}""#);
        if let Some(Place { epoch, seq }) = after {
            let _ = write!(out, r#","cursor":[{epoch},{seq}]"#);
        }
        out.extend_from_slice(b"}]}");
    }

    fn leave(&mut self, _: Who<'_>, room: u16, out: &mut Vec<u8>) -> bool {
        self.command("unsubscribe", out);
        let _ = write!(out, r#""rooms":["load-{room}"]}}"#);
        true
    }

    fn publish(&mut self, _: Who<'_>, room: u16, body: &[u8], key: Option<Key>, out: &mut Vec<u8>) -> u32 {
        let id = self.command("post", out);
        let _ = write!(out, r#""room":"load-{room}","#);
        if let Some(Key { stream, number }) = key {
            let _ = write!(out, r#""key":["{stream}",{number}],"#);
        }
        out.extend_from_slice(br#""body":""#);
        // Bodies of the driver are ASCII letters, digits and marks that JSON does not escape.
        out.extend_from_slice(body);
        out.extend_from_slice(b"\"}");
        id
    }

    fn hear(&mut self, payload: &[u8], heard: &mut Vec<Heard>) {
        if let Some(ack) = plain_ack(payload) {
            heard.push(ack);
            return;
        }
        let all: Vec<Said<'_>> = match payload.first() {
            Some(b'[') => serde_json::from_slice(payload).unwrap_or_default(),
            _ => serde_json::from_slice(payload).into_iter().collect(),
        };
        heard.extend(all.into_iter().filter_map(understand));
    }

    fn is_delivery(&self, payload: &[u8]) -> bool {
        payload.starts_with(br#"{"ev":"posted","#)
    }

    fn has_places(&self) -> bool {
        true
    }

    fn place(&self, payload: &[u8]) -> Option<(Option<u64>, u64)> {
        // Both stand in front of everything that a client can write.
        let rest = payload.strip_prefix(br#"{"ev":"posted","room":"#)?;
        let (_, rest) = digits(rest)?;
        let (epoch, rest) = match rest.strip_prefix(br#","epoch":"#) {
            Some(rest) => digits(rest).map(|(epoch, rest)| (Some(epoch), rest))?,
            None => (None, rest),
        };
        let (seq, _) = digits(rest.strip_prefix(br#","seq":"#)?)?;
        Some((epoch, seq))
    }

    fn page(&mut self, room: u16, skip_oldest: Option<u64>, size: u32, out: &mut Vec<u8>) -> Option<u32> {
        let id = self.command("history", out);
        let _ = write!(out, r#""room":"load-{room}","limit":{size}"#);
        if let Some(skip_oldest) = skip_oldest {
            let _ = write!(out, r#","skip_oldest":{skip_oldest}"#);
        }
        out.push(b'}');
        Some(id)
    }

    fn typing(&mut self, _: Who<'_>, room: u16, on: bool, out: &mut Vec<u8>) -> bool {
        self.command("typing", out);
        let _ = write!(out, r#""room":"load-{room}","on":{on}}}"#);
        true
    }
}

/// None: nothing that a load test cares for.
fn understand(said: Said<'_>) -> Option<Heard> {
    if let Some(error) = said.error {
        let why = format!("{error} {}", said.detail.unwrap_or_default()).trim_end().to_owned();
        return Some(Heard::Refused { command: said.re, why });
    }
    let from = said.from.map(place);
    match (said.ok.as_deref(), said.mark.as_deref(), said.ev.as_deref()) {
        (Some("placed"), _, _) => Some(Heard::Acked { command: said.re?, place: said.place.map(place) }),
        (Some("subscribed"), _, _) => Some(Heard::Subscribed { start: start(said.start?.get()), from }),
        (Some("unsubscribed"), _, _) => Some(Heard::Left),
        (Some("history"), _, _) => {
            let messages: Vec<Message<'_>> = serde_json::from_str(said.messages?.get()).ok()?;
            let item = |message: Message<'_>| Item {
                place: place(message.place),
                mark: message.body.and_then(|body| marker::in_body(body.as_bytes())),
            };
            let items = messages.into_iter().map(item).collect();
            Some(Heard::Page { command: said.re?, items, more: said.more_after })
        }
        (_, Some("gap"), _) => Some(Heard::Gap { from }),
        (_, _, Some("retract")) => Some(Heard::Retracted { above: place(said.above?) }),
        _ => None,
    }
}

fn start(text: &str) -> Start {
    #[derive(Deserialize)]
    struct Retract {
        retract: (u64, u64),
    }
    match text {
        r#""live""# => Start::Live,
        r#""resuming""# => Start::Resuming,
        other => serde_json::from_str(other).map_or(Start::Gap, |start: Retract| Start::Retract(place(start.retract))),
    }
}

/// `{"re":NUMBER,"ok":"placed","place":[EPOCH,SEQ],…`: by far the most frequent answer, read without a parser.
fn plain_ack(payload: &[u8]) -> Option<Heard> {
    let (command, rest) = digits(payload.strip_prefix(br#"{"re":"#)?)?;
    let (epoch, rest) = digits(rest.strip_prefix(br#","ok":"placed","place":["#)?)?;
    let (seq, _) = digits(rest.strip_prefix(b",")?)?;
    Some(Heard::Acked { command: u32::try_from(command).ok()?, place: Some(Place { epoch, seq }) })
}

/// The number that a text begins with, and what follows it.
fn digits(text: &[u8]) -> Option<(u64, &[u8])> {
    let count = text.iter().take(19).take_while(|byte| byte.is_ascii_digit()).count();
    let number = text[..count].iter().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    (count > 0).then_some((number, &text[count..]))
}
