//! One database for all tests, a keyspace for each.

use crate::proxy::Proxy;
use crate::support::{Folder, Node};
use scylla::client::session_builder::SessionBuilder;
use scylla::response::query_result::QueryResult;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

struct Server {
    address: SocketAddr,
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
        let address = address.trim().parse();
        Server { address: address.expect("Cassandra did not start; what it needs is said above"), _child: child }
    })
}

/// A keyspace of its own, as nodes reach it.
#[derive(Clone)]
pub struct Keyspace {
    name: String,
}

impl Keyspace {
    pub fn new() -> Keyspace {
        static KEYSPACES: AtomicU32 = AtomicU32::new(0);
        let name = format!("node_{}", KEYSPACES.fetch_add(1, Ordering::Relaxed));
        let keyspace = Keyspace { name };
        let made = keyspace.migrate();
        assert!(made.contains("done"), "{made}");
        keyspace
    }

    pub fn migrate(&self) -> String {
        let output = Command::new(env!("CARGO_BIN_EXE_rookery"))
            .args(["migrate", "--scylla-replicas", "1", "--scylla-keyspace", &self.name])
            .args(["--scylla-nodes", &server().address.to_string()])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A way to the database that can be cut.
    pub fn way(&self) -> Proxy {
        Proxy::to(server().address)
    }

    /// The database itself, behind the node's back.
    pub fn say(&self, cql: &str) -> QueryResult {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let session = SessionBuilder::new().known_node_addr(server().address).build().await.unwrap();
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
        let way = way.to_string();
        let keyspace = ["--scylla-keyspace", &self.name, "--scylla-nodes", &way];
        let unlimited =
            ["--commands-per-second", "0", "--user-commands-per-second", "0", "--room-events-per-second", "0"];
        Node::start_in(data, 2, &[&["--store", "scylla"], keyspace.as_slice(), &unlimited].concat())
    }
}
