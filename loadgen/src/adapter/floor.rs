//! The floor's language (`floor::wire`).

use super::{Adapter, Heard, Key, Place, Start, Who};
use crate::floor::wire;
use crate::ws::frame;

pub struct Floor {
    pub padding: u16,
}

impl Adapter for Floor {
    fn upgrade(&self, _: usize) -> Option<(String, String)> {
        Some(("/".to_owned(), String::new()))
    }

    fn opcode(&self) -> u8 {
        frame::BINARY
    }

    fn subscribe(&mut self, _: Who<'_>, room: u16, _: Option<Place>, out: &mut Vec<u8>) {
        out.extend_from_slice(&wire::short(b'S', room));
    }

    fn leave(&mut self, _: Who<'_>, room: u16, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&wire::short(b'U', room));
        true
    }

    fn publish(&mut self, _: Who<'_>, room: u16, body: &[u8], _: Option<Key>, out: &mut Vec<u8>) -> u32 {
        wire::write_publish(out, room, self.padding, body);
        0
    }

    fn hear(&mut self, payload: &[u8], heard: &mut Vec<Heard>) {
        heard.push(match payload {
            [b's', _, _] => Heard::Subscribed { start: Start::Live, from: None },
            [b'u', _, _] => Heard::Left,
            _ => Heard::Refused { command: None, why: "an answer the floor does not give".to_owned() },
        });
    }
}
