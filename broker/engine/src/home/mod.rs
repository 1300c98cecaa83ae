//! The rooms' side: state, decisions, and what follows from them. Knows no dialect, no connection's content, no socket.

use crate::fanout::Outbound;
use crate::message::{ShardId, ToHome};
use crate::ports::{Fact, Now, Ports};
use crate::settings::Settings;
use rookery_protocol::ids::{Place, RoomHandle};
use std::sync::Arc;

pub struct Home {
    settings: Arc<Settings>,
}

impl Home {
    pub fn new(settings: Arc<Settings>) -> Home {
        Home { settings }
    }

    /// A message from an edge or another home. Commands are decided at once, one after another.
    pub fn take(&mut self, now: Now, ports: &mut dyn Ports, from: ShardId, message: ToHome, out: &mut Outbound) {
        let _ = (now, ports, from, message, out, &self.settings);
    }

    /// A late answer of a port.
    pub fn fact(&mut self, now: Now, ports: &mut dyn Ports, fact: Fact, out: &mut Outbound) {
        let _ = (now, ports, fact, out);
    }

    pub fn tick(&mut self, now: Now, ports: &mut dyn Ports, out: &mut Outbound) {
        let _ = (now, ports, out);
    }

    pub fn next_deadline(&self) -> Option<u64> {
        None
    }

    /// Submits batches, seals chunks, then answers what was attached and pulled in this turn.
    pub fn end_turn(&mut self, now: Now, ports: &mut dyn Ports, out: &mut Outbound) {
        let _ = (now, ports, out);
    }

    /// The end of a room as its listeners may know it.
    pub fn end_of(&self, room: RoomHandle) -> Option<Place> {
        let _ = room;
        None
    }
}
