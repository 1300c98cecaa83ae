//! Brings a keyspace to the version of this program, one step after the other, as often and by as many as like.

use super::link::{conditional, rows, strange};
use super::open::{ScyllaOptions, connect, version};
use super::schema::{STEPS, Step, VERSIONS, in_keyspace};
use crate::settled::Fault;
use scylla::client::session::Session;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlValue;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// What was done about one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    pub number: i32,
    pub what: &'static str,
    /// False: it had been done, or somebody else did it meanwhile.
    pub by_us: bool,
}

/// How long whoever claimed a step may take, before it is taken to be gone.
const CLAIM: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Schema changes take longer than other requests.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the keyspace if there is none, then runs what is missing.
pub fn migrate(options: &ScyllaOptions, runtime: &Handle) -> Result<Vec<Migrated>, Fault> {
    let options = ScyllaOptions { timeout: options.timeout.max(TIMEOUT), ..options.clone() };
    runtime.block_on(async {
        let session = connect(&options).await?;
        make_keyspace(&session, &options).await?;
        let mut done = Vec::new();
        let claims = Claims::prepare(&session, &options).await?;
        for step in STEPS {
            let by_us = claims.carry_out(&session, &options, step).await?;
            done.push(Migrated { number: step.number, what: step.what, by_us });
        }
        Ok(done)
    })
}

async fn make_keyspace(session: &Session, options: &ScyllaOptions) -> Result<(), Fault> {
    if version(session, &options.keyspace).await? > 0 {
        return Ok(());
    }
    let whose = options.datacenter.as_deref().unwrap_or("replication_factor");
    if !whose.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
        return Err(Fault::Io(format!("{whose:?} is no name of a data centre")));
    }
    let replication = format!("{{'class': 'NetworkTopologyStrategy', '{whose}': {}}}", options.replicas.max(1));
    // ScyllaDB spreads a keyspace by tablets unless told otherwise; conditional writes need it otherwise.
    let known = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?";
    let known = session.prepare(known).await.map_err(strange)?;
    let is_scylla = !rows::<(String,)>(session, &known, ("system", "scylla_local")).await?.is_empty();
    let tablets = if is_scylla { " AND tablets = {'enabled': false}" } else { "" };
    let keyspace = &options.keyspace;
    run(session, &format!("CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}{tablets}"))
        .await?;
    run(session, &in_keyspace(VERSIONS, keyspace)).await
}

async fn run(session: &Session, cql: &str) -> Result<(), Fault> {
    session.query_unpaged(cql, ()).await.map(drop).map_err(|error| Fault::Io(format!("{error}, of {cql}")))
}

struct Claims {
    read: PreparedStatement,
    claim: PreparedStatement,
    take_over: PreparedStatement,
    finish: PreparedStatement,
}

impl Claims {
    async fn prepare(session: &Session, options: &ScyllaOptions) -> Result<Claims, Fault> {
        let prepare = async |cql: &str| {
            let cql = in_keyspace(cql, &options.keyspace);
            session.prepare(cql).await.map_err(strange)
        };
        Ok(Claims {
            read: prepare("SELECT state, holder FROM {ks}.schema_versions WHERE number = ?").await?,
            claim: prepare(
                "INSERT INTO {ks}.schema_versions (number, state, holder) VALUES (?, 'begun', ?) IF NOT EXISTS",
            )
            .await?,
            take_over: prepare(
                "UPDATE {ks}.schema_versions SET holder = ? WHERE number = ? IF state = 'begun' AND holder = ?",
            )
            .await?,
            finish: prepare("UPDATE {ks}.schema_versions SET state = 'done' WHERE number = ? IF EXISTS").await?,
        })
    }

    /// False: it was done already, or by somebody else while we waited.
    async fn carry_out(&self, session: &Session, options: &ScyllaOptions, step: &Step) -> Result<bool, Fault> {
        let number = CqlValue::Int(step.number);
        let us = CqlValue::Text(options.holder.clone());
        let mut waiting: Option<(String, Instant)> = None;
        loop {
            if conditional(session, &self.claim, vec![number.clone(), us.clone()]).await? {
                break;
            }
            type Claim = (Option<String>, Option<String>);
            let found = rows::<Claim>(session, &self.read, vec![number.clone()]).await?;
            let Some((state, holder)) = found.into_iter().next() else { continue };
            if state.as_deref() == Some("done") {
                return Ok(false);
            }
            let holder = holder.unwrap_or_default();
            let since = match waiting {
                Some((ref of, since)) if *of == holder => since,
                Some(_) | None => Instant::now(),
            };
            if since.elapsed() > CLAIM {
                let values = vec![us.clone(), number.clone(), CqlValue::Text(holder.clone())];
                if conditional(session, &self.take_over, values).await? {
                    break;
                }
            }
            waiting = Some((holder, since));
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for statement in step.statements {
            run(session, &in_keyspace(statement, &options.keyspace)).await?;
        }
        conditional(session, &self.finish, vec![number]).await?;
        Ok(true)
    }
}
