//! What most servers do: each publication goes out at once, one `send` per frame and subscriber.

use super::conn::Conns;
use super::rooms::Rooms;
use super::{Fanout, append_delivery};

pub struct PerFrame {
    overhead: usize,
    frame: Vec<u8>,
}

impl PerFrame {
    pub fn new(overhead: usize) -> PerFrame {
        PerFrame { overhead, frame: Vec::new() }
    }
}

impl Fanout for PerFrame {
    fn publish(&mut self, conns: &mut Conns, rooms: &Rooms, room: u16, opcode: u8, body: &[u8]) {
        self.frame.clear();
        append_delivery(&mut self.frame, opcode, self.overhead, body);
        for &slot in rooms.subscribers(room) {
            conns.send(slot, &self.frame);
        }
    }

    fn end_turn(&mut self, _: &mut Conns, _: &Rooms) {}
}
