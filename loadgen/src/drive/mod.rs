//! The driver: one thread that loads a target, far more cheaply than the target can answer, and judges every delivery.

mod churn;
mod crowd;
mod idle;
mod judge;
mod latency;
mod ledger;
mod link;
mod net;
mod outcome;
mod stream;
mod workload;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

pub use judge::Faults;
pub use outcome::Outcome;
pub use workload::{Sizes, Workload};

use crate::adapter::{Kind, Settings};
use crate::marker::BODY_MIN;
use crate::sys;
use workload::Plan;

#[derive(Clone, Debug)]
pub struct Options {
    pub target: SocketAddr,
    pub adapter: Kind,
    pub settings: Settings,
    pub workload: Workload,
    pub sizes: Sizes,
    /// Process whose CPU and memory are read.
    pub server_pid: Option<u32>,
    pub warmup: Duration,
    pub window: Duration,
    /// Bytes of each body.
    pub body: usize,
}

/// Runs one workload against one target. Ends by itself, whatever the target does.
pub fn run(options: &Options) -> io::Result<Outcome> {
    if options.body < BODY_MIN {
        return Err(io::Error::other(format!("a body needs at least {BODY_MIN} bytes for its mark")));
    }
    sys::raise_descriptor_limit()?;
    match options.workload.plan(&options.sizes) {
        Plan::Stream(stream) => stream::run(options, stream),
        Plan::Churn { at_once } => churn::run(options, at_once),
        Plan::Idle { connections, per_room } => idle::run(options, connections, per_room),
    }
}
