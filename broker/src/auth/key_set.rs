//! The keys that a realm trusts at one moment: never changed, only replaced as a whole.

use super::key::{Key, algorithm_named};
use super::object::{Object, decoded};
use super::why::Why;
use jsonwebtoken::Algorithm;
use rookery_protocol::limits;
use rookery_protocol::wire::json;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Arc<Key>>,
}

/// A token that names no key is tried with so many at most.
const TRIES: usize = 4;

impl KeySet {
    pub fn new(keys: Vec<Arc<Key>>) -> KeySet {
        KeySet { keys }
    }

    pub fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// Whether the header and the signature are those of one of the keys. The id only picks: what it says goes nowhere.
    pub fn check(&self, algorithm: &str, id: Option<&str>, message: &[u8], signature: &str) -> Result<(), Why> {
        if self.keys.is_empty() {
            return Err(Why::NoKeys);
        }
        let named: Vec<_> = self.keys.iter().filter(|key| id.is_some() && key.id.as_deref() == id).collect();
        let unnamed = || self.keys.iter().filter(|key| id.is_none() || key.id.is_none()).collect();
        let candidates: Vec<_> = if named.is_empty() { unnamed() } else { named };
        let given = algorithm_named(algorithm);
        let mut fitting = candidates.into_iter().filter(|key| Some(key.algorithm) == given).peekable();
        if fitting.peek().is_none() {
            return Err(match id {
                // Another key may have come since: whoever asks may look for it, if it could be one of ours.
                Some(id) if given.is_some() && !self.names(id) => Why::UnknownKey { id: id.to_owned() },
                Some(_) | None => Why::Algorithm { given: algorithm.to_owned() },
            });
        }
        for (tried, key) in fitting.enumerate() {
            if tried == TRIES {
                return Err(Why::NoKeyNamed);
            }
            if key.signed(message, signature) {
                return Ok(());
            }
        }
        Err(Why::Signature)
    }

    fn names(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }
}

/// What a key set (RFC 7517) holds for us, and what was left out, and why. A single key is a set of one.
#[derive(Debug)]
pub struct Read {
    pub keys: Vec<Arc<Key>>,
    pub left_out: Vec<String>,
}

/// `secrets`: whether it may hold some. One that comes over the network may not: whoever can read it could sign.
pub fn read(bytes: &[u8], secrets: bool) -> Result<Read, String> {
    if bytes.len() as u64 > limits::KEY_SET_BYTES {
        return Err(format!("it has {} bytes, and may have {}", bytes.len(), limits::KEY_SET_BYTES));
    }
    let set = Object::parse(bytes, "key set").map_err(|why| why.to_string())?;
    let mut raw = Vec::new();
    match set.raw("keys") {
        Some(list) => {
            let each = |item| {
                raw.push(item);
                Ok(())
            };
            json::items(list, usize::MAX, each)
                .map_err(|bad| format!("its `keys` are no list: {}", bad.refusal().detail))?;
        }
        None => raw.push(std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?),
    }
    let mut out = Read { keys: Vec::new(), left_out: Vec::new() };
    for (index, text) in raw.into_iter().enumerate() {
        if index as u64 >= limits::KEY_SET_KEYS {
            out.left_out.push(format!("key {index} and those behind it: at most {} are read", limits::KEY_SET_KEYS));
            break;
        }
        match one(text, secrets) {
            Ok(key)
                if key.id.is_some()
                    && out.keys.iter().any(|k: &Arc<Key>| k.id == key.id && k.algorithm == key.algorithm) =>
            {
                out.left_out.push(format!("key {index}: another one has its `kid`"));
            }
            Ok(key) => out.keys.push(Arc::new(key)),
            Err(why) => out.left_out.push(format!("key {index}: {why}")),
        }
    }
    if out.keys.is_empty() {
        let why = if out.left_out.is_empty() { "it is empty".to_owned() } else { out.left_out.join("; ") };
        return Err(format!("it has no key that can be used: {why}"));
    }
    Ok(out)
}

/// A JSON Web Key (RFC 7517, RFC 7518 6, RFC 8037 2).
fn one(text: &str, secrets: bool) -> Result<Key, String> {
    let jwk = Object::parse(text.as_bytes(), "key").map_err(|why| why.to_string())?;
    let text = |name: &str| jwk.text(name).map_err(|_| format!("its `{name}` is not a text"));
    let needed = |name: &str| text(name)?.ok_or(format!("it has no `{name}`"));
    let bytes = |name: &str| decoded(&needed(name)?, "key").map_err(|_| format!("its `{name}` is not base64url"));
    if text("use")?.is_some_and(|purpose| purpose != "sig") {
        return Err("it is not for signatures (`use`)".to_owned());
    }
    if jwk.raw("key_ops").is_some() {
        let operations = jwk.texts("key_ops").map_err(|_| "its `key_ops` are no list")?;
        if !operations.iter().any(|operation| operation == "verify") {
            return Err("it is not for verifying (`key_ops`)".to_owned());
        }
    }
    let id = text("kid")?.map(|id| id.into_owned());
    let (kind, curve) = (needed("kty")?, text("crv")?);
    let said = text("alg")?;
    // Without `alg`, its type and curve say what it is for.
    let implied = match (&*kind, curve.as_deref()) {
        ("RSA", _) => Algorithm::RS256,
        ("EC", Some("P-256")) => Algorithm::ES256,
        ("OKP", Some("Ed25519")) => Algorithm::EdDSA,
        ("oct", _) if !secrets => return Err("it is a secret, and the set is read over the network".to_owned()),
        ("oct", _) => said.as_deref().and_then(algorithm_named).unwrap_or(Algorithm::HS256),
        _ => return Err(format!("its type is none of RSA, P-256, Ed25519 and oct: {kind}")),
    };
    // `Ed25519` is the newer name of the same (RFC 9864).
    let same =
        |said: &str| algorithm_named(said) == Some(implied) || (said == "Ed25519" && implied == Algorithm::EdDSA);
    if let Some(said) = said.filter(|said| !same(said)) {
        return Err(format!("it is for {said}, which is none of ours, or not of its type"));
    }
    match &*kind {
        "RSA" => Key::rsa(id, &bytes("n")?, &bytes("e")?),
        "EC" => {
            let (x, y) = (bytes("x")?, bytes("y")?);
            if x.len() != 32 || y.len() != 32 {
                return Err("its point is not of P-256".to_owned());
            }
            Key::p256(id, &[&[4], &x[..], &y[..]].concat())
        }
        "OKP" => Key::ed25519(id, &bytes("x")?),
        _ => Key::secret(id, implied, &bytes("k")?),
    }
}
