//! Subscribe and unsubscribe: one attach per room, under way until its home answers.

use super::Edge;
use super::address::not_subscribed;
use super::admission::busy;
use super::awaited::{Await, AwaitAttach, Parked, Wish};
use crate::fanout::Outbound;
use crate::message::{Attach, ConnId, Lane, ReplyTo, RoomAddress, ToHome};
use crate::ports::Now;
use rookery_protocol::catalog::Row;
use rookery_protocol::command::{RoomRef, SubscribeRoom};
use rookery_protocol::dialect::contract::Number;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{RoomHandle, RoomKey};
use rookery_protocol::reply::{GapReason, Mark, Refusal, Reply};

/// The command's number and row.
pub(super) type Asker = (Number, &'static Row);

impl Edge {
    pub(super) fn subscribe_all(
        &mut self,
        now: Now,
        conn: ConnId,
        asker: Asker,
        rooms: Vec<SubscribeRoom>,
        out: &mut Outbound,
    ) {
        for (index, wish) in rooms.into_iter().enumerate() {
            self.subscribe(now, conn, asker, index as u32, wish, out);
        }
    }

    pub(super) fn subscribe(
        &mut self,
        now: Now,
        conn: ConnId,
        asker: Asker,
        index: u32,
        wish: SubscribeRoom,
        out: &mut Outbound,
    ) {
        if let Err(refusal) = self.try_subscribe(now, conn, asker, index, wish, out) {
            self.refuse(now, conn, asker.0, asker.1, refusal.of_room(index));
        }
    }

    /// A room that is subscribed already is attached anew from the last place given, whatever cursor the client
    /// names: so nothing is lost, nothing comes twice, and everything above `from` follows, as always.
    fn try_subscribe(
        &mut self,
        now: Now,
        conn: ConnId,
        (number, row): Asker,
        index: u32,
        wish: SubscribeRoom,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        let who = self.principal(conn)?;
        let connection = self.conns.get(conn).ok_or_else(busy)?;
        let key = self.key(Some(connection), &who, &wish.room)?;
        if let Some(attach) = self.attach_under_way(conn, &key) {
            return attach.park(Parked { number, row, index, wish: Wish::Subscribe(wish) });
        }
        let connection = self.conns.get(conn).ok_or_else(busy)?;
        let subscribed = self.subscribed_as(conn, &key);
        let rooms = connection.subs.len() + connection.attaching.len();
        if subscribed.is_none() && rooms >= self.settings.limits.rooms_per_connection as usize {
            return Err(Refusal::new(ErrorCode::TooManyRooms));
        }
        let lane = Lane { encoding: connection.encoding(), wants: wish.wants };
        let presence_grace_ms = connection.dialect.profile().presence_grace_ms;
        let shard = self.shard_of(&key);
        self.reserve(conn, shard)?;

        let (mut again, mut cursor) = (None, wish.cursor);
        if let Some(room) = subscribed
            && let Some(old) = self.detach(conn, room, out)
        {
            if let Some(ending) = old.ending {
                self.mark(conn, &Mark::Gap { room, reason: GapReason::Lagged, from: ending.at });
                self.mark(conn, &Mark::Ended { room, at: ending.at, reason: ending.reason });
            } else {
                again = Some((room, old.cursor));
                // Summaries have no place to go on from.
                cursor = if old.lane.wants.summary_only { cursor } else { Some(old.cursor) };
            }
        }
        self.attaching.entry((key.clone(), lane)).or_default().count += 1;
        let attach = AwaitAttach { conn, who: who.clone(), key: key.clone(), lane, index, again, parked: Vec::new() };
        let gather = self.awaited.insert(Await::Attach(Box::new(attach))) as u32;
        if let Some(connection) = self.conns.get_mut(conn) {
            connection.attaching.push(gather);
        }
        let reply_to = ReplyTo { to: self.address_of(conn), number, row, gather: Some(gather) };
        let room = RoomAddress::Key(key);
        let attach = Attach { room, who, reply_to, at: now.wall, lane, cursor, presence_grace_ms };
        out.to_home(shard, ToHome::Attach(Box::new(attach)));
        Ok(())
    }

    pub(super) fn unsubscribe(
        &mut self,
        now: Now,
        conn: ConnId,
        (number, row): Asker,
        index: u32,
        room: &RoomRef,
        out: &mut Outbound,
    ) {
        match self.try_unsubscribe(conn, (number, row), index, room, out) {
            Ok(Some(room)) => self.answer(conn, number, row, &Reply::Unsubscribed { room }),
            Ok(None) => {}
            Err(refusal) => self.refuse(now, conn, number, row, refusal.of_room(index)),
        }
    }

    /// None: it waits for the attach before it.
    fn try_unsubscribe(
        &mut self,
        conn: ConnId,
        (number, row): Asker,
        index: u32,
        room: &RoomRef,
        out: &mut Outbound,
    ) -> Result<Option<RoomHandle>, Refusal> {
        let who = self.principal(conn)?;
        let key = self.key(Some(self.conns.get(conn).ok_or_else(busy)?), &who, room)?;
        if let Some(attach) = self.attach_under_way(conn, &key) {
            attach.park(Parked { number, row, index, wish: Wish::Unsubscribe(room.clone()) })?;
            return Ok(None);
        }
        let room = self.subscribed_as(conn, &key).ok_or_else(not_subscribed)?;
        self.detach(conn, room, out);
        Ok(Some(room))
    }

    fn subscribed_as(&self, conn: ConnId, key: &RoomKey) -> Option<RoomHandle> {
        let (subs, tag) = (&self.conns.get(conn)?.subs, self.rooms.tag(key));
        let mut alike = subs.iter().filter(|s| s.tag == tag).map(|s| s.room);
        alike.find(|room| self.rooms.get(*room).is_some_and(|r| r.key == *key))
    }

    fn attach_under_way(&mut self, conn: ConnId, key: &RoomKey) -> Option<&mut AwaitAttach> {
        let connection = self.conns.get(conn)?;
        let awaited = &self.awaited;
        let number = connection
            .attaching
            .iter()
            .copied()
            .find(|n| matches!(awaited.get(*n as usize), Some(Await::Attach(attach)) if attach.key == *key))?;
        match self.awaited.get_mut(number as usize) {
            Some(Await::Attach(attach)) => Some(attach),
            Some(Await::Session { .. } | Await::Part { .. } | Await::Call { .. }) | None => None,
        }
    }
}
