//! What is done to a data folder without a node, or with one that runs: `rookery store …`; `rookery config …` and
//! `rookery health`.
//!
//! [`frozen`] opens a stopped node's folder without a change to it; [`verify`], [`stats`] and [`export`] read it.
//! [`import`] writes rooms of an export, whose lines are in [`lines`]. [`backup`] and [`compact`] do it themselves, or
//! ask the node that has the folder ([`crate::control`]); [`moving`] only asks.

mod backup;
mod compact;
mod export;
mod frozen;
pub mod health;
mod import;
mod lines;
mod moving;
mod names;
mod stats;
pub mod token;
mod verify;

pub use backup::copy_store;

use crate::cli::{ConfigVerb, StoreVerb};
use crate::config::schema;
use crate::data::DataError;
use crate::exit::Exit;
use crate::start::Failure;
use std::fmt::Display;

pub fn run(verb: &StoreVerb) -> Result<(), Failure> {
    match verb {
        StoreVerb::Verify(options) => verify::run(&options.data),
        StoreVerb::Stats(options) => stats::run(&options.folder.data, options.json),
        StoreVerb::Export(options) => export::run(options),
        StoreVerb::Import(options) => import::run(&options.file, &options.folder.data),
        StoreVerb::Backup(options) => backup::run(&options.folder.data, &options.target),
        StoreVerb::Compact(options) => compact::run(&options.data),
        StoreVerb::Move(options) => moving::run(options),
    }
}

/// Looks at what is configured.
pub fn config(verb: &ConfigVerb) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Check(options) => {
            options.flags.load()?;
            println!("the configuration is right");
        }
        ConfigVerb::Schema => print!("{}", schema()),
        ConfigVerb::Print(options) => print!("{}", options.flags.load()?.print(options.origin)),
    }
    Ok(())
}

fn failure(status: Exit, message: impl Display) -> Failure {
    Failure { message: message.to_string(), status }
}

/// Of a tool that needs the folder for itself.
fn not_open(error: DataError) -> Failure {
    match error {
        DataError::Busy(path) => Failure::config(format!(
            "{}: a node runs on this data folder - stop it first, or make a backup and look at that",
            path.display()
        )),
        other @ (DataError::Newer { .. } | DataError::Missing(_) | DataError::Moved { .. } | DataError::Io { .. }) => {
            Failure::config(other)
        }
    }
}
