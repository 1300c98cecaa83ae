//! jsonwebtoken on ring: the HMAC family. The crate brings no ring back end of its own.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, EncodingKey};
use ring::hmac;
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

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(hmac_of(*algorithm, key.try_get_as_bytes()?)?))
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

    #[test]
    fn other_families_are_refused() {
        assert!(hmac_of(Algorithm::RS256, b"x").is_err());
        assert!(verifier(&Algorithm::HS256, &DecodingKey::from_rsa_der(b"x")).is_err());
    }
}
