//! The binary `rookery`: reads the command line, and starts what it names.

use clap::Parser;
use rookery::cli::{Cli, Verb};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: rookery::allocator::Allocator = rookery::allocator::Allocator;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.verb.unwrap_or_default() {
        Verb::Serve(options) => rookery::start::serve(&options),
        Verb::Config(tool) => rookery::tools::config(&tool.verb),
        Verb::Token(options) => rookery::tools::token::run(&options),
        Verb::Migrate(options) => rookery::start::migrate(&options),
        Verb::Health(options) => rookery::tools::health::run(&options),
        Verb::Store(tool) => rookery::tools::run(&tool.verb),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("rookery: {}", failure.message);
            ExitCode::from(failure.status as u8)
        }
    }
}
