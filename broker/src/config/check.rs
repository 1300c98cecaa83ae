//! What single keys cannot say: whether they fit together.

use super::Config;
use super::keys::{LIMITS, STORE};
use super::reader::Reader;
use super::value::StoreEngine;
use std::collections::BTreeMap;

pub fn check(config: &Config, reader: &mut Reader<'_>) {
    let limits = &config.limits;
    let mut wrong = |key: String, what: String| {
        let place = reader.place_of(&key);
        reader.problem(&key, place, what);
    };
    let key = |section: &str, name: &str| format!("{section}.{name}");
    if limits.rooms_per_connection == 0 {
        wrong(key(LIMITS.name, "rooms_per_connection"), "it has to be at least 1".to_owned());
    }
    for (name, span) in [
        ("auth_deadline", limits.auth_deadline),
        ("ping", limits.ping),
        ("silence", limits.silence),
        ("slow", limits.slow),
    ] {
        if span.ms() == 0 {
            wrong(key(LIMITS.name, name), "it has to be longer than 0".to_owned());
        }
    }
    if limits.ping.ms().saturating_mul(2) >= limits.silence.ms() {
        wrong(key(LIMITS.name, "ping"), "it has to be less than half of limits.silence".to_owned());
    }
    let scylla = config.store.engine == StoreEngine::Scylla;
    if scylla && config.scylla.nodes.is_empty() {
        wrong(
            key(STORE.name, "engine"),
            "scylla.nodes is missing - name some of its nodes, as host:port, there or with --scylla-nodes".to_owned(),
        );
    }
    if scylla && config.scylla.user.is_some() && config.scylla.password.is_none() {
        wrong("scylla.user".to_owned(), "scylla.password is missing - set ROOKERY_SCYLLA__PASSWORD".to_owned());
    }
    for realm in &config.realms {
        if let Some(secret) = &realm.auth.secret
            && let Err(error) = crate::auth::Secret::given(secret.0.clone())
        {
            let own = format!("realms.{}.secret", realm.name);
            let is_own = reader.is_set(&own);
            let key = if is_own { own } else { "auth.secret".to_owned() };
            let place = reader.place_of(&key);
            reader.problem(&key, place, error.to_string());
        }
        let mut patterns = BTreeMap::new();
        for class in &realm.classes {
            let pattern = &class.class.pattern;
            let table = format!("realms.{}.classes.{}", realm.name, class.name);
            let place = reader.place_of(&format!("{table}.pattern"));
            if pattern.is_empty() || pattern.trim_end_matches('*').contains('*') || pattern.ends_with("**") {
                let what = "it has to be a room's name, or the beginning of one and a \"*\"";
                reader.problem(&format!("{table}.pattern"), place.clone(), what.to_owned());
            }
            if let Some(other) = patterns.insert(pattern.clone(), &class.name) {
                reader.problem(&format!("{table}.pattern"), place, format!("class {other} has the same pattern"));
            }
        }
    }
}
