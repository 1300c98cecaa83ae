//! A key and the one algorithm that it is good for: the token's header never chooses.

use super::provider;
use jsonwebtoken::{Algorithm, DecodingKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::rand::SystemRandom;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{AlgorithmIdentifier, SubjectPublicKeyInfoDer, alg_id};

pub struct Key {
    /// What a token's `kid` may name it by.
    pub id: Option<String>,
    pub algorithm: Algorithm,
    decoding: DecodingKey,
    /// Tells keys apart without showing them.
    pub fingerprint: [u8; 32],
}

/// All that a key may be for.
pub const ALGORITHMS: [(&str, Algorithm); 6] = [
    ("HS256", Algorithm::HS256),
    ("HS384", Algorithm::HS384),
    ("HS512", Algorithm::HS512),
    ("RS256", Algorithm::RS256),
    ("ES256", Algorithm::ES256),
    ("EdDSA", Algorithm::EdDSA),
];

const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const P256_POINT_BYTES: usize = 65;
const ED25519_BYTES: usize = 32;

pub fn algorithm_named(word: &str) -> Option<Algorithm> {
    ALGORITHMS.iter().find(|(known, _)| *known == word).map(|(_, algorithm)| *algorithm)
}

pub fn word_of(algorithm: Algorithm) -> &'static str {
    ALGORITHMS.iter().find(|(_, known)| *known == algorithm).map_or("?", |(word, _)| word)
}

/// As long as the digest (RFC 7518, 3.2). None: not for secrets.
pub fn least_secret_bytes(algorithm: Algorithm) -> Option<usize> {
    [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
        .iter()
        .find(|(known, _)| *known == algorithm)
        .map(|(_, bytes)| *bytes)
}

impl Key {
    fn new(id: Option<String>, algorithm: Algorithm, decoding: DecodingKey, material: &[u8]) -> Key {
        provider::install();
        let digest = ring::digest::digest(&ring::digest::SHA256, material);
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest.as_ref());
        Key { id, algorithm, decoding, fingerprint }
    }

    pub fn secret(id: Option<String>, algorithm: Algorithm, secret: &[u8]) -> Result<Key, String> {
        let least = least_secret_bytes(algorithm).ok_or("a secret is for HS256, HS384 or HS512")?;
        if secret.len() < least {
            let (bytes, word) = (secret.len(), word_of(algorithm));
            return Err(format!("the secret has {bytes} bytes, and {word} needs at least {least}"));
        }
        Ok(Key::new(id, algorithm, DecodingKey::from_secret(secret), secret))
    }

    /// Numbers as big-endian bytes.
    pub fn rsa(id: Option<String>, n: &[u8], e: &[u8]) -> Result<Key, String> {
        let trimmed = |number: &[u8]| number.iter().position(|b| *b != 0).map(|at| number[at..].to_vec());
        let n = trimmed(n).ok_or("an RSA key without a modulus")?;
        let e = trimmed(e).ok_or("an RSA key without an exponent")?;
        let bits = n.len() * 8 - n.first().map_or(0, |b| b.leading_zeros() as usize);
        if !RSA_BITS.contains(&bits) {
            let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
            return Err(format!("an RSA key of {bits} bits; it needs {least} to {most}"));
        }
        if e == [1] || e.last().is_some_and(|b| b % 2 == 0) || e.len() > 4 {
            return Err("an RSA key with an exponent that is none".to_owned());
        }
        Ok(Key::new(id, Algorithm::RS256, DecodingKey::from_rsa_raw_components(&n, &e), &n))
    }

    /// A point of P-256, not compressed.
    pub fn p256(id: Option<String>, point: &[u8]) -> Result<Key, String> {
        let wrong = || "the point is not on the curve P-256".to_owned();
        if point.len() != P256_POINT_BYTES {
            return Err(wrong());
        }
        // An exchange with it fails unless it is on the curve; nothing else of ring looks at it before a signature does.
        let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).map_err(|_| "no randomness")?;
        agree_ephemeral(own, &UnparsedPublicKey::new(&ECDH_P256, point), |_| ()).map_err(|_| wrong())?;
        Ok(Key::new(id, Algorithm::ES256, DecodingKey::from_ec_der(point), point))
    }

    pub fn ed25519(id: Option<String>, key: &[u8]) -> Result<Key, String> {
        if key.len() != ED25519_BYTES {
            return Err(format!("an Ed25519 key of {} bytes instead of {ED25519_BYTES}", key.len()));
        }
        Ok(Key::new(id, Algorithm::EdDSA, DecodingKey::from_ed_der(key), key))
    }

    /// `-----BEGIN PUBLIC KEY-----`, of RSA, P-256 or Ed25519: what kind of key it is says its algorithm.
    pub fn pem(id: Option<String>, pem: &[u8]) -> Result<Key, String> {
        let mut found = SubjectPublicKeyInfoDer::pem_slice_iter(pem);
        let unreadable = |error| format!("not a PEM file with a PUBLIC KEY: {error}");
        let key = found.next().ok_or("no PUBLIC KEY in it")?.map_err(unreadable)?;
        if found.next().is_some() {
            return Err("more than one PUBLIC KEY in it: give each its own file".to_owned());
        }
        Key::der(id, &key)
    }

    /// A SubjectPublicKeyInfo (RFC 5280, 4.1.2.7).
    fn der(id: Option<String>, info: &[u8]) -> Result<Key, String> {
        let wrong = "the PUBLIC KEY is not written as RFC 5280 has it";
        let (outer, rest) = element(info, SEQUENCE).ok_or(wrong)?;
        let (kind, after) = element(outer, SEQUENCE).ok_or(wrong)?;
        let (bits, end) = element(after, BIT_STRING).ok_or(wrong)?;
        let (unused, key) = bits.split_first().ok_or(wrong)?;
        if !rest.is_empty() || !end.is_empty() || *unused != 0 {
            return Err(wrong.to_owned());
        }
        let is = |known: AlgorithmIdentifier| kind == known.as_ref();
        if is(alg_id::ECDSA_P256) {
            return Key::p256(id, key);
        }
        if is(alg_id::ED25519) {
            return Key::ed25519(id, key);
        }
        if !is(alg_id::RSA_ENCRYPTION) {
            return Err("a key of another kind than RSA, P-256 or Ed25519".to_owned());
        }
        let (numbers, rest) = element(key, SEQUENCE).ok_or(wrong)?;
        let (n, after) = element(numbers, INTEGER).ok_or(wrong)?;
        let (e, end) = element(after, INTEGER).ok_or(wrong)?;
        if !rest.is_empty() || !end.is_empty() { Err(wrong.to_owned()) } else { Key::rsa(id, n, e) }
    }

    /// Whether this key signed it. `signature`: as it stands in the token.
    pub fn signed(&self, message: &[u8], signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message, &self.decoding, self.algorithm).unwrap_or(false)
    }
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;

/// The content of the first element, which has this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81 => rest.split_first().map(|(one, rest)| (usize::from(*one), rest))?,
        0x82 => rest.split_first_chunk::<2>().map(|(two, rest)| (usize::from(u16::from_be_bytes(*two)), rest))?,
        _ => return None,
    };
    (*first == tag).then(|| rest.split_at_checked(length))?
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}
