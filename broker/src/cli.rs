//! The command line. What is configured has its flags from the list of keys ([`crate::config`]).

use crate::config::flags::{self, Flags};
use clap::{Args, Parser, Subcommand};
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
    /// Check or show what is configured
    Config(ConfigTool),
    /// Make or renew the tables in ScyllaDB; safe twice, and from two nodes
    Migrate(Migrate),
    /// Ask the node of this configuration whether it should get traffic; the status is 1 if not
    Health(HealthOptions),
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
#[command(after_help = "Example: rookery serve --listen 127.0.0.1:8080 --data ./data\nMore: --help")]
pub struct Serve {
    #[command(flatten)]
    pub flags: Flags<flags::Serving>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery migrate --scylla-nodes 127.0.0.1:9042")]
pub struct Migrate {
    #[command(flatten)]
    pub flags: Flags<flags::Database>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery health --config rookery.toml")]
pub struct HealthOptions {
    #[command(flatten)]
    pub flags: Flags<flags::Pages>,
    /// Ask only whether it lives: whether every shard's loop turns
    #[arg(long)]
    pub live: bool,
}

#[derive(Debug, Clone, Args)]
pub struct ConfigTool {
    #[command(subcommand)]
    pub verb: ConfigVerb,
}

#[derive(Debug, Clone, Subcommand)]
pub enum ConfigVerb {
    /// Say what is wrong with a configuration, a line each; changes nothing
    Check(CheckOptions),
    /// Show what is in force; secrets are hidden
    Print(PrintOptions),
    /// Print the JSON Schema of a configuration file, for editors
    Schema,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery config check --config rookery.toml")]
pub struct CheckOptions {
    #[command(flatten)]
    pub flags: Flags<flags::Serving>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery config print --origin --config rookery.toml")]
pub struct PrintOptions {
    #[command(flatten)]
    pub flags: Flags<flags::Serving>,
    /// Say beside each key where it was set
    #[arg(long)]
    pub origin: bool,
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
    #[command(flatten)]
    pub node: Flags<flags::Folder>,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Example: rookery token explain < token.txt")]
pub struct TokenExplain {
    /// The token; without it, or with -, it is read from standard input, where no list of processes shows it
    pub token: Option<String>,
    /// The realm that it is shown to; without it the one that it names
    #[arg(long)]
    pub realm: Option<String>,
    #[command(flatten)]
    pub node: Flags<flags::Folder>,
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
    pub to: Flags<flags::Database>,
    /// Give the move up: the node stays with its folder
    #[arg(long)]
    pub stop: bool,
}
