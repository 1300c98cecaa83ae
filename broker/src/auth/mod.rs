//! Tokens: who may say to be whom. HS256 with one secret; the other algorithms plug into the same provider.

mod claims;
mod provider;
mod secret;

pub use claims::Claims;
pub use secret::{FILE as SECRET_FILE, Secret, SecretError};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::{Millis, Realm};
use rookery_protocol::limits;
use rookery_protocol::principal::Principal;

/// Signs and verifies the tokens of this node's realms. Shared by all shards; verifying takes no lock.
pub struct Tokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    realm: Realm,
}

/// How much the clocks of a signer and this node may differ.
const LEEWAY_SECONDS: u64 = 30;

impl Tokens {
    /// `realm`: the one of tokens that name none.
    pub fn new(secret: &Secret, realm: Realm) -> Tokens {
        provider::install();
        // The algorithm is bound to the key: a token's header cannot choose another one.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        // Expiry is checked where it stands; a token without one is for backends of small set-ups.
        validation.set_required_spec_claims(&["sub"]);
        Tokens {
            encoding: EncodingKey::from_secret(secret.bytes()),
            decoding: DecodingKey::from_secret(secret.bytes()),
            validation,
            realm,
        }
    }

    pub fn verify(&self, token: &str, realm: Option<&Realm>) -> Result<Principal, ErrorCode> {
        if token.len() as u64 > limits::TOKEN_BYTES {
            return Err(ErrorCode::BadToken);
        }
        let data = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation).map_err(|error| {
            if matches!(error.kind(), ErrorKind::ExpiredSignature) {
                ErrorCode::TokenExpired
            } else {
                ErrorCode::BadToken
            }
        })?;
        let principal = data.claims.into_principal(&self.realm).ok_or(ErrorCode::BadToken)?;
        match realm {
            Some(wanted) if *wanted != principal.realm => Err(ErrorCode::BadToken),
            Some(_) | None => Ok(principal),
        }
    }

    pub fn sign(&self, claims: &Claims) -> Result<String, String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.encoding).map_err(|error| error.to_string())
    }

    /// A token for one user of the default realm.
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

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::Name;

    fn tokens(secret: &str) -> Tokens {
        Tokens::new(&Secret::given(secret.to_owned()).unwrap(), Name::literal("main"))
    }

    fn now() -> Millis {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as Millis
    }

    #[test]
    fn a_token_says_who() {
        let tokens = tokens("a secret of more than thirty-two bytes");
        let token = tokens.token_for("alice", false, now(), 60).unwrap();
        let principal = tokens.verify(&token, None).unwrap();
        assert_eq!(principal.user.as_str(), "alice");
        assert_eq!(principal.realm.as_str(), "main");
        assert!(!principal.powers.backend);
        assert!(principal.expires_at.unwrap() > now());
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let ours = tokens("a secret of more than thirty-two bytes");
        let theirs = tokens("another secret of more than thirty-two bytes");
        let token = theirs.token_for("alice", false, now(), 60).unwrap();
        assert_eq!(ours.verify(&token, None), Err(ErrorCode::BadToken));
        let old = ours.token_for("alice", false, now() - 3_600_000, 60).unwrap();
        assert_eq!(ours.verify(&old, None), Err(ErrorCode::TokenExpired));
        let good = ours.token_for("alice", false, now(), 60).unwrap();
        assert_eq!(ours.verify(&good, Some(&Name::literal("elsewhere"))), Err(ErrorCode::BadToken));
        let cut = &good[..good.len() - 1];
        assert_eq!(ours.verify(cut, None), Err(ErrorCode::BadToken));
        // {"alg":"none"} with the same claims.
        let none = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
        assert_eq!(ours.verify(&none, None), Err(ErrorCode::BadToken));
        for bad in ["", ".", "..", "a.b.c", "💥", &"x".repeat(10_000)] {
            assert_eq!(ours.verify(bad, None), Err(ErrorCode::BadToken), "{bad:.20}");
        }
    }

    #[test]
    fn a_bad_name_is_no_user() {
        let tokens = tokens("a secret of more than thirty-two bytes");
        for sub in ["", "a\nb", &"x".repeat(256)] {
            let token = tokens.sign(&Claims { sub: sub.to_owned(), ..Claims::default() }).unwrap();
            assert_eq!(tokens.verify(&token, None), Err(ErrorCode::BadToken));
        }
    }
}
