//! Reading everything again while a node runs: what can follow does, what cannot is named.

use super::given::Setting;
use super::layers::Layers;
use super::names::{self, Known};
use super::table::Change;
use super::{Config, Overrides, Problems};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a configuration was made from.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Source {
    pub settings: Vec<Setting>,
    pub tables: BTreeSet<Vec<String>>,
}

impl fmt::Debug for Source {
    /// There are secrets in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Reloaded {
    pub config: Config,
    /// Keys that are different and in force.
    pub changed: Vec<String>,
    /// Keys, realms and classes that are different and wait for a restart.
    pub waiting: Vec<String>,
}

impl Config {
    /// Reads the same places again. An error: something is wrong, and nothing changes.
    pub fn reload(&self, overrides: &Overrides) -> Result<Reloaded, Problems> {
        self.renewed(|| Layers::of(overrides, std::env::vars_os()))
    }

    pub(super) fn renewed(&self, read: impl Fn() -> Layers) -> Result<Reloaded, Problems> {
        // Right as a whole, or nothing of it.
        Config::of(read())?;
        let new = read();
        let old = &self.source;
        let is_hot = |key: &str| {
            let path: Vec<&str> = key.split('.').collect();
            matches!(names::known(&path), Known::Key(row) if row.change == Change::Hot)
        };
        // Of a realm or class that is new or gone, nothing is looked at before the restart.
        let tables: BTreeSet<String> =
            old.tables.symmetric_difference(&new.tables).map(|path| path.join(".")).collect();
        let is_elsewhere = |key: &str| tables.iter().any(|table| key.starts_with(&format!("{table}.")));
        let (before, after) = (strongest(&old.settings), strongest(&new.settings));
        let keys: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        let different = keys.into_iter().filter(|key| before.get(key) != after.get(key) && !is_elsewhere(key));
        let (changed, waiting): (Vec<String>, Vec<String>) = different.map(str::to_owned).partition(|key| is_hot(key));
        let from = |settings: &[Setting], hot: bool| {
            settings.iter().filter(|s| is_hot(&s.key) == hot && !is_elsewhere(&s.key)).cloned().collect::<Vec<_>>()
        };
        let mut settings = from(&new.settings, true);
        settings.extend(from(&old.settings, false));
        settings.extend(old.settings.iter().filter(|setting| is_elsewhere(&setting.key)).cloned());
        let layers = Layers { settings, tables: old.tables.clone(), problems: Vec::new() };
        Ok(Reloaded { config: Config::of(layers)?, changed, waiting: waiting.into_iter().chain(tables).collect() })
    }
}

/// What holds for each key.
fn strongest(settings: &[Setting]) -> BTreeMap<&str, &super::given::Given> {
    settings.iter().rev().map(|setting| (setting.key.as_str(), &setting.given)).collect()
}
