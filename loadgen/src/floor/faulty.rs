//! A floor that does wrong on purpose, at a known delivery: to see whether a judge notices.

use std::thread;
use std::time::Duration;

use clap::ValueEnum;

use super::conn::Conns;
use super::rooms::Rooms;
use super::{Fanout, append_delivery};

/// What it does to every so-manieth delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// It is not sent.
    Lose,
    /// It is sent twice.
    Double,
    /// It is sent behind the next one of the same subscriber.
    Swap,
    /// Nothing is sent to anybody for 200 ms.
    Stall,
    /// One of its bytes is another one.
    Damage,
}

const STALL: Duration = Duration::from_millis(200);

pub struct Faulty {
    fault: Fault,
    every: u64,
    overhead: usize,
    delivered: u64,
    frame: Vec<u8>,
    /// Whose delivery waits for the next one, and what it is.
    held: Option<(u32, Vec<u8>)>,
}

impl Faulty {
    pub fn new(fault: Fault, every: u64, overhead: usize) -> Faulty {
        Faulty { fault, every: every.max(2), overhead, delivered: 0, frame: Vec::new(), held: None }
    }

    fn deliver_wrongly(&mut self, conns: &mut Conns, slot: u32) {
        match self.fault {
            Fault::Lose => {}
            Fault::Double => {
                conns.send(slot, &self.frame);
                conns.send(slot, &self.frame);
            }
            Fault::Swap => {
                if let Some((slot, frame)) = self.held.replace((slot, self.frame.clone())) {
                    conns.send(slot, &frame);
                }
            }
            Fault::Stall => {
                thread::sleep(STALL);
                conns.send(slot, &self.frame);
            }
            Fault::Damage => {
                let mut frame = self.frame.clone();
                if let Some(last) = frame.last_mut() {
                    *last ^= 1;
                }
                conns.send(slot, &frame);
            }
        }
    }
}

impl Fanout for Faulty {
    fn publish(&mut self, conns: &mut Conns, rooms: &Rooms, room: u16, opcode: u8, body: &[u8]) {
        self.frame.clear();
        append_delivery(&mut self.frame, opcode, self.overhead, body);
        for &slot in rooms.subscribers(room) {
            self.delivered += 1;
            if self.delivered.is_multiple_of(self.every) {
                self.deliver_wrongly(conns, slot);
                continue;
            }
            conns.send(slot, &self.frame);
            if let Some((_, frame)) = self.held.take_if(|(held, _)| *held == slot) {
                conns.send(slot, &frame);
            }
        }
    }

    fn end_turn(&mut self, _: &mut Conns, _: &Rooms) {}
}
