//! The cost list of the store: every figure beside what the machine does without us, in the same run.
//!
//! `make bench-store` runs all of it. [`journal`], [`acks`], [`settle`] measure the storage in this process; [`rooms`] and
//! [`start`] the real binary, whose data they make.
// A measurement that cannot be made ends with what was wrong.
#![allow(clippy::unwrap_used)]

mod acks;
mod client;
mod engine;
mod journal;
mod node;
mod quiet;
mod rooms;
mod settle;
mod shard;
mod start;

use clap::{Parser, ValueEnum};
use std::path::{Path, PathBuf};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
struct Options {
    /// Where the data goes while it is measured; the disk that is measured
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// The broker's release binary
    #[arg(long)]
    broker: PathBuf,
    /// What to measure
    #[arg(long, value_enum, value_delimiter = ',', default_value = "journal,acks,settle,rooms,start")]
    only: Vec<Part>,
    /// Rooms on disk of which a thousand are live
    #[arg(long, default_value_t = 1_000_000)]
    rooms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    Journal,
    Acks,
    Settle,
    Rooms,
    Start,
}

fn main() {
    let Options { folder, broker, only, rooms } = Options::parse();
    let machine = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("load before: {}", machine.trim());
    for part in only {
        let space = tempfile::tempdir_in(&folder).unwrap();
        println!("\n== {}", format!("{part:?}").to_lowercase());
        match part {
            Part::Journal => journal::run(space.path()),
            Part::Acks => acks::run(space.path()),
            Part::Settle => settle::run(space.path()),
            Part::Rooms => rooms::run(space.path(), &broker, rooms),
            Part::Start => start::run(space.path(), &broker),
        }
    }
}

fn line(what: &str, figure: &str, beside: &str) {
    println!("{what:<58} {figure:>16}   {beside}");
}

fn size(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let path = entry.path();
            if path.is_dir() { size(&path) } else { std::fs::metadata(&path).map_or(0, |data| data.blocks() * 512) }
        })
        .sum()
}
