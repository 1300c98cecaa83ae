//! The way to the database: bounded, with retries inside a deadline, and never beyond the lease.

use super::counters::Counters;
use super::lease::Lease;
use super::statements::{Query, Statements, Verb};
use super::write::Write;
use crate::RoomKey;
use crate::settled::Fault;
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use scylla::errors::{DbError, ExecutionError, RequestAttemptError};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, Row};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Of one batch on the wire: above this databases complain.
const BATCH_BYTES: usize = 32 * 1024;
const BATCH_STATEMENTS: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub struct Link {
    pub session: Arc<Session>,
    pub statements: Statements,
    pub lease: Arc<Lease>,
    pub counters: Arc<Counters>,
    /// Requests in flight.
    permits: Semaphore,
    in_flight: usize,
    /// How long a request is tried again.
    patience: Duration,
    poison: Mutex<Option<String>>,
    /// Writing requests that are still made; for tests.
    budget: AtomicU64,
}

impl Link {
    pub fn new(
        session: Arc<Session>,
        statements: Statements,
        lease: Arc<Lease>,
        in_flight: usize,
        patience: Duration,
    ) -> Link {
        Link {
            session,
            statements,
            lease,
            counters: Arc::default(),
            permits: Semaphore::new(in_flight.max(1)),
            in_flight: in_flight.max(1),
            patience,
            poison: Mutex::new(None),
            budget: AtomicU64::new(u64::MAX),
        }
    }

    /// Nothing more is written or answered.
    pub fn poison(&self, why: String) {
        self.poison.lock().get_or_insert(why);
    }

    pub fn check(&self) -> Result<(), Fault> {
        match &*self.poison.lock() {
            Some(why) => Err(Fault::Poisoned(why.clone())),
            None => Ok(()),
        }
    }

    /// For tests: after so many more writing requests the store stops, as if its process had.
    pub fn stop_after(&self, requests: u64) {
        self.budget.store(requests, Ordering::Release);
    }

    /// Whether a write may be made, and what was made may be promised.
    pub fn check_lease(&self) -> Result<(), Fault> {
        if self.lease.is_in_force() {
            return Ok(());
        }
        self.poison("its lease is not in force".to_owned());
        self.check()
    }

    /// All rows of an answer.
    pub async fn read<R>(&self, query: Query, values: Vec<CqlValue>) -> Result<Vec<R>, Fault>
    where
        R: for<'f, 'm> DeserializeRow<'f, 'm>,
    {
        let statement = self.statements.query(query);
        let (mut rows, mut state) = (Vec::new(), PagingState::start());
        loop {
            self.counters.reads.add(1);
            let page = self.patiently(false, || self.session.execute_single_page(statement, &values, state.clone()));
            let (result, next): (_, PagingStateResponse) = page.await?;
            let result = result.into_rows_result().map_err(strange)?;
            for row in result.rows::<R>().map_err(strange)? {
                rows.push(row.map_err(strange)?);
            }
            match next.into_paging_control_flow() {
                ControlFlow::Continue(next) => state = next,
                ControlFlow::Break(()) => return Ok(rows),
            }
        }
    }

    pub async fn put(&self, query: Query, values: Vec<CqlValue>) -> Result<(), Fault> {
        self.may_write()?;
        self.counters.writes.add(1);
        let statement = self.statements.query(query);
        self.patiently(true, || self.session.execute_unpaged(statement, &values)).await.map(drop)
    }

    /// Carries all of them out, in any order.
    pub async fn write_all(&self, room: &RoomKey, writes: &[Write]) -> Result<(), Fault> {
        let groups = groups(writes);
        let done = stream::iter(groups).map(|group| self.write(room, group)).buffer_unordered(self.in_flight);
        done.try_collect::<()>().await
    }

    async fn write(&self, room: &RoomKey, writes: Vec<&Write>) -> Result<(), Fault> {
        self.may_write()?;
        self.counters.writes.add(writes.len() as u64);
        let values: Vec<Vec<CqlValue>> = writes.iter().map(|write| write.values(room)).collect();
        let [write] = writes[..] else {
            self.counters.batches.add(1);
            let mut batch = Batch::new(BatchType::Unlogged);
            batch.set_consistency(Consistency::LocalQuorum);
            batch.set_is_idempotent(true);
            for write in &writes {
                batch.append_statement(self.statements.verb(write.verb).clone());
            }
            return self.patiently(true, || self.session.batch(&batch, &values)).await.map(drop);
        };
        let (statement, values) = (self.statements.verb(write.verb), &values[0]);
        self.patiently(true, || self.session.execute_unpaged(statement, values)).await.map(drop)
    }

    fn may_write(&self) -> Result<(), Fault> {
        self.check()?;
        let spend = |budget: u64| if budget == u64::MAX { Some(budget) } else { budget.checked_sub(1) };
        if self.budget.fetch_update(Ordering::AcqRel, Ordering::Acquire, spend).is_err() {
            self.poison("it was told to stop here".to_owned());
        }
        self.check()
    }

    /// Tries until it works, or there is no use, or no time left.
    async fn patiently<T, F: Future<Output = Result<T, ExecutionError>>>(
        &self,
        is_write: bool,
        mut request: impl FnMut() -> F,
    ) -> Result<T, Fault> {
        let (began, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            self.check()?;
            let permit = self.permits.acquire().await.map_err(|closed| Fault::Poisoned(closed.to_string()))?;
            if is_write {
                // Whoever holds the keyspace next must not meet a write that was begun after the lease had ended.
                self.check_lease()?;
            }
            let answer = request().await;
            drop(permit);
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if is_timeout(&error) {
                self.counters.timeouts.add(1);
            }
            if !may_pass(&error) || began.elapsed() + pause > self.patience {
                return Err(Fault::Io(error.to_string()));
            }
            self.counters.retries.add(1);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Writes of one partition together, as far as a batch goes.
fn groups(writes: &[Write]) -> Vec<Vec<&Write>> {
    let (mut done, mut open) = (Vec::new(), std::collections::BTreeMap::<(Verb, u64), (usize, Vec<&Write>)>::new());
    for write in writes {
        let Some(partition) = write.partition() else {
            done.push(vec![write]);
            continue;
        };
        let (bytes, group) = open.entry(partition).or_default();
        if !group.is_empty() && (*bytes + write.size() > BATCH_BYTES || group.len() >= BATCH_STATEMENTS) {
            done.push(std::mem::take(group));
            *bytes = 0;
        }
        *bytes += write.size();
        group.push(write);
    }
    done.extend(open.into_values().map(|(_, group)| group));
    done
}

/// What a conditional write answers first is whether it was carried out.
pub async fn conditional(
    session: &Session,
    statement: &PreparedStatement,
    values: Vec<CqlValue>,
) -> Result<bool, Fault> {
    let result = session.execute_unpaged(statement, values).await.map_err(|error| Fault::Io(error.to_string()))?;
    let result = result.into_rows_result().map_err(strange)?;
    let row = result.first_row::<Row>().map_err(strange)?;
    match row.columns.first() {
        Some(Some(CqlValue::Boolean(applied))) => Ok(*applied),
        Some(_) | None => Err(Fault::Io("a conditional write was answered strangely".to_owned())),
    }
}

/// Rows of a short answer, without retries.
pub async fn rows<R>(
    session: &Session,
    statement: &PreparedStatement,
    values: impl scylla::serialize::row::SerializeRow,
) -> Result<Vec<R>, Fault>
where
    R: for<'f, 'm> DeserializeRow<'f, 'm>,
{
    let result = session.execute_unpaged(statement, values).await.map_err(|error| Fault::Io(error.to_string()))?;
    let result = result.into_rows_result().map_err(strange)?;
    result.rows::<R>().map_err(strange)?.map(|row| row.map_err(strange)).collect()
}

/// The database answered, but not in the form of our tables.
pub fn strange(error: impl std::fmt::Display) -> Fault {
    Fault::Io(format!("the database answered strangely: {error}"))
}

#[allow(clippy::wildcard_enum_match_arm)] // The driver keeps its lists open.
fn may_pass(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_) => false,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => !matches!(
            error,
            DbError::SyntaxError
                | DbError::Invalid
                | DbError::AlreadyExists { .. }
                | DbError::AuthenticationError
                | DbError::Unauthorized
                | DbError::ConfigError
                | DbError::FunctionFailure { .. }
        ),
        ExecutionError::LastAttemptError(
            RequestAttemptError::SerializationError(_) | RequestAttemptError::CqlRequestSerialization(_),
        ) => false,
        _ => true,
    }
}

#[allow(clippy::wildcard_enum_match_arm)]
fn is_timeout(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::RequestTimeout(_) => true,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => {
            matches!(error, DbError::ReadTimeout { .. } | DbError::WriteTimeout { .. })
        }
        _ => false,
    }
}
