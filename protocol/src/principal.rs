//! Who a session is, as a verified token (or a dialect's own rule) says.

use crate::ids::{Millis, Name, Realm, UserId};

/// The result of a verification: never built from unverified words, except where a realm says that it trusts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub realm: Realm,
    pub user: UserId,
    /// What others see: copied into each message as of posting.
    pub profile: Profile,
    /// Rooms that the token's claims open, where a room's access policy asks for claims.
    pub claims: Vec<Name>,
    /// Lobby and directory of an organisation instead of the realm's.
    pub organisation: Option<Name>,
    pub powers: Powers,
    /// When the token ends; the profile of the dialect says what that does to a live connection.
    pub expires_at: Option<Millis>,
    /// Identity of the token, so that it can be revoked alone.
    pub token_id: Option<Name>,
    pub issued_at: Millis,
}

/// How a user appears to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Empty: show the user id.
    pub display: String,
    pub avatar: String,
}

impl Profile {
    pub fn is_empty(&self) -> bool {
        self.display.is_empty() && self.avatar.is_empty()
    }
}

/// What a principal may do beyond what rooms grant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Powers {
    /// May send backend commands and act in any room of its realm.
    pub backend: bool,
    /// May open rooms of other realms than its own.
    pub any_realm: bool,
}
