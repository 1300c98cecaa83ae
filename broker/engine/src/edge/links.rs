//! The two ends of a subscription, kept in step: the connection's list and the room's lane.

use super::Edge;
use super::connection::{Connections, Presence, Standing, Sub};
use super::rooms::{CatchUp, EdgeLane, Ending, Waits};
use crate::fanout::Outbound;
use crate::message::{ConnId, Detach, Lane, ToHome};
use crate::ports::Now;
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::{EndReason, Mark};
use smallvec::SmallVec;

/// A subscription that was taken out.
pub(super) struct Unlinked {
    /// The last place given.
    pub cursor: Place,
    pub ending: Option<Box<Ending>>,
    pub lane: Lane,
}

impl Edge {
    /// What a subscription waits to end with, if it does.
    pub(super) fn ending(&self, sub: &Sub) -> Option<&Ending> {
        if sub.standing == Standing::Live {
            return None;
        }
        let lane = self.rooms.lane(sub.room, sub.lane)?;
        lane.catching.get(sub.index as usize)?.ending.as_deref()
    }

    pub(super) fn link_live(&mut self, slot: u32, room: RoomHandle) {
        let Some(sub) = self.conns.at_mut(slot).and_then(|c| c.sub_mut(room)) else { return };
        let Some(lane) = self.rooms.lane_mut(room, sub.lane) else { return };
        (sub.index, sub.standing) = (lane.live.len() as u32, Standing::Live);
        lane.live.push(slot);
    }

    pub(super) fn link_catching(&mut self, slot: u32, room: RoomHandle, catch_up: CatchUp) {
        let Some(sub) = self.conns.at_mut(slot).and_then(|c| c.sub_mut(room)) else { return };
        let Some(lane) = self.rooms.lane_mut(room, sub.lane) else { return };
        (sub.index, sub.standing) = (lane.catching.len() as u32, Standing::CatchingUp);
        lane.catching.push(catch_up);
        // A catching-up subscription gets no signals; who is here is told again when it is live.
        if sub.lane.wants.presence {
            sub.presence = Presence::Due;
        }
    }

    /// A live subscription pulls from here on, because it cannot be, or was not, given what comes after `cursor`.
    pub(super) fn fall_back(&mut self, slot: u32, room: RoomHandle, cursor: Place) {
        let Some(sub) = self.conns.at(slot).and_then(|c| c.sub(room)).copied() else { return };
        let Some(lane) = self.rooms.lane_mut(room, sub.lane) else { return };
        take_live(&mut self.conns, lane, room, sub.index);
        self.link_catching(slot, room, CatchUp { slot, waits: Waits::No, asked: false, cursor, ending: None });
        self.count_hunger(slot);
    }

    /// Chunks of a lane were skipped or taken back: all that is live pulls from where it stands. `end`: where the
    /// chunks that follow begin.
    pub(super) fn skipped(&mut self, now: Now, room: RoomHandle, lane: Lane, end: Place, out: &mut Outbound) {
        let Some(state) = self.rooms.lane_mut(room, lane) else { return };
        let cursor = std::mem::replace(&mut state.place, end);
        let live = std::mem::take(&mut state.live);
        self.counters.skipped += live.len() as u64;
        for &slot in &live {
            self.link_catching(slot, room, CatchUp { slot, waits: Waits::No, asked: false, cursor, ending: None });
            self.count_hunger(slot);
        }
        for &slot in &live {
            self.feed(now, slot, out);
        }
    }

    /// Chunks of a room did not come here.
    pub(super) fn behind(&mut self, now: Now, room: RoomHandle, end: Place, out: &mut Outbound) {
        let Some(entry) = self.rooms.get(room) else { return };
        let placed = entry.lanes.iter().filter(|l| l.has_places());
        let behind: SmallVec<[Lane; 4]> = placed.filter(|l| l.place != end).map(|l| l.lane).collect();
        for lane in behind {
            self.skipped(now, room, lane, end, out);
        }
        self.presence_lost(now, room, out);
    }

    /// Takes a subscription out of both lists.
    fn unlink(&mut self, conn: ConnId, room: RoomHandle) -> Option<Unlinked> {
        let connection = self.conns.get_mut(conn)?;
        let at = connection.subs.iter().position(|s| s.room == room)?;
        let sub = connection.subs.remove(at);
        let lane = self.rooms.lane_mut(room, sub.lane)?;
        let unlinked = match sub.standing {
            Standing::Live => {
                take_live(&mut self.conns, lane, room, sub.index);
                Unlinked { cursor: lane.place, ending: None, lane: sub.lane }
            }
            Standing::CatchingUp => {
                let caught = take_catching(&mut self.conns, lane, room, sub.index);
                if caught.waits == Waits::ForPage
                    && let Some(connection) = self.conns.get_mut(conn)
                {
                    connection.pulls -= 1;
                }
                Unlinked { cursor: caught.cursor, ending: caught.ending, lane: sub.lane }
            }
        };
        self.count_hunger(conn.slot);
        Some(unlinked)
    }

    /// Ends a subscription without a word to the client.
    pub(super) fn detach(&mut self, conn: ConnId, room: RoomHandle, out: &mut Outbound) -> Option<Unlinked> {
        let user = self.conns.get(conn)?.session.as_ref()?.principal.user.clone();
        let unlinked = self.unlink(conn, room)?;
        let lane_empty = self.lane_is_over(room, unlinked.lane);
        let address = self.address_of(conn);
        let detach = Detach { room, lane: unlinked.lane, address, user, lane_empty };
        out.to_home(self.shard_of_handle(room), ToHome::Detach(detach));
        Some(unlinked)
    }

    /// Ends a subscription, and tells the client up to where it has everything.
    pub(super) fn end_subscription(
        &mut self,
        conn: ConnId,
        room: RoomHandle,
        at: Option<Place>,
        reason: EndReason,
        out: &mut Outbound,
    ) {
        if let Some(unlinked) = self.detach(conn, room, out) {
            self.counters.ended += 1;
            self.mark(conn, &Mark::Ended { room, at: at.unwrap_or(unlinked.cursor), reason });
        }
    }

    /// Forgets a lane that nobody here listens to and nobody is about to; true if home may forget it too.
    pub(super) fn lane_is_over(&mut self, room: RoomHandle, lane: Lane) -> bool {
        let Some(entry) = self.rooms.get(room) else { return false };
        if !entry.lanes.iter().any(|l| l.lane == lane && l.is_empty()) {
            return false;
        }
        // Home would forget the lane after that attach, and its subscription would hear nothing.
        if let Some(attaching) = self.attaching.get_mut(&(entry.key.clone(), lane)) {
            attaching.left = Some(room);
            return false;
        }
        self.rooms.remove_lane(room, lane);
        true
    }

    pub(super) fn count_hunger(&mut self, slot: u32) {
        let Some(connection) = self.conns.at(slot) else { return };
        let hungry = |s: &&Sub| s.standing == Standing::CatchingUp || s.presence == Presence::Due;
        self.outboxes.at_mut(slot).hungry = connection.subs.iter().filter(hungry).count() as u16;
    }
}

/// The last of the list takes the free place; its connection is told where it stands now.
fn take_live(conns: &mut Connections, lane: &mut EdgeLane, room: RoomHandle, index: u32) {
    lane.live.swap_remove(index as usize);
    if let Some(&moved) = lane.live.get(index as usize)
        && let Some(sub) = conns.at_mut(moved).and_then(|c| c.sub_mut(room))
    {
        sub.index = index;
    }
}

pub(super) fn take_catching(conns: &mut Connections, lane: &mut EdgeLane, room: RoomHandle, index: u32) -> CatchUp {
    let taken = lane.catching.swap_remove(index as usize);
    if let Some(moved) = lane.catching.get(index as usize)
        && let Some(sub) = conns.at_mut(moved.slot).and_then(|c| c.sub_mut(room))
    {
        sub.index = index;
    }
    taken
}
