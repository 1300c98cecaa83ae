//! What a run found out, for people and for machines.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::judge::Faults;
use super::latency::Percentiles;
use super::workload::Workload;
use crate::adapter::Kind;
use crate::measure::Spent;

/// What others may take of the machine's CPU while it measures.
const QUIET: f64 = 0.02;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub workload: Workload,
    pub adapter: Kind,
    /// What is counted: deliveries, cycles or connections.
    pub unit: String,
    /// Length of the measured window.
    pub seconds: f64,
    /// Operations inside the window.
    pub operations: u64,
    pub per_second: f64,
    pub server_cpu_us_each: Option<f64>,
    /// Of the server's shards alone, where it has any.
    #[serde(default)]
    pub shard_cpu_us_each: Option<f64>,
    /// CPU time over wall time: 1.0 is one whole core.
    pub server_cpu_share: Option<f64>,
    pub client_cpu_share: f64,
    /// The share of the machine's CPU that others on the same hardware took meanwhile, where the kernel knows.
    #[serde(default)]
    pub stolen_cpu_share: Option<f64>,
    pub latency_us: Percentiles,
    /// Publications of the whole run, warm-up included, and how many of them were acknowledged.
    pub published: u64,
    pub acked: u64,
    pub faults: Faults,
    pub first_refusal: Option<String>,
    /// Mean payload bytes around a body: delivered, and as published.
    pub delivery_overhead: f64,
    pub publish_overhead: f64,
    pub memory_bytes_each: Option<f64>,
}

impl Outcome {
    pub fn new(workload: Workload, adapter: Kind, operations: u64, spent: Spent) -> Outcome {
        let wall = spent.wall.as_secs_f64().max(1e-9);
        let server = spent.server.map(|cpu| cpu.as_secs_f64());
        Outcome {
            workload,
            adapter,
            unit: workload.unit().to_owned(),
            seconds: wall,
            operations,
            per_second: operations as f64 / wall,
            server_cpu_us_each: server.map(|cpu| cpu * 1e6 / (operations as f64).max(1.0)),
            shard_cpu_us_each: spent.shards.map(|cpu| cpu.as_secs_f64() * 1e6 / (operations as f64).max(1.0)),
            server_cpu_share: server.map(|cpu| cpu / wall),
            client_cpu_share: spent.driver.as_secs_f64() / wall,
            stolen_cpu_share: spent.stolen,
            latency_us: Percentiles::default(),
            published: 0,
            acked: 0,
            faults: Faults::default(),
            first_refusal: None,
            delivery_overhead: 0.0,
            publish_overhead: 0.0,
            memory_bytes_each: None,
        }
    }

    /// A run that measured nothing has failed as surely as one that lost something.
    pub fn failed(&self) -> bool {
        self.faults.any() || self.operations == 0
    }

    /// Whether the machine was ours, as far as the kernel knows.
    pub fn was_quiet(&self) -> bool {
        self.stolen_cpu_share.is_none_or(|stolen| stolen <= QUIET)
    }

    /// Whether the driver, not the target, set the pace.
    pub fn driver_bound(&self) -> bool {
        self.server_cpu_share.is_some_and(|server| self.client_cpu_share > 0.9 && server < 0.85)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.failed() { "FAILED" } else { "ok" };
        writeln!(f, "{:?} over {:?}: {verdict}", self.workload, self.adapter)?;
        if let Some(bytes) = self.memory_bytes_each {
            writeln!(f, "  memory    {bytes:.0} bytes per connection, {} connections", self.operations)?;
        } else {
            let plural = if self.unit == "delivery" { "deliveries" } else { "cycles" };
            writeln!(
                f,
                "  rate      {:.0} {plural}/s ({} in {:.2} s)",
                self.per_second, self.operations, self.seconds
            )?;
            let Percentiles { p50, p99, p999, max } = self.latency_us;
            writeln!(f, "  latency   p50 {p50:.1} µs, p99 {p99:.1}, p99.9 {p999:.1}, max {max:.1}")?;
        }
        match (self.server_cpu_us_each, self.server_cpu_share) {
            (Some(each), Some(share)) => {
                writeln!(f, "  server    {each:.3} µs CPU per {}, {:.0} % of a core", self.unit, share * 100.0)?
            }
            _ => writeln!(f, "  server    CPU unknown (no --server-pid)")?,
        }
        writeln!(
            f,
            "  driver    {:.0} % of a core{}",
            self.client_cpu_share * 100.0,
            if self.driver_bound() { ": IT WAS THE BOTTLENECK" } else { "" }
        )?;
        if let Some(stolen) = self.stolen_cpu_share.filter(|_| !self.was_quiet()) {
            writeln!(f, "  machine   {:.0} % of its CPU was taken by others: NOT A QUIET RUN", stolen * 100.0)?;
        }
        let Faults { lost, duplicated, reordered, unexpected, damaged, refused } = self.faults;
        writeln!(
            f,
            "  judge     lost {lost}, duplicated {duplicated}, reordered {reordered}, unexpected {unexpected}, damaged {damaged}, refused {refused}"
        )?;
        if let Some(reason) = &self.first_refusal {
            writeln!(f, "  refusal   {reason}")?;
        }
        write!(
            f,
            "  frames    {} published, {} acked; {:+.1} bytes around a delivered body, {:+.1} around a published one",
            self.published, self.acked, self.delivery_overhead, self.publish_overhead
        )
    }
}
