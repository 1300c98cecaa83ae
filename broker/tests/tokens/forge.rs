//! Tokens of a node's secret that its tool would not make.

use super::support::node::SECRET;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::time::{SystemTime, UNIX_EPOCH};

pub const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Milliseconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

pub fn token(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, message.as_bytes())))
}

pub fn of(user: &str, more: &str) -> String {
    token(HEADER, &format!(r#"{{"sub":"{user}"{more}}}"#))
}
