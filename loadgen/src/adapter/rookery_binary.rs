//! `rookery.v1.binary`: frames of `varint length | kind | fields`, one or more per binary message (`docs/protocol/binary.md`).

use super::token::Tokens;
use super::{Adapter, Heard, Item, Key, Place, Start, Who, rookery_upgrade};
use crate::marker;
use crate::ws::frame;

/// Kinds of frames. Commands are 128 and the command's number in the catalog; replies lie between 80 and 127, events
/// below 33, signals and marks between.
const POSTED: u8 = 1;
const RETRACT: u8 = 42;
const GAP: u8 = 65;
const SUBSCRIBED: u8 = 83;
const UNSUBSCRIBED: u8 = 84;
const PLACED: u8 = 85;
const HISTORY: u8 = 86;
const REFUSED: u8 = 96;
const SUBSCRIBE: u8 = 138;
const UNSUBSCRIBE: u8 = 139;
const POST: u8 = 140;
const TYPING: u8 = 148;
const HISTORY_OF: u8 = 149;

/// How a room is named: by its name, in the principal's own realm.
const NAMED: u8 = 1;

/// A post's flag: it has a key.
const WITH_KEY: u8 = 2;
/// A key of a stream and a number in it.
const OF_STREAM: u8 = 0;
/// A page is the newest.
const NEWEST: u8 = 0;
/// A page begins so many messages behind the oldest.
const SKIP_OLDEST: u8 = 4;

pub struct RookeryBinary {
    tokens: Tokens,
    next_number: u32,
    fields: Vec<u8>,
}

impl RookeryBinary {
    pub fn new(tokens: Tokens) -> RookeryBinary {
        RookeryBinary { tokens, next_number: 1, fields: Vec::new() }
    }

    /// Appends one command and returns its number; `write` adds the fields behind it.
    fn command(&mut self, kind: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) -> u32 {
        let number = self.next_number;
        self.next_number = if number >= i32::MAX as u32 { 1 } else { number + 1 };
        self.fields.clear();
        self.fields.push(kind);
        put_varint(u64::from(number), &mut self.fields);
        write(&mut self.fields);
        put_bytes(&self.fields, out);
        number
    }
}

fn put_room(room: u16, out: &mut Vec<u8>) {
    out.push(NAMED);
    put_bytes(format!("load-{room}").as_bytes(), out);
}

impl Adapter for RookeryBinary {
    fn upgrade(&self, connection: usize) -> Option<(String, String)> {
        rookery_upgrade("rookery.v1.binary", &self.tokens, connection)
    }

    fn opcode(&self) -> u8 {
        frame::BINARY
    }

    fn subscribe(&mut self, _: Who<'_>, room: u16, after: Option<Place>, out: &mut Vec<u8>) {
        let mut one = Vec::new();
        put_room(room, &mut one);
        match after {
            Some(Place { epoch, seq }) => {
                one.push(1);
                put_varint(epoch, &mut one);
                put_varint(seq, &mut one);
            }
            None => one.push(0),
        }
        // No signals wanted but those that everybody gets.
        one.push(0);
        self.command(SUBSCRIBE, out, |out| {
            out.push(1);
            put_bytes(&one, out);
        });
    }

    fn leave(&mut self, _: Who<'_>, room: u16, out: &mut Vec<u8>) -> bool {
        self.command(UNSUBSCRIBE, out, |out| {
            out.push(1);
            put_room(room, out);
        });
        true
    }

    fn publish(&mut self, _: Who<'_>, room: u16, body: &[u8], key: Option<Key>, out: &mut Vec<u8>) -> u32 {
        self.command(POST, out, |out| {
            out.push(if key.is_some() { WITH_KEY } else { 0 });
            put_room(room, out);
            put_bytes(body, out);
            if let Some(Key { stream, number }) = key {
                out.push(OF_STREAM);
                put_varint(stream, out);
                put_varint(number, out);
            }
        })
    }

    fn hear(&mut self, payload: &[u8], heard: &mut Vec<Heard>) {
        let mut rest = Fields(payload);
        while let Some(frame) = rest.bytes() {
            let Some((&kind, fields)) = frame.split_first() else { continue };
            // A frame that ends too early says nothing, and the judge will miss what it would have said.
            heard.extend(understand(kind, Fields(fields)));
        }
    }

    fn is_delivery(&self, payload: &[u8]) -> bool {
        Fields(payload).bytes().and_then(|frame| frame.first().copied()) == Some(POSTED)
    }

    fn has_places(&self) -> bool {
        true
    }

    fn place(&self, payload: &[u8]) -> Option<(Option<u64>, u64)> {
        let (&kind, fields) = Fields(payload).bytes()?.split_first()?;
        let mut fields = Fields(fields);
        let (flags, _room) = (fields.varint()?, fields.varint()?);
        let epoch = if flags & 1 == 1 { Some(fields.varint()?) } else { None };
        let seq = fields.varint()?;
        (kind == POSTED).then_some((epoch, seq))
    }

    fn page(&mut self, room: u16, skip_oldest: Option<u64>, size: u32, out: &mut Vec<u8>) -> Option<u32> {
        Some(self.command(HISTORY_OF, out, |out| {
            put_room(room, out);
            match skip_oldest {
                Some(skip_oldest) => {
                    out.push(SKIP_OLDEST);
                    put_varint(skip_oldest, out);
                }
                None => out.push(NEWEST),
            }
            put_varint(u64::from(size), out);
            // Of no thread.
            out.push(0);
        }))
    }

    fn typing(&mut self, _: Who<'_>, room: u16, on: bool, out: &mut Vec<u8>) -> bool {
        self.command(TYPING, out, |out| {
            put_room(room, out);
            out.push(u8::from(on));
        });
        true
    }
}

/// None: nothing that a load test cares for.
fn understand(kind: u8, mut fields: Fields<'_>) -> Option<Heard> {
    match kind {
        PLACED => {
            let command = fields.number()?;
            Some(Heard::Acked { command, place: Some(fields.place()?) })
        }
        SUBSCRIBED => {
            let (_number, _key, _handle) = (fields.number()?, fields.bytes()?, fields.varint()?);
            let start = match fields.varint()? {
                0 => Start::Live,
                1 => Start::Resuming,
                3 => Start::Retract(fields.place()?),
                _ => {
                    fields.varint()?;
                    Start::Gap
                }
            };
            Some(Heard::Subscribed { start, from: Some(fields.place()?) })
        }
        UNSUBSCRIBED => Some(Heard::Left),
        HISTORY => {
            let command = fields.number()?;
            let count = fields.varint()?;
            let mut items = Vec::new();
            for _ in 0..count {
                let mut message = Fields(fields.bytes()?);
                let (_flags, place) = (message.varint()?, message.place()?);
                let (_at, _by, _n) = (message.varint()?, message.bytes()?, message.varint()?);
                items.push(Item { place, mark: marker::in_body(message.bytes()?) });
            }
            for _ in 0..fields.varint()? {
                fields.bytes()?;
            }
            let (_fence, _more_before, more) = (fields.place()?, fields.varint()?, fields.varint()? == 1);
            Some(Heard::Page { command, items, more })
        }
        GAP => {
            let (_room, _reason) = (fields.varint()?, fields.varint()?);
            Some(Heard::Gap { from: fields.place() })
        }
        RETRACT => {
            let _room = fields.varint()?;
            Some(Heard::Retracted { above: fields.place()? })
        }
        REFUSED => {
            let command = fields.number()?;
            // The code is a line of the error table.
            let why = fields.varint().map_or("without a code".to_owned(), |code| format!("error {code}"));
            Some(Heard::Refused { command: Some(command), why })
        }
        // A welcome, marks, signals: what they announce shows in the judging of deliveries.
        _ => None,
    }
}

/// What is left of a frame.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Option<u64> {
        let (number, rest) = take_varint(self.0)?;
        self.0 = rest;
        Some(number)
    }

    fn number(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    fn place(&mut self) -> Option<Place> {
        Some(Place { epoch: self.varint()?, seq: self.varint()? })
    }

    /// A length and so many bytes.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (index, &byte) in bytes.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}
