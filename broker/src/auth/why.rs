//! Why a token is refused: one list, in plain words for people, and as an error code for clients, who are told no more.

use rookery_protocol::errors::ErrorCode;
use rookery_protocol::ids::Realm;
use std::fmt::{Display, Formatter};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    TooLong {
        bytes: usize,
        limit: u64,
    },
    /// Not `header.claims.signature`.
    Parts,
    /// A part is not base64url as RFC 7515 writes it.
    Encoding {
        part: &'static str,
    },
    Json {
        part: &'static str,
        why: String,
    },
    Repeated {
        part: &'static str,
        name: String,
    },
    /// The header says something that we do not do.
    Header {
        name: &'static str,
        why: &'static str,
    },
    /// None of the realm's keys is for this algorithm, or the key that is named is for another one.
    Algorithm {
        given: String,
    },
    /// The keys do not hold the one that is named. They may be older than it.
    UnknownKey {
        id: String,
    },
    /// Several keys could be meant, and none is named.
    NoKeyNamed,
    NoKeys,
    Signature,
    Claim {
        name: String,
        why: String,
    },
    Missing {
        name: String,
    },
    Expired {
        at: u64,
    },
    NotYet {
        claim: &'static str,
        at: u64,
    },
    NoSuchRealm {
        realm: Realm,
    },
    /// It belongs to another realm than the one it is shown to.
    OtherRealm {
        realm: String,
    },
    /// Too many tokens wait for new keys.
    Crowded,
}

/// A word for each variant, for figures.
pub const WORDS: [&str; 18] = [
    "too_long",
    "parts",
    "encoding",
    "json",
    "repeated",
    "header",
    "algorithm",
    "unknown_key",
    "no_key_named",
    "no_keys",
    "signature",
    "claim",
    "missing",
    "expired",
    "not_yet",
    "no_such_realm",
    "other_realm",
    "crowded",
];

impl Why {
    /// One of [`WORDS`].
    pub fn word(&self) -> &'static str {
        match self {
            Why::TooLong { .. } => "too_long",
            Why::Parts => "parts",
            Why::Encoding { .. } => "encoding",
            Why::Json { .. } => "json",
            Why::Repeated { .. } => "repeated",
            Why::Header { .. } => "header",
            Why::Algorithm { .. } => "algorithm",
            Why::UnknownKey { .. } => "unknown_key",
            Why::NoKeyNamed => "no_key_named",
            Why::NoKeys => "no_keys",
            Why::Signature => "signature",
            Why::Claim { .. } => "claim",
            Why::Missing { .. } => "missing",
            Why::Expired { .. } => "expired",
            Why::NotYet { .. } => "not_yet",
            Why::NoSuchRealm { .. } => "no_such_realm",
            Why::OtherRealm { .. } => "other_realm",
            Why::Crowded => "crowded",
        }
    }

    pub fn code(&self) -> ErrorCode {
        match self {
            Why::Expired { .. } => ErrorCode::TokenExpired,
            Why::Crowded => ErrorCode::Busy,
            Why::TooLong { .. }
            | Why::Parts
            | Why::Encoding { .. }
            | Why::Json { .. }
            | Why::Repeated { .. }
            | Why::Header { .. }
            | Why::Algorithm { .. }
            | Why::UnknownKey { .. }
            | Why::NoKeyNamed
            | Why::NoKeys
            | Why::Signature
            | Why::Claim { .. }
            | Why::Missing { .. }
            | Why::NotYet { .. }
            | Why::NoSuchRealm { .. }
            | Why::OtherRealm { .. } => ErrorCode::BadToken,
        }
    }

    /// Whether it could be another verdict with newer keys.
    pub(super) fn may_be_keys(&self) -> bool {
        matches!(self, Why::UnknownKey { .. } | Why::NoKeys)
    }

    pub(super) fn claim(name: &str, why: impl Into<String>) -> Why {
        Why::Claim { name: name.to_owned(), why: why.into() }
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Why::TooLong { bytes, limit } => write!(f, "it has {bytes} bytes, and may have {limit}"),
            Why::Parts => f.write_str("it is not three parts with a dot between each two: header.claims.signature"),
            Why::Encoding { part } => write!(f, "its {part} is not base64url without padding"),
            Why::Json { part, why } => write!(f, "its {part} is not the JSON object it should be: {why}"),
            Why::Repeated { part, name } => write!(f, "its {part} says {name:?} more than once"),
            Why::Header { name, why } => write!(f, "its header's `{name}` {why}"),
            Why::Algorithm { given } => write!(f, "no key of the realm is for the algorithm {given:?}"),
            Why::UnknownKey { id } => write!(f, "the realm has no key with the id {id:?}"),
            Why::NoKeyNamed => f.write_str("it names no key (`kid`), and the realm has several for its algorithm"),
            Why::NoKeys => f.write_str("the realm has no keys at present: its key set could not be read so far"),
            Why::Signature => f.write_str("its signature is not one of the realm's key: another key, or changed since"),
            Why::Claim { name, why } => write!(f, "its claim `{name}` {why}"),
            Why::Missing { name } => write!(f, "it has no claim `{name}`, which the realm asks for"),
            Why::Expired { at } => write!(f, "it ended (`exp`) at {at}, in seconds since 1970"),
            Why::NotYet { claim, at } => write!(f, "it begins later: its `{claim}` is {at}, in seconds since 1970"),
            Why::NoSuchRealm { realm } => write!(f, "this node has no realm {:?}", realm.as_str()),
            Why::OtherRealm { realm } => write!(f, "it is for the realm {realm:?}, and is shown to another one"),
            Why::Crowded => f.write_str("many tokens with unknown keys wait at present; try again"),
        }
    }
}
