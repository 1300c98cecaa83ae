//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::adapter::{Kind, Settings, Tokens};
use crate::drive::{Options, Sizes, Workload};
use crate::floor::Mode;
use crate::report::ReportArgs;
use crate::report::compare::CompareArgs;
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
    /// Load one target with one workload and judge what comes back
    Drive(DriveArgs),
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
}

#[derive(Args)]
pub struct DriveArgs {
    /// ws://ADDRESS:PORT
    #[arg(long, value_parser = parse_target)]
    pub target: SocketAddr,
    #[arg(long, value_enum)]
    pub adapter: Kind,
    #[arg(long, value_enum)]
    pub workload: Workload,
    /// Process whose CPU and memory are read
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// Length of the measured window
    #[arg(long, default_value_t = 3.0, value_parser = parse_seconds)]
    pub seconds: f64,
    /// Load before the window
    #[arg(long, default_value_t = 0.5, value_parser = parse_seconds)]
    pub warmup: f64,
    /// Bytes of each body
    #[arg(long, default_value_t = 128)]
    pub body: usize,
    /// Ballast in each publication (floor)
    #[arg(long, default_value_t = 0)]
    pub padding: u16,
    /// Token for all connections (rookery)
    #[arg(long, conflicts_with = "secret")]
    pub token: Option<String>,
    /// Secret of the target, to give each connection a token and thus a user of its own (rookery)
    #[arg(long)]
    pub secret: Option<String>,
    /// Print the outcome as JSON
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub sizes: Sizes,
}

impl DriveArgs {
    pub fn options(&self) -> Options {
        let tokens = match (&self.token, &self.secret) {
            (_, Some(secret)) => Tokens::Minted(secret.clone()),
            (Some(token), None) => Tokens::Given(token.clone()),
            (None, None) => Tokens::None,
        };
        Options {
            target: self.target,
            adapter: self.adapter,
            settings: Settings { padding: self.padding, tokens },
            workload: self.workload,
            sizes: self.sizes,
            server_pid: self.server_pid,
            warmup: Duration::from_secs_f64(self.warmup),
            window: Duration::from_secs_f64(self.seconds),
            body: self.body,
        }
    }
}

fn parse_target(text: &str) -> Result<SocketAddr, String> {
    let address = text.strip_prefix("ws://").unwrap_or(text).trim_end_matches('/');
    address.parse().map_err(|_| format!("`{text}` is not of the form ws://ADDRESS:PORT"))
}

/// An hour is more than any run needs, and keeps every sum of times in range.
pub fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=3_600.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("must be a number of seconds from 0 to 3600".to_owned()),
    }
}
