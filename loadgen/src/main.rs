//! Load and proof. Parts, in reading order: `ws` (frames), `floor` (the servers to compare with), `marker` (what is in
//! every body), `adapter` (a target's language), `drive` (workloads and the judge), `measure` (what a process costs),
//! `yardstick` (ours and the floors, interleaved, against thresholds), `scenario` and `record` (what is run, what it found),
//! `report` (what is made from a record).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adapter;
mod cli;
mod drive;
mod floor;
mod marker;
mod measure;
mod record;
mod report;
mod scenario;
mod show;
mod sys;
mod ws;
mod yardstick;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, DriveArgs};
use yardstick::YardstickArgs;

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Floor(args) => floor::run(args.mode, args.listen, usize::from(args.frame_overhead)).map(|()| true),
        Command::Drive(args) => drive(&args),
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

fn drive(args: &DriveArgs) -> io::Result<bool> {
    let outcome = drive::run(&args.options())?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
    } else {
        println!("{outcome}");
    }
    Ok(!outcome.failed())
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
