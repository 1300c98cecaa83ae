//! What the engine's questions to the world are answered by: sequencer, store, tokens, lanes and the clock.

mod clock;
mod sequencer;
pub mod store;

pub use clock::Clock;

use crate::auth::Tokens;
use crate::shard::cell::{Doors, Mail};
use crate::shard::mailbox::Full;
use rookery_engine::message::{Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Fact, Fetch, Fetched, Ports, RoomImage, SequenceRequest, Sequenced, StoreFault, Stored, Ticket,
};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Millis, Realm, RoomHandle, RoomKey};
use rookery_protocol::principal::Principal;
use std::sync::Arc;

/// The ports of one shard.
pub struct ShellPorts {
    me: ShardId,
    doors: Doors,
    tokens: Arc<Tokens>,
    store: store::StorePort,
    /// Parcels that another sender's overtook on the way into a full lane: sent again before anything new.
    held: Vec<(ShardId, Mail, usize)>,
}

impl ShellPorts {
    pub fn new(me: ShardId, doors: Doors, tokens: Arc<Tokens>, store: store::StorePort) -> ShellPorts {
        ShellPorts { me, doors, tokens, store, held: Vec::new() }
    }

    /// The store has answers: what they are to the engine.
    pub fn store_answers(&mut self, out: &mut Vec<Fact>) {
        self.store.poll(out);
    }

    /// Tries again to send what is held. True: nothing is.
    pub fn send_held(&mut self) -> bool {
        for (to, mail, bytes) in std::mem::take(&mut self.held) {
            self.deliver(to, mail, bytes);
        }
        self.held.is_empty()
    }

    fn holds(&self, to: ShardId) -> bool {
        self.held.iter().any(|(held, _, _)| *held == to)
    }

    fn deliver(&mut self, to: ShardId, mail: Mail, bytes: usize) {
        if self.holds(to) {
            return self.held.push((to, mail, bytes));
        }
        if let Some(door) = self.doors.get(usize::from(to.0))
            && let Err(Full(mail)) = door.parcels.try_send(mail, bytes)
        {
            self.held.push((to, mail, bytes));
        }
    }
}

impl Ports for ShellPorts {
    fn lane_room(&self, to: ShardId) -> usize {
        match self.doors.get(usize::from(to.0)) {
            Some(door) if !self.holds(to) => door.parcels.room(),
            Some(_) | None => 0,
        }
    }

    fn send(&mut self, to: ShardId, parcel: Parcel) {
        let bytes = parcel.bytes;
        self.deliver(to, Mail::Parcel { from: self.me, parcel: Box::new(parcel) }, bytes);
    }

    fn sequence(&mut self, _ticket: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced> {
        Some(sequencer::next(request))
    }

    fn takes_writes(&self) -> bool {
        self.store.takes_writes()
    }

    fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored> {
        self.store.submit(ticket, batch)
    }

    fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>> {
        self.store.load(ticket, handle, room)
    }

    fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>> {
        self.store.fetch(ticket, handle, room, what)
    }

    fn rests(&mut self, room: &RoomKey) {
        self.store.rests(room);
    }

    fn verify(
        &mut self,
        _ticket: Ticket,
        realm: Option<&Realm>,
        token: &str,
        _at: Millis,
    ) -> Option<Result<Principal, ErrorCode>> {
        Some(self.tokens.verify(token, realm))
    }
}
