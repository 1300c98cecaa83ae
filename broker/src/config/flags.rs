//! Keys as flags: each verb takes those that it needs, `--config FILE`, and `--set KEY=VALUE` for all others.

use super::{Config, Overrides, Problems, Row, SECTIONS, Section};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};
use std::marker::PhantomData;
use std::path::PathBuf;

/// Which keys have a flag at a verb.
pub trait Scope {
    fn takes(section: &Section, row: &Row) -> bool;
}

/// All of them.
#[derive(Debug, Clone)]
pub struct Serving;

impl Scope for Serving {
    fn takes(_: &Section, _: &Row) -> bool {
        true
    }
}

/// Whose data folder.
#[derive(Debug, Clone)]
pub struct Folder;

impl Scope for Folder {
    fn takes(section: &Section, row: &Row) -> bool {
        section.name == super::SERVE.name && row.name == "data"
    }
}

/// Where a node shows its pages.
#[derive(Debug, Clone)]
pub struct Pages;

impl Scope for Pages {
    fn takes(section: &Section, row: &Row) -> bool {
        row.name == "listen" && [super::SERVE.name, super::WATCH.name].contains(&section.name)
    }
}

/// Where a database is.
#[derive(Debug, Clone)]
pub struct Database;

impl Scope for Database {
    fn takes(section: &Section, _: &Row) -> bool {
        section.name == super::SCYLLA.name
    }
}

/// The flags of a verb, as they were given.
#[derive(Debug, Clone)]
pub struct Flags<S> {
    pub overrides: Overrides,
    scope: PhantomData<S>,
}

impl<S> Flags<S> {
    pub fn load(&self) -> Result<Config, Problems> {
        Config::load(&self.overrides)
    }
}

const CONFIG: &str = "config";
const SET: &str = "set";

fn rows<S: Scope>() -> impl Iterator<Item = (&'static Section, &'static Row, &'static str)> {
    let all = SECTIONS.iter().flat_map(|section| section.rows.iter().map(move |row| (*section, row)));
    all.filter(|(section, row)| S::takes(section, row)).filter_map(|(section, row)| Some((section, row, row.flag?)))
}

impl<S: Scope> Args for Flags<S> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG).long(CONFIG).value_name("FILE").env("ROOKERY_CONFIG");
        let config = config.value_parser(clap::value_parser!(PathBuf)).help("What is set, as configs/rookery.toml");
        let set = Arg::new(SET).long(SET).value_name("KEY=VALUE").action(ArgAction::Append);
        let set = set.help("Any key of the configuration: --set limits.ping=10s");
        let command = command.arg(config).arg(set);
        rows::<S>().fold(command, |command, (_, row, flag)| {
            let help = row.sentence.trim_end_matches('.');
            command.arg(Arg::new(flag).long(flag).value_name((row.form)().name).help(help).hide_short_help(hidden(row)))
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A first page of help has what people begin with; the second all.
fn hidden(row: &Row) -> bool {
    !matches!(row.flag, Some("listen" | "data" | "shards" | "store" | "allow-origin" | "scylla-nodes"))
}

impl<S: Scope> FromArgMatches for Flags<S> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Flags<S>, Error> {
        let mut overrides = Overrides { file: matches.get_one(CONFIG).cloned(), set: Vec::new() };
        for (section, row, flag) in rows::<S>() {
            if let Some(value) = matches.get_one::<String>(flag) {
                overrides.set.push((format!("{}.{}", section.name, row.name), value.clone(), flag.to_owned()));
            }
        }
        for pair in matches.get_many::<String>(SET).into_iter().flatten() {
            let Some((key, value)) = pair.split_once('=') else {
                let message = format!("--set {pair}: write it as KEY=VALUE, as in --set limits.ping=10s\n");
                return Err(Error::raw(clap::error::ErrorKind::ValueValidation, message));
            };
            overrides.set.push((key.trim().to_owned(), value.trim().to_owned(), SET.to_owned()));
        }
        Ok(Flags { overrides, scope: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
