//! `rookery.v1.json`: one JSON object per text message (`docs/protocol/json.md`).

use std::borrow::Cow;
use std::io::Write;

use serde::Deserialize;

use super::token::Tokens;
use super::{Adapter, Heard, rookery_upgrade};
use crate::ws::frame;

pub struct RookeryJson {
    tokens: Tokens,
    next_id: u32,
}

/// What a server may say, as far as a load test cares.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    ok: Option<Cow<'a, str>>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
}

impl RookeryJson {
    pub fn new(tokens: Tokens) -> RookeryJson {
        RookeryJson { tokens, next_id: 1 }
    }

    /// Begins a command; the caller adds what comes behind its number.
    fn command(&mut self, word: &str, out: &mut Vec<u8>) {
        // Writing to a vector cannot fail.
        let _ = write!(out, r#"{{"do":"{word}","id":{},"#, self.next_id);
        self.next_id = self.next_id.wrapping_add(1).max(1);
    }
}

impl Adapter for RookeryJson {
    fn upgrade(&self, connection: usize) -> (String, String) {
        rookery_upgrade("rookery.v1.json", &self.tokens, connection)
    }

    fn opcode(&self) -> u8 {
        frame::TEXT
    }

    fn subscribe(&mut self, room: u16, out: &mut Vec<u8>) {
        self.command("subscribe", out);
        let _ = write!(out, r#""rooms":[{{"room":"load-{room}"}}]}}"#);
    }

    fn leave(&mut self, room: u16, out: &mut Vec<u8>) {
        self.command("unsubscribe", out);
        let _ = write!(out, r#""rooms":["load-{room}"]}}"#);
    }

    fn publish(&mut self, room: u16, _: u64, body: &[u8], out: &mut Vec<u8>) {
        self.command("post", out);
        let _ = write!(out, r#""room":"load-{room}","body":""#);
        // Bodies of the driver are ASCII letters, digits and marks that JSON does not escape.
        out.extend_from_slice(body);
        out.extend_from_slice(b"\"}");
    }

    fn hear(&mut self, payload: &[u8]) -> Heard {
        if is_plain_ack(payload) {
            return Heard { acked: 1, ..Heard::default() };
        }
        let all: Vec<Said<'_>> = match payload.first() {
            Some(b'[') => serde_json::from_slice(payload).unwrap_or_default(),
            _ => serde_json::from_slice(payload).into_iter().collect(),
        };
        let mut heard = Heard::default();
        for said in all {
            match said.ok.as_deref() {
                Some("placed") => heard.acked += 1,
                Some("subscribed") => heard.subscribed += 1,
                Some("unsubscribed") => heard.left += 1,
                // A welcome, an answer to something else.
                Some(_) => {}
                // Marks and signals have neither; what they announce shows in the judging of deliveries.
                None => {
                    if let Some(error) = said.error {
                        heard.refused = Some(format!("{error} {}", said.detail.unwrap_or_default()));
                    }
                }
            }
        }
        heard
    }
}

/// `{"re":NUMBER,"ok":"placed",…`: by far the most frequent answer, recognised without reading it.
fn is_plain_ack(payload: &[u8]) -> bool {
    let Some(rest) = payload.strip_prefix(br#"{"re":"#) else {
        return false;
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest[digits..].starts_with(br#","ok":"placed","#)
}
