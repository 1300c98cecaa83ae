//! What the engine's questions to the world are answered by: sequencer, store, tokens, lanes and the clock.

mod clock;
mod sequencer;
pub mod store;

pub use clock::Clock;

use crate::auth::TokenPort;
use crate::metrics::spread::Spread;
use crate::shard::cell::{Doors, Mail, Sent};
use crate::shard::mailbox::Full;
use crate::shard::since::Since;
use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Fact, Fetch, Fetched, Ports, RoomImage, SequenceRequest, Sequenced, StoreFault, Stored, Ticket,
};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Millis, Realm, RoomHandle, RoomKey};
use rookery_protocol::principal::Principal;
use std::time::Duration;

/// For a late answer whose shard takes no mail: so often, and so long between.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

/// The ports of one shard.
pub struct ShellPorts {
    me: ShardId,
    doors: Doors,
    tokens: TokenPort,
    store: store::StorePort,
    /// Parcels that another sender's overtook on the way into a full lane: sent again before anything new.
    held: Vec<(ShardId, Mail, usize)>,
    /// Since when that which this turn carries has been under way.
    pub since: Since,
    /// The last reading of the clock.
    micros: u64,
}

impl ShellPorts {
    pub fn new(me: ShardId, doors: Doors, tokens: TokenPort, store: store::StorePort) -> ShellPorts {
        ShellPorts { me, doors, tokens, store, held: Vec::new(), since: Since::default(), micros: 0 }
    }

    /// So late is it now, in microseconds of the node's clock.
    #[inline]
    pub fn at(&mut self, micros: u64) {
        self.micros = micros;
    }

    /// How many parcels are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// See [`StorePort::unreadable`](store::StorePort::unreadable).
    pub fn unreadable(&self) -> u64 {
        self.store.unreadable()
    }

    /// See [`StorePort::reads`](store::StorePort::reads).
    pub fn reads(&self) -> &Spread {
        self.store.reads()
    }

    /// The store has answers: what they are to the engine.
    pub fn store_answers(&mut self, out: &mut Vec<Fact>) {
        self.store.at(self.micros);
        self.store.poll(out);
        self.since.join(&self.store.take_since());
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
        let sent = Sent { from: self.me, parcel, since: self.since };
        self.deliver(to, Mail::Parcel(Box::new(sent)), bytes);
    }

    fn sequence(&mut self, _ticket: Ticket, request: &SequenceRequest<'_>) -> Option<Sequenced> {
        Some(sequencer::next(request))
    }

    fn takes_writes(&self) -> bool {
        self.store.takes_writes()
    }

    fn submit(&mut self, ticket: Ticket, batch: Batch) -> Option<Stored> {
        // A batch is acked from when the first of its turn was read.
        self.store.at(self.since.began().unwrap_or(self.micros));
        self.store.submit(ticket, batch)
    }

    fn load(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
    ) -> Option<Result<Box<RoomImage>, StoreFault>> {
        self.store.at(self.micros);
        self.store.load(ticket, handle, room)
    }

    fn fetch(
        &mut self,
        ticket: Ticket,
        handle: RoomHandle,
        room: &RoomKey,
        what: &Fetch,
    ) -> Option<Result<Fetched, StoreFault>> {
        self.store.at(self.micros);
        self.store.fetch(ticket, handle, room, what)
    }

    fn rests(&mut self, room: &RoomKey) {
        self.store.rests(room);
    }

    fn verify(
        &mut self,
        ticket: Ticket,
        conn: ConnId,
        realm: Option<&Realm>,
        token: &str,
        at: Millis,
    ) -> Option<Result<Principal, ErrorCode>> {
        let (me, doors) = (self.me, self.doors.clone());
        self.tokens.verify(realm, token, at, move |answer| {
            let Some(door) = doors.get(usize::from(me.0)) else { return };
            let mut mail = Mail::Fact(Box::new(Fact::Verified { conn, ticket, answer }));
            // On another thread, which may wait: a connection whose answer is lost would wait for ever.
            for _ in 0..TRIES {
                match door.control.try_send(mail, 0) {
                    Ok(()) => return,
                    Err(Full(again)) => mail = again,
                }
                std::thread::sleep(BETWEEN_TRIES);
            }
            tracing::error!(event = "verified_in_vain", shard = me.0);
        })
    }
}
