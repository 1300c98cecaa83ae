//! The floor's language (`floor::wire`).

use super::{Adapter, Heard};
use crate::floor::wire;
use crate::ws::frame;

pub struct Floor {
    pub padding: u16,
}

impl Adapter for Floor {
    fn upgrade(&self, _: usize) -> (String, String) {
        ("/".to_owned(), String::new())
    }

    fn opcode(&self) -> u8 {
        frame::BINARY
    }

    fn subscribe(&mut self, room: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&wire::short(b'S', room));
    }

    fn leave(&mut self, room: u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&wire::short(b'U', room));
    }

    fn publish(&mut self, room: u16, _: u64, body: &[u8], out: &mut Vec<u8>) {
        wire::write_publish(out, room, self.padding, body);
    }

    fn hear(&mut self, payload: &[u8]) -> Heard {
        match payload {
            [b's', _, _] => Heard { subscribed: 1, ..Heard::default() },
            [b'u', _, _] => Heard { left: 1, ..Heard::default() },
            _ => Heard { refused: Some("an answer the floor does not give".to_owned()), ..Heard::default() },
        }
    }
}
