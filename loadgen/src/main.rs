//! Load and proof. Parts, in reading order: `ws` (frames), `floor` (the servers to compare with), `marker` (what is in
//! every body), `adapter` (a target's language), `scenario` (what a load is), `drive` (the load and the judge), `measure`
//! (what a process costs), `record` (what a run found), `show` (the same while it runs), `report` (what is
//! made of a record), `yardstick` (ours and the floors,
//! interleaved, against thresholds).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adapter;
mod cli;
mod drive;
mod floor;
mod marker;
mod measure;
mod record;
mod report;
mod run;
mod scenario;
mod search;
mod show;
mod signals;
mod sys;
mod toml_file;
mod ws;
mod yardstick;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use yardstick::YardstickArgs;

fn main() -> ExitCode {
    let done: io::Result<bool> = match Cli::parse().command {
        Command::Floor(args) => {
            let fault = args.fault.map(|fault| (fault, args.every));
            floor::run(args.mode, fault, args.listen, usize::from(args.frame_overhead)).map(|()| true)
        }
        Command::Run(args) => run::run(&args),
        Command::Scenarios => scenarios(),
        Command::CoreYardstick(args) => core_yardstick(&args),
        Command::Report(args) => report::run(&args).map(|()| true),
        Command::Compare(args) => report::compare::run(&args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadgen: {error}");
            ExitCode::from(2)
        }
    }
}

/// What `run` can be told by name.
fn scenarios() -> io::Result<bool> {
    for (name, _) in scenario::SHIPPED {
        if let Some(Ok(scenario)) = scenario::shipped(name) {
            println!("{name:<8} {}", scenario.about);
        }
    }
    Ok(true)
}

fn core_yardstick(args: &YardstickArgs) -> io::Result<bool> {
    let report = yardstick::run(args)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(report.passed)
}
