//! Answers: to their connections, in the words of its dialect, or to what the edge itself had asked.

use super::Edge;
use super::awaited::Await;
use crate::fanout::Outbound;
use crate::message::{ConnId, ShardId};
use crate::ports::{Now, Ports};
use rookery_protocol::catalog::{CommandKind, Row};
use rookery_protocol::dialect::contract::{Dialect, Number, Stage};
use rookery_protocol::errors::DropReason;
use rookery_protocol::reply::{Mark, Refusal, Reply};
use rookery_protocol::wire::frames::Frames;

impl Edge {
    /// A reply came home.
    pub(super) fn reply(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        from: ShardId,
        to: ConnId,
        (number, row): (Number, &'static Row),
        gather: Option<u32>,
        reply: Reply,
        out: &mut Outbound,
    ) {
        self.returned(from);
        let Some(gather) = gather else {
            if let Some(connection) = self.conns.get_mut(to) {
                connection.in_flight = connection.in_flight.saturating_sub(1);
                self.answer(to, number, row, &reply);
            }
            return;
        };
        match self.awaited.try_remove(gather as usize) {
            Some(Await::Attach(attach)) => self.not_attached(now, gather, *attach, (number, row), reply, out),
            Some(Await::Session { conn }) => {
                self.session_answered(now, ports, conn, reply, out);
                self.settle(now, ports, out);
            }
            Some(Await::Part { gather, index }) => self.part_answered(gather, index, &reply),
            Some(Await::Call { caller }) => self.answer_caller(caller, reply),
            None => {}
        }
    }

    /// A command's place in the lane from that shard is free again.
    pub(super) fn returned(&mut self, from: ShardId) {
        let under_way = &mut self.under_way[usize::from(from.0)];
        *under_way = under_way.saturating_sub(1);
    }

    pub(super) fn answer(&mut self, conn: ConnId, number: Number, row: &'static Row, reply: &Reply) {
        self.counters.answered(row, reply);
        self.say_reply(conn, number, row, reply);
    }

    fn say_reply(&mut self, conn: ConnId, number: Number, row: &'static Row, reply: &Reply) {
        self.say(conn, |dialect, stage, frames| dialect.reply(stage, number, row, reply, frames));
    }

    pub(super) fn refuse(&mut self, now: Now, conn: ConnId, number: Number, row: &'static Row, refusal: Refusal) {
        self.note_refusal(now, conn, refusal.code);
        self.answer(conn, number, row, &Reply::Refused(refusal));
    }

    /// What could not be read has no row of its own; its number says which one is meant.
    pub(super) fn refuse_unreadable(&mut self, now: Now, conn: ConnId, number: Number, refusal: Refusal) {
        self.note_refusal(now, conn, refusal.code);
        self.counters.unreadable(refusal.code);
        self.say_reply(conn, number, CommandKind::Ping.row(), &Reply::Refused(refusal));
    }

    pub(super) fn mark(&mut self, conn: ConnId, mark: &Mark) {
        self.say(conn, |dialect, stage, frames| dialect.mark(stage, mark, frames));
    }

    /// Frames to one connection alone. One that lets its replies pile up is cut, however well it takes its events.
    pub(super) fn say(&mut self, conn: ConnId, write: impl FnOnce(&dyn Dialect, &mut Stage, &mut Frames)) {
        let Some(connection) = self.conns.get_mut(conn).filter(|c| c.closing.is_none()) else { return };
        if self.outboxes.at(conn.slot).queued_own as usize > self.settings.limits.outbox_cut_bytes {
            self.doomed.push((conn, DropReason::Slow));
            return;
        }
        let (dialect, stage) = (connection.dialect, &mut connection.stage);
        self.outboxes.own(conn.slot, |frames| write(dialect, stage, frames));
    }
}
