//! Whose tokens a node accepts: plain values, to be filled from the configuration.

use super::secret::Secret;
use jsonwebtoken::Algorithm;
use rookery_protocol::ids::Realm;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// The realm of tokens and clients that name none.
    pub main: Realm,
    /// The node's own keys. They are asked for every realm that has none of its own; the first secret among them signs.
    pub keys: Vec<KeySource>,
    /// Every realm that the node has.
    pub realms: Vec<RealmAuth>,
    /// How often keys that lie elsewhere are read again.
    pub reload: Duration,
}

/// What a realm asks of a token.
#[derive(Clone, Debug)]
pub struct RealmAuth {
    pub realm: Realm,
    /// None: the node's. A token of theirs has to name its realm, unless that is the main one.
    pub keys: Option<Vec<KeySource>>,
    /// What `iss` has to be.
    pub issuer: Option<String>,
    /// One of them has to be in `aud`. None: `aud` is not looked at.
    pub audience: Vec<String>,
    /// How much the clocks of a signer and this node may differ.
    pub leeway_s: u64,
    /// Claims that have to be there, whatever they say.
    pub required: Vec<String>,
    /// Most time between `iat` and `exp`, which then have to be there. It also says when a revocation has outlived every
    /// token that it can be about; without it none is ever forgotten.
    pub token_life_s: Option<u64>,
    pub trust: Trust,
    /// Whether a token may claim `any_realm`. Whoever holds keys of one realm alone should not let people into others.
    pub any_realm: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A key of the realm has to have signed it.
    Signed,
    /// Whatever it says is believed, but for powers: services that never looked at signatures.
    Unsigned,
}

#[derive(Clone, Debug)]
pub enum KeySource {
    Secret {
        id: Option<String>,
        algorithm: Algorithm,
        secret: Secret,
    },
    /// A public key in a PEM file; what kind of key it is says its algorithm.
    PemFile {
        id: Option<String>,
        path: PathBuf,
    },
    /// A key set (JWKS), or one key of such a set (JWK).
    KeySetFile {
        path: PathBuf,
    },
    /// The same over http or https.
    KeySetUrl {
        url: String,
        /// Certificates to trust instead of the public ones, in a PEM file.
        roots: Option<PathBuf>,
    },
}

const LEEWAY_S: u64 = 30;
const RELOAD: Duration = Duration::from_secs(300);

impl AuthSettings {
    /// Nobody gave a secret: the node has made one for itself.
    pub fn is_development(&self) -> bool {
        self.keys.iter().any(|key| matches!(key, KeySource::Secret { secret, .. } if secret.development))
    }

    pub fn without_keys(main: Realm) -> AuthSettings {
        AuthSettings { main, keys: Vec::new(), realms: Vec::new(), reload: RELOAD }
    }

    /// One secret for one realm: what a node does that was told nothing else.
    pub fn of_secret(secret: &Secret, main: Realm) -> AuthSettings {
        let key = KeySource::Secret { id: None, algorithm: Algorithm::HS256, secret: secret.clone() };
        let realms = vec![RealmAuth::of_node(main.clone())];
        AuthSettings { keys: vec![key], realms, ..AuthSettings::without_keys(main) }
    }
}

impl RealmAuth {
    /// A realm that the node's own keys sign for.
    pub fn of_node(realm: Realm) -> RealmAuth {
        RealmAuth {
            realm,
            keys: None,
            issuer: None,
            audience: Vec::new(),
            leeway_s: LEEWAY_S,
            required: Vec::new(),
            token_life_s: None,
            trust: Trust::Signed,
            any_realm: true,
        }
    }

    /// From the issue of a token to the last moment in which it may be good. 0: nobody knows.
    pub fn token_life_ms(&self) -> u64 {
        self.token_life_s.map_or(0, |life| life.saturating_add(2 * self.leeway_s).saturating_mul(1000))
    }

    /// A realm with keys of its own.
    pub fn with_keys(realm: Realm, keys: Vec<KeySource>) -> RealmAuth {
        RealmAuth { keys: Some(keys), any_realm: false, ..RealmAuth::of_node(realm) }
    }
}
