//! What a run found: one value from which the verdict, the JSON, the report, the curves and comparisons are made.
//!
//! Its JSON form is described by `docs/loadgen/record.schema.json`. Durations are seconds where a field says `seconds`, and
//! microseconds where it ends in `_us`; shares are of one, a share of CPU is of one core.

pub mod curve;
pub mod expect;
pub mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drive::Faults;
use crate::scenario::Scenario;
use curve::Curve;
use expect::Expectation;
use verdict::Verdict;

/// The form that this program writes. Readers refuse another one.
pub const FORM: &str = "loadgen.record.v1";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    pub form: String,
    pub loadgen: String,
    /// The command line, without secrets.
    pub command: Vec<String>,
    /// Milliseconds since 1970.
    pub started_at: u64,
    pub verdict: Verdict,
    pub scenario: Scenario,
    pub targets: Vec<String>,
    /// By the names that the command line gives them.
    pub languages: Vec<String>,
    pub environment: Environment,
    /// Of the measured window.
    pub totals: Totals,
    /// Messages that were sent in the whole run, warm-up included.
    pub posted: u64,
    pub carried: Carried,
    /// Of the whole run, warm-up and end included.
    pub faults: Faults,
    pub first_refusal: Option<String>,
    /// Why the first connection ended that nobody had ended and that did not come back.
    pub first_disconnect: Option<String>,
    pub first_broken_ack: Option<String>,
    pub gaps: Gaps,
    pub acks: Acks,
    /// Of the measured window, by what took the time; of joining, where nobody joined then, of when everybody did.
    pub latency: BTreeMap<What, Curve>,
    pub cost: Cost,
    /// One for each second of the measured window.
    pub seconds: Vec<Second>,
    pub marks: Vec<Mark>,
    pub search: Vec<Step>,
    pub expectations: Vec<Expectation>,
}

/// What a latency is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// From the intended time of a message to a listener's reading it.
    Delivery,
    /// From the intended time of a message to its ack.
    Ack,
    /// From the first packet of a connection until its room answered.
    Join,
    /// From asking for a page of history to having it.
    Page,
    /// Connect, join, leave, close.
    Cycle,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    pub cpu: String,
    pub cores: u32,
    pub kernel: String,
    pub memory_bytes: u64,
    /// The cores that the load ran on, a thread for each.
    pub driver_cores: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    pub seconds: f64,
    /// Connections in seats when the window began.
    pub connections: u64,
    pub posts: u64,
    pub deliveries: u64,
    pub acks: u64,
    pub joins: u64,
    pub cycles: u64,
    pub pages: u64,
    /// Bytes of the target's stream, frames' headers included; handshakes are not.
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Of the whole run, from the first connection to the last: the same bytes counted twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    pub deliveries: u64,
    /// Frames that were understood or written, and handshakes.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// What the kernel counted of the same connections.
    pub kernel_bytes_in: u64,
    pub kernel_bytes_out: u64,
}

impl Carried {
    pub fn add(&mut self, other: &Carried) {
        let Carried { deliveries, bytes_in, bytes_out, kernel_bytes_in, kernel_bytes_out } = other;
        self.deliveries += deliveries;
        self.bytes_in += bytes_in;
        self.bytes_out += bytes_out;
        self.kernel_bytes_in += kernel_bytes_in;
        self.kernel_bytes_out += kernel_bytes_out;
    }

    /// By which share the two counts differ, in the direction in which they differ more.
    pub fn difference(&self) -> f64 {
        let share = |ours: u64, kernel: u64| ours.abs_diff(kernel) as f64 / ours.max(kernel).max(1) as f64;
        share(self.bytes_in, self.kernel_bytes_in).max(share(self.bytes_out, self.kernel_bytes_out))
    }
}

/// Places that the target said it would not deliver, and connections that it lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gaps {
    /// Deliveries that a listener was told not to get.
    pub told: u64,
    /// Connections that ended without having been asked to.
    pub disconnects: u64,
    /// Returns that went on without a gap.
    pub resumed: u64,
}

impl Gaps {
    pub fn add(&mut self, other: &Gaps) {
        self.told += other.told;
        self.disconnects += other.disconnects;
        self.resumed += other.resumed;
    }
}

/// What became of the promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acks {
    /// Acked in the whole run.
    pub given: u64,
    /// Of them looked up in history at the end.
    pub checked: u64,
    /// Of the others, those older than the oldest message that the target keeps.
    pub expired: u64,
    /// Of the checked ones not there, or elsewhere than the ack said.
    pub broken: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub driver: Side,
    pub server: Option<Side>,
    pub server_us_per_delivery: Option<f64>,
    /// Of the server's shards alone, where it has any.
    pub shard_us_per_delivery: Option<f64>,
    /// User memory that a connection in its seat added to the server.
    pub server_bytes_per_connection: Option<f64>,
    /// How many times as much the driver could have received, by the CPU that its busiest thread had left.
    pub headroom: f64,
    /// What others on the same hardware took of the machine's CPU.
    pub stolen_share: Option<f64>,
    /// Mean payload bytes around a body, as delivered and as posted.
    pub delivery_overhead_bytes: f64,
    pub post_overhead_bytes: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Side {
    pub user_seconds: f64,
    pub system_seconds: f64,
    /// CPU over wall time: 1.0 is one whole core.
    pub share: f64,
    /// Private memory at the end of the window.
    pub memory_bytes: u64,
}

/// One second of the window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Its end, from the window's begin.
    pub at: f64,
    pub posts: u64,
    pub deliveries: u64,
    pub acks: u64,
    pub joins: u64,
    pub pages: u64,
    pub cycles: u64,
    /// Latencies of what the run is about: deliveries, or cycles or pages where nothing is delivered.
    pub p50_us: f64,
    pub p99_us: f64,
    pub max_us: f64,
    /// How many of them lay in each of the steps of [`curve::HEAT_STEPS`]; steps without any are left out.
    pub heat: Vec<(u16, u64)>,
    pub driver_share: f64,
    pub server_share: Option<f64>,
    pub server_memory_bytes: Option<u64>,
    pub faults: u64,
}

/// A moment that somebody marked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub at: f64,
    pub text: String,
}

/// One rate that a search tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub rate: f64,
    pub held: bool,
    pub p99_us: f64,
    /// Why it did not hold.
    pub why: Option<String>,
}

impl Record {
    /// What the run is about: the first of these that was measured.
    pub fn main_latency(&self) -> Option<(What, &Curve)> {
        [What::Delivery, What::Cycle, What::Page, What::Join]
            .into_iter()
            .find_map(|what| self.latency.get(&what).filter(|curve| curve.count > 0).map(|curve| (what, curve)))
    }

    /// Reads what [`FORM`] this program understands.
    pub fn read(text: &str) -> Result<Record, String> {
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
        match value.get("form").and_then(|form| form.as_str()) {
            Some(FORM) => serde_json::from_value(value).map_err(|error| format!("no record of a run: {error}")),
            Some(form) => Err(format!("a record of the form `{form}`; this program reads `{FORM}`")),
            None => Err("no record of a run: it has no `form`".to_owned()),
        }
    }
}
