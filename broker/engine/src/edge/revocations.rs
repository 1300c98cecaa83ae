//! What directories have revoked, in this run or before: live sessions end, and the same tokens do not come in again.

use foldhash::fast::FixedState;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Millis, Name, Realm, UserId};
use rookery_protocol::principal::Principal;
use std::collections::{HashMap, HashSet};

#[derive(Default)]
pub struct Revocations {
    tokens: HashSet<(Realm, Name), FixedState>,
    /// Tokens of these users are refused if they were issued before this time.
    users: HashMap<(Realm, UserId), Millis, FixedState>,
}

impl Revocations {
    pub fn learn(&mut self, realm: &Realm, fact: &Fact) {
        match fact {
            Fact::TokenRevoked { id } => {
                self.tokens.insert((realm.clone(), id.clone()));
            }
            Fact::UserRevoked { user, issued_before } => {
                let before = self.users.entry((realm.clone(), user.clone())).or_default();
                *before = (*before).max(*issued_before);
            }
            Fact::UserErased { user } => {
                self.users.insert((realm.clone(), user.clone()), Millis::MAX);
            }
            Fact::RoomListed { .. }
            | Fact::RoomUnlisted { .. }
            | Fact::NameTaken { .. }
            | Fact::NameReleased { .. }
            | Fact::NumbersTaken { .. }
            | Fact::DirectPaired { .. }
            | Fact::UserSeen { .. } => {}
        }
    }

    pub fn hold(&self, principal: &Principal) -> bool {
        let token = principal.token_id.as_ref().map(|id| (principal.realm.clone(), id.clone()));
        let user = (principal.realm.clone(), principal.user.clone());
        token.is_some_and(|token| self.tokens.contains(&token))
            || self.users.get(&user).is_some_and(|before| principal.issued_at < *before)
    }
}
