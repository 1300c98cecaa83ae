//! The command line.

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

use crate::floor::{Fault, Mode};
use crate::report::ReportArgs;
use crate::report::compare::CompareArgs;
use crate::run::RunArgs;
use crate::yardstick::YardstickArgs;

/// Load and proof for chat brokers: floor servers, workloads, and a judge of every delivery.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Serve as the least a WebSocket fan-out can cost; prints its address first
    Floor(FloorArgs),
    /// Load one or more targets with a scenario, and judge what comes back
    #[command(args_override_self = true)]
    #[command(after_help = "Exit status: 0 PASS, 1 FAIL or INVALID, 2 could not be run.")]
    Run(Box<RunArgs>),
    /// List the scenarios that come with the program
    Scenarios,
    /// Hold the broker's core against the floors: medians, ratios, thresholds
    CoreYardstick(YardstickArgs),
    /// Print the verdict of a run's record, and write its page or its percentiles
    Report(ReportArgs),
    Compare(CompareArgs),
}

#[derive(Args)]
pub struct FloorArgs {
    #[arg(long, value_enum, default_value = "batching")]
    pub mode: Mode,
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Ballast in each delivery, to match another server's frames
    #[arg(long, default_value_t = 0)]
    pub frame_overhead: u16,
    /// Do wrong, to see whether a judge notices; every delivery is then sent alone
    #[arg(long, value_enum)]
    pub fault: Option<Fault>,
    /// Which deliveries: one in so many
    #[arg(long, default_value_t = 10_000, requires = "fault")]
    pub every: u64,
}

pub fn parse_target(text: &str) -> Result<SocketAddr, String> {
    let address = ["ws://", "nats://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
    address.trim_end_matches('/').parse().map_err(|_| format!("`{text}` is not of the form ws://ADDRESS:PORT"))
}

/// An hour is more than any run needs, and keeps every sum of times in range.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3_600.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("must be a number of seconds from 0 to 3600".to_owned()),
    }
}
