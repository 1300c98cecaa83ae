//! How the database is reached: options, session, and whether the keyspace is one that this program knows.

use super::link::{rows, strange};
use super::schema::{self, in_keyspace, is_keyspace};
use crate::settled::Fault;
use scylla::client::PoolSize;
use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::retry::FallthroughRetryPolicy;
use scylla::statement::{Consistency, SerialConsistency};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Where the database is, and how it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct ScyllaOptions {
    /// Addresses of some of its nodes, as host:port.
    pub contact_points: Vec<String>,
    pub keyspace: String,
    pub user: Option<(String, String)>,
    /// Whose quorum is asked; None: there is but one.
    pub datacenter: Option<String>,
    /// Copies of everything, per data centre; only `migrate` looks at it, when it makes the keyspace.
    pub replicas: u8,
    /// Who holds the keyspace. No two processes that run at the same time may have the same.
    pub holder: String,
    /// Of the journal whose entries are handed over: positions of different journals are not compared.
    pub journal: u64,
    /// The time in seconds: runs are not below it.
    pub now: u64,
    /// How long the lease lasts without being renewed; whole seconds.
    pub lease: Duration,
    /// Of one request.
    pub timeout: Duration,
    /// How long a request is made again before it has failed.
    pub patience: Duration,
    /// Requests in flight.
    pub concurrency: usize,
    /// Rooms whose standing is kept in memory.
    pub cached_rooms: usize,
}

impl ScyllaOptions {
    pub fn new(contact_points: Vec<String>, keyspace: &str) -> ScyllaOptions {
        ScyllaOptions {
            contact_points,
            keyspace: keyspace.to_owned(),
            user: None,
            datacenter: None,
            replicas: 3,
            holder: "rookery".to_owned(),
            journal: 0,
            now: 0,
            lease: Duration::from_secs(15),
            timeout: Duration::from_secs(2),
            patience: Duration::from_secs(6),
            concurrency: 256,
            cached_rooms: 65_536,
        }
    }
}

pub async fn connect(options: &ScyllaOptions) -> Result<Arc<Session>, Fault> {
    if !is_keyspace(&options.keyspace) {
        return Err(Fault::Io(format!("{:?} is no name of a keyspace: a-z, 0-9 and _, 48 at most", options.keyspace)));
    }
    let profile = ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .serial_consistency(Some(SerialConsistency::LocalSerial))
        .request_timeout(Some(options.timeout))
        // What is tried again, and for how long, is said in one place: the link.
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build();
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.contact_points)
        .default_execution_profile_handle(profile.into_handle())
        .pool_size(PoolSize::PerShard(NonZeroUsize::MIN))
        .connection_timeout(options.timeout)
        // As much as leads a statement to the nodes that have its partition.
        .fetch_full_schema_metadata(false)
        .keyspaces_to_fetch([&options.keyspace])
        .keepalive_interval(Duration::from_secs(10))
        .keepalive_timeout(Duration::from_secs(10))
        .schema_agreement_timeout(Duration::from_secs(30));
    if let Some((user, password)) = &options.user {
        builder = builder.user(user, password);
    }
    if let Some(datacenter) = &options.datacenter {
        builder = builder.prefer_datacenter(datacenter.clone());
    }
    let session = builder.build().await;
    session.map(Arc::new).map_err(|error| Fault::Io(format!("the database is not reached: {error}")))
}

/// The version of the keyspace; 0: there is none, or it was never migrated.
pub async fn version(session: &Session, keyspace: &str) -> Result<i32, Fault> {
    let tables = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = ?";
    let tables = session.prepare(tables).await.map_err(strange)?;
    let found = rows::<(String,)>(session, &tables, (keyspace, "schema_versions")).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let versions = in_keyspace("SELECT number, state FROM {ks}.schema_versions", keyspace);
    let versions = session.prepare(versions).await.map_err(strange)?;
    let done = rows::<(i32, Option<String>)>(session, &versions, ()).await?;
    let done = done.into_iter().filter(|(_, state)| state.as_deref() == Some("done"));
    Ok(done.map(|(number, _)| number).max().unwrap_or(0))
}

/// Refuses a keyspace that is not of this program's version.
pub async fn check(session: &Session, keyspace: &str) -> Result<(), Fault> {
    let version = version(session, keyspace).await?;
    if version > schema::VERSION {
        return Err(Fault::Newer { what: "the keyspace", version: u8::try_from(version).unwrap_or(u8::MAX) });
    }
    if version < schema::VERSION {
        let wanted = schema::VERSION;
        let what = format!("keyspace {keyspace} is at version {version}, this program needs {wanted}");
        return Err(Fault::Io(format!("{what}: run `rookery migrate`")));
    }
    Ok(())
}
