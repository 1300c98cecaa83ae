//! Makes tokens as issuers make them, and as forgers do.

use crate::auth::settings::KeySource;
use crate::auth::{AuthSettings, RealmAuth, Secret, Tokens};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::Algorithm;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair as RsaKeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256};
use rookery_protocol::ids::{Millis, Name, Realm};
use std::path::PathBuf;
use tempfile::TempDir;

pub const SECRET: &str = "a secret of more than thirty-two bytes";
pub const MAIN: Realm = Name::literal("main");
/// When everything in these tests happens.
pub const NOW: u64 = 1_700_000_000;
pub const AT: Millis = NOW * 1000;

/// Who signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Secret,
    /// With the longer digests, and the same secret.
    Secret384,
    Secret512,
    Rsa,
    Ec,
    Ed,
    /// The same kinds, but of nobody that we know.
    OtherSecret,
    OtherEc,
    OtherEd,
    /// HMAC with what is public of a key: the DER point, the PEM text, the modulus.
    PublicPoint,
    PublicPem,
    PublicModulus,
    /// No signature, or this one.
    Nobody,
    Bytes(&'static [u8]),
}

pub struct Forge {
    pub rsa: RsaKeyPair,
    pub rsa_jwk: serde_json::Value,
    pub ec: EcdsaKeyPair,
    pub ed: Ed25519KeyPair,
    other_ec: EcdsaKeyPair,
    other_ed: Ed25519KeyPair,
    folder: TempDir,
}

pub fn url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn ec() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).unwrap()
}

fn ed() -> Ed25519KeyPair {
    Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref()).unwrap()
}

impl Forge {
    pub fn new() -> Forge {
        // The key of RFC 7520, 3.4: everybody knows it, so nobody can take it for a secret of ours.
        let rsa_jwk: serde_json::Value = serde_json::from_str(include_str!("rsa-private.json")).unwrap();
        let part = |name: &str| URL_SAFE_NO_PAD.decode(rsa_jwk[name].as_str().unwrap()).unwrap();
        let components = KeyPairComponents {
            public_key: PublicKeyComponents { n: part("n"), e: part("e") },
            d: part("d"),
            p: part("p"),
            q: part("q"),
            dP: part("dp"),
            dQ: part("dq"),
            qInv: part("qi"),
        };
        let rsa = RsaKeyPair::from_components(&components).unwrap();
        let folder = tempfile::tempdir().unwrap();
        Forge { rsa, rsa_jwk, ec: ec(), ed: ed(), other_ec: ec(), other_ed: ed(), folder }
    }

    pub fn point(&self) -> &[u8] {
        self.ec.public_key().as_ref()
    }

    /// A SubjectPublicKeyInfo of P-256.
    pub fn pem(&self) -> String {
        const BEFORE: [u8; 26] = [
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
            0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
        ];
        let text = STANDARD.encode([&BEFORE[..], self.point()].concat());
        format!("-----BEGIN PUBLIC KEY-----\n{}\n{}\n-----END PUBLIC KEY-----\n", &text[..64], &text[64..])
    }

    pub fn sign(&self, message: &[u8], by: By) -> Vec<u8> {
        let mac = |kind, secret: &[u8]| hmac::sign(&hmac::Key::new(kind, secret), message).as_ref().to_vec();
        let random = SystemRandom::new();
        match by {
            By::Secret => mac(hmac::HMAC_SHA256, SECRET.as_bytes()),
            By::Secret384 => mac(hmac::HMAC_SHA384, SECRET.as_bytes()),
            By::Secret512 => mac(hmac::HMAC_SHA512, SECRET.as_bytes()),
            By::OtherSecret => mac(hmac::HMAC_SHA256, b"another secret of more than thirty-two bytes"),
            By::PublicPoint => mac(hmac::HMAC_SHA256, self.point()),
            By::PublicPem => mac(hmac::HMAC_SHA256, self.pem().as_bytes()),
            By::PublicModulus => mac(hmac::HMAC_SHA256, &self.modulus()),
            By::Rsa => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            By::Ec => self.ec.sign(&random, message).unwrap().as_ref().to_vec(),
            By::OtherEc => self.other_ec.sign(&random, message).unwrap().as_ref().to_vec(),
            By::Ed => self.ed.sign(message).as_ref().to_vec(),
            By::OtherEd => self.other_ed.sign(message).as_ref().to_vec(),
            By::Nobody => Vec::new(),
            By::Bytes(bytes) => bytes.to_vec(),
        }
    }

    fn modulus(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(self.rsa_jwk["n"].as_str().unwrap()).unwrap()
    }

    pub fn token(&self, header: &str, claims: impl AsRef<[u8]>, by: By) -> String {
        let message = format!("{}.{}", url(header), url(claims));
        let signature = self.sign(message.as_bytes(), by);
        format!("{message}.{}", url(signature))
    }

    /// The public halves, as an issuer shows them.
    pub fn key_set(&self) -> String {
        let (x, y) = self.point()[1..].split_at(32);
        let keys = serde_json::json!({ "keys": [
            { "kty": "RSA", "kid": "r1", "n": self.rsa_jwk["n"], "e": self.rsa_jwk["e"], "use": "sig" },
            { "kty": "EC", "crv": "P-256", "kid": "e1", "x": url(x), "y": url(y), "alg": "ES256" },
            { "kty": "OKP", "crv": "Ed25519", "kid": "d1", "x": url(self.ed.public_key()) },
        ]});
        keys.to_string()
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// One realm that is strict in everything, with one key of each kind.
    pub fn strict(&self) -> Tokens {
        let keys = vec![secret(SECRET), KeySource::KeySetFile { path: self.file("keys.json", &self.key_set()) }];
        let realm = RealmAuth {
            issuer: Some("https://issuer.example".to_owned()),
            audience: vec!["chat".to_owned(), "other-chat".to_owned()],
            required: vec!["exp".to_owned(), "iat".to_owned()],
            ..RealmAuth::with_keys(MAIN, keys)
        };
        Tokens::open(&settings(vec![realm])).unwrap()
    }
}

pub fn secret(text: &str) -> KeySource {
    KeySource::Secret { id: None, algorithm: Algorithm::HS256, secret: Secret::given(text.to_owned()).unwrap() }
}

pub fn settings(realms: Vec<RealmAuth>) -> AuthSettings {
    let node = Secret::given("the node's own secret, which nobody here has".to_owned()).unwrap();
    AuthSettings { realms, ..AuthSettings::of_secret(&node, MAIN) }
}

/// As of the time of these tests.
pub fn verdict(
    tokens: &Tokens,
    token: &str,
    realm: &Realm,
) -> Result<rookery_protocol::principal::Principal, super::super::Why> {
    let index = tokens.index_of(Some(realm))?;
    let keys = tokens.rings[tokens.realms[index].ring].current();
    tokens.judge(token, index, &keys, AT)
}
