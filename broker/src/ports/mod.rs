//! What the engine's questions to the world are answered by: sequencer, store, tokens, lanes and the clock.

mod clock;
mod sequencer;
pub mod store;

pub use clock::Clock;

use crate::auth::TokenPort;
use crate::auth::hook::{Entrance, HookPort, Ruled};
use crate::metrics::spread::Spread;
use crate::shard::cell::{Doors, Mail, Sent};
use crate::shard::mailbox::Full;
use crate::shard::since::Since;
use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{
    Batch, Consulting, Fact, Fetch, Fetched, Matter, Ports, RoomImage, Ruling, SequenceRequest, Sequenced, Shown,
    StoreFault, Stored, Ticket, Verdict,
};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::event::Fact as DirectoryFact;
use rookery_protocol::ids::{Millis, Realm, RoomHandle, RoomKey};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::Refusal;
use std::net::IpAddr;
use std::time::Duration;

/// For a late answer whose shard takes no mail: so often, and so long between.
const TRIES: u32 = 100;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// When a token may be shown again that found too many waiting for keys.
const BUSY_MS: u32 = 100;

/// The ports of one shard.
pub struct ShellPorts {
    me: ShardId,
    doors: Doors,
    tokens: TokenPort,
    hook: HookPort,
    store: store::StorePort,
    /// Parcels that another sender's overtook on the way into a full lane: sent again before anything new.
    held: Vec<(ShardId, Mail, usize)>,
    /// Since when that which this turn carries has been under way.
    pub since: Since,
    /// The last reading of the clock.
    micros: u64,
}

impl ShellPorts {
    pub fn new(me: ShardId, doors: Doors, tokens: TokenPort, hook: HookPort, store: store::StorePort) -> ShellPorts {
        ShellPorts { me, doors, tokens, hook, store, held: Vec::new(), since: Since::default(), micros: 0 }
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

    fn verify(&mut self, ticket: Ticket, conn: ConnId, shown: &Shown<'_>) -> Option<Verdict> {
        if let Entrance::Names(hook) = self.hook.entrance(shown.realm) {
            return self.hook.enter(hook, conn, ticket, shown, None);
        }
        let (me, doors) = (self.me, self.doors.clone());
        let late =
            Late { realm: shown.realm.clone(), token: shown.token.to_owned(), at: shown.at, address: shown.address };
        let answer = self.tokens.verify(Some(shown.realm), shown.token, shown.at, move |answer| {
            let Some(door) = doors.get(usize::from(me.0)) else { return };
            let mut mail = Mail::Verified(Box::new(Verified { conn, ticket, answer, late }));
            // On another thread, which may wait: a connection whose answer is lost would wait for ever.
            for _ in 0..TRIES {
                match door.control.try_send(mail, 0) {
                    Ok(()) => return,
                    Err(Full(again)) => mail = again,
                }
                std::thread::sleep(BETWEEN_TRIES);
            }
            tracing::error!(event = "verified_in_vain", shard = me.0);
        })?;
        self.let_in(ticket, conn, shown, answer)
    }

    fn consult(&mut self, whom: Consulting, matter: &Matter<'_>) -> Option<Vec<Ruling>> {
        self.hook.consult(whom, matter)
    }

    fn revoked(&mut self, realm: &Realm, fact: &DirectoryFact) {
        self.hook.revoked(realm, fact);
    }
}

/// A token that had to wait for keys.
pub struct Verified {
    conn: ConnId,
    ticket: Ticket,
    answer: Result<Principal, ErrorCode>,
    late: Late,
}

/// Of [`Shown`], for the time after.
struct Late {
    realm: Realm,
    token: String,
    at: Millis,
    address: Option<IpAddr>,
}

impl ShellPorts {
    /// None: a hook is asked about it now.
    pub fn verified(&mut self, verified: Verified) -> Option<Fact> {
        let Verified { conn, ticket, answer, late } = verified;
        let shown = Shown { realm: &late.realm, token: &late.token, at: late.at, address: late.address };
        let answer = self.let_in(ticket, conn, &shown, answer)?;
        Some(Fact::Verified { conn, ticket, answer })
    }

    pub fn ruled(&mut self, ruled: Ruled) -> Fact {
        self.hook.ruled(ruled)
    }

    /// What the keys said; whose token is good may still need a hook's word.
    fn let_in(
        &mut self,
        ticket: Ticket,
        conn: ConnId,
        shown: &Shown<'_>,
        answer: Result<Principal, ErrorCode>,
    ) -> Option<Verdict> {
        match (answer, self.hook.entrance(shown.realm)) {
            (Ok(principal), Entrance::Asks(hook)) => self.hook.enter(hook, conn, ticket, shown, Some(principal)),
            (Ok(principal), Entrance::Open | Entrance::Names(_)) => Some(Ok(principal)),
            (Err(ErrorCode::Busy), _) => Some(Err(Refusal::later(ErrorCode::Busy, BUSY_MS))),
            (Err(code), _) => Some(Err(Refusal::new(code))),
        }
    }
}
