//! One message to many rooms: a post for each, and one answer when the last of them has answered.

use super::Edge;
use super::admission::busy;
use super::awaited::{Await, Gather, GatherFor};
use crate::fanout::Outbound;
use crate::message::{Envelope, ReplyTo, ToHome};
use crate::ports::Now;
use rookery_protocol::catalog::Row;
use rookery_protocol::command::{Command, Post, RoomRef};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::sync::Arc;

impl Edge {
    pub(super) fn broadcast(
        &mut self,
        now: Now,
        (whose, row): (GatherFor, &'static Row),
        who: Arc<Principal>,
        rooms: Vec<RoomRef>,
        post: Box<Post>,
        out: &mut Outbound,
    ) -> Result<(), Refusal> {
        let mut gather = Gather { whose, row, left: 0, placed: 0, refused: Vec::new() };
        let mut parts = Vec::new();
        for (index, room) in rooms.into_iter().enumerate() {
            let index = index as u32;
            let connection = match whose {
                GatherFor::Connection { conn, .. } => Some(self.conns.get(conn).ok_or_else(busy)?),
                GatherFor::Caller(_) => None,
            };
            match self.address(connection, &who, &room) {
                Ok((shard, _)) if u64::from(self.under_way[usize::from(shard.0)]) >= limits::LANE_COMMANDS => {
                    gather.refused.push((index, ErrorCode::Busy));
                }
                Ok((shard, address)) => {
                    self.under_way[usize::from(shard.0)] += 1;
                    parts.push((index, shard, address, room));
                }
                Err(refusal) => gather.refused.push((index, refusal.code)),
            }
        }
        gather.left = parts.len() as u32;
        let (to, number) = match whose {
            GatherFor::Connection { conn, number } => {
                if let Some(connection) = self.conns.get_mut(conn) {
                    connection.in_flight += 1;
                }
                (self.address_of(conn), number)
            }
            GatherFor::Caller(_) => (self.nobodys_address(), 0),
        };
        let gather = self.gathers.insert(gather) as u32;
        for (index, shard, address, room) in parts {
            let part = self.awaited.insert(Await::Part { gather, index }) as u32;
            let reply_to = ReplyTo { to, number, row, gather: Some(part) };
            let command = Command::Post(Post { room, ..Post::clone(&post) });
            let envelope = Envelope { room: address, who: who.clone(), reply_to, at: now.wall, command };
            out.to_home(shard, ToHome::Command(Box::new(envelope)));
        }
        self.gathered(gather);
        Ok(())
    }

    pub(super) fn part_answered(&mut self, gather: u32, index: u32, reply: &Reply) {
        let Some(sum) = self.gathers.get_mut(gather as usize) else { return };
        sum.left -= 1;
        if let Reply::Refused(refusal) = reply {
            sum.refused.push((index, refusal.code));
        } else {
            sum.placed += 1;
        }
        self.gathered(gather);
    }

    /// Answers once nothing is left to wait for.
    fn gathered(&mut self, gather: u32) {
        if self.gathers.get(gather as usize).is_none_or(|g| g.left > 0) {
            return;
        }
        let mut sum = self.gathers.remove(gather as usize);
        sum.refused.sort_unstable();
        let reply = Reply::Broadcast { placed: sum.placed, refused: sum.refused };
        match sum.whose {
            GatherFor::Connection { conn, number } => {
                if let Some(connection) = self.conns.get_mut(conn) {
                    connection.in_flight -= 1;
                }
                self.answer(conn, number, sum.row, &reply);
            }
            GatherFor::Caller(caller) => self.answer_caller(caller, reply),
        }
    }
}
