//! jsonwebtoken on ring, whose back end the crate does not bring: secrets sign and verify, public keys verify.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use signature::{Signer, Verifier};
use std::cell::RefCell;

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Once per process; later calls find it installed.
pub fn install() {
    let _ = PROVIDER.install_default();
}

struct Hmac {
    algorithm: Algorithm,
    key: hmac::Key,
}

fn hmac_of(algorithm: Algorithm, secret: &[u8]) -> Result<Hmac, Error> {
    const KINDS: [(Algorithm, hmac::Algorithm); 3] = [
        (Algorithm::HS256, hmac::HMAC_SHA256),
        (Algorithm::HS384, hmac::HMAC_SHA384),
        (Algorithm::HS512, hmac::HMAC_SHA512),
    ];
    let Some((_, kind)) = KINDS.into_iter().find(|(known, _)| *known == algorithm) else {
        return Err(ErrorKind::InvalidAlgorithm.into());
    };
    Ok(Hmac { algorithm, key: prepared(kind, secret) })
}

thread_local! {
    /// The secret that this thread used last, prepared: preparing costs as much as verifying, and most use one.
    static LAST: RefCell<Option<(Box<[u8]>, hmac::Key)>> = const { RefCell::new(None) };
}

fn prepared(kind: hmac::Algorithm, secret: &[u8]) -> hmac::Key {
    LAST.with_borrow_mut(|last| match last {
        Some((known, key)) if **known == *secret && key.algorithm() == kind => key.clone(),
        _ => {
            let key = hmac::Key::new(kind, secret);
            *last = Some((secret.into(), key.clone()));
            key
        }
    })
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    if key.family() != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(hmac_of(*algorithm, key.as_bytes())?))
}

/// Of a key that only looks at signatures.
struct Public {
    algorithm: Algorithm,
    key: PublicKey,
}

enum PublicKey {
    Rsa(RsaPublicKeyComponents<Vec<u8>>),
    /// A point, or what stands for one.
    Point(UnparsedPublicKey<Vec<u8>>),
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let wrong = || Err(ErrorKind::InvalidKeyFormat.into());
    if key.family() == AlgorithmFamily::Hmac {
        return Ok(Box::new(hmac_of(*algorithm, key.try_get_as_bytes()?)?));
    }
    // One algorithm for each family: nothing is left to choose.
    let known = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA].contains(algorithm);
    if !known || algorithm.family() != key.family() {
        return wrong();
    }
    let key = match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => {
            PublicKey::Rsa(RsaPublicKeyComponents { n: n.clone(), e: e.clone() })
        }
        DecodingKeyKind::SecretOrDer(bytes) if key.family() == AlgorithmFamily::Ec => {
            PublicKey::Point(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes.clone()))
        }
        DecodingKeyKind::SecretOrDer(bytes) if key.family() == AlgorithmFamily::Ed => {
            PublicKey::Point(UnparsedPublicKey::new(&ED25519, bytes.clone()))
        }
        DecodingKeyKind::SecretOrDer(_) => return wrong(),
    };
    Ok(Box::new(Public { algorithm: *algorithm, key }))
}

impl Verifier<Vec<u8>> for Public {
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), signature::Error> {
        let done = match &self.key {
            PublicKey::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, given),
            PublicKey::Point(key) => key.verify(message, given),
        };
        done.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Public {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Signer<Vec<u8>> for Hmac {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(hmac::sign(&self.key, message).as_ref().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hmac {
    /// In constant time.
    fn verify(&self, message: &[u8], given: &Vec<u8>) -> Result<(), signature::Error> {
        hmac::verify(&self.key, message, given).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hmac {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl JwtVerifier for Hmac {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515, appendix A.1: key, signing input and signature made by somebody else.
    #[test]
    fn the_vector_of_rfc_7515() {
        use base64::Engine;
        let url = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let secret = url
            .decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow")
            .unwrap();
        let input = concat!(
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.",
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        );
        let signature = url.decode("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let hmac = hmac_of(Algorithm::HS256, &secret).unwrap();
        assert_eq!(hmac.try_sign(input.as_bytes()).unwrap(), signature);
        assert!(hmac.verify(input.as_bytes(), &signature).is_ok());
        assert!(hmac.verify(b"something else", &signature).is_err());
    }

    /// RFC 4231, 4.3 (test case 2): the longer digests.
    #[test]
    fn the_vectors_of_rfc_4231() {
        let cases = [
            (
                Algorithm::HS384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::HS512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd\
                 caeab1a34d4a6b4b636e070a38bce737",
            ),
        ];
        for (algorithm, digest) in cases {
            let signed = hmac_of(algorithm, b"Jefe").unwrap().try_sign(b"what do ya want for nothing?").unwrap();
            let text: String = signed.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, digest);
        }
    }

    #[test]
    fn other_families_are_refused() {
        assert!(hmac_of(Algorithm::RS256, b"x").is_err());
        assert!(verifier(&Algorithm::HS256, &DecodingKey::from_rsa_der(b"x")).is_err());
        for other in [Algorithm::RS384, Algorithm::PS256, Algorithm::HS256, Algorithm::ES256] {
            assert!(verifier(&other, &DecodingKey::from_rsa_raw_components(b"n", b"e")).is_err(), "{other:?}");
        }
        for other in [Algorithm::ES384, Algorithm::EdDSA] {
            assert!(verifier(&other, &DecodingKey::from_ec_der(b"x")).is_err(), "{other:?}");
        }
    }
}
