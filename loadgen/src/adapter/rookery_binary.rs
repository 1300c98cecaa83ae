//! `rookery.v1.binary`: frames of `varint length | kind | fields`, one or more per binary message (`docs/protocol/binary.md`).

use super::token::Tokens;
use super::{Adapter, Heard, rookery_upgrade};
use crate::ws::frame;

/// Kinds of frames. Commands are 128 and the command's number in the catalog; replies lie between 80 and 127.
const SUBSCRIBE: u8 = 138;
const UNSUBSCRIBE: u8 = 139;
const POST: u8 = 140;
const SUBSCRIBED: u8 = 83;
const UNSUBSCRIBED: u8 = 84;
const PLACED: u8 = 85;
const REFUSED: u8 = 96;

/// How a room is named: by its name, in the principal's own realm.
const NAMED: u8 = 1;

pub struct RookeryBinary {
    tokens: Tokens,
    next_number: u32,
    fields: Vec<u8>,
}

impl RookeryBinary {
    pub fn new(tokens: Tokens) -> RookeryBinary {
        RookeryBinary { tokens, next_number: 1, fields: Vec::new() }
    }

    /// Appends one command; `write` adds the fields behind its number.
    fn command(&mut self, kind: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        self.fields.clear();
        self.fields.push(kind);
        put_varint(u64::from(self.next_number), &mut self.fields);
        self.next_number = self.next_number.wrapping_add(1).max(1);
        write(&mut self.fields);
        put_bytes(&self.fields, out);
    }
}

fn put_room(room: u16, out: &mut Vec<u8>) {
    out.push(NAMED);
    put_bytes(format!("load-{room}").as_bytes(), out);
}

impl Adapter for RookeryBinary {
    fn upgrade(&self, connection: usize) -> (String, String) {
        rookery_upgrade("rookery.v1.binary", &self.tokens, connection)
    }

    fn opcode(&self) -> u8 {
        frame::BINARY
    }

    fn subscribe(&mut self, room: u16, out: &mut Vec<u8>) {
        let mut one = Vec::new();
        put_room(room, &mut one);
        // No cursor, no signals wanted.
        one.extend_from_slice(&[0, 0]);
        self.command(SUBSCRIBE, out, |out| {
            out.push(1);
            put_bytes(&one, out);
        });
    }

    fn leave(&mut self, room: u16, out: &mut Vec<u8>) {
        self.command(UNSUBSCRIBE, out, |out| {
            out.push(1);
            put_room(room, out);
        });
    }

    fn publish(&mut self, room: u16, _: u64, body: &[u8], out: &mut Vec<u8>) {
        self.command(POST, out, |out| {
            // No flags: a text without anything around it.
            out.push(0);
            put_room(room, out);
            put_bytes(body, out);
        });
    }

    fn hear(&mut self, payload: &[u8]) -> Heard {
        let mut heard = Heard::default();
        let mut rest = payload;
        while let Some((length, behind)) = take_varint(rest) {
            let Some(frame) = usize::try_from(length).ok().and_then(|length| behind.get(..length)) else {
                break;
            };
            rest = &behind[frame.len()..];
            match frame.first() {
                Some(&PLACED) => heard.acked += 1,
                Some(&SUBSCRIBED) => heard.subscribed += 1,
                Some(&UNSUBSCRIBED) => heard.left += 1,
                Some(&REFUSED) => heard.refused = Some(refusal(&frame[1..])),
                // A welcome, marks, signals: what they announce shows in the judging of deliveries.
                Some(_) | None => {}
            }
        }
        heard
    }
}

/// `number | code | …`, where the code is a line of the error table.
fn refusal(fields: &[u8]) -> String {
    match take_varint(fields).and_then(|(_, behind)| take_varint(behind)) {
        Some((code, _)) => format!("error {code}"),
        None => "without a code".to_owned(),
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
    for (index, &byte) in bytes.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7F) << (7 * index);
        if byte < 0x80 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}
