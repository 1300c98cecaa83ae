//! The core's yardstick: ours and the floors, interleaved round by round on the same two cores, and the thresholds.
//!
//! Absolute figures vary by a third from day to day; what is judged are ratios within a round.

mod criteria;
mod disk;
mod outcome;
mod plan;
mod report;
mod server;

use std::io;
use std::path::PathBuf;

use serde::Serialize;

use crate::adapter::{Kind, Settings, Tokens};
use crate::drive::{self, Orders};
use crate::measure;
use crate::scenario;
use crate::show::Unwatched;
use crate::sys;
use criteria::{Ruling, Sample};
use outcome::{Outcome, Workload};
use plan::{Cell, Encoding, Frames, Target};
use server::{Broker, Cores, Server};

/// Bytes of every body.
const BODY: u32 = 128;

/// Bytes around a body in the floor's own publication.
const FLOOR_PUBLISH_OVERHEAD: f64 = 5.0;

#[derive(Debug, clap::Args)]
pub struct YardstickArgs {
    /// The broker's binary; without it only the floors are measured
    #[arg(long)]
    broker: Option<PathBuf>,
    /// Further argument for the broker (may be repeated)
    #[arg(long, allow_hyphen_values = true)]
    broker_arg: Vec<String>,
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// Length of each measured window
    #[arg(long, default_value_t = 3.0, value_parser = crate::cli::parse_seconds)]
    seconds: f64,
    /// Load before each window
    #[arg(long, default_value_t = 0.5, value_parser = crate::cli::parse_seconds)]
    warmup: f64,
    #[arg(long, value_enum, value_delimiter = ',', default_value = "A,F1,F2,F3,F4,C,I")]
    workloads: Vec<Workload>,
    /// The server's core and the driver's
    #[arg(long, value_delimiter = ',', num_args = 1, default_value = "0,1")]
    cores: Vec<usize>,
    /// Instead of the floors, the broker with its history on disk beside the broker that forgets (F2 and F3)
    #[arg(long, requires = "broker")]
    stores: bool,
    /// Measure again, up to so often in all, while others take more than 2 % of the machine's CPU; the least disturbed counts
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    attempts: u16,
    /// Print everything as JSON
    #[arg(long)]
    pub json: bool,
}

/// Bytes around a body in one of our encodings, as the floor's options.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct FrameSize {
    delivery_overhead: u16,
    publish_padding: u16,
}

#[derive(Serialize)]
pub struct Report {
    rounds: u16,
    /// Of JSON and of binary, where a broker was measured.
    frames: Option<[FrameSize; 2]>,
    rulings: Vec<Ruling>,
    samples: Vec<Sample>,
    #[serde(skip)]
    cells: Vec<Cell>,
    pub passed: bool,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "medians of {} rounds, bodies of {BODY} bytes", self.rounds)?;
        if let Some([json, binary]) = self.frames {
            let (json, binary) = (json.delivery_overhead, binary.delivery_overhead);
            writeln!(f, "around a delivered body: {json} bytes in json, {binary} in binary")?;
        }
        writeln!(f)?;
        writeln!(f, "{}", report::medians(&self.cells, &self.samples))?;
        writeln!(f, "medians of the rounds' ratios; in brackets: for orientation\n")?;
        writeln!(f, "{}", report::rulings(&self.rulings))?;
        write!(f, "{}", if self.passed { "all criteria met" } else { "NOT all criteria met" })
    }
}

struct Yardstick<'a> {
    args: &'a YardstickArgs,
    broker: Option<Broker>,
    cores: Cores,
    frames: Option<[FrameSize; 2]>,
}

/// Measures everything asked for. Progress goes to standard error.
pub fn run(args: &YardstickArgs) -> io::Result<Report> {
    let &[server, driver] = args.cores.as_slice() else {
        return Err(io::Error::other("--cores takes two: the server's and the driver's"));
    };
    let cores = Cores { server: vec![server], driver: vec![driver] };
    let allowed = sys::allowed_cores()?;
    if !allowed.contains(&server) || !allowed.contains(&driver) {
        return Err(io::Error::other(format!("--cores {server},{driver}: this process may use {allowed:?}")));
    }
    sys::pin_to(&cores.driver)?;
    let broker = args.broker.clone().map(|path| Broker { path, more: args.broker_arg.clone() });
    let mut yardstick = Yardstick { args, broker, cores, frames: None };
    if yardstick.broker.is_some() && !args.stores {
        yardstick.frames = Some([yardstick.frame_size(Encoding::Json)?, yardstick.frame_size(Encoding::Binary)?]);
    }
    let cells = if args.stores {
        plan::store_cells(&args.workloads)
    } else {
        plan::cells(&args.workloads, yardstick.broker.is_some())
    };
    let samples = yardstick.rounds(&cells);
    let rulings = criteria::judge(&cells, &samples);
    let sound = samples.iter().all(|sample| sample.valid().is_some());
    Ok(Report {
        rounds: args.rounds,
        frames: yardstick.frames,
        passed: sound && rulings.iter().all(|ruling| ruling.passed || !ruling.counts),
        rulings,
        samples,
        cells,
    })
}

impl Yardstick<'_> {
    fn rounds(&self, cells: &[Cell]) -> Vec<Sample> {
        let mut samples = Vec::new();
        for (round, cell) in plan::order(cells, usize::from(self.args.rounds)) {
            let result = self.quietest(cell).map_err(|error| error.to_string());
            let word = match &result {
                Ok(outcome) if outcome.failed() => "FAILED".to_owned(),
                Ok(outcome) => format!(
                    "{:.0} {}/s, {:.3} µs",
                    outcome.per_second,
                    outcome.unit,
                    outcome.server_cpu_us_each.unwrap_or(0.0)
                ),
                Err(error) => format!("no result: {error}"),
            };
            eprintln!("round {} {:?} {}: {word}", round + 1, cell.workload, cell.target.name());
            samples.push(Sample { round, cell, result });
        }
        samples
    }

    /// The run that others disturbed least. What it found has no say in that.
    fn quietest(&self, cell: Cell) -> io::Result<Outcome> {
        let mut best = self.measure(cell)?;
        for _ in 1..self.args.attempts {
            if best.was_quiet() {
                break;
            }
            let again = self.measure(cell)?;
            if again.stolen_cpu_share < best.stolen_cpu_share {
                best = again;
            }
        }
        Ok(best)
    }

    /// One run against a server of its own, so that no run inherits another's memory or history.
    fn measure(&self, cell: Cell) -> io::Result<Outcome> {
        let (server, adapter, settings) = match cell.target {
            Target::Ours { encoding, shards, history } => {
                let broker = self.broker.as_ref().ok_or_else(|| io::Error::other("no broker given"))?;
                let server = Server::broker(broker, shards, history, &self.cores)?;
                let settings = Settings { tokens: Tokens::Minted(server::SECRET.to_owned()), ..Settings::default() };
                (server, adapter_of(encoding), settings)
            }
            Target::Floor { mode, frames } => {
                let [json, binary] = self.frames.unwrap_or_default();
                let size = match frames {
                    Frames::Plain => FrameSize::default(),
                    Frames::Like(Encoding::Json) => json,
                    Frames::Like(Encoding::Binary) => binary,
                };
                let server = Server::floor(mode, size.delivery_overhead, &self.cores)?;
                (server, Kind::Floor, Settings { padding: size.publish_padding, ..Settings::default() })
            }
        };
        let mut scenario = scenario::shipped(cell.workload.scenario())
            .unwrap_or_else(|| Err("no such scenario".to_owned()))
            .map_err(io::Error::other)?;
        let seconds = self.args.seconds * plan::window(cell.workload);
        scenario.time = scenario::Time { warm_up_seconds: self.args.warmup, seconds };
        scenario.posts.body = BODY;
        let orders = Orders {
            targets: vec![server.address],
            languages: vec![adapter.into()],
            settings,
            scenario,
            cores: self.cores.driver.clone(),
            server_pid: Some(server.pid()),
            returns: false,
            checks_acks: false,
            stream: measure::unix_ms(),
            command: Vec::new(),
        };
        Ok(Outcome::of(cell.workload, &drive::run(orders, &mut Unwatched)?))
    }

    /// Learns from a short run what one of our encodings puts around a body.
    fn frame_size(&self, encoding: Encoding) -> io::Result<FrameSize> {
        let cell = Cell { workload: Workload::F2, target: Target::ours(encoding) };
        let outcome = self.measure(cell)?;
        if outcome.failed() {
            return Err(io::Error::other(format!(
                "the first run over {} failed: {:?}",
                cell.target.name(),
                outcome.reasons
            )));
        }
        Ok(FrameSize {
            delivery_overhead: outcome.delivery_overhead.round() as u16,
            publish_padding: (outcome.post_overhead - FLOOR_PUBLISH_OVERHEAD).round() as u16,
        })
    }
}

fn adapter_of(encoding: Encoding) -> Kind {
    match encoding {
        Encoding::Json => Kind::RookeryJson,
        Encoding::Binary => Kind::RookeryBinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plan::{ENCODINGS, PER_FRAME, PLAIN};

    #[test]
    fn every_round_measures_what_the_criteria_compare() {
        let all = [Workload::A, Workload::F1, Workload::F2, Workload::F3, Workload::F4, Workload::C, Workload::I];
        let with_ours = plan::cells(&all, true);
        // Every criterion finds its cells in the full plan: 1 of the floors, 11 of each encoding.
        assert_eq!(criteria::judge(&with_ours, &[]).len(), 1 + ENCODINGS.len() * 11);
        // With the store on: five of each encoding and workload.
        let stores = plan::store_cells(&[Workload::F2, Workload::F3]);
        assert_eq!(criteria::judge(&stores, &[]).len(), ENCODINGS.len() * 2 * 5);
        let floors = plan::cells(&all, false);
        assert_eq!(floors.len(), all.len() + 1);
        assert!(floors.iter().all(|cell| cell.target == PLAIN || cell.target == PER_FRAME));
    }
}
