//! What replies with an edge's own number are for: attaches, sessions, parts of a broadcast, presence.

use super::admission::busy;
use crate::message::{Caller, ConnId, Lane};
use rookery_protocol::catalog::Row;
use rookery_protocol::command::{RoomRef, SubscribeRoom};
use rookery_protocol::dialect::contract::Number;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Place, RoomHandle, RoomKey};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;
use slab::Slab;
use std::sync::Arc;

/// Each number is answered exactly once, also for a connection that is gone meanwhile.
pub(super) type Awaited = Slab<Await>;

pub(super) enum Await {
    Attach(Box<AwaitAttach>),
    Session { conn: ConnId },
    Part { gather: u32, index: u32 },
    Call { caller: Caller },
}

pub(super) struct AwaitAttach {
    pub conn: ConnId,
    pub who: Arc<Principal>,
    pub key: RoomKey,
    pub lane: Lane,
    /// Which of its command's rooms.
    pub index: u32,
    /// The subscription that this one goes on from.
    pub again: Option<(RoomHandle, Place)>,
    /// What was asked of the same room meanwhile; taken up when this is answered.
    pub parked: Vec<Parked>,
}

/// Attaches of one room and lane under way.
#[derive(Default)]
pub(super) struct Attaching {
    pub count: u32,
    /// The lane lost its last subscription meanwhile; the last attach decides whether it is over.
    pub left: Option<RoomHandle>,
}

/// What one connection may park behind one attach. A client that waits for answers parks nothing.
const PARKED: usize = 16;

impl AwaitAttach {
    pub fn park(&mut self, parked: Parked) -> Result<(), Refusal> {
        if self.parked.len() >= PARKED {
            return Err(busy());
        }
        self.parked.push(parked);
        Ok(())
    }
}

pub(super) struct Parked {
    pub number: Number,
    pub row: &'static Row,
    pub index: u32,
    pub wish: Wish,
}

pub(super) enum Wish {
    Subscribe(SubscribeRoom),
    Unsubscribe(RoomRef),
}

#[derive(Clone, Copy)]
pub(super) enum GatherFor {
    Connection { conn: ConnId, number: Number },
    Caller(Caller),
}

/// A broadcast until its last room has answered.
pub(super) struct Gather {
    pub whose: GatherFor,
    pub row: &'static Row,
    pub left: u32,
    pub placed: u32,
    pub refused: Vec<(u32, ErrorCode)>,
}
