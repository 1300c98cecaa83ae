//! What a token of ours may say, and the principal that follows from it.

use rookery_protocol::ids::{Name, Realm};
use rookery_protocol::limits;
use rookery_protocol::principal::{Powers, Principal, Profile};
use serde::{Deserialize, Serialize};

/// Names follow RFC 7519 where it has one.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Shown beside messages.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub avatar: String,
    /// Rooms that this token opens, where a room asks for claims.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<String>,
    /// May send backend commands.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub backend: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub any_realm: bool,
}

impl Claims {
    /// None when a name in it is none, or a text is too long.
    pub fn into_principal(self, default_realm: &Realm) -> Option<Principal> {
        let name = |text: &str| Name::new(text).ok();
        let optional = |text: Option<String>| text.map(|t| name(&t)).map_or(Some(None), |n| n.map(Some));
        let fits = |text: &str| text.len() as u64 <= limits::TEXT_FIELD_BYTES;
        if !fits(&self.name) || !fits(&self.avatar) {
            return None;
        }
        Some(Principal {
            user: name(&self.sub)?,
            realm: optional(self.realm)?.unwrap_or_else(|| default_realm.clone()),
            organisation: optional(self.org)?,
            token_id: optional(self.jti)?,
            claims: self.rooms.iter().map(|room| name(room)).collect::<Option<Vec<_>>>()?,
            profile: Profile { display: self.name, avatar: self.avatar },
            powers: Powers { backend: self.backend, any_realm: self.any_realm },
            expires_at: self.exp.map(|seconds| seconds.saturating_mul(1000)),
            issued_at: self.iat.unwrap_or(0).saturating_mul(1000),
        })
    }
}
