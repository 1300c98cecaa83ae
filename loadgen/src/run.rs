//! `loadgen run`: a scenario from its name or file, changed by flags, against targets; then the verdict and what else was
//! asked for.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::adapter::{Language, Settings, Tokens};
use crate::cli::{parse_seconds, parse_target};
use crate::drive::{self, Orders};
use crate::measure;
use crate::record::expect::Expected;
use crate::record::verdict::{self, Word};
use crate::record::{Record, Step};
use crate::report;
use crate::scenario::{self, Pace, Scenario};
use crate::search;
use crate::show;
use crate::signals;
use crate::sys;

#[derive(Args)]
pub struct RunArgs {
    /// A scenario's name (see `loadgen scenarios`), or a TOML file
    pub scenario: String,
    /// ws://ADDRESS:PORT (nats:// without WebSocket); connections go to several in turn
    #[arg(long, required = true, value_delimiter = ',', value_parser = parse_target)]
    pub target: Vec<SocketAddr>,
    /// What the target speaks, by name or as a TOML file; connections speak several in turn
    #[arg(long, value_delimiter = ',', default_value = "rookery-json", value_name = "NAME|FILE", long_help = languages())]
    pub language: Vec<String>,
    /// Token for all connections
    #[arg(long, env = "LOADGEN_TOKEN", hide_env_values = true, conflicts_with = "secret")]
    pub token: Option<String>,
    /// Secret of the target, to give each connection a token and thus a user of its own, or to sign with
    #[arg(long, env = "LOADGEN_SECRET", hide_env_values = true)]
    pub secret: Option<String>,
    /// Process whose CPU and memory are read
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// Cores of the load, a thread for each [default: all that this process may use]
    #[arg(long, value_delimiter = ',')]
    pub cores: Vec<usize>,
    /// Clients that lose their connection come back and go on; senders say again what had no ack
    #[arg(long)]
    pub returns: bool,
    /// Do not look acks up in history at the end
    #[arg(long)]
    pub no_history_check: bool,
    /// What must hold, such as 'p99<5ms' or 'lost=0' (may be repeated)
    #[arg(long, value_name = "FIGURE<BOUND")]
    pub expect: Vec<Expected>,
    /// Look for the highest rate at which everything expected holds; a p99 below 10 ms unless something else is expected
    #[arg(long)]
    pub search: bool,
    /// One line a second, even on a terminal
    #[arg(long)]
    pub plain: bool,
    /// Show nothing while it runs
    #[arg(long, conflicts_with = "plain")]
    pub quiet: bool,
    /// Print the record as JSON instead of the verdict's details
    #[arg(long)]
    pub json: bool,
    /// Write the record as JSON into this file
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Write the record as a page to look at into this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write the percentiles of what the run is about, in the usual text form, into this file
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Ballast in each post (floor)
    #[arg(long, default_value_t = 0, hide = true)]
    pub padding: u16,
    #[command(flatten)]
    pub changes: Changes,
}

/// Single values of the scenario.
#[derive(Args)]
#[command(next_help_heading = "Changes to the scenario")]
pub struct Changes {
    /// rooms.count
    #[arg(long)]
    rooms: Option<u32>,
    /// rooms.seats
    #[arg(long)]
    seats: Option<u32>,
    /// rooms.zipf
    #[arg(long)]
    zipf: Option<f64>,
    /// posts.rate, messages a second
    #[arg(long, conflicts_with = "in_flight")]
    rate: Option<f64>,
    /// posts.in_flight, per sender
    #[arg(long)]
    in_flight: Option<u32>,
    /// posts.senders
    #[arg(long)]
    senders: Option<u32>,
    /// posts.body, bytes
    #[arg(long)]
    body: Option<u32>,
    /// time.seconds, the measured window
    #[arg(long, value_parser = parse_seconds)]
    seconds: Option<f64>,
    /// time.warm_up_seconds
    #[arg(long, value_parser = parse_seconds)]
    warm_up: Option<f64>,
}

impl Changes {
    fn apply(&self, scenario: &mut Scenario) {
        fn set<T: Copy>(value: &mut T, change: Option<T>) {
            *value = change.unwrap_or(*value);
        }
        set(&mut scenario.rooms.count, self.rooms);
        set(&mut scenario.rooms.seats, self.seats);
        set(&mut scenario.rooms.zipf, self.zipf);
        set(&mut scenario.posts.senders, self.senders);
        set(&mut scenario.posts.body, self.body);
        set(&mut scenario.time.seconds, self.seconds);
        set(&mut scenario.time.warm_up_seconds, self.warm_up);
        if let Some(rate) = self.rate {
            (scenario.posts.rate, scenario.posts.in_flight) = (rate, 0);
        }
        if let Some(in_flight) = self.in_flight {
            (scenario.posts.rate, scenario.posts.in_flight) = (0.0, in_flight);
        }
    }
}

/// What a search holds a rate to where nothing is expected.
const SEARCHED: &str = "p99<10ms";

/// Runs and tells. True: it held.
pub fn run(args: &RunArgs) -> io::Result<bool> {
    signals::listen()?;
    let orders = orders(args).map_err(io::Error::other)?;
    let record = if args.search { search(args, &orders)? } else { once(args, orders, &args.expect)? };
    tell(args, &record)?;
    Ok(record.verdict.word == Word::Pass)
}

fn once(args: &RunArgs, orders: Orders, expect: &[Expected]) -> io::Result<Record> {
    let targets: Vec<String> = orders.targets.iter().map(ToString::to_string).collect();
    let mut show: Box<dyn show::Show> =
        if args.quiet { Box::new(show::Unwatched) } else { show::start(&orders.scenario.name, &targets, args.plain) };
    let found = drive::run(orders, show.as_mut());
    // It gives the terminal back, whatever was found.
    drop(show);
    let mut record = found?;
    record.expectations = expect.iter().map(|expected| expected.judge(&record)).collect();
    record.verdict = verdict::of(&record);
    Ok(record)
}

/// Runs at one rate after the other; the record is that of the highest that held.
fn search(args: &RunArgs, orders: &Orders) -> io::Result<Record> {
    let Pace::Rate(first) = orders.scenario.posts.pace() else {
        return Err(io::Error::other("--search needs a scenario with a rate (or --rate to begin with)"));
    };
    let mut expect = args.expect.clone();
    if expect.is_empty() {
        expect.extend(SEARCHED.parse::<Expected>());
    }
    let (mut steps, mut best, mut last) = (Vec::new(), None, None);
    search::highest(first, |rate| {
        let mut orders = orders.clone();
        orders.scenario.posts.rate = rate;
        orders.stream = measure::unix_ms();
        let record = once(args, orders, &expect)?;
        let held = record.verdict.word == Word::Pass;
        let why = record.verdict.reasons.first().cloned();
        eprintln!("{}", record.verdict.sentence);
        if signals::heard() > 0 {
            return Err(io::Error::other("the search was stopped before its end"));
        }
        let p99_us = record.main_latency().map_or(0.0, |(_, curve)| curve.p99_us);
        steps.push(Step { rate, held, p99_us, why });
        if held {
            best = Some(record)
        } else {
            last = Some(record)
        }
        Ok::<bool, io::Error>(held)
    })?;
    let mut record = best.or(last).ok_or_else(|| io::Error::other("nothing was tried"))?;
    record.search = steps;
    Ok(record)
}

fn orders(args: &RunArgs) -> Result<Orders, String> {
    let mut scenario = match scenario::shipped(&args.scenario) {
        Some(scenario) => scenario?,
        None if Path::new(&args.scenario).exists() => scenario::load(Path::new(&args.scenario))?,
        None => {
            let names: Vec<&str> = scenario::SHIPPED.iter().map(|(name, _)| *name).collect();
            return Err(format!("`{}` is neither a file nor one of {}", args.scenario, names.join(", ")));
        }
    };
    args.changes.apply(&mut scenario);
    scenario::check(&scenario).map_err(|(key, what)| format!("{key}: {what}"))?;
    let allowed = sys::allowed_cores().map_err(|error| error.to_string())?;
    if let Some(core) = args.cores.iter().find(|core| !allowed.contains(core)) {
        return Err(format!("--cores {core}: this process may use {allowed:?}"));
    }
    let languages = args.language.iter().map(|text| Language::find(text)).collect::<Result<Vec<Language>, String>>()?;
    let tokens = match (&args.token, &args.secret) {
        (_, Some(secret)) => Tokens::Minted(secret.clone()),
        (Some(token), None) => Tokens::Given(token.clone()),
        (None, None) => Tokens::None,
    };
    let settings = Settings { padding: args.padding, tokens };
    languages.iter().try_for_each(|language| language.fits(&scenario, &settings))?;
    Ok(Orders {
        targets: args.target.clone(),
        languages,
        settings,
        scenario,
        cores: if args.cores.is_empty() { allowed } else { args.cores.clone() },
        server_pid: args.server_pid,
        returns: args.returns,
        checks_acks: !args.no_history_check,
        stream: measure::unix_ms(),
        command: without_secrets(std::iter::once("loadgen".to_owned()).chain(std::env::args().skip(1))),
    })
}

fn languages() -> String {
    let names = Language::names().join(", ");
    format!("What the target speaks: {names}, or a TOML file that describes it; connections speak several in turn")
}

/// The command line as it may be shown to anybody.
fn without_secrets(args: impl Iterator<Item = String>) -> Vec<String> {
    let mut hide_next = false;
    args.map(|arg| {
        let secret = ["--token", "--secret"];
        if std::mem::replace(&mut hide_next, secret.contains(&arg.as_str())) {
            return "***".to_owned();
        }
        match arg.split_once('=') {
            Some((name, _)) if secret.contains(&name) => format!("{name}=***"),
            _ => arg,
        }
    })
    .collect()
}

fn tell(args: &RunArgs, record: &Record) -> io::Result<()> {
    let json = serde_json::to_string_pretty(record)?;
    if args.json {
        println!("{json}");
    } else {
        println!("{}", record.verdict.sentence);
        record.verdict.reasons.iter().skip(1).for_each(|reason| println!("      {reason}"));
    }
    let write = |path: &Option<PathBuf>, text: String| match path {
        Some(path) => fs::write(path, text).map_err(|error| named(path, &error)),
        None => Ok(()),
    };
    write(&args.record, json)?;
    write(&args.report, report::html(record))?;
    write(&args.hgrm, record.main_latency().map(|(_, curve)| report::hgrm(curve)).unwrap_or_default())
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_command_line_tells_no_secret() {
        let line = ["loadgen", "run", "--secret", "s3cret", "--token=t0ken", "--rate", "5"].map(str::to_owned);
        let shown = without_secrets(line.into_iter());
        assert_eq!(shown, ["loadgen", "run", "--secret", "***", "--token=***", "--rate", "5"]);
    }
}
