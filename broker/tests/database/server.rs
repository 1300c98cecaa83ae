//! Keyspaces of their own for tests, as nodes reach them.

use crate::cassandra::{Server, shared};
use crate::proxy::Proxy;
use crate::support::{Folder, Node};
use scylla::client::session_builder::SessionBuilder;
use scylla::response::query_result::QueryResult;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

#[derive(Clone)]
pub struct Keyspace {
    name: String,
    /// Of the database, separated by commas.
    nodes: String,
    replicas: usize,
}

impl Keyspace {
    /// In the database that all tests share.
    pub fn new() -> Keyspace {
        Keyspace::with(&[shared()])
    }

    /// In a database of these, with a copy on each.
    pub fn on(servers: &[Server]) -> Keyspace {
        Keyspace::with(&servers.iter().map(|server| server.address).collect::<Vec<_>>())
    }

    fn with(nodes: &[SocketAddr]) -> Keyspace {
        static KEYSPACES: AtomicU32 = AtomicU32::new(0);
        let name = format!("node_{}", KEYSPACES.fetch_add(1, Ordering::Relaxed));
        let replicas = nodes.len();
        let nodes = nodes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let keyspace = Keyspace { name, nodes, replicas };
        let made = keyspace.migrate();
        assert!(made.contains("done"), "{made}");
        keyspace
    }

    pub fn migrate(&self) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_rookery"))
            .args(["migrate", "--scylla-keyspace", &self.name, "--scylla-nodes", &self.nodes])
            .args(["--scylla-replicas", &self.replicas.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A way to the database that can be cut.
    pub fn way(&self) -> Proxy {
        Proxy::to(shared())
    }

    /// The database itself, behind the node's back.
    pub fn say(&self, cql: &str) -> QueryResult {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let session = SessionBuilder::new().known_node_addr(shared()).build().await.unwrap();
            session.query_unpaged(cql.replace("{ks}", &self.name), ()).await.unwrap()
        })
    }

    /// `rookery store move`, which shows how far it is.
    pub fn move_there(&self, data: &Folder, way: SocketAddr) -> Child {
        Command::new(env!("CARGO_BIN_EXE_rookery"))
            .args(["store", "move", "--scylla-keyspace", &self.name, "--scylla-nodes", &way.to_string()])
            .arg("--data")
            .arg(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn start(&self, data: Arc<Folder>, way: SocketAddr) -> Node {
        self.start_at(data, &way.to_string())
    }

    /// A node that is told of all nodes of the database.
    pub fn start_on_all(&self, data: Arc<Folder>) -> Node {
        self.start_at(data, &self.nodes)
    }

    fn start_at(&self, data: Arc<Folder>, nodes: &str) -> Node {
        let keyspace = ["--scylla-keyspace", &self.name, "--scylla-nodes", nodes];
        let unlimited =
            ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];
        Node::start_in(data, 2, &[&["--store", "scylla"], keyspace.as_slice(), &unlimited].concat())
    }
}
