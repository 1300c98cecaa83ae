//! Reading a post, beside one look at each of its bytes and a copy of its body.
//!
//! JSON is also held against `serde_json`, which is told beforehand what will come.

use super::values::{DIALECTS, LINE, SIZES, body};
use super::{Pair, Visit};
use rookery_protocol::command::{Command, Post, RoomRef};
use rookery_protocol::dialect::contract::{Dialect, DialectId, Form, Incoming, Stage, Talk};
use rookery_protocol::dialect::registry;
use rookery_protocol::ids::RoomHandle;
use rookery_protocol::message::BodyKind;
use serde::Deserialize;
use std::borrow::Cow;
use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

#[derive(Clone, Copy)]
enum Floor {
    Scan,
    SerdeJson,
}

struct Decode {
    dialect: &'static dyn Dialect,
    floor: Floor,
    said: Vec<u8>,
    /// The transport has checked text before a dialect sees it.
    text: Option<String>,
    /// Where the body lies in what is said.
    body: Range<usize>,
    talk: Talk,
    copied: Option<Arc<[u8]>>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(rename = "do")]
    what: &'a str,
    id: u32,
    room: u32,
    #[serde(borrow)]
    body: Cow<'a, str>,
}

impl Decode {
    fn new(id: DialectId, bytes: usize, floor: Floor) -> Decode {
        let body = body(bytes);
        let post = Post {
            room: RoomRef::Handle(RoomHandle(300)),
            kind: BodyKind::Text,
            body: body.as_bytes().into(),
            key: None,
            ack: None,
            extra: None,
        };
        let mut said = Vec::new();
        registry::speaker(id).unwrap().say(7, &Command::Post(post), &mut said);
        let at = said.windows(bytes).position(|window| window == body.as_bytes()).unwrap();
        let dialect = registry::get(id);
        let text = (dialect.profile().form == Form::Text).then(|| String::from_utf8(said.clone()).unwrap());
        Decode { dialect, floor, said, text, body: at..at + bytes, talk: Talk::default(), copied: None }
    }
}

impl Pair for Decode {
    type Input = ();

    fn input(&mut self) {}

    fn ours(&mut self, (): ()) {
        self.talk.commands.clear();
        let incoming = match &self.text {
            Some(text) => Incoming::Text(black_box(text)),
            None => Incoming::Binary(black_box(&self.said)),
        };
        self.dialect.receive(&mut Stage::default(), incoming, &mut self.talk);
    }

    fn floor(&mut self, (): ()) {
        let said: &[u8] = black_box(&self.said);
        self.copied = match self.floor {
            // In JSON any byte may be one that a string must not have, or that changes what follows.
            Floor::Scan if self.text.is_some() => {
                let odd = |byte: u8| u8::from(byte < b' ') | u8::from(byte == b'\\');
                let plain = said.iter().fold(0, |found, byte| found | odd(*byte)) == 0;
                plain.then(|| said[self.body.clone()].into())
            }
            Floor::Scan => {
                let body = &said[self.body.clone()];
                std::str::from_utf8(body).is_ok().then(|| body.into())
            }
            Floor::SerdeJson => {
                let said: Said<'_> = serde_json::from_slice(said).unwrap();
                black_box((said.what, said.id, said.room));
                Some(said.body.as_bytes().into())
            }
        };
    }

    fn left(&mut self) -> [Vec<u8>; 2] {
        self.ours(());
        self.floor(());
        let Command::Post(post) = &self.talk.commands[0].command else { panic!("not a post") };
        [post.body.to_vec(), self.copied.as_ref().unwrap().to_vec()]
    }
}

pub fn pairs(visit: &mut impl Visit) {
    for (language, id) in DIALECTS {
        for bytes in SIZES {
            let make = || Decode::new(id, bytes, Floor::Scan);
            visit.pair(&format!("decode {language} {bytes}"), "message", 1, make);
        }
    }
    for bytes in [LINE, SIZES[3]] {
        let make = || Decode::new(registry::NATIVE_JSON, bytes, Floor::SerdeJson);
        visit.pair(&format!("decode json {bytes}, beside serde_json"), "message", 1, make);
    }
}
