//! The command line. Every flag is also an environment variable; flags win.

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A sharded chat broker.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
#[command(after_help = "Example: rookery serve --listen 127.0.0.1:8080 --data ./data")]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the broker (this is what `rookery` alone does)
    Serve(Serve),
    /// Make tokens with this node's secret, or say what is wrong with one
    Token(Token),
    /// Make or renew the tables in ScyllaDB; safe twice, and from two nodes
    Migrate(Migrate),
    /// Look at, copy and move what a data folder keeps
    Store(StoreTool),
}

impl Default for Verb {
    /// What the environment says, and defaults for the rest: as if `serve` had been typed.
    fn default() -> Verb {
        match Cli::parse_from(["rookery", "serve"]).verb {
            Some(verb) => verb,
            None => unreachable!("a verb was given"),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Address to listen on; port 0 lets the system choose
    #[arg(long, env = "ROOKERY_SERVE__LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Folder for what survives a restart; one process at a time
    #[arg(long, env = "ROOKERY_SERVE__DATA", default_value = "./data")]
    pub data: PathBuf,
    /// Threads; 0: one per core
    #[arg(long, env = "ROOKERY_SERVE__SHARDS", default_value_t = 0)]
    pub shards: u8,
    /// First core to pin shards to; the others follow
    #[arg(long, env = "ROOKERY_SERVE__FIRST_CORE")]
    pub first_core: Option<usize>,
    /// Write to many connections in one system call, where the kernel can (Linux 6.1) and lets us
    #[arg(long, env = "ROOKERY_SERVE__IO_URING", default_value_t = true, action = ArgAction::Set)]
    pub io_uring: bool,
    /// Where history goes
    #[arg(long, env = "ROOKERY_STORE__ENGINE", value_enum, default_value_t = StoreEngine::Embedded)]
    pub store: StoreEngine,
    /// Web pages that may connect, as https://chat.example.org; "*" for all. None by default: browsers of pages
    /// elsewhere are refused, programs (which send no origin) are not
    #[arg(long, env = "ROOKERY_SERVE__ALLOW_ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<String>,
    #[command(flatten)]
    pub scylla: ScyllaArgs,
    #[command(flatten)]
    pub limits: LimitOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreEngine {
    /// In the data folder: what is acked survives kill -9 and a power cut
    Embedded,
    /// In the data folder first, and from there to ScyllaDB: what is acked `durable` needs neither this disk nor this node
    Scylla,
    /// Kept while the process runs
    Memory,
}

/// Where ScyllaDB is. A password is read from ROOKERY_SCYLLA__PASSWORD.
#[derive(Debug, Clone, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "ScyllaDB (--store scylla)")]
pub struct ScyllaArgs {
    /// Addresses of some of its nodes, as host:port
    #[arg(long = "scylla-nodes", id = "scylla_nodes", env = "ROOKERY_SCYLLA__NODES", value_delimiter = ',')]
    pub nodes: Vec<String>,
    /// Keyspace; `rookery migrate` makes it. One node at a time holds it
    #[arg(
        long = "scylla-keyspace",
        id = "scylla_keyspace",
        env = "ROOKERY_SCYLLA__KEYSPACE",
        default_value = "rookery"
    )]
    pub keyspace: String,
    /// Data centre whose quorum is asked
    #[arg(long = "scylla-datacenter", id = "scylla_datacenter", env = "ROOKERY_SCYLLA__DATACENTER")]
    pub datacenter: Option<String>,
    /// Copies of everything, when `migrate` makes the keyspace
    #[arg(long = "scylla-replicas", id = "scylla_replicas", env = "ROOKERY_SCYLLA__REPLICAS", default_value_t = 3)]
    pub replicas: u8,
    /// User
    #[arg(long = "scylla-user", id = "scylla_user", env = "ROOKERY_SCYLLA__USER")]
    pub user: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery migrate --scylla-nodes 127.0.0.1:9042")]
pub struct Migrate {
    #[command(flatten)]
    pub scylla: ScyllaArgs,
}

/// Limits that set-ups differ in; 0 means none. The others are listed in docs/reference/limits.md.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits (0: none)")]
pub struct LimitOptions {
    /// Commands of a connection per second
    #[arg(long, env = "ROOKERY_LIMITS__COMMANDS_PER_SECOND", default_value_t = rookery_protocol::limits::COMMANDS_PER_SECOND as u32)]
    pub commands_per_second: u32,
    /// Commands of a user per second, over all its connections
    #[arg(long, env = "ROOKERY_LIMITS__USER_COMMANDS_PER_SECOND", default_value_t = rookery_protocol::limits::USER_COMMANDS_PER_SECOND as u32)]
    pub user_commands_per_second: u32,
    /// Events of a room per second
    #[arg(long, env = "ROOKERY_LIMITS__ROOM_EVENTS_PER_SECOND", default_value_t = rookery_protocol::limits::ROOM_EVENTS_PER_SECOND as u32)]
    pub room_events_per_second: u32,
    /// Connections of one user
    #[arg(long, env = "ROOKERY_LIMITS__CONNECTIONS_PER_USER", default_value_t = rookery_protocol::limits::CONNECTIONS_PER_USER as u32)]
    pub connections_per_user: u32,
    /// Cap of the kernel's send buffer of a connection, in bytes
    #[arg(long, env = "ROOKERY_LIMITS__SEND_BUFFER_BYTES", default_value_t = 0)]
    pub send_buffer_bytes: usize,
}

/// `rookery token alice` is short for `rookery token new alice`.
#[derive(Debug, Clone, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "Example: rookery token alice --hours 1")]
pub struct Token {
    #[command(subcommand)]
    pub verb: Option<TokenVerb>,
    #[command(flatten)]
    pub new: TokenNew,
}

#[derive(Debug, Clone, Subcommand)]
pub enum TokenVerb {
    /// Print a token for a user, signed with this node's secret
    New(TokenNew),
    /// Say what a token says, and whether this node would accept it; the status is 1 if not
    Explain(TokenExplain),
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery token new alice --hours 1 --can 'read,post:support-*'")]
pub struct TokenNew {
    /// The user that the token names
    #[arg(required = true)]
    pub user: Option<String>,
    /// How long it lasts
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..))]
    pub hours: u64,
    /// Rooms that it opens where they ask for claims: a name, or a prefix with * behind it; several times for more
    #[arg(long, value_name = "PATTERN")]
    pub room: Vec<String>,
    /// All that it is good for, as VERB,VERB or VERB,VERB:ROOM,ROOM; several times for more. Verbs are commands, or
    /// read, write, manage; without rooms it means those of --room, or all
    #[arg(long, value_name = "VERBS[:ROOMS]")]
    pub can: Vec<String>,
    /// May send backend commands
    #[arg(long)]
    pub backend: bool,
    /// The realm that it is for; without it the main one
    #[arg(long)]
    pub realm: Option<String>,
    /// The data folder of the node, where its development secret is kept
    #[arg(long, env = "ROOKERY_SERVE__DATA", default_value = "./data")]
    pub data: PathBuf,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery token explain < token.txt")]
pub struct TokenExplain {
    /// The token; without it, or with -, it is read from standard input, where no list of processes shows it
    pub token: Option<String>,
    /// The realm that it is shown to; without it the one that it names
    #[arg(long)]
    pub realm: Option<String>,
    /// The data folder of the node, where its development secret is kept
    #[arg(long, env = "ROOKERY_SERVE__DATA", default_value = "./data")]
    pub data: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct StoreTool {
    #[command(subcommand)]
    pub verb: StoreVerb,
}

#[derive(Debug, Clone, Subcommand)]
pub enum StoreVerb {
    /// Read everything that a stopped node left, and say what is damaged; changes nothing
    Verify(DataOption),
    /// Say what a stopped node's folder holds; changes nothing
    Stats(StatsOptions),
    /// Write what a stopped node's folder holds as JSON lines to standard output; changes nothing
    Export(ExportOptions),
    /// Take rooms of an export into a stopped node's folder, or a new one; a second time adds nothing
    Import(ImportOptions),
    /// Make a folder that a node can be started on, also while the node runs
    Backup(BackupOptions),
    /// Rewrite the files, so that what was deleted or erased is in none of them, also while the node runs
    Compact(DataOption),
    /// Move what a running node has in its folder to ScyllaDB, or show how far that is; the node goes on meanwhile
    Move(MoveOptions),
}

#[derive(Debug, Clone, Args)]
pub struct DataOption {
    /// The data folder
    #[arg(long, env = "ROOKERY_SERVE__DATA", default_value = "./data")]
    pub data: PathBuf,
}

#[derive(Debug, Clone, Args)]
pub struct StatsOptions {
    #[command(flatten)]
    pub folder: DataOption,
    /// One JSON object instead of tables
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery store export --data ./data > rooms.jsonl")]
pub struct ExportOptions {
    #[command(flatten)]
    pub folder: DataOption,
    /// Only rooms of this realm
    #[arg(long)]
    pub realm: Option<String>,
    /// Only rooms of this name
    #[arg(long)]
    pub room: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery store import rooms.jsonl --data ./new")]
pub struct ImportOptions {
    /// What an export has written
    pub file: PathBuf,
    #[command(flatten)]
    pub folder: DataOption,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery store backup --data ./data /backups/monday")]
pub struct BackupOptions {
    /// The folder to make; it must not be there, or be empty
    pub target: PathBuf,
    #[command(flatten)]
    pub folder: DataOption,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery store move --data ./data --scylla-nodes 127.0.0.1:9042")]
pub struct MoveOptions {
    #[command(flatten)]
    pub folder: DataOption,
    #[command(flatten)]
    pub to: ScyllaArgs,
    /// Give the move up: the node stays with its folder
    #[arg(long)]
    pub stop: bool,
}
