//! One node holds a keyspace: taken, renewed and given back by conditional writes.
//!
//! The row lives as long as the database says (TTL), so no two clocks are compared. The holder goes by its own, from
//! before a renewal was sent and for two thirds of that time; behind that it writes nothing more.

use super::link::conditional;
use super::schema::in_keyspace;
use crate::settled::Fault;
use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::{Consistency, SerialConsistency};
use scylla::value::CqlValue;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub struct Lease {
    session: Arc<Session>,
    cql: Cql,
    pub holder: String,
    pub generation: u64,
    term: Duration,
    began: Instant,
    /// Milliseconds since it began.
    good_until: AtomicU64,
}

/// Prepared for a keyspace.
#[derive(Clone)]
struct Cql {
    read: PreparedStatement,
    take: PreparedStatement,
    take_over: PreparedStatement,
    give_back: PreparedStatement,
    run: PreparedStatement,
    first_run: PreparedStatement,
    next_run: PreparedStatement,
}

/// How often a conditional write is tried when others are at it, too.
const TRIES: u32 = 32;

impl Cql {
    async fn prepare(session: &Session, keyspace: &str) -> Result<Cql, Fault> {
        let prepare = async |cql: &str| {
            let prepared = session.prepare(in_keyspace(cql, keyspace)).await;
            let mut prepared = prepared.map_err(|error| Fault::Io(format!("a statement was not prepared: {error}")))?;
            let read = cql.starts_with("SELECT");
            prepared.set_consistency(if read { Consistency::LocalSerial } else { Consistency::LocalQuorum });
            prepared.set_serial_consistency(Some(SerialConsistency::LocalSerial));
            Ok::<_, Fault>(prepared)
        };
        Ok(Cql {
            read: prepare("SELECT holder, generation FROM {ks}.lease WHERE id = 0").await?,
            take: prepare("INSERT INTO {ks}.lease (id, holder, generation) VALUES (0, ?, ?) IF NOT EXISTS USING TTL ?")
                .await?,
            take_over: prepare(
                "UPDATE {ks}.lease USING TTL ? SET holder = ?, generation = ? WHERE id = 0 \
                    IF holder = ? AND generation = ?",
            )
            .await?,
            give_back: prepare("DELETE FROM {ks}.lease WHERE id = 0 IF holder = ? AND generation = ?").await?,
            run: prepare("SELECT run FROM {ks}.runs WHERE id = 0").await?,
            first_run: prepare("INSERT INTO {ks}.runs (id, run) VALUES (0, ?) IF NOT EXISTS").await?,
            next_run: prepare("UPDATE {ks}.runs SET run = ? WHERE id = 0 IF run = ?").await?,
        })
    }
}

impl Lease {
    /// Takes the keyspace for this holder. One of the same name that held it is taken to be gone.
    pub async fn take(
        session: Arc<Session>,
        keyspace: &str,
        holder: &str,
        term: Duration,
        at_least: u64,
    ) -> Result<Lease, Fault> {
        let cql = Cql::prepare(&session, keyspace).await?;
        let mut lease = Lease {
            session,
            cql,
            holder: holder.to_owned(),
            generation: 0,
            term,
            began: Instant::now(),
            good_until: AtomicU64::new(0),
        };
        lease.generation = lease.take_run(at_least).await?;
        for _ in 0..TRIES {
            let sent = Instant::now();
            let taken = match lease.read().await? {
                None => {
                    let values = vec![lease.name(), lease.number(), lease.ttl()];
                    conditional(&lease.session, &lease.cql.take, values).await
                }
                Some((other, _)) if other != lease.holder => return Err(Fault::Held { by: other }),
                Some((_, generation)) if generation > lease.generation.cast_signed() => {
                    return Err(Fault::Held { by: lease.holder });
                }
                Some((_, generation)) => lease.extend(generation).await,
            };
            // Whether one that failed was carried out is seen in the next round.
            if let Ok(true) = taken {
                lease.extend_to(sent);
                return Ok(lease);
            }
        }
        Err(Fault::Io("the lease was neither taken nor refused".to_owned()))
    }

    fn name(&self) -> CqlValue {
        CqlValue::Text(self.holder.clone())
    }

    fn number(&self) -> CqlValue {
        CqlValue::BigInt(self.generation.cast_signed())
    }

    fn ttl(&self) -> CqlValue {
        CqlValue::Int(i32::try_from(self.term.as_secs()).unwrap_or(i32::MAX))
    }

    async fn read(&self) -> Result<Option<(String, i64)>, Fault> {
        let rows = super::link::rows::<(Option<String>, Option<i64>)>(&self.session, &self.cql.read, ()).await?;
        Ok(rows.into_iter().next().and_then(|(holder, generation)| holder.zip(generation)))
    }

    async fn extend(&self, from: i64) -> Result<bool, Fault> {
        let values = vec![self.ttl(), self.name(), self.number(), self.name(), CqlValue::BigInt(from)];
        conditional(&self.session, &self.cql.take_over, values).await
    }

    fn extend_to(&self, sent: Instant) {
        let until = sent.duration_since(self.began) + self.term * 2 / 3;
        self.good_until.store(u64::try_from(until.as_millis()).unwrap_or(0), Ordering::Release);
    }

    /// Whether nobody else can hold the keyspace at this moment.
    pub fn is_in_force(&self) -> bool {
        self.began.elapsed().as_millis() < u128::from(self.good_until.load(Ordering::Acquire))
    }

    /// Renews until it is lost: someone else has it, or it was not renewed in time.
    pub async fn keep(&self) -> String {
        loop {
            tokio::time::sleep(self.term / 6).await;
            if !self.is_in_force() {
                return "the lease was not renewed in time".to_owned();
            }
            let sent = Instant::now();
            match self.extend(self.generation.cast_signed()).await {
                Ok(true) => self.extend_to(sent),
                Ok(false) => {
                    self.good_until.store(0, Ordering::Release);
                    let by = self.read().await.ok().flatten().map_or_else(|| "nobody".to_owned(), |(by, _)| by);
                    return format!("the lease was lost, {by} holds it now");
                }
                // The next one may pass; if none does in time, it ends by itself.
                Err(fault) => tracing::warn!(event = "lease_not_renewed", %fault),
            }
        }
    }

    pub async fn give_back(&self) {
        self.good_until.store(0, Ordering::Release);
        let values = vec![self.name(), self.number()];
        if let Err(fault) = conditional(&self.session, &self.cql.give_back, values).await {
            tracing::warn!(event = "lease_not_given_back", %fault);
        }
    }

    /// A number above all that were taken before, and not below this one.
    pub async fn take_run(&self, at_least: u64) -> Result<u64, Fault> {
        let mut last = Fault::Io("no run was taken: others are at it".to_owned());
        for _ in 0..TRIES {
            let found = super::link::rows::<(Option<i64>,)>(&self.session, &self.cql.run, ()).await?;
            let before = found.first().and_then(|(run,)| *run);
            let run = before.map_or(0, |run| run.saturating_add(1)).max(i64::try_from(at_least).unwrap_or(i64::MAX));
            let number = CqlValue::BigInt(run);
            let taken = match before {
                None => conditional(&self.session, &self.cql.first_run, vec![number]).await,
                Some(before) => {
                    conditional(&self.session, &self.cql.next_run, vec![number, CqlValue::BigInt(before)]).await
                }
            };
            match taken {
                Ok(true) => return Ok(run.cast_unsigned()),
                Ok(false) => {}
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }
}
