//! Tokens: who may say to be whom, in which realm.
//!
//! Read in this order: [`settings`], [`key`] and [`key_set`] (what is trusted), [`key_ring`] and [`keeper`] (how that
//! changes while the node runs), [`header`], [`object`] and [`claims`] (what a token says), [`Tokens`] (the verdict),
//! [`port`] (how a shard asks for it), [`explain`]; [`hook`] (what a backend has a say in).

mod claims;
mod explain;
mod fetch;
mod header;
pub mod hook;
mod keeper;
mod key;
mod key_ring;
mod key_set;
mod object;
mod port;
mod provider;
mod secret;
mod settings;
#[cfg(test)]
mod tests;
mod why;

pub use claims::{Can, Claims};
pub use explain::{Explained, explain};
pub use keeper::{Keeper, keep};
pub use key::{ALGORITHMS, algorithm_named};
pub use key_ring::KeyRingFault;
pub use port::TokenPort;
pub use secret::{FILE as SECRET_FILE, Secret, SecretError};
pub use settings::{AuthSettings, KeySource, RealmAuth, Trust};
pub use why::{WORDS as WHY_WORDS, Why};

use header::{Header, Parts};
use jsonwebtoken::{Algorithm, EncodingKey};
use key_ring::KeyRing;
use key_set::KeySet;
use object::Object;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Millis, Realm};
use rookery_protocol::principal::Principal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Signs and verifies the tokens of this node's realms. Shared by all threads; a shard asks by its [`TokenPort`].
pub struct Tokens {
    main: Realm,
    realms: Vec<RealmTokens>,
    /// The first of them are the node's own keys.
    rings: Vec<Arc<KeyRing>>,
    /// By ring: the secret that signs, if there is one.
    signs: Vec<Option<(Algorithm, EncodingKey)>>,
    reload: Duration,
    pub counters: TokenCounters,
}

/// Of the whole node.
#[derive(Debug, Default)]
pub struct TokenCounters {
    pub key_reads: AtomicU64,
    pub key_reads_failed: AtomicU64,
    /// Refused tokens, by place in [`WHY_WORDS`].
    pub refused: [AtomicU64; WHY_WORDS.len()],
}

struct RealmTokens {
    auth: RealmAuth,
    /// Among [`Tokens::rings`].
    ring: usize,
}

const NODES_OWN: usize = 0;

impl Tokens {
    /// One secret, for tokens of `realm`.
    pub fn new(secret: &Secret, realm: Realm) -> Tokens {
        match Tokens::open(&AuthSettings::of_secret(secret, realm)) {
            Ok(tokens) => tokens,
            Err(fault) => unreachable!("a secret was looked at before: {fault}"),
        }
    }

    /// Reads all keys that lie on this machine; [`keep`] reads the others.
    pub fn open(settings: &AuthSettings) -> Result<Tokens, KeyRingFault> {
        provider::install();
        let mut rings = vec![Arc::new(KeyRing::open("the node's own keys", &settings.keys)?)];
        let mut signs = vec![settings.keys.iter().find_map(signing)];
        let mut realms: Vec<RealmTokens> = Vec::new();
        for auth in &settings.realms {
            let ring = match &auth.keys {
                None => NODES_OWN,
                Some(sources) => {
                    rings.push(Arc::new(KeyRing::open(auth.realm.as_str(), sources)?));
                    signs.push(sources.iter().find_map(signing));
                    rings.len() - 1
                }
            };
            realms.push(RealmTokens { auth: auth.clone(), ring });
        }
        let tokens = Tokens {
            main: settings.main.clone(),
            realms,
            rings,
            signs,
            reload: settings.reload,
            counters: TokenCounters::default(),
        };
        tokens.check_apart()?;
        Ok(tokens)
    }

    /// A token of one realm must be good for no other one: keys that two realms have in common are told apart by what
    /// else they ask for.
    fn check_apart(&self) -> Result<(), KeyRingFault> {
        let apart = |a: &RealmAuth, b: &RealmAuth| {
            let issuers = a.issuer.is_some() && b.issuer.is_some() && a.issuer != b.issuer;
            let audiences = !a.audience.is_empty() && !b.audience.is_empty();
            issuers || (audiences && !a.audience.iter().any(|one| b.audience.contains(one)))
        };
        for (index, a) in self.realms.iter().enumerate() {
            for b in &self.realms[index + 1..] {
                let same = a.ring != b.ring && self.rings[a.ring].shares_with(&self.rings[b.ring]);
                if same && !apart(&a.auth, &b.auth) && (a.auth.trust, b.auth.trust) == (Trust::Signed, Trust::Signed) {
                    return Err(KeyRingFault {
                        whose: format!("{} and {}", a.auth.realm, b.auth.realm),
                        what: "keys".to_owned(),
                        why: "these realms have a key in common, so a token of one would be good for the other - give \
                              each its own issuer or audience, or keys of its own"
                            .to_owned(),
                    });
                }
            }
        }
        Ok(())
    }

    /// As of now. `realm`: the one that it is shown to; None: the main one.
    pub fn verify(&self, token: &str, realm: Option<&Realm>) -> Result<Principal, ErrorCode> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as Millis);
        let judged = self.index_of(realm).and_then(|index| {
            let keys = self.rings[self.realms[index].ring].current();
            self.judge(token, index, &keys, at)
        });
        judged.map_err(|why| self.refuse(&why))
    }

    /// Counts a verdict, and says what clients are told of it.
    fn refuse(&self, why: &Why) -> ErrorCode {
        let place = WHY_WORDS.iter().position(|word| *word == why.word());
        if let Some(count) = place.and_then(|place| self.counters.refused.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        why.code()
    }

    /// Where nobody else names the realm the token does, as it names its key: that realm's keys have to vouch for it. A
    /// realm that asks for no signature is not reached in this way.
    pub fn verify_where_it_belongs(&self, token: &str) -> Result<Principal, ErrorCode> {
        let named = Parts::of(token).and_then(|parts| {
            let realm = claims::realm_of(&Object::parse(&parts.claims, "claims")?, &self.main)?;
            Ok((self.index_of(Some(&realm))?, realm))
        });
        let (index, realm) = named.map_err(|why| why.code())?;
        if self.realms[index].auth.trust != Trust::Signed {
            return Err(ErrorCode::BadToken);
        }
        self.verify(token, Some(&realm))
    }

    fn index_of(&self, realm: Option<&Realm>) -> Result<usize, Why> {
        let realm = realm.unwrap_or(&self.main);
        let index = self.realms.iter().position(|known| known.auth.realm == *realm);
        index.ok_or_else(|| Why::NoSuchRealm { realm: realm.clone() })
    }

    /// The whole verdict on a token that is shown to a realm.
    fn judge(&self, token: &str, realm: usize, keys: &KeySet, at: Millis) -> Result<Principal, Why> {
        let RealmTokens { auth, ring } = &self.realms[realm];
        let parts = Parts::of(token)?;
        let header = Object::parse(&parts.header, "header")?;
        if auth.trust == Trust::Signed {
            let header = Header::of(&header)?;
            keys.check(&header.algorithm, header.key_id.as_deref(), parts.message, parts.signature)?;
        }
        let claims = Object::parse(&parts.claims, "claims")?;
        claims::check(&claims, auth, at)?;
        // Keys of its own speak for the realm; the node's speak for all, so the token has to say which.
        let implied = if *ring == NODES_OWN { &self.main } else { &auth.realm };
        let named = claims::realm_of(&claims, implied)?;
        if named != auth.realm {
            return Err(Why::OtherRealm { realm: named.as_str().to_owned() });
        }
        claims::principal(&claims, named, auth, at)
    }

    /// With the secret of the realm that the claims name: its own one, or the node's.
    pub fn sign(&self, claims: &Claims) -> Result<String, String> {
        let named = claims.realm.as_ref().map(|realm| self.realms.iter().find(|r| r.auth.realm.as_str() == realm));
        // A realm that is not configured here may be somebody else's, who trusts the same secret.
        let ring = named.flatten().map_or(NODES_OWN, |realm| realm.ring);
        let signs = self.signs.get(ring).and_then(Option::as_ref);
        let (algorithm, key) = signs.ok_or("there are public keys only: another one signs")?;
        jsonwebtoken::encode(&jsonwebtoken::Header::new(*algorithm), claims, key).map_err(|error| error.to_string())
    }

    /// A token for one user of the main realm.
    pub fn token_for(&self, user: &str, backend: bool, now: Millis, ttl_seconds: u64) -> Result<String, String> {
        self.sign(&Claims {
            sub: user.to_owned(),
            iat: Some(now / 1000),
            exp: Some((now / 1000).saturating_add(ttl_seconds)),
            backend,
            ..Claims::default()
        })
    }
}

fn signing(source: &KeySource) -> Option<(Algorithm, EncodingKey)> {
    match source {
        KeySource::Secret { algorithm, secret, .. } => Some((*algorithm, EncodingKey::from_secret(secret.bytes()))),
        KeySource::PemFile { .. } | KeySource::KeySetFile { .. } | KeySource::KeySetUrl { .. } => None,
    }
}
