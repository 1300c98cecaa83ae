//! What becomes of an attach: a subscription, live or catching up, or a refusal.

use super::Edge;
use super::admission::busy;
use super::awaited::{Await, AwaitAttach, Parked, Wish};
use super::connection::{Presence, Standing, Sub};
use super::rooms::{CatchUp, Waits};
use super::subscribe::Asker;
use crate::fanout::Outbound;
use crate::message::{ConnId, Detach, Lane, ShardId, ToHome};
use crate::ports::Now;
use rookery_protocol::ids::{Place, RoomHandle, RoomKey};
use rookery_protocol::reply::{EndReason, Mark, Reply, Start, Subscribed};
use std::collections::hash_map::Entry;

impl Edge {
    /// A home answered: from here on this shard gets the lane's chunks, beginning above `subscribed.end`.
    pub(super) fn attached(
        &mut self,
        now: Now,
        from: ShardId,
        (number, row): Asker,
        gather: Option<u32>,
        lane: Lane,
        subscribed: Box<Subscribed>,
        out: &mut Outbound,
    ) {
        self.returned(from);
        let Some(gather) = gather else { return };
        let Some(Await::Attach(attach)) = self.awaited.try_remove(gather as usize) else { return };
        let (conn, room) = (attach.conn, subscribed.handle);
        let (alive, _) = self.attach_is_over(conn, gather, &attach.key, lane);
        let echo = (self.dialects)(lane.encoding.dialect).profile().echo;
        let (state, new) = self.rooms.enter(room, &subscribed.room, lane, echo, subscribed.end);
        if state.live.is_empty() {
            // Nobody depends on it: it may have stood still while home sent nothing here.
            state.place = subscribed.end;
        }
        let behind = !new && state.has_places() && subscribed.end > state.place;
        if behind {
            self.skipped(now, room, lane, subscribed.end, out);
        }
        if !alive {
            let (address, user) = (self.address_of(conn), attach.who.user.clone());
            let lane_empty = self.lane_is_over(room, lane);
            out.to_home(from, ToHome::Detach(Detach { room, lane, address, user, lane_empty }));
            return;
        }
        let (start, cursor) = (subscribed.start, subscribed.from);
        self.answer(conn, number, row, &Reply::Subscribed(subscribed));
        self.begin(now, conn, room, lane, start, cursor, out);
        // A newer token may have come in between.
        self.end_if_not_granted(conn, room, out);
        self.unpark(now, conn, attach.parked, out);
    }

    /// Live at once if nothing lies between; otherwise it catches up.
    fn begin(
        &mut self,
        now: Now,
        conn: ConnId,
        room: RoomHandle,
        lane: Lane,
        start: Start,
        cursor: Place,
        out: &mut Outbound,
    ) {
        let Some(tag) = self.rooms.get(room).map(|r| self.rooms.tag(&r.key)) else { return };
        let Some(connection) = self.conns.get_mut(conn) else { return };
        let presence = if lane.wants.presence { Presence::Due } else { Presence::Known };
        connection.subs.push(Sub { room, tag, lane, index: 0, standing: Standing::Live, presence });
        if lane.wants.summary_only {
            self.link_live(conn.slot, room);
        } else {
            let asked = match start {
                Start::Resuming | Start::Retract { .. } => true,
                Start::Live | Start::Gap(_) => false,
            };
            let catch_up = CatchUp { slot: conn.slot, waits: Waits::No, asked, cursor, ending: None };
            self.link_catching(conn.slot, room, catch_up);
            self.went_on(conn.slot, room, out);
        }
        // Behind the answer to an attach, home says by itself who is here.
        if let Some(sub) = self.conns.get_mut(conn).and_then(|c| c.sub_mut(room))
            && sub.standing == Standing::Live
            && sub.presence == Presence::Due
        {
            sub.presence = Presence::Asked;
        }
        self.count_hunger(conn.slot);
        self.feed(now, conn.slot, out);
    }

    /// A home refused.
    pub(super) fn not_attached(
        &mut self,
        now: Now,
        gather: u32,
        attach: AwaitAttach,
        (number, row): Asker,
        reply: Reply,
        out: &mut Outbound,
    ) {
        let AwaitAttach { conn, who, key, lane, index, again, parked } = attach;
        let (alive, left) = self.attach_is_over(conn, gather, &key, lane);
        if let Some(room) = left
            && self.lane_is_over(room, lane)
        {
            let address = self.address_of(conn);
            let detach = Detach { room, lane, address, user: who.user.clone(), lane_empty: true };
            out.to_home(self.shard_of_handle(room), ToHome::Detach(detach));
        }
        if !alive {
            return;
        }
        if let Some((room, at)) = again {
            self.mark(conn, &Mark::Ended { room, at, reason: EndReason::AccessLost });
        }
        let refusal = if let Reply::Refused(refusal) = reply { refusal } else { busy() };
        self.refuse(now, conn, number, row, refusal.of_room(index));
        self.unpark(now, conn, parked, out);
    }
    /// Whether the connection is still there, and the room whose lane was left to this attach to end.
    fn attach_is_over(&mut self, conn: ConnId, gather: u32, key: &RoomKey, lane: Lane) -> (bool, Option<RoomHandle>) {
        let mut left = None;
        if let Entry::Occupied(mut entry) = self.attaching.entry((key.clone(), lane)) {
            left = entry.get().left;
            entry.get_mut().count -= 1;
            if entry.get().count == 0 {
                entry.remove();
            }
        }
        let Some(connection) = self.conns.get_mut(conn) else { return (false, left) };
        connection.attaching.retain(|n| *n != gather);
        connection.in_flight = connection.in_flight.saturating_sub(1);
        (connection.closing.is_none(), left)
    }

    /// What was asked of the room while it was being attached. The first attach leaves the rest to itself.
    fn unpark(&mut self, now: Now, conn: ConnId, parked: Vec<Parked>, out: &mut Outbound) {
        for Parked { number, row, index, wish } in parked {
            match wish {
                Wish::Subscribe(wish) => self.subscribe(now, conn, (number, row), index, wish, out),
                Wish::Unsubscribe(room) => self.unsubscribe(now, conn, (number, row), index, &room, out),
            }
        }
    }
}
