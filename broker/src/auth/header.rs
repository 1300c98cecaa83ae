//! A token's three parts, and what its header may say. What we do not do is refused; where it says keys lie is not looked at.

use super::object::{Object, decoded};
use super::why::Why;
use rookery_protocol::limits;
use std::borrow::Cow;

pub struct Parts<'a> {
    pub header: Vec<u8>,
    pub claims: Vec<u8>,
    /// What is signed.
    pub message: &'a [u8],
    pub signature: &'a str,
}

impl<'a> Parts<'a> {
    pub fn of(token: &'a str) -> Result<Parts<'a>, Why> {
        if token.len() as u64 > limits::TOKEN_BYTES {
            return Err(Why::TooLong { bytes: token.len(), limit: limits::TOKEN_BYTES });
        }
        let mut parts = token.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Why::Parts);
        };
        let message = &token.as_bytes()[..header.len() + 1 + claims.len()];
        decoded(signature, "signature")?;
        Ok(Parts { header: decoded(header, "header")?, claims: decoded(claims, "claims")?, message, signature })
    }
}

/// What a header says that is of use.
#[derive(Debug)]
pub struct Header<'a> {
    pub algorithm: Cow<'a, str>,
    pub key_id: Option<Cow<'a, str>>,
}

/// Tokens of these types are for us. Others that the same key signs (of a logout, of a proof) are not.
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// What changes the meaning of the rest, and is none of ours.
const NOT_OURS: [(&str, &str); 4] = [
    ("crit", "asks for extensions, and we have none"),
    ("b64", "asks for claims that are not encoded"),
    ("zip", "asks for claims that are packed"),
    ("enc", "says that it is encrypted"),
];

impl<'a> Header<'a> {
    pub fn of(object: &Object<'a>) -> Result<Header<'a>, Why> {
        let text = |name: &'static str| object.text(name).map_err(|_| Why::Header { name, why: "is not a text" });
        if let Some((name, why)) = NOT_OURS.iter().find(|(name, _)| object.raw(name).is_some()) {
            return Err(Why::Header { name, why });
        }
        if let Some(kind) = text("typ")? {
            let kind = kind.strip_prefix("application/").unwrap_or(&kind);
            if !TYPES.iter().any(|known| known.eq_ignore_ascii_case(kind)) {
                return Err(Why::Header { name: "typ", why: "says that it is for something else" });
            }
        }
        if text("cty")?.is_some() {
            return Err(Why::Header { name: "cty", why: "says that there is another token in it" });
        }
        let algorithm = text("alg")?.ok_or(Why::Header { name: "alg", why: "is not there" })?;
        if algorithm.eq_ignore_ascii_case("none") {
            return Err(Why::Header { name: "alg", why: "is `none`: nobody vouches for it" });
        }
        Ok(Header { algorithm, key_id: text("kid")? })
    }
}
