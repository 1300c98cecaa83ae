//! What is set: flags above environment above file above defaults.
//!
//! Read in this order: `keys` (the list of all there is), `table` (how it is written down), `value` (what a key can hold),
//! `layers` (the four places), `reader` (from layers to values), `check` (what fits together), [`print`] (back into text).

mod check;
pub mod flags;
mod given;
mod keys;
mod layers;
mod memory;
mod names;
pub mod print;
pub(crate) mod reader;
mod reload;
mod schema;
pub mod settings;
mod table;
#[cfg(test)]
mod tests;
pub mod value;

pub use given::{Place, Problem};
pub use keys::{Auth, Class, Hook, Limits, Log, Room, SECTIONS, Scylla, Serve, Store, Tls, Watch};
pub use layers::Overrides;
pub use schema::schema;
pub use table::{Change, Row, Section};

use keys::{AUTH, HOOK, LIMITS, LOG, ROOM, SCYLLA, SERVE, STORE, TLS, WATCH};
use layers::Layers;
use names::{CLASSES, REALMS};
use reader::{Reader, Shown};
use reload::Source;
use std::collections::BTreeSet;
use std::fmt;

/// The realm of native clients that name none. It is there, whether it is configured or not.
pub const MAIN_REALM: &str = "main";

/// Everything that holds for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub serve: Serve,
    pub tls: Tls,
    pub store: Store,
    pub scylla: Scylla,
    pub limits: Limits,
    pub log: Log,
    pub watch: Watch,
    /// Of realms that say nothing else.
    pub auth: Auth,
    pub hook: Hook,
    /// The main one first.
    pub realms: Vec<RealmConfig>,
    /// In the order of the file of defaults.
    shown: Vec<Shown>,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RealmConfig {
    pub name: String,
    pub auth: Auth,
    /// Its tokens are signed by keys of its own, and by no others.
    pub has_own_keys: bool,
    pub hook: Hook,
    pub classes: Vec<ClassConfig>,
    /// Of rooms that no class describes.
    pub room: Room,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassConfig {
    pub name: String,
    pub class: Class,
    pub room: Room,
}

/// All that is wrong, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => only.fmt(f),
            all => {
                write!(f, "{} problems, nothing was started", all.len())?;
                all.iter().try_for_each(|problem| write!(f, "\n{problem}"))
            }
        }
    }
}

impl Config {
    /// Reads everything and checks it. Finds all that is wrong, not only the first.
    pub fn load(overrides: &Overrides) -> Result<Config, Problems> {
        Config::of(Layers::of(overrides, std::env::vars_os()))
    }

    fn of(layers: Layers) -> Result<Config, Problems> {
        let mut reader = Reader::new(&layers.settings);
        let config = Config::read(&mut reader, &layers.tables);
        if let Some(config) = &config {
            check::check(config, &mut reader);
        }
        let source = Source { settings: layers.settings.clone(), tables: layers.tables.clone() };
        let (problems, shown) = (std::mem::take(&mut reader.problems), std::mem::take(&mut reader.shown));
        let mut problems: Vec<_> = layers.problems.into_iter().chain(problems).collect();
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        match config {
            Some(config) if problems.is_empty() => Ok(Config { shown, source, ..config }),
            _ => Err(Problems(problems)),
        }
    }

    fn read(reader: &mut Reader<'_>, tables: &BTreeSet<Vec<String>>) -> Option<Config> {
        let serve = Serve::read(reader, &[SERVE.name]);
        let tls = Tls::read(reader, &[TLS.name]);
        let store = Store::read(reader, &[STORE.name]);
        let scylla = Scylla::read(reader, &[SCYLLA.name]);
        // Shown where the file has them; what realms make of them is read below.
        let auth = Auth::read(reader, &[AUTH.name]);
        let hook = Hook::read(reader, &[HOOK.name]);
        let limits = Limits::read(reader, &[LIMITS.name]);
        let room = Room::read(reader, &[ROOM.name]);
        let log = Log::read(reader, &[LOG.name]);
        let watch = Watch::read(reader, &[WATCH.name]);
        let mut names: Vec<&str> = tables.iter().filter(|path| path.len() == 2).map(|path| path[1].as_str()).collect();
        names.retain(|name| *name != MAIN_REALM);
        names.insert(0, MAIN_REALM);
        let realms: Option<Vec<_>> = names.iter().map(|name| RealmConfig::read(reader, tables, name, &room)).collect();
        Some(Config {
            serve: serve?,
            tls: tls?,
            store: store?,
            scylla: scylla?,
            limits: limits?,
            log: log?,
            watch: watch?,
            auth: auth?,
            hook: hook?,
            realms: realms?,
            shown: Vec::new(),
            source: Source::default(),
        })
    }

    /// The main realm's.
    pub fn main(&self) -> Option<&RealmConfig> {
        self.realms.first()
    }
}

impl RealmConfig {
    fn read(
        reader: &mut Reader<'_>,
        tables: &BTreeSet<Vec<String>>,
        name: &str,
        room: &Option<Room>,
    ) -> Option<RealmConfig> {
        let table = format!("{REALMS}.{name}");
        let mut auth = Auth::read(reader, &[&table, AUTH.name])?;
        let is_own = |key: &str| reader.is_set(&format!("{table}.{key}"));
        let own = ["secret", "public_keys", "key_sets"].map(is_own);
        let has_own_keys = own.contains(&true);
        if has_own_keys {
            let [secret, public_keys, key_sets] = own;
            auth.secret = auth.secret.filter(|_| secret);
            auth.public_keys.retain(|_| public_keys);
            auth.key_sets.retain(|_| key_sets);
        }
        let hook_table = format!("{table}.{}", HOOK.name);
        let mut hook = Hook::read(reader, &[&hook_table, HOOK.name])?;
        // What is asked elsewhere is not signed with a secret that was meant for another.
        let [own_url, own_secret] = ["url", "secret"].map(|key| reader.is_set(&format!("{hook_table}.{key}")));
        hook.secret = hook.secret.filter(|_| own_secret || !own_url);
        let of_ours = |path: &&Vec<String>| path.len() == 4 && path[1] == name && path[2] == CLASSES;
        let classes = tables.iter().filter(of_ours).map(|path| {
            let (class_name, table) = (&path[3], path.join("."));
            let class = Class::read(reader, &[&table]);
            let room = Room::read(reader, &[&table, ROOM.name]);
            Some(ClassConfig { name: class_name.clone(), class: class?, room: room? })
        });
        let classes: Vec<Option<ClassConfig>> = classes.collect();
        Some(RealmConfig {
            name: name.to_owned(),
            auth,
            has_own_keys,
            hook,
            classes: classes.into_iter().collect::<Option<_>>()?,
            room: room.clone()?,
        })
    }
}
