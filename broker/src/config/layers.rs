//! The four places where a key can be set, the strongest first: flags, environment, file, defaults.

use super::given::{Given, Place, Problem, Setting};
use super::names::{self, Known};
use super::print;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

const PREFIX: &str = "ROOKERY_";
/// Between the parts of a key, in the environment.
const BETWEEN: &str = "__";

/// What the command line says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    pub file: Option<PathBuf>,
    /// (key, value, the flag that said so)
    pub set: Vec<(String, String, String)>,
}

/// Everything that was set, the strongest first.
pub struct Layers {
    pub settings: Vec<Setting>,
    /// Of realms, and of the classes in them, that are named anywhere.
    pub tables: BTreeSet<Vec<String>>,
    pub problems: Vec<Problem>,
}

impl Layers {
    pub fn of(overrides: &Overrides, environment: impl Iterator<Item = (OsString, OsString)>) -> Layers {
        let mut layers = Layers { settings: Vec::new(), tables: BTreeSet::new(), problems: Vec::new() };
        for (key, value, flag) in &overrides.set {
            let place = Place::Flag(flag.clone());
            layers.one(key.split('.').map(str::to_owned).collect(), Given::Word(value.clone()), place);
        }
        let mut variables: Vec<_> = environment.collect();
        variables.sort();
        for (name, value) in variables {
            layers.variable(&name, value);
        }
        if let Some(path) = &overrides.file {
            layers.file(path);
        }
        layers.text(Arc::from("defaults"), &print::defaults(), |_, _, _| Place::Default);
        layers
    }

    /// Variables of other programs, and those of ours that are no key, have no pair of underscores behind our name.
    fn variable(&mut self, name: &OsString, value: OsString) {
        let Some(key) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).filter(|key| key.contains(BETWEEN))
        else {
            return;
        };
        let path: Vec<String> = key.split(BETWEEN).map(str::to_ascii_lowercase).collect();
        let place = Place::Environment(name.to_string_lossy().into_owned());
        match value.into_string() {
            Ok(value) => self.one(path, Given::Word(value), place),
            Err(_) => self.problem(place, &path, "it is not UTF-8".to_owned()),
        }
    }

    fn file(&mut self, path: &Path) {
        let name: Arc<str> = path.to_string_lossy().into();
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let place = |path: &Arc<str>, line, column| Place::File { path: path.clone(), line, column };
                self.text(name, &text, place);
            }
            Err(error) => {
                let place = Place::Flag("config".to_owned());
                self.problem(place, &[], format!("{name}: {error}"));
            }
        }
    }

    fn text(&mut self, name: Arc<str>, text: &str, place: impl Fn(&Arc<str>, usize, usize) -> Place) {
        let at = |span: Range<usize>| {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
            place(&name, line, column)
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        let broken = !errors.is_empty();
        for error in errors {
            let place = at(error.span().unwrap_or(0..0));
            self.problem(place, &[], format!("not TOML: {}", error.message()));
        }
        // What stands in a file that is not TOML is not what was meant.
        if !broken {
            self.table(&mut Vec::new(), table.get_ref(), &at);
        }
    }

    fn table(&mut self, path: &mut Vec<String>, table: &DeTable<'_>, at: &dyn Fn(Range<usize>) -> Place) {
        for (key, value) in table {
            path.push(key.get_ref().to_string());
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            match (names::known(&names), value.get_ref()) {
                (Known::Table, DeValue::Table(inner)) => {
                    if self.named(path, &at(key.span())) {
                        self.table(path, inner, at);
                    }
                }
                (Known::Table, _) => self.problem(at(key.span()), path, "it has to be a table".to_owned()),
                (Known::Key(_) | Known::Nothing, _) => self.one(path.clone(), given(value), at(key.span())),
            }
            path.pop();
        }
    }

    /// Realms and classes are there as soon as they are named.
    fn named(&mut self, path: &[String], place: &Place) -> bool {
        let Some(name) = path.get(1).filter(|_| path[0] == names::REALMS) else { return true };
        let name = path.get(3).unwrap_or(name);
        if !names::is_name(name) {
            let what = "the name of a realm or class has small letters, digits, - and _, and at most 64 of them";
            self.problem(place.clone(), path, what.to_owned());
            return false;
        }
        // A variable may name something of a realm that nobody else names.
        self.tables.insert(path[..2].to_vec());
        self.tables.insert(path.to_vec());
        true
    }

    fn one(&mut self, path: Vec<String>, given: Given, place: Place) {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names::known(&names) {
            Known::Key(_) => {
                if self.named(&path[..path.len() - 1], &place) {
                    self.settings.push(Setting { key: path.join("."), given, place });
                }
            }
            Known::Table | Known::Nothing => {
                let hint = names::nearest(&names).filter(|near| *near != path.join("."));
                let hint = match (hint, &place) {
                    (Some(key), Place::Environment(_)) => format!(" - did you mean {}?", variable(&key)),
                    (Some(key), Place::Default | Place::File { .. } | Place::Flag(_)) => {
                        format!(" - did you mean {key}?")
                    }
                    (None, _) => " - docs/reference/configuration.md has them all".to_owned(),
                };
                self.problem(place, &path, format!("unknown key{hint}"));
            }
        }
    }

    fn problem(&mut self, place: Place, path: &[String], what: String) {
        self.problems.push(Problem { place, key: path.join("."), what });
    }
}

/// A key's name in the environment.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', BETWEEN).to_ascii_uppercase())
}

fn given(value: &Spanned<DeValue<'_>>) -> Given {
    match value.get_ref() {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or(Given::Other("so large a number"), Given::Number),
        DeValue::Boolean(truth) => Given::Truth(*truth),
        DeValue::Array(list) => Given::List(list.iter().map(given).collect()),
        DeValue::Float(_) => Given::Other("a number with a point"),
        DeValue::Datetime(_) => Given::Other("a date"),
        DeValue::Table(_) => Given::Other("a table"),
    }
}

/// The first key of a text and its value.
#[cfg(test)]
pub fn parsed(text: &str) -> (String, Given) {
    let table = DeTable::parse(text).unwrap();
    let (key, value) = table.get_ref().iter().next().unwrap();
    (key.get_ref().to_string(), given(value))
}
