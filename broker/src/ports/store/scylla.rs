//! ScyllaDB as a node's settled store: how it is reached, held and waited for.

use crate::config;
use crate::config::value::Hidden;
use crate::data::{DataError, DataFolder};
use rookery_storage::scylla::{Migrated, Scylla, ScyllaOptions, migrate};
use rookery_storage::settled::{Fault, Settled};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::runtime::{Builder, Handle, Runtime};

/// The environment's, so that it is never in a flag.
const PASSWORD: &str = "ROOKERY_SCYLLA__PASSWORD";

/// The driver's own threads, behind the shards.
const THREADS: usize = 2;

/// How long a database that cannot be reached, or is held by another node, is left alone.
pub const AGAIN: Duration = Duration::from_secs(1);

/// Numbers for runs that this node takes by itself, when its disk fails.
pub const RUNS_AHEAD: u64 = 16;

/// The database as this node uses it. Opened at the start, and anew after every failure.
pub struct Database {
    options: ScyllaOptions,
    runtime: Runtime,
    /// The one that was opened last.
    open: Mutex<Option<Arc<Scylla>>>,
}

/// Which keyspace of which database. The password is not written down: it is the node's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseAt {
    pub nodes: Vec<String>,
    pub keyspace: String,
    pub datacenter: Option<String>,
    pub replicas: u8,
    pub user: Option<String>,
    #[serde(skip)]
    pub password: Option<Hidden>,
}

impl From<&config::Scylla> for DatabaseAt {
    fn from(from: &config::Scylla) -> DatabaseAt {
        let config::Scylla { nodes, keyspace, datacenter, replicas, user, password } = from.clone();
        DatabaseAt { nodes, keyspace, datacenter, replicas, user, password }
    }
}

impl Database {
    pub fn new(at: &DatabaseAt, data: &DataFolder) -> Result<Arc<Database>, String> {
        let identity = data.identity().map_err(|error: DataError| error.to_string())?;
        let mut options = options(at)?;
        options.journal = identity;
        options.holder = format!("node {identity:016x}");
        let runtime = runtime().map_err(|error| error.to_string())?;
        Ok(Arc::new(Database { options, runtime, open: Mutex::new(None) }))
    }

    /// Opens it, or says why not.
    pub fn open(&self) -> Result<Arc<Scylla>, Fault> {
        // What was open before gives the lease back first.
        *self.lock() = None;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let options = ScyllaOptions { now, ..self.options.clone() };
        let scylla = Arc::new(Scylla::open(&options, self.runtime.handle().clone())?);
        *self.lock() = Some(scylla.clone());
        Ok(scylla)
    }

    /// Opens it, and waits for a database that is not there yet, or is another node's: such a node may be gone, and its
    /// lease ends. What no waiting helps is answered at once.
    pub fn open_in_time(&self) -> Result<Arc<dyn Settled>, Fault> {
        let mut said = String::new();
        loop {
            match self.open() {
                Err(fault) if Database::may_pass(&fault) => {
                    let what = fault.to_string();
                    if what != said {
                        tracing::warn!(event = "waiting_for_the_database", %what);
                        said = what;
                    }
                    std::thread::sleep(AGAIN);
                }
                other => return Ok(other?),
            }
        }
    }

    /// Whoever waits for it in vain has named another one, or has not made its tables.
    pub fn may_pass(fault: &Fault) -> bool {
        matches!(fault, Fault::Io(_) | Fault::Poisoned(_) | Fault::Held { .. })
            && !fault.to_string().contains("rookery migrate")
    }

    /// Gives it back, once nobody else uses it.
    pub fn close(&self) {
        *self.lock() = None;
    }

    /// A number for this start, above every run of every node before.
    pub fn take_run(&self, at_least: u64) -> Result<u64, Fault> {
        let scylla = self.lock().clone().ok_or_else(|| Fault::Io("the database is not open".to_owned()))?;
        let run = scylla.take_run(at_least)?;
        // The next start of any node is above those that this one may take alone.
        scylla.take_run(run + RUNS_AHEAD)?;
        Ok(run)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Scylla>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether what was said about it can be used at all.
pub fn check(at: &DatabaseAt) -> Result<(), String> {
    options(at).map(|_| ())
}

/// Brings the keyspace to the version of this program.
pub fn bring_up(at: &DatabaseAt) -> Result<Vec<Migrated>, String> {
    let runtime = runtime().map_err(|error| error.to_string())?;
    let handle: &Handle = runtime.handle();
    migrate(&options(at)?, handle).map_err(|fault| fault.to_string())
}

fn options(at: &DatabaseAt) -> Result<ScyllaOptions, String> {
    if at.nodes.is_empty() {
        return Err("--scylla-nodes is missing - name some of its nodes, as host:port".to_owned());
    }
    let mut options = ScyllaOptions::new(at.nodes.clone(), &at.keyspace);
    options.datacenter = at.datacenter.clone();
    options.replicas = at.replicas;
    options.user = match (&at.user, &at.password) {
        (None, _) => None,
        (Some(user), Some(Hidden(password))) => Some((user.clone(), password.clone())),
        (Some(_), None) => return Err(format!("--scylla-user needs {PASSWORD} in the environment")),
    };
    Ok(options)
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(THREADS).thread_name("database").enable_all().build()
}
