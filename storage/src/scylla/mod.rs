//! The settled store in a database: ScyllaDB, or Apache Cassandra. `docs/storage/scylla.md` has its tables.
//!
//! [`schema`] and [`migrate`] make the tables, [`open`] and [`lease`] reach them, [`statements`] and [`write`] are all
//! that is said to them, [`link`] says it. [`rooms`] knows where each room stands. [`stage`] gathers and commits,
//! [`apply`], [`cut`] and [`trim`] decide what;
//! [`fill`] takes over rooms of an embedded store. [`fetch`], [`read`], [`page`], [`replay`] and [`scan`] answer;
//! [`flights`] lets equal reads be one.
//!
//! One node holds a keyspace, so what it remembers of a room is how the room is, and locks of its own keep answers whole.

mod apply;
mod counters;
mod cut;
mod fetch;
mod fill;
mod flights;
mod lease;
mod link;
mod migrate;
mod open;
mod page;
mod pending;
mod read;
mod replay;
mod rooms;
mod scan;
mod schema;
mod stage;
mod statements;
mod trim;
mod write;

pub use counters::{Count, Counters};
pub use fill::Filled;
pub use migrate::{Migrated, migrate};
pub use open::ScyllaOptions;

use crate::RoomKey;
use crate::answer::Outcome;
use crate::ask::{Ask, Position};
use crate::settled::{Entry, Fault, Settled};
use fetch::Room;
use flights::{Flights, Joined, Leading};
use futures_util::{StreamExt, stream};
use lease::Lease;
use link::Link;
use rooms::Rooms;
use scylla::value::CqlValue;
use stage::Stage;
use statements::{Query, Statements};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::RwLock;
use tokio::task::JoinHandle;
use write::unsigned;

/// Rooms that are written to at the same time by one call.
const ROOMS_AT_ONCE: usize = 64;
/// How long giving the lease back may take when the store is closed.
const GOODBYE: Duration = Duration::from_secs(1);

pub struct Scylla {
    inner: Arc<Inner>,
    runtime: Handle,
    renewal: JoinHandle<()>,
}

pub(crate) struct Inner {
    link: Link,
    rooms: Rooms,
    journal: u64,
    /// The moment of what is written next, where no place says one.
    stamp: AtomicI64,
    watermark: AtomicU64,
    flights: Flights,
    /// Whoever changes a room shares it; who looks at all rooms has it alone.
    gate: RwLock<()>,
}

/// Moments that one stamp takes up.
const STAMP_STEP: i64 = 4;

impl Inner {
    fn stamp(&self) -> i64 {
        self.stamp.fetch_add(STAMP_STEP, Ordering::Relaxed)
    }
}

impl Scylla {
    /// Takes the keyspace, or says who holds it. All that waits is done by `runtime`, which needs threads of its own.
    pub fn open(options: &ScyllaOptions, runtime: Handle) -> Result<Scylla, Fault> {
        let inner = Arc::new(runtime.block_on(open_inner(options))?);
        let kept = inner.clone();
        let renewal = runtime.spawn(async move {
            let why = kept.link.lease.keep().await;
            tracing::error!(event = "keyspace_lost", why);
            kept.link.poison(why);
        });
        Ok(Scylla { inner, runtime, renewal })
    }

    /// A run number above all that were taken before, and not below this one.
    pub fn take_run(&self, at_least: u64) -> Result<u64, Fault> {
        self.inner.link.check()?;
        self.runtime.block_on(self.inner.link.lease.take_run(at_least))
    }

    pub fn counters(&self) -> Arc<Counters> {
        self.inner.link.counters.clone()
    }

    /// Rooms that are remembered at this moment.
    pub fn remembered(&self) -> usize {
        self.inner.rooms.len()
    }

    /// For tests: after so many more writing requests the store stops for good, as if its process had.
    #[doc(hidden)]
    pub fn stop_after(&self, requests: u64) {
        self.inner.link.stop_after(requests);
    }

    fn run<T>(&self, work: impl Future<Output = Result<T, Fault>>) -> Result<T, Fault> {
        self.inner.link.check()?;
        self.runtime.block_on(work)
    }

    /// Whether it was carried out to its end is not known: nothing more is written, until somebody opens it again.
    fn doubtful<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(fault @ Fault::Io(_)) = &result {
            self.inner.link.poison(fault.to_string());
        }
        result
    }
}

async fn open_inner(options: &ScyllaOptions) -> Result<Inner, Fault> {
    let session = open::connect(options).await?;
    open::check(&session, &options.keyspace).await?;
    let lease = Lease::take(session.clone(), &options.keyspace, &options.holder, options.lease, options.now).await?;
    let lease = Arc::new(lease);
    let statements = Statements::prepare(&session, &options.keyspace).await?;
    let generation = lease.generation;
    let link = Link::new(session, statements, lease, options.concurrency, options.patience);
    let journal = CqlValue::BigInt(options.journal.cast_signed());
    let watermark = link.read::<(i64,)>(Query::Watermark, vec![journal]).await?;
    Ok(Inner {
        link,
        rooms: Rooms::new(options.cached_rooms, generation),
        journal: options.journal,
        stamp: AtomicI64::new(i64::try_from(generation.saturating_mul(1_000_000)).unwrap_or(i64::MAX / 2)),
        watermark: AtomicU64::new(watermark.first().map_or(0, |(position,)| unsigned(*position))),
        flights: Flights::default(),
        gate: RwLock::new(()),
    })
}

impl Settled for Scylla {
    fn apply(&self, entries: Vec<Entry>) -> Result<(), Fault> {
        let result = self.run(async {
            let _gate = self.inner.gate.read().await;
            let by_room = by_room(entries).into_iter().map(|(room, entries)| apply_room(&self.inner, room, entries));
            let mut done = stream::iter(by_room).buffer_unordered(ROOMS_AT_ONCE);
            let mut worst = Ok(());
            while let Some(result) = done.next().await {
                worst = worse(worst, result);
            }
            worst
        });
        // What is promised from here on is promised by one who holds the keyspace.
        self.doubtful(result.and_then(|()| self.inner.link.check_lease()))
    }

    fn watermark(&self) -> Position {
        Position(self.inner.watermark.load(Ordering::Acquire))
    }

    fn sync(&self, watermark: Position) -> Result<(), Fault> {
        let position = i64::try_from(watermark.0).unwrap_or(i64::MAX);
        let result = self.run(async {
            let values = [self.inner.journal.cast_signed(), position, self.inner.stamp()].map(CqlValue::BigInt);
            self.inner.link.put(Query::PutWatermark, values.into()).await?;
            self.inner.link.check_lease()
        });
        self.doubtful(result)?;
        self.inner.watermark.store(watermark.0, Ordering::Release);
        Ok(())
    }

    fn answer(&self, ask: &Ask) -> Result<Outcome, Fault> {
        let inner = &self.inner;
        match ask {
            Ask::Tail { .. } => Err(Fault::NotHere),
            Ask::Scan { table, after, limit } => self.run(async {
                let _gate = inner.gate.write().await;
                let page = scan::scan(inner, *table, after.as_ref(), *limit).await?;
                Ok(Outcome::Scanned(Box::new(page)))
            }),
            Ask::Rooms { after, limit } => self.run(async {
                let page = scan::rooms(inner, after.as_ref(), *limit).await?;
                Ok(Outcome::Rooms(Box::new(page)))
            }),
            // Rows of a room lie in one partition already.
            Ask::Rest { .. } => Ok(Outcome::Rested(false)),
            Ask::Trim { room, keep, now } => {
                let trimmed = self.run(async {
                    let _gate = inner.gate.read().await;
                    let (_guard, standing) = inner.rooms.writing(&inner.link, room).await?;
                    let trimmed = trim::trim(&mut Stage::new(inner, room, standing), keep, *now).await?;
                    inner.link.check_lease()?;
                    Ok(Outcome::Trimmed(trimmed))
                });
                self.doubtful(trimmed)
            }
            Ask::Page(crate::ask::PageAsk { room, .. })
            | Ask::Replay(crate::ask::ReplayAsk { room, .. })
            | Ask::Load { room }
            | Ask::Fetch { room, .. }
            | Ask::Count { room, .. }
            | Ask::Lookup { room, .. }
            | Ask::Row { room, .. }
            | Ask::Expired { room, .. } => match inner.flights.join(room, ask, &inner.link.counters.coalesced) {
                Joined::Answered(answer) => answer,
                Joined::First(mut leading) => {
                    let answer = self.run(answer_room(inner, room, ask, &mut leading));
                    leading.land(&answer);
                    answer
                }
            },
        }
    }
}

async fn apply_room(inner: &Inner, room: RoomKey, entries: Vec<Entry>) -> Result<(), Fault> {
    let (_guard, standing) = inner.rooms.writing(&inner.link, &room).await?;
    let mut stage = Stage::new(inner, &room, standing);
    apply::apply(&mut stage, entries).await
}

async fn answer_room(inner: &Inner, key: &RoomKey, ask: &Ask, leading: &mut Leading<'_>) -> Result<Outcome, Fault> {
    let (guard, standing) = inner.rooms.reading(&inner.link, key).await?;
    let room = Room { link: &inner.link, key, standing };
    let answer = match ask {
        Ask::Load { .. } => Outcome::Loaded(Box::new(room.state().await?)),
        Ask::Fetch { places, now, .. } => Outcome::Fetched(room.fetch(places, *now).await?),
        Ask::Page(ask) => Outcome::Page(Box::new(page::page(&room, ask).await?)),
        Ask::Replay(ask) => Outcome::Replay(Box::new(replay::replay(&room, ask).await?)),
        Ask::Count { after, fence, .. } => Outcome::Counted(room.count(*after, *fence).await?),
        Ask::Lookup { key, .. } => Outcome::Found(room.lookup(key).await?),
        Ask::Row { table, key, .. } => Outcome::Row(room.row(*table, key).await?),
        Ask::Expired { now, limit, .. } => Outcome::Expired(room.expired(*now, *limit).await?),
        Ask::Scan { .. } | Ask::Rooms { .. } | Ask::Rest { .. } | Ask::Tail { .. } | Ask::Trim { .. } => {
            return Err(Fault::NotHere);
        }
    };
    leading.close();
    drop(guard);
    Ok(answer)
}

/// Entries by their rooms, each room's in their order.
fn by_room(entries: Vec<Entry>) -> Vec<(RoomKey, Vec<Entry>)> {
    let mut rooms = hashbrown::HashMap::<RoomKey, Vec<Entry>, foldhash::fast::RandomState>::default();
    for entry in entries {
        rooms.entry_ref(&entry.batch.room).or_default().push(entry);
    }
    rooms.into_iter().collect()
}

/// Of two results the one that says more: a fault of the store, then the batch that came first of those that do not fit.
fn worse(one: Result<(), Fault>, other: Result<(), Fault>) -> Result<(), Fault> {
    match (&one, &other) {
        (Ok(()), _) => other,
        (_, Ok(())) => one,
        (Err(Fault::OutOfOrder { position: a, .. }), Err(Fault::OutOfOrder { position: b, .. })) if b < a => other,
        (Err(Fault::OutOfOrder { .. }), Err(Fault::OutOfOrder { .. })) => one,
        (Err(Fault::OutOfOrder { .. }), Err(_)) => other,
        (Err(_), Err(_)) => one,
    }
}

impl Drop for Scylla {
    /// Whoever is next need not wait until the lease has run out.
    fn drop(&mut self) {
        self.renewal.abort();
        if self.inner.link.check().is_err() {
            return;
        }
        self.inner.link.poison("it was closed".to_owned());
        let (lease, (said, heard)) = (self.inner.link.lease.clone(), std::sync::mpsc::channel());
        self.runtime.spawn(async move {
            lease.give_back().await;
            // Nobody may be waiting any more.
            let _ = said.send(());
        });
        // It also ends when the runtime does, and then the lease runs out by itself.
        let _ = heard.recv_timeout(GOODBYE);
    }
}
