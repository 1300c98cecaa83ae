//! The ideal: every publication of a turn is laid once into its room's buffer, and each subscriber gets one `send` per turn.

use super::conn::Conns;
use super::rooms::Rooms;
use super::{Fanout, append_delivery};

pub struct Batching {
    overhead: usize,
    /// One buffer per room, kept warm; empty between turns.
    turns: Vec<Vec<u8>>,
    dirty: Vec<u16>,
}

impl Batching {
    pub fn new(overhead: usize) -> Batching {
        Batching { overhead, turns: Vec::new(), dirty: Vec::new() }
    }
}

impl Fanout for Batching {
    fn publish(&mut self, _: &mut Conns, _: &Rooms, room: u16, opcode: u8, body: &[u8]) {
        let index = usize::from(room);
        if index >= self.turns.len() {
            self.turns.resize_with(index + 1, Vec::new);
        }
        let turn = &mut self.turns[index];
        if turn.is_empty() {
            self.dirty.push(room);
        }
        append_delivery(turn, opcode, self.overhead, body);
    }

    fn end_turn(&mut self, conns: &mut Conns, rooms: &Rooms) {
        for room in self.dirty.drain(..) {
            let turn = &mut self.turns[usize::from(room)];
            for &slot in rooms.subscribers(room) {
                conns.send(slot, turn);
            }
            turn.clear();
        }
    }
}
