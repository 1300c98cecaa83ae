//! What is made from the record of a run: a page, a percentile text, a comparison of several.

mod curves;
mod details;
mod heat;
mod hgrm;
mod html;
mod page;
mod percentile;
mod plot;
mod scale;
mod tables;
mod text;
mod timeline;

pub mod compare;

#[cfg(test)]
#[path = "../../tests/common/sample.rs"]
mod sample;
#[cfg(test)]
mod schema;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

pub use hgrm::hgrm;
pub use html::html;

use crate::record::{Record, What};

#[derive(Args)]
pub struct ReportArgs {
    /// The record of a run
    pub record: PathBuf,
    /// Write a page that stands alone: verdict, curves, everything over time
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write one latency by percentile, in milliseconds, as HdrHistogram's plotters read it
    #[arg(long, value_name = "FILE")]
    pub hgrm: Option<PathBuf>,
    /// Which latency: delivery, ack, join, page or cycle; without it what the run is about
    #[arg(long, value_name = "LATENCY", value_parser = percentile::parse_kind, requires = "hgrm")]
    pub of: Option<What>,
}

/// Prints the verdict and writes what was asked for.
pub fn run(args: &ReportArgs) -> io::Result<()> {
    let record = read(&args.record)?;
    println!("{}", text::plain(&record.verdict.sentence));
    if let Some(path) = &args.html {
        write(path, &html(&record))?;
    }
    if let Some(path) = &args.hgrm {
        let curve = match args.of {
            None => record.main_latency().map(|(_, curve)| curve),
            Some(what) => record.latency.get(&what).filter(|curve| curve.count > 0),
        };
        let what = args
            .of
            .map_or("no latency".to_owned(), |what| format!("no latency of the kind `{}`", percentile::name(what)));
        let curve = curve.ok_or_else(|| problem(&args.record, &format!("{what} was measured")))?;
        write(path, &hgrm(curve))?;
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Record> {
    let text = fs::read_to_string(path).map_err(|error| problem(path, &error.to_string()))?;
    Record::read(&text).map_err(|what| problem(path, &what))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text).map_err(|error| problem(path, &error.to_string()))
}

/// One line that names the file and what is wrong with it.
fn problem(path: &Path, what: &str) -> io::Error {
    io::Error::other(text::plain(&format!("{}: {what}", path.display())))
}
