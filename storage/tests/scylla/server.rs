//! One database for all tests, a keyspace for each.

use rookery_storage::scylla::{ScyllaOptions, migrate};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::response::query_result::QueryResult;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};

struct Server {
    address: String,
    runtime: Runtime,
    /// It ends when its input does, and that is when this process does.
    _child: Child,
}

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/cassandra.sh");
        let mut child = Command::new(script)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("scripts/cassandra.sh cannot be run");
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "Cassandra did not start; what it needs is said above");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Server { address, runtime, _child: child }
    })
}

pub fn address() -> &'static str {
    &server().address
}

/// The database itself, without the store.
pub fn session() -> Session {
    let builder = SessionBuilder::new().known_node(&server().address);
    runtime().block_on(builder.build()).unwrap()
}

/// Carries out one statement as it stands.
pub fn say(session: &Session, cql: &str) -> QueryResult {
    runtime().block_on(session.query_unpaged(cql, ())).unwrap()
}

pub fn runtime() -> Handle {
    server().runtime.handle().clone()
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
        ..ScyllaOptions::new(vec![server().address.clone()], &format!("test_{number}"))
    }
}

/// The same, migrated.
pub fn keyspace() -> ScyllaOptions {
    let options = options();
    migrate(&options, &runtime()).unwrap();
    options
}
