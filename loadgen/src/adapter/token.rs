//! Tokens for the target: one given for all connections, or one minted for each, so that every connection is a user.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::json;

/// No run lasts longer.
const LIFETIME_SECONDS: u64 = 24 * 3_600;

/// Where a connection's token comes from.
#[derive(Clone, Debug, Default)]
pub enum Tokens {
    #[default]
    None,
    /// The same user everywhere.
    Given(String),
    /// The secret that the target verifies tokens with (HS256).
    Minted(String),
}

impl Tokens {
    /// The header line of one connection's upgrade request.
    pub fn header(&self, connection: usize) -> String {
        self.of(connection).map_or_else(String::new, |token| format!("Authorization: Bearer {token}\r\n"))
    }

    /// One connection's token, if it has one.
    pub fn of(&self, connection: usize) -> Option<String> {
        match self {
            Tokens::None => None,
            Tokens::Given(token) => Some(token.clone()),
            Tokens::Minted(secret) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
                Some(mint(secret, &user(connection), now))
            }
        }
    }
}

/// What a connection calls itself.
pub fn user(connection: usize) -> String {
    format!("load-{connection}")
}

fn mint(secret: &str, user: &str, now: u64) -> String {
    let claims = json!({ "sub": user, "iat": now, "exp": now + LIFETIME_SECONDS });
    let signed = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signature = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minted_token_is_signed_over_both_parts_with_the_secret() {
        let token = mint("a secret of the target", "load-7", 1_000);
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"a secret of the target");
        hmac::verify(&key, signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims, json!({ "sub": "load-7", "iat": 1_000, "exp": 1_000 + LIFETIME_SECONDS }));
    }

    #[test]
    fn connections_are_users_of_their_own_unless_one_token_was_given() {
        assert_eq!(Tokens::None.header(1), "");
        assert_eq!(Tokens::Given("t".to_owned()).header(1), "Authorization: Bearer t\r\n");
        let minted = Tokens::Minted("secret".to_owned());
        assert_ne!(minted.header(1), minted.header(2));
    }
}
