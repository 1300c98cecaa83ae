//! What the tasks of one shard share: the engine, its ports and the sockets, borrowed without ever awaiting.
//!
//! Invariant: no borrow of [`Inner`] lives across an await, so a borrow can never be found taken.

use super::awake::Pace;
use super::calls::{Call, Calls};
use super::mailbox::{self, Bounds, Receiver, Sender};
use super::since::Since;
use super::spent::Spent;
use crate::auth::hook::{HookCounters, Ruled};
use crate::metrics::{Board, Counted};
use crate::net::addresses::Pass;
use crate::net::burst::Burst;
use crate::net::guard::Reader;
use crate::net::origin::OriginPolicy;
use crate::net::sealed::Sealed;
use crate::ports::{Clock, ShellPorts, Verified};
use rookery_engine::edge::Opening;
use rookery_engine::message::{ConnId, Parcel, ShardId};
use rookery_engine::ports::{Fact, Now};
use rookery_engine::settings::{Limits, RealmSettings, Settings};
use rookery_engine::shard::Shard;
use rookery_protocol::dialect::contract::{DialectId, Hello};
use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::Realm;
use rookery_protocol::limits;
use rustix::io::Errno;
use rustix::net::SendFlags;
use std::cell::RefCell;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

/// What comes through a shard's mailbox.
pub enum Mail {
    Parcel(Box<Sent>),
    /// A late answer of a port that works elsewhere.
    Fact(Box<Fact>),
    /// A token that had to wait for keys.
    Verified(Box<Verified>),
    /// What a hook has answered.
    Ruled(Box<Ruled>),
    /// The store has answers for this shard.
    StoreAnswers,
    /// A fresh connection whose room lives here.
    Connection(Box<Arrival<std::net::TcpStream>>),
    /// Something else was configured.
    Configured(Box<Configured>),
    /// A command of somebody without a connection.
    Call(Box<Call>),
    /// Close every connection in order, give them this long to read why, then stop.
    Drain {
        last_words: Duration,
        why: DropReason,
    },
}

/// A parcel on its way.
pub struct Sent {
    pub from: ShardId,
    pub parcel: Parcel,
    /// Of the turn that sent it.
    pub since: Since,
}

/// What a node can change while it runs.
pub struct Configured {
    pub limits: Limits,
    pub realms: Vec<RealmSettings>,
    pub origins: Vec<(Realm, OriginPolicy)>,
}

/// A connection that has just been upgraded. With a socket of this shard's runtime, or on its way to another one's.
pub struct Arrival<S> {
    pub stream: S,
    /// None: it is plain.
    pub sealed: Option<Box<Sealed>>,
    /// The 101, which goes before everything else.
    pub answer: Vec<u8>,
    /// Frames that came with the upgrade request.
    pub early: Vec<u8>,
    pub dialect: DialectId,
    pub realm: Realm,
    pub path: String,
    pub query: String,
    pub token: Option<String>,
    /// Where its client is.
    pub address: Option<IpAddr>,
    pub pass: Pass,
}

impl Arrival<TcpStream> {
    /// Takes the socket from this runtime, for another one.
    pub fn leave(self) -> std::io::Result<Arrival<std::net::TcpStream>> {
        let Arrival { stream, sealed, answer, early, dialect, realm, path, query, token, address, pass } = self;
        let stream = stream.into_std()?;
        Ok(Arrival { stream, sealed, answer, early, dialect, realm, path, query, token, address, pass })
    }
}

impl Arrival<std::net::TcpStream> {
    /// Gives the socket to this runtime.
    pub fn enter(self) -> std::io::Result<Arrival<TcpStream>> {
        let Arrival { stream, sealed, answer, early, dialect, realm, path, query, token, address, pass } = self;
        let stream = TcpStream::from_std(stream)?;
        Ok(Arrival { stream, sealed, answer, early, dialect, realm, path, query, token, address, pass })
    }
}

impl<S> Arrival<S> {
    pub fn opening(&self) -> Opening<'_> {
        Opening {
            before: &self.answer,
            dialect: self.dialect,
            realm: self.realm.clone(),
            hello: Hello { path: &self.path, query: &self.query, token: self.token.as_deref() },
            address: self.address,
        }
    }
}

/// A connection's place in the shell: its socket's writing side, and the tasks that work for it. All seats of a shard lie
/// side by side, because the flush visits them one after another.
pub struct Seat {
    /// The engine's generation guards against a slot's next owner.
    pub conn: ConnId,
    pub half: OwnedWriteHalf,
    /// Shared with the reading side. None: the socket is plain.
    pub sealed: Option<Rc<RefCell<Sealed>>>,
    /// The task that waits for the socket to take bytes again.
    pub waiting: Option<AbortHandle>,
    pub reading: Option<AbortHandle>,
}

impl Seat {
    /// One write, straight to the socket, which knows best whether it takes anything: asking the runtime first would
    /// visit two more cache lines of each connection. Only where it takes nothing the runtime is asked, too, because
    /// waiting for the socket begins there.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match rustix::net::send(self.half.as_ref(), bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
            Ok(count) => Ok(count),
            Err(Errno::WOULDBLOCK) => self.half.try_write(bytes),
            Err(error) => Err(error.into()),
        }
    }
}

impl Seat {
    /// The writing side, for whoever writes what it likes.
    pub fn socket(&self) -> impl io::Write {
        Writing(&self.half)
    }

    pub fn say_goodbye(&self) {
        if let Some(sealed) = &self.sealed {
            sealed.borrow_mut().say_goodbye(&mut self.socket());
        }
    }
}

struct Writing<'a>(&'a OwnedWriteHalf);

impl io::Write for Writing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub struct Inner {
    pub shard: Shard,
    pub ports: ShellPorts,
    pub seats: Seats,
    pub calls: Calls,
    pub dirty: Vec<ConnId>,
    /// None: each connection is written to by a call of its own.
    pub burst: Option<Box<Burst>>,
    /// Of the dirty ones those that are in a burst; kept for its allocation.
    pub bursting: Vec<ConnId>,
    /// Of the store, on their way to the engine; kept for its allocation.
    pub facts: Vec<Fact>,
    pub commands_this_turn: u64,
    pub turn_began_micros: u64,
    pub pace: Pace,
    pub spent: Spent,
    /// What connections sent.
    pub received_bytes: u64,
    /// Sockets that were accepted and whose HTTP is over, however it ended.
    pub served: u64,
    /// Looking for the next message, awake.
    pub awake_micros: u64,
}

pub struct ShardCell {
    pub id: ShardId,
    pub inner: RefCell<Inner>,
    /// One parser and one read buffer for all connections of the shard.
    pub reader: RefCell<Reader>,
    /// There is something to end a turn for.
    pub work: Notify,
    pub clock: Clock,
    pub counters: Arc<ShardCounters>,
    pub settings: Arc<Settings>,
}

/// Published by a shard for whoever looks on; written without a lock.
#[derive(Default)]
pub struct ShardCounters {
    /// When the loop turned last, in milliseconds of the node's clock: at least once a second.
    pub turned_at: std::sync::atomic::AtomicU64,
    pub connections: std::sync::atomic::AtomicU64,
    pub hook: Arc<HookCounters>,
    /// All that is shown.
    pub board: Board,
}

impl ShardCell {
    pub fn new(
        settings: Arc<Settings>,
        ports: ShellPorts,
        clock: Clock,
        counters: Arc<ShardCounters>,
        burst: Option<Box<Burst>>,
    ) -> Rc<ShardCell> {
        Rc::new(ShardCell {
            id: settings.shard,
            inner: RefCell::new(Inner {
                shard: Shard::new(settings.clone()),
                ports,
                seats: Seats::default(),
                calls: Calls::default(),
                dirty: Vec::new(),
                burst,
                bursting: Vec::new(),
                facts: Vec::new(),
                commands_this_turn: 0,
                turn_began_micros: 0,
                pace: Pace::default(),
                spent: Spent::default(),
                received_bytes: 0,
                served: 0,
                awake_micros: 0,
            }),
            reader: RefCell::new(Reader::new()),
            work: Notify::new(),
            clock,
            counters,
            settings,
        })
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Writes down what is shown of the shard. On its own thread: the runtime counts what its loop was busy.
    pub fn publish(&self, inner: &Inner) {
        let busy = tokio::runtime::Handle::current().metrics().worker_total_busy_duration(0);
        self.counters.board.write(&Counted {
            shard: &inner.shard,
            spent: &inner.spent,
            hook: &self.counters.hook,
            reads: inner.ports.reads(),
            connections: self.counters.connections.load(Ordering::Relaxed),
            received_bytes: inner.received_bytes,
            busy_micros: u64::try_from(busy.as_micros()).unwrap_or(u64::MAX),
            awake_micros: inner.awake_micros,
            held_parcels: inner.ports.held() as u64,
            unreadable: inner.ports.unreadable(),
        });
    }
}

/// By slot of [`ConnId`].
#[derive(Default)]
pub struct Seats(Vec<Option<Seat>>);

impl Seats {
    pub fn get(&self, conn: ConnId) -> Option<&Seat> {
        self.0.get(conn.slot as usize)?.as_ref().filter(|seat| seat.conn == conn)
    }

    pub fn of(&mut self, conn: ConnId) -> Option<&mut Seat> {
        self.0.get_mut(conn.slot as usize)?.as_mut().filter(|seat| seat.conn == conn)
    }

    pub fn take(&mut self, seat: Seat) {
        let slot = seat.conn.slot as usize;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, || None);
        }
        self.0[slot] = Some(seat);
    }

    pub fn leave(&mut self, conn: ConnId) -> Option<Seat> {
        self.of(conn)?;
        self.0.get_mut(conn.slot as usize)?.take()
    }
}

/// One shard's entrance.
#[derive(Clone)]
pub struct Door {
    /// Parcels of other shards: many, large, bounded tightly.
    pub parcels: Sender<Mail>,
    /// Everything else: few and small, and never behind a full lane of parcels.
    pub control: Sender<Mail>,
    /// Commands without a connection: they wait behind everything that connections ask.
    pub calls: Sender<Mail>,
}

/// The entrances of all shards, by shard.
pub type Doors = Arc<[Door]>;

/// A shard's mailbox. The control lane is visited first.
pub fn door() -> (Door, Receiver<Mail>) {
    const CONTROL: Bounds = Bounds { entries: 4096, bytes: 1 << 20 };
    const PARCELS: Bounds = Bounds { entries: limits::LANE_PARCELS as usize, bytes: limits::LANE_BYTES as usize };
    const CALLS: Bounds = Bounds { entries: limits::CALLS_PER_SHARD as usize, bytes: limits::LANE_BYTES as usize };
    let ([control, parcels, calls], receiver) = mailbox::mailbox([CONTROL, PARCELS, CALLS]);
    (Door { parcels, control, calls }, receiver)
}
