//! The driver: loads one or more targets, far more cheaply than they can answer, and judges every delivery.
//!
//! In reading order: `seating` (who sits where), `line` and `track` (the messages of a room, shared and per thread),
//! `framing`, `judge` and `ledger` (what came, and what was wrong with it), `worker` with `reading`, `opening`, `sessions`,
//! `posting` and `asking` (a thread and what its clients do), `run` (the whole), `visit` and `acked` (what is looked up
//! afterwards).

mod acked;
mod asking;
mod client;
mod control;
mod framing;
mod judge;
mod ledger;
mod line;
mod link;
mod net;
mod opening;
#[cfg(test)]
mod peers;
mod posting;
mod reading;
mod run;
mod seating;
mod sessions;
mod tally;
mod track;
mod visit;
mod worker;

use std::net::SocketAddr;

pub use judge::Faults;
pub use run::run;

use crate::adapter::{Language, Settings};
use crate::scenario::Scenario;

/// What to run against what.
#[derive(Clone, Debug)]
pub struct Orders {
    /// Connections go to them in turn.
    pub targets: Vec<SocketAddr>,
    /// Connections speak them in turn.
    pub languages: Vec<Language>,
    pub settings: Settings,
    pub scenario: Scenario,
    /// A thread for each.
    pub cores: Vec<usize>,
    /// Process whose CPU and memory are read.
    pub server_pid: Option<u32>,
    /// Whether clients that lose their connection come back, and senders say again what had no ack.
    pub returns: bool,
    /// Whether acks are looked up in history at the end.
    pub checks_acks: bool,
    /// Tells this run's messages from those of another one.
    pub stream: u64,
    /// For the record: the command line, without secrets.
    pub command: Vec<String>,
}
