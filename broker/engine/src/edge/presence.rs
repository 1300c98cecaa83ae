//! Who is here, told as a whole: after subscribing with presence, and again when some of it was left out.

use super::Edge;
use super::connection::{Presence, Standing};
use crate::fanout::Outbound;
use crate::message::{ConnId, ToHome};
use crate::ports::Now;
use rookery_protocol::ids::RoomHandle;
use rookery_protocol::reply::Mark;

impl Edge {
    /// A live subscription was not given some of what it wants to know.
    pub(super) fn presence_due(&mut self, slot: u32, room: RoomHandle) {
        if let Some(sub) = self.conns.at_mut(slot).and_then(|c| c.sub_mut(room)) {
            sub.presence = Presence::Due;
            self.count_hunger(slot);
        }
    }

    /// Presence of every live subscription of a room may have been lost.
    pub(super) fn presence_lost(&mut self, now: Now, room: RoomHandle, out: &mut Outbound) {
        let Some(entry) = self.rooms.get(room) else { return };
        let lanes = entry.lanes.iter().filter(|l| l.lane.wants.presence);
        let slots: Vec<u32> = lanes.flat_map(|l| l.live.iter().copied()).collect();
        for slot in slots {
            self.presence_due(slot, room);
            self.feed(now, slot, out);
        }
    }

    pub(super) fn ask_presence(&mut self, conn: ConnId, room: RoomHandle, out: &mut Outbound) {
        let Some(sub) = self.conns.get_mut(conn).and_then(|c| c.sub_mut(room)) else { return };
        sub.presence = Presence::Asked;
        self.counters.presence_again += 1;
        out.to_home(self.shard_of_handle(room), ToHome::Who { room, to: self.address_of(conn) });
        self.count_hunger(conn.slot);
    }

    /// An answer, or what a home says by itself behind an attach.
    pub(super) fn present(&mut self, conn: ConnId, mark: &Mark) {
        let Some(sub) = self.conns.get_mut(conn).and_then(|c| c.sub_mut(mark.room())) else { return };
        // Where more was, or will be, left out, this is told again.
        if sub.standing == Standing::Live && sub.presence == Presence::Asked {
            sub.presence = Presence::Known;
        }
        self.mark(conn, mark);
    }
}
