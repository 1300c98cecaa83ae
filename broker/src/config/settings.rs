//! From what is configured to what the engine works with.

use super::memory;
use super::value::{Bytes, Hidden, HookVerb, SecretAlgorithm};
use super::{Auth, ClassConfig, Config, RealmConfig, Room};
use crate::auth::hook::HookSettings;
use crate::auth::{AuthSettings, KeySource, RealmAuth, Secret, SecretError};
use crate::net::origin::OriginPolicy;
use jsonwebtoken::Algorithm;
use rookery_engine::settings::{Decides, Limits, RealmSettings, RoomClass};
use rookery_protocol::ids::{Name, Realm};
use std::sync::Arc;

/// A rate that nobody reaches.
const NO_LIMIT: u32 = 1_000_000_000;
/// Where no burst is set: what so many seconds allow.
const COMMANDS_BURST_SECONDS: u32 = 5;
const EVENTS_BURST_SECONDS: u32 = 2;

/// Of one shard of so many.
pub fn limits(config: &super::Limits, shards: u8) -> Limits {
    let (commands_per_second, commands_burst) =
        bucket(config.commands_per_second, config.commands_burst, COMMANDS_BURST_SECONDS);
    let (user_commands_per_second, user_commands_burst) =
        bucket(config.user_commands_per_second, config.user_commands_burst, COMMANDS_BURST_SECONDS);
    let memory = config.memory.map_or_else(|| memory::of_this_node() / 2, |Bytes(bytes)| bytes);
    let half = usize::try_from(memory / 2 / u64::from(shards.max(1))).unwrap_or(usize::MAX);
    let default = Limits::default();
    Limits {
        commands_per_second,
        commands_burst,
        user_commands_per_second,
        user_commands_burst,
        connections_per_user: config.connections_per_user,
        rooms_per_connection: config.rooms_per_connection,
        auth_deadline_ms: config.auth_deadline.ms(),
        ping_ms: config.ping.ms(),
        silence_ms: config.silence.ms(),
        slow_ms: config.slow.ms(),
        pinned_bytes: half.min(default.pinned_bytes),
        alone_bytes: half.min(default.alone_bytes),
        ..default
    }
}

/// The backends that realms ask.
pub fn hooks(config: &Config) -> Vec<HookSettings> {
    config.realms.iter().filter_map(hook).collect()
}

fn hook(config: &RealmConfig) -> Option<HookSettings> {
    let hook = &config.hook;
    Some(HookSettings {
        realm: Name::new(&config.name).ok()?,
        url: hook.url.clone()?,
        roots: hook.roots.clone(),
        // Its length was checked when it was read.
        secret: hook.secret.as_ref().and_then(|Hidden(text)| Secret::given(text.clone()).ok()),
        connect: hook.decides.contains(&HookVerb::Connect),
        authenticates: hook.authenticates,
        decides: decides(hook),
        sends_bodies: hook.send_body,
        deadline: hook.deadline.0,
        on_failure: hook.on_failure,
        keep: hook.keep.0,
        at_once: hook.at_once as usize,
    })
}

fn decides(hook: &super::Hook) -> Decides {
    let decides = |verb| hook.url.is_some() && hook.decides.contains(&verb);
    Decides { subscribe: decides(HookVerb::Subscribe), post: decides(HookVerb::Post) }
}

pub fn realms(config: &Config) -> Vec<RealmSettings> {
    config.realms.iter().filter_map(realm).collect()
}

/// Whose tokens are accepted. `own`: a secret for a node that was given no key at all.
pub fn auth(
    config: &Config,
    main: Realm,
    own: impl FnOnce() -> Result<Secret, SecretError>,
) -> Result<AuthSettings, SecretError> {
    let mut node = keys(&config.auth)?;
    if node.is_empty() && config.realms.iter().any(|realm| !realm.has_own_keys) {
        node.push(KeySource::Secret { id: None, algorithm: Algorithm::HS256, secret: own()? });
    }
    let realms = config.realms.iter().filter_map(|realm| Some((Name::new(&realm.name).ok()?, realm)));
    let realms = realms.map(|(name, realm)| realm_auth(name, realm)).collect::<Result<_, _>>()?;
    Ok(AuthSettings { keys: node, realms, ..AuthSettings::without_keys(main) })
}

fn realm_auth(name: Realm, config: &RealmConfig) -> Result<RealmAuth, SecretError> {
    let auth = &config.auth;
    let begun = if config.has_own_keys { RealmAuth::with_keys(name, keys(auth)?) } else { RealmAuth::of_node(name) };
    Ok(RealmAuth {
        issuer: auth.issuer.clone(),
        audience: auth.audience.clone(),
        leeway_s: auth.leeway.ms() / 1000,
        required: auth.required_claims.clone(),
        token_life_s: auth.token_life.map(|life| life.ms() / 1000),
        any_realm: auth.any_realm.unwrap_or(begun.any_realm),
        ..begun
    })
}

fn keys(auth: &Auth) -> Result<Vec<KeySource>, SecretError> {
    let algorithm = match auth.algorithm {
        SecretAlgorithm::Hs256 => Algorithm::HS256,
        SecretAlgorithm::Hs384 => Algorithm::HS384,
        SecretAlgorithm::Hs512 => Algorithm::HS512,
    };
    let secret = auth.secret.as_ref().map(|Hidden(text)| {
        Secret::given(text.clone()).map(|secret| KeySource::Secret { id: None, algorithm, secret })
    });
    let public = auth.public_keys.iter().map(|path| KeySource::PemFile { id: None, path: path.clone() });
    let sets = auth.key_sets.iter().map(|place| {
        let roots = auth.key_set_roots.clone();
        if is_address(place) {
            KeySource::KeySetUrl { url: place.clone(), roots }
        } else {
            KeySource::KeySetFile { path: place.into() }
        }
    });
    secret.into_iter().chain(public.chain(sets).map(Ok)).collect()
}

fn is_address(place: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| place.starts_with(scheme))
}

/// Which pages may connect to each realm, the main one first.
pub fn origins(config: &Config) -> Vec<(Realm, OriginPolicy)> {
    let realms = config.realms.iter().filter_map(|realm| Some((Name::new(&realm.name).ok()?, &realm.auth)));
    realms.map(|(name, auth)| (name, auth.allow_origin.as_slice().into())).collect()
}

fn realm(config: &RealmConfig) -> Option<RealmSettings> {
    let mut described: Vec<&ClassConfig> = config.classes.iter().collect();
    // The first that fits a name is taken: a whole name before a beginning, a long beginning before a short one.
    described.sort_by_key(|class| {
        let pattern = &class.class.pattern;
        (pattern.ends_with('*'), std::cmp::Reverse(pattern.len()))
    });
    let described = described.into_iter().map(|config| class(&config.name, &config.class.pattern, &config.room));
    let rest = class("default", "*", &config.room);
    let classes = described.chain([rest]).map(Arc::new).collect();
    // Its name was checked when it was read.
    let realm = Name::new(&config.name).ok()?;
    let token_life_ms = realm_auth(realm.clone(), config).map_or(0, |auth| auth.token_life_ms());
    Some(RealmSettings { realm, classes, token_life_ms, hook: decides(&config.hook) })
}

fn class(name: &str, pattern: &str, room: &Room) -> RoomClass {
    let (events_per_second, events_burst) = bucket(room.events_per_second, room.events_burst, EVENTS_BURST_SECONDS);
    RoomClass {
        name: name.to_owned(),
        pattern: pattern.to_owned(),
        access: room.access,
        implicit: room.implicit,
        deliver: room.deliver,
        on_failure: room.on_failure,
        keep_messages: room.keep_messages,
        keep_ms: room.keep.ms(),
        resume_ms: room.resume.ms(),
        presence_grace_ms: u32::try_from(room.presence_grace.ms()).unwrap_or(u32::MAX),
        second_connection: room.second_connection,
        events_per_second,
        events_burst,
        max_members: room.max_members,
        reports: room.reports,
    }
}

fn bucket(rate: u32, burst: Option<u32>, burst_seconds: u32) -> (u32, u32) {
    if rate == 0 {
        return (NO_LIMIT, NO_LIMIT);
    }
    let burst = burst.unwrap_or_else(|| rate.saturating_mul(burst_seconds));
    (rate.min(NO_LIMIT), burst.min(NO_LIMIT))
}
