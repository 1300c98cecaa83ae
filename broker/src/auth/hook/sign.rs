//! The signature of a question: whoever shares the secret sees that it comes from this node, and when it was made.

use super::super::secret::Secret;
use ring::hmac;
use std::fmt::Write;

pub const HEADER: &str = "rookery-signature";

/// HMAC-SHA256 over the time, a dot and the body: `t=1700000000,v1=…`, in hexadecimal digits.
pub fn signature(secret: &Secret, seconds: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(seconds.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    let mut text = format!("t={seconds},v1=");
    for byte in context.sign().as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `openssl dgst -sha256 -hmac` has it.
    #[test]
    fn it_is_what_others_compute() {
        let secret = Secret::given("a secret of at least thirty-two bytes".to_owned()).unwrap();
        let expected = "t=1700000000,v1=6d05fa6a0344b1f7d019b900a117892da7f812378f72078316bc6cd04342b020";
        assert_eq!(signature(&secret, 1_700_000_000, br#"{"verb":"post"}"#), expected);
    }
}
