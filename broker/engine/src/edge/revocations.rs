//! What directories have revoked, in this run or before: live sessions end, and the same tokens do not come in again.
//!
//! Nobody is welcomed in a realm before its directory has said what was revoked in the runs before: the first token of a
//! realm has it asked, and whoever comes meanwhile waits for the same answer.

use super::Edge;
use super::admission::busy;
use crate::fanout::Outbound;
use crate::message::{Caller, ConnId, ToHome, realms_directory};
use crate::ports::{Now, Ports, Ticket};
use foldhash::fast::FixedState;
use rookery_protocol::command::Command;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Millis, Name, Realm, UserId};
use rookery_protocol::principal::Principal;
use rookery_protocol::reply::{Refusal, Reply};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

#[derive(Default)]
pub struct Revocations {
    tokens: HashSet<(Realm, Name), FixedState>,
    /// Tokens of these users are refused if they were issued before this time.
    users: HashMap<(Realm, UserId), Millis, FixedState>,
    /// Realms whose directory was heard.
    known: HashSet<Realm, FixedState>,
    /// Whose tokens are good, and wait for the directory of their realm.
    waiting: HashMap<Realm, Vec<Waiting>, FixedState>,
}

/// Who waits for a directory.
pub enum Waiting {
    /// One whose token is good.
    Connection { conn: ConnId, ticket: Ticket, principal: Principal },
    /// One without a connection.
    Call { caller: Caller, who: Arc<Principal>, command: Command },
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

    pub fn know(&self, realm: &Realm) -> bool {
        self.known.contains(realm)
    }

    pub fn hold(&self, principal: &Principal) -> bool {
        let token = principal.token_id.as_ref().map(|id| (principal.realm.clone(), id.clone()));
        let user = (principal.realm.clone(), principal.user.clone());
        token.is_some_and(|token| self.tokens.contains(&token))
            || self.users.get(&user).is_some_and(|before| principal.issued_at < *before)
    }
}

impl Edge {
    pub(super) fn wait_for_revocations(&mut self, realm: &Realm, who: Waiting, out: &mut Outbound) {
        let directory = realms_directory(realm);
        let waiting = self.revocations.waiting.entry(realm.clone()).or_default();
        waiting.push(who);
        if waiting.len() == 1 {
            out.to_home(self.shard_of(&directory), ToHome::Revocations { directory });
        }
    }

    /// A directory has answered. The queues of those who waited must be looked at afterwards: see [`Edge::settle`].
    pub(super) fn revocations_known(
        &mut self,
        now: Now,
        ports: &mut dyn Ports,
        realm: &Realm,
        facts: Option<Vec<Fact>>,
        out: &mut Outbound,
    ) {
        let is_known = facts.is_some();
        for fact in facts.into_iter().flatten() {
            self.revocations.learn(realm, &fact);
        }
        if is_known {
            self.revocations.known.insert(realm.clone());
        }
        for waiting in self.revocations.waiting.remove(realm).unwrap_or_default() {
            match waiting {
                Waiting::Connection { conn, ticket, principal } => {
                    let answer = if is_known { Ok(principal) } else { Err(unread()) };
                    self.token_verified(now, ports, conn, ticket, answer, out);
                }
                Waiting::Call { caller, who, command } if is_known => {
                    self.take_call(now, ports, caller, who, command, out);
                }
                Waiting::Call { caller, .. } => self.answer_caller(caller, Reply::Refused(unread())),
            }
        }
    }
}

/// Who was revoked must not come in because nobody could look it up.
fn unread() -> Refusal {
    let detail = "what was revoked in this realm cannot be read at present; the node's log says why".to_owned();
    Refusal { detail, ..busy() }
}
