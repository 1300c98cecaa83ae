//! One database for all tests, a keyspace for each.

use crate::cassandra::shared;
use rookery_storage::scylla::{ScyllaOptions, migrate};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::response::query_result::QueryResult;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

/// The database itself, without the store.
pub fn session() -> Session {
    let builder = SessionBuilder::new().known_node_addr(shared());
    runtime().block_on(builder.build()).unwrap()
}

/// Carries out one statement as it stands.
pub fn say(session: &Session, cql: &str) -> QueryResult {
    runtime().block_on(session.query_unpaged(cql, ())).unwrap()
}

pub fn runtime() -> Handle {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()).handle().clone()
}

/// Options for a keyspace of this test alone, which is not there yet.
pub fn options() -> ScyllaOptions {
    static KEYSPACES: AtomicU32 = AtomicU32::new(0);
    let number = KEYSPACES.fetch_add(1, Ordering::Relaxed);
    ScyllaOptions {
        replicas: 1,
        holder: "tests".to_owned(),
        journal: 7,
        // A busy machine is no outage.
        timeout: Duration::from_secs(20),
        patience: Duration::from_secs(60),
        lease: Duration::from_secs(120),
        ..ScyllaOptions::new(vec![shared().to_string()], &format!("test_{number}"))
    }
}

/// The same, migrated.
pub fn keyspace() -> ScyllaOptions {
    let options = options();
    migrate(&options, &runtime()).unwrap();
    options
}
