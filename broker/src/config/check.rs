//! What single keys cannot say: whether they fit together.

use super::reader::Reader;
use super::value::StoreEngine;
use super::{Auth, Config, RealmConfig};
use crate::auth::Secret;
use std::collections::BTreeMap;

/// The clocks of two machines that look at them at all.
const LEEWAY_MS: u64 = 60_000;

pub fn check(config: &Config, reader: &mut Reader<'_>) {
    limits(&config.limits, reader);
    tls(&config.tls, reader);
    if config.store.engine == StoreEngine::Scylla {
        database(&config.scylla, reader);
    }
    auth(&config.auth, super::AUTH.name, reader);
    for realm in &config.realms {
        auth(&realm.auth, &format!("{}.{}", super::REALMS, realm.name), reader);
        classes(realm, reader);
    }
}

fn limits(limits: &super::Limits, reader: &mut Reader<'_>) {
    if limits.rooms_per_connection == 0 {
        reader.wrong("limits.rooms_per_connection", "it has to be at least 1");
    }
    for (key, span) in [
        ("limits.auth_deadline", limits.auth_deadline),
        ("limits.ping", limits.ping),
        ("limits.silence", limits.silence),
        ("limits.slow", limits.slow),
    ] {
        if span.ms() == 0 {
            reader.wrong(key, "it has to be longer than 0");
        }
    }
    if limits.ping.ms().saturating_mul(2) >= limits.silence.ms() {
        reader.wrong("limits.ping", "it has to be less than half of limits.silence");
    }
}

fn tls(tls: &super::Tls, reader: &mut Reader<'_>) {
    if tls.listen.is_none() {
        return;
    }
    for (key, is_missing) in [("tls.certificate", tls.certificate.is_none()), ("tls.key", tls.key.is_none())] {
        if is_missing {
            reader.wrong("tls.listen", &format!("{key} is missing - name its PEM file"));
        }
    }
}

fn database(scylla: &super::Scylla, reader: &mut Reader<'_>) {
    if scylla.nodes.is_empty() {
        let what = "scylla.nodes is missing - name some of its nodes, as host:port, there or with --scylla-nodes";
        reader.wrong("store.engine", what);
    }
    if scylla.user.is_some() && scylla.password.is_none() {
        reader.wrong("scylla.user", "scylla.password is missing - set ROOKERY_SCYLLA__PASSWORD");
    }
}

/// What a realm takes from the node is the node's fault.
fn auth(auth: &Auth, table: &str, reader: &mut Reader<'_>) {
    let key = |reader: &Reader<'_>, name: &str| {
        let own = format!("{table}.{name}");
        if reader.is_set(&own) { own } else { format!("{}.{name}", super::AUTH.name) }
    };
    if let Some(secret) = &auth.secret
        && let Err(error) = Secret::given(secret.0.clone())
    {
        let key = key(reader, "secret");
        reader.wrong(&key, &error.to_string());
    }
    if auth.leeway.ms() > LEEWAY_MS {
        let key = key(reader, "leeway");
        reader.wrong(&key, "it has to be a minute at most");
    }
}

fn classes(realm: &RealmConfig, reader: &mut Reader<'_>) {
    let mut patterns = BTreeMap::new();
    for class in &realm.classes {
        let pattern = &class.class.pattern;
        let key = format!("{}.{}.{}.{}.pattern", super::REALMS, realm.name, super::CLASSES, class.name);
        if pattern.is_empty() || pattern.trim_end_matches('*').contains('*') || pattern.ends_with("**") {
            reader.wrong(&key, "it has to be a room's name, or the beginning of one and a \"*\"");
        }
        if let Some(other) = patterns.insert(pattern, &class.name) {
            reader.wrong(&key, &format!("class {other} has the same pattern"));
        }
    }
}
