//! Several runs side by side: what became better or worse against the first, and what nobody can tell.

mod differ;
mod judge;
mod page;
mod table;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use judge::compare;

use crate::record::Record;

/// Compare records of runs; the first is the base.
///
/// A figure is called better or worse when it changed by more than the tolerance and by more than chance explains
/// in runs of this size. It says "too few" where fewer than ten samples lie above a percentile in either run, or where
/// chance can have made the change. One run of each is little: where it matters, run both several times, in turns.
///
/// Exit status: 0, or 1 if the last run is worse than the first in anything, or 2 if a record cannot be used.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct CompareArgs {
    /// Records of runs, the base first
    #[arg(required = true, num_args = 2.., value_name = "RECORD")]
    pub records: Vec<PathBuf>,
    /// Write a page that stands alone: the table, and the curves over each other
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
    /// Per cent by which a figure must change to be called better or worse
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT", value_parser = parse_percent)]
    pub tolerance: f64,
}

/// A record and what it is called here.
pub struct Run {
    pub name: String,
    pub file: String,
    pub record: Record,
}

/// Prints the comparison and writes its page. False: the last run is worse than the first.
pub fn run(args: &CompareArgs) -> io::Result<bool> {
    let mut runs: Vec<Run> = Vec::new();
    for path in &args.records {
        let record = super::read(path)?;
        let name = name(path, &runs);
        runs.push(Run { name, file: path.display().to_string(), record });
    }
    let comparison = compare(&runs, args.tolerance / 100.0);
    if let Some(path) = &args.html {
        super::write(path, &page::html(&runs, &comparison))?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&comparison)?);
    } else {
        print!("{}", table::text(&comparison));
    }
    Ok(!comparison.worse)
}

/// The file's stem; numbered where another has it already.
fn name(path: &Path, runs: &[Run]) -> String {
    let stem = super::text::plain(&path.file_stem().unwrap_or_default().to_string_lossy());
    let taken = |name: &str| runs.iter().any(|run| run.name == name);
    if !taken(&stem) {
        return stem;
    }
    let numbered = (2..).map(|n| format!("{stem}#{n}")).find(|name| !taken(name));
    numbered.unwrap_or(stem)
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim().parse::<f64>() {
        Ok(percent) if (0.0..=1_000.0).contains(&percent) => Ok(percent),
        Ok(_) | Err(_) => Err("must be a number of per cent from 0 to 1000".to_owned()),
    }
}
