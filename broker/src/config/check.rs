//! What single keys cannot say: whether they fit together.

use super::reader::Reader;
use super::value::{HookVerb, StoreEngine};
use super::{Auth, Config, RealmConfig};
use crate::auth::Secret;
use crate::net::reach::Target;
use rookery_protocol::limits;
use std::collections::BTreeMap;

/// The clocks of two machines that look at them at all.
const LEEWAY_MS: u64 = 60_000;

pub fn check(config: &Config, reader: &mut Reader<'_>) {
    check_limits(&config.limits, reader);
    tls(&config.tls, reader);
    if config.store.engine == StoreEngine::Scylla {
        database(&config.scylla, reader);
    }
    auth(&config.auth, super::AUTH.name, reader);
    for realm in &config.realms {
        auth(&realm.auth, &format!("{}.{}", super::REALMS, realm.name), reader);
        classes(realm, reader);
        hook(realm, reader);
    }
}

fn check_limits(limits: &super::Limits, reader: &mut Reader<'_>) {
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

/// What a realm takes from `[hook]` is that table's fault.
fn hook(realm: &RealmConfig, reader: &mut Reader<'_>) {
    let hook = &realm.hook;
    let key = |reader: &Reader<'_>, name: &str| {
        let own = format!("{}.{}.{}.{name}", super::REALMS, realm.name, super::HOOK.name);
        if reader.is_set(&own) { own } else { format!("{}.{name}", super::HOOK.name) }
    };
    let mut wrong = |name: &str, what: &str| {
        let key = key(reader, name);
        reader.wrong(&key, what);
    };
    if let Some(url) = &hook.url
        && let Err(error) = Target::new(url, hook.roots.as_deref())
    {
        // Without the certificates it is known whose fault it is.
        wrong(if Target::new(url, None).is_ok() { "roots" } else { "url" }, &error);
    }
    if hook.url.is_some() && hook.decides.is_empty() {
        wrong("decides", "it names nothing that the backend at hook.url is asked about");
    }
    if hook.authenticates && !hook.decides.contains(&HookVerb::Connect) {
        wrong("authenticates", "whoever says who comes in has to decide \"connect\"");
    }
    if !(1..=limits::HOOK_DEADLINE_MS).contains(&hook.deadline.ms()) {
        wrong("deadline", "it has to be longer than 0, and ten seconds at most");
    }
    if hook.keep.ms() > limits::HOOK_KEEP_MS {
        wrong("keep", "it has to be a minute at most");
    }
    if !(1..=limits::HOOK_AT_ONCE).contains(&u64::from(hook.at_once)) {
        wrong("at_once", "it has to be from 1 to 1024");
    }
    if let Some(secret) = &hook.secret
        && let Err(error) = Secret::given(secret.0.clone())
    {
        wrong("secret", &error.to_string());
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
