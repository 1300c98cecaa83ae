//! A workload of the yardstick, and the figures of its record that the criteria compare.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::drive::Faults;
use crate::record::verdict::HEADROOM_LEAST;
use crate::record::{Record, What};

/// What others may take of the machine's CPU while it measures.
const QUIET: f64 = 0.02;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "UPPER")]
pub enum Workload {
    /// One message at a time: publish, wait for one's own copy.
    A,
    /// 1 room of 100, 500 messages/s on a fixed schedule.
    F1,
    /// 1 room of 100, one publisher with 64 messages in flight.
    F2,
    /// 100 rooms of 10, 10 publishers, 64 in flight each.
    F3,
    /// 1 room of 1,000, one publisher, 64 in flight.
    F4,
    /// Connect, join, leave, close, 100 at a time.
    C,
    /// 10,000 connections, one room for ten of them, idle.
    I,
}

impl Workload {
    /// The scenario that it is.
    pub fn scenario(self) -> &'static str {
        match self {
            Workload::A => "a",
            Workload::F1 => "f1",
            Workload::F2 => "f2",
            Workload::F3 => "f3",
            Workload::F4 => "f4",
            Workload::C => "churn",
            Workload::I => "idle",
        }
    }

    /// What one operation of it is.
    pub fn unit(self) -> &'static str {
        match self {
            Workload::A | Workload::F1 | Workload::F2 | Workload::F3 | Workload::F4 => "delivery",
            Workload::C => "cycle",
            Workload::I => "connection",
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub workload: Workload,
    /// What is counted: deliveries, cycles or connections.
    pub unit: String,
    /// Length of the measured window.
    pub seconds: f64,
    /// Operations inside the window.
    pub operations: u64,
    pub per_second: f64,
    pub server_cpu_us_each: Option<f64>,
    /// Of the server's shards alone, where it has any.
    pub shard_cpu_us_each: Option<f64>,
    /// CPU time over wall time: 1.0 is one whole core.
    pub server_cpu_share: Option<f64>,
    pub client_cpu_share: f64,
    /// How many times as much the driver could have received.
    pub headroom: f64,
    /// The share of the machine's CPU that others on the same hardware took meanwhile, where the kernel knows.
    pub stolen_cpu_share: Option<f64>,
    pub p50_us: f64,
    pub p99_us: f64,
    pub faults: Faults,
    /// What was wrong, in words.
    pub reasons: Vec<String>,
    /// Mean payload bytes around a body: delivered, and as posted.
    pub delivery_overhead: f64,
    pub post_overhead: f64,
    pub memory_bytes_each: Option<f64>,
}

impl Outcome {
    pub fn of(workload: Workload, record: &Record) -> Outcome {
        let totals = &record.totals;
        let (operations, what) = match workload {
            Workload::C => (totals.cycles, What::Cycle),
            Workload::I => (totals.connections, What::Join),
            Workload::A | Workload::F1 | Workload::F2 | Workload::F3 | Workload::F4 => {
                (totals.deliveries, What::Delivery)
            }
        };
        let each = |share: f64| share * totals.seconds * 1e6 / (operations as f64).max(1.0);
        let server_cpu_share = record.cost.server.map(|server| server.share);
        let curve = record.latency.get(&what);
        Outcome {
            workload,
            unit: workload.unit().to_owned(),
            seconds: totals.seconds,
            operations,
            per_second: operations as f64 / totals.seconds.max(1e-9),
            server_cpu_us_each: server_cpu_share.map(each),
            shard_cpu_us_each: record.cost.shard_us_per_delivery,
            server_cpu_share,
            client_cpu_share: record.cost.driver.share,
            headroom: record.cost.headroom,
            stolen_cpu_share: record.cost.stolen_share,
            p50_us: curve.map_or(0.0, |curve| curve.p50_us),
            p99_us: curve.map_or(0.0, |curve| curve.p99_us),
            faults: record.faults,
            reasons: record.first_disconnect.iter().chain(&record.first_refusal).cloned().collect(),
            delivery_overhead: record.cost.delivery_overhead_bytes,
            post_overhead: record.cost.post_overhead_bytes,
            memory_bytes_each: record.cost.server_bytes_per_connection.filter(|_| workload == Workload::I),
        }
    }

    /// A run that measured nothing has failed as surely as one that lost something.
    pub fn failed(&self) -> bool {
        self.faults.sum() > 0 || !self.reasons.is_empty() || self.operations == 0
    }

    /// Whether the machine was ours, as far as the kernel knows.
    pub fn was_quiet(&self) -> bool {
        self.stolen_cpu_share.is_none_or(|stolen| stolen <= QUIET)
    }

    /// Whether the driver, not the target, set the pace.
    pub fn driver_bound(&self) -> bool {
        self.headroom < HEADROOM_LEAST
    }
}
