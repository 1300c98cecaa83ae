//! From what a dialect understood to messages for homes, and the answers that need no home.

use super::Edge;
use super::address::{inbox_of, own_room};
use super::admission::busy;
use super::awaited::GatherFor;
use super::consult::Leave;
use super::route::{self, Route};
use crate::fanout::Outbound;
use crate::message::{Address, ConnId, Envelope, ReplyTo, RoomAddress, ShardId, ToHome};
use crate::planted::{self, Bug};
use crate::ports::{Now, Ports};
use rookery_protocol::catalog::Row;
use rookery_protocol::command::{Command, RoomRef};
use rookery_protocol::dialect::contract::{Asked, Number, Talk};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::RoomKey;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::sync::Arc;

impl Edge {
    /// What one message meant.
    pub(super) fn hear(&mut self, now: Now, ports: &mut dyn Ports, conn: ConnId, talk: &mut Talk, out: &mut Outbound) {
        if !talk.frames.is_empty() {
            self.say(conn, |_, _, frames| frames.raw(talk.frames.as_bytes()));
            talk.frames.clear();
        }
        for asked in talk.commands.drain(..) {
            self.ask(now, ports, conn, asked, out);
        }
        for (number, refusal) in talk.refused.drain(..) {
            self.refuse_unreadable(now, conn, number, refusal);
        }
        if let Some(reason) = talk.close.take() {
            self.doomed.push((conn, reason));
        }
        self.settle(now, ports, out);
    }

    /// Takes a command up, lets it wait for an answer from elsewhere, or refuses it.
    pub(super) fn ask(&mut self, now: Now, ports: &mut dyn Ports, conn: ConnId, mut asked: Asked, out: &mut Outbound) {
        let Some(connection) = self.conns.get_mut(conn).filter(|c| c.closing.is_none()) else { return };
        let (number, row) = (asked.number, asked.command.row());
        let queue = match (&mut connection.entering, &mut connection.held) {
            (Some(entering), _) => Some(&mut entering.queue),
            (None, Some(_)) if overtakes(&asked.command) => None,
            (None, held) => held.as_mut().map(|held| &mut held.queue),
        };
        if let Some(queue) = queue {
            if !queue.wait(asked) {
                self.refuse(now, conn, number, row, busy());
            }
            return;
        }
        self.counters.commands += 1;
        let done = self.admit(now, conn, row, &mut asked.command);
        let done = done.and_then(|()| self.dispatch(now, ports, conn, (number, row), asked.command, out));
        if let Err(refusal) = done {
            self.refuse(now, conn, number, row, refusal);
        }
    }

    fn dispatch(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        conn: ConnId,
        (number, row): (Number, &'static Row),
        command: Command,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        let asker = (conn, number, row);
        match route::of(command) {
            Route::Enter { token, purpose } => {
                self.enter(now, ports, conn, (number, row), &token, purpose, out);
                Ok(())
            }
            Route::Ping => {
                self.answer(conn, number, row, &Reply::Pong { at: now.wall });
                Ok(())
            }
            Route::Subscribe(rooms) => {
                // Only a resume may name none.
                if rooms.is_empty() {
                    self.answer(conn, number, row, &Reply::Done);
                }
                self.subscribe_if_allowed(now, ports, conn, (number, row), rooms, out);
                Ok(())
            }
            Route::Unsubscribe(rooms) => {
                for (index, room) in rooms.into_iter().enumerate() {
                    self.unsubscribe(now, conn, (number, row), index as u32, &room, out);
                }
                Ok(())
            }
            Route::Broadcast(rooms, post) => {
                let who = self.principal(conn)?;
                self.broadcast(now, (GatherFor::Connection { conn, number }, row), who, rooms, post, out)
            }
            Route::Room(room, command) => {
                let who = self.principal(conn)?;
                match self.leave_for(now, ports, conn, &who, (&room, &command))? {
                    Leave::Given => self.send_to_room(now, asker, &room, command, out),
                    Leave::Asked(ticket) => {
                        self.hold(conn, (number, row), ticket, room, command);
                        Ok(())
                    }
                }
            }
            Route::Own(kind, command) => {
                let who = self.principal(conn)?;
                let key = own_room(&who, kind);
                self.send_home(now, asker, self.home_of(key), who, command, out)
            }
            Route::InboxOf(user, command) => {
                let who = self.principal(conn)?;
                let key = inbox_of(&who, &user);
                self.send_home(now, asker, self.home_of(key), who, command, out)
            }
        }
    }

    pub(super) fn send_to_room(
        &mut self,
        now: Now,
        asker: (ConnId, Number, &'static Row),
        room: &RoomRef,
        command: Command,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        let connection = self.conns.get(asker.0).ok_or_else(busy)?;
        let who = self.principal(asker.0)?;
        let (shard, room) = self.address(Some(connection), &who, room)?;
        self.send_home(now, asker, (shard, room), who, command, out)
    }

    fn send_home(
        &mut self,
        now: Now,
        (conn, number, row): (ConnId, Number, &'static Row),
        (shard, room): (ShardId, RoomAddress),
        who: Arc<Principal>,
        command: Command,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        self.reserve(conn, shard)?;
        let reply_to = ReplyTo { to: self.address_of(conn), number, row, gather: None };
        let envelope = Envelope { room, who, reply_to, at: now.wall, command };
        out.to_home(shard, ToHome::Command(Box::new(envelope)));
        Ok(())
    }

    pub(super) fn principal(&self, conn: ConnId) -> Result<Arc<Principal>, Refusal> {
        let session = self.conns.get(conn).and_then(|c| c.session.as_ref());
        session.map(|s| s.principal.clone()).ok_or_else(|| Refusal::new(ErrorCode::NotAuthenticated))
    }

    pub(super) fn home_of(&self, key: RoomKey) -> (ShardId, RoomAddress) {
        (self.shard_of(&key), RoomAddress::Key(key))
    }

    pub(super) fn address_of(&self, conn: ConnId) -> Address {
        Address { shard: self.settings.shard, conn }
    }
}

/// Only on purpose.
fn overtakes(command: &Command) -> bool {
    planted::is(Bug::HeldIsOvertaken) && matches!(command, Command::Post(_))
}
