//! What a hook has allowed a moment ago: not asked about again for so long. Bounded; the oldest goes first.

use foldhash::fast::RandomState;
use ring::digest::{SHA256, digest};
use rookery_engine::ports::Consulted;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Name, RoomKey, UserId};
use rookery_protocol::principal::Principal;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// Who asks for what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub who: Who,
    pub verb: Option<Consulted>,
    /// None: to come in.
    pub room: Option<RoomKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Two tokens of a user may be two answers.
    Token { user: UserId, id: Option<Name>, organisation: Option<Name>, issued_at: u64 },
    /// Who comes in: what somebody showed is kept nowhere: only its digest is.
    Credential([u8; 32]),
}

impl Who {
    pub fn of(who: &Principal) -> Who {
        Who::Token {
            user: who.user.clone(),
            id: who.token_id.clone(),
            organisation: who.organisation.clone(),
            issued_at: who.issued_at,
        }
    }

    pub fn shows(credential: &str) -> Who {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, credential.as_bytes()).as_ref());
        Who::Credential(bytes)
    }
}

struct Entry {
    until: Instant,
    /// Of who came in.
    principal: Option<Principal>,
}

pub struct Cache {
    keep: Duration,
    most: usize,
    entries: HashMap<Key, Entry, RandomState>,
    /// In the order in which they end.
    ends: VecDeque<(Instant, Key)>,
}

impl Cache {
    pub fn new(keep: Duration, most: usize) -> Cache {
        Cache { keep, most, entries: HashMap::default(), ends: VecDeque::new() }
    }

    /// None: it is to be asked about.
    pub fn allows(&self, key: &Key, now: Instant) -> Option<Option<&Principal>> {
        self.entries.get(key).filter(|entry| entry.until > now).map(|entry| entry.principal.as_ref())
    }

    pub fn allowed(&mut self, key: Key, principal: Option<Principal>, now: Instant) {
        if self.keep.is_zero() {
            return;
        }
        while let Some((until, _)) = self.ends.front()
            && (*until <= now || self.ends.len() >= self.most)
        {
            let Some((until, key)) = self.ends.pop_front() else { break };
            // It may have been allowed anew since.
            if self.entries.get(&key).is_some_and(|entry| entry.until == until) {
                self.entries.remove(&key);
            }
        }
        let until = now + self.keep;
        self.ends.push_back((until, key.clone()));
        self.entries.insert(key, Entry { until, principal });
    }

    /// What was revoked is asked about again.
    pub fn forget(&mut self, fact: &Fact) {
        let (user, token) = match fact {
            Fact::UserRevoked { user, .. } | Fact::UserErased { user } => (Some(user), None),
            Fact::TokenRevoked { id } => (None, Some(id)),
            Fact::RoomListed { .. }
            | Fact::RoomUnlisted { .. }
            | Fact::NameTaken { .. }
            | Fact::NameReleased { .. }
            | Fact::NumbersTaken { .. }
            | Fact::DirectPaired { .. }
            | Fact::UserSeen { .. } => return,
        };
        self.entries.retain(|key, entry| {
            let (whose, id) = match &key.who {
                Who::Token { user, id, .. } => (Some(user), id.as_ref()),
                Who::Credential(_) => {
                    let principal = entry.principal.as_ref();
                    (principal.map(|p| &p.user), principal.and_then(|p| p.token_id.as_ref()))
                }
            };
            !(user.is_some() && whose == user || token.is_some() && id == token)
        });
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::RoomKind;
    use rookery_protocol::principal::{Powers, Profile};

    fn key(user: &str, room: &str) -> Key {
        let name = |text: &str| Name::new(text).unwrap();
        let room = RoomKey { realm: name("main"), kind: RoomKind::Room, name: name(room) };
        let who =
            Who::Token { user: name(user), id: Some(name(&format!("{user}-1"))), organisation: None, issued_at: 0 };
        Key { who, verb: Some(Consulted::Post), room: Some(room) }
    }

    #[test]
    fn what_is_kept_ends_and_is_bounded() {
        let (start, keep) = (Instant::now(), Duration::from_secs(2));
        let mut cache = Cache::new(keep, 3);
        cache.allowed(key("ann", "a"), None, start);
        assert!(cache.allows(&key("ann", "a"), start + keep / 2).is_some());
        assert!(cache.allows(&key("ann", "b"), start).is_none() && cache.allows(&key("bob", "a"), start).is_none());
        assert!(cache.allows(&key("ann", "a"), start + keep).is_none(), "it ends");
        for n in 0..100 {
            cache.allowed(key("ann", &format!("room-{n}")), None, start);
            // Allowed anew and anew, it takes one place and its old ends make room.
            cache.allowed(key("ann", "again"), None, start);
            assert!(cache.len() <= 3 && cache.ends.len() <= 3);
        }
        assert!(cache.allows(&key("ann", "again"), start).is_some());
        cache.allowed(key("ann", "late"), None, start + keep * 2);
        assert_eq!((cache.len(), cache.ends.len()), (1, 1), "what has ended is gone");
    }

    #[test]
    fn what_is_revoked_is_forgotten_and_nothing_else() {
        let (now, name) = (Instant::now(), |text: &str| Name::new(text).unwrap());
        let forgetting = |fact: &Fact| {
            let mut cache = Cache::new(Duration::from_secs(9), 9);
            cache.allowed(key("ann", "a"), None, now);
            cache.allowed(key("bob", "a"), None, now);
            let came = Principal {
                realm: name("main"),
                user: name("ann"),
                profile: Profile::default(),
                claims: Vec::new(),
                can: None,
                organisation: None,
                powers: Powers::default(),
                expires_at: None,
                token_id: None,
                issued_at: 0,
            };
            cache.allowed(Key { who: Who::shows("opaque"), verb: None, room: None }, Some(came), now);
            cache.forget(fact);
            let shown = Key { who: Who::shows("opaque"), verb: None, room: None };
            [key("ann", "a"), key("bob", "a"), shown].map(|key| cache.allows(&key, now).is_some())
        };
        assert_eq!(forgetting(&Fact::UserRevoked { user: name("ann"), issued_before: 1 }), [false, true, false]);
        assert_eq!(forgetting(&Fact::UserErased { user: name("ann") }), [false, true, false]);
        assert_eq!(forgetting(&Fact::TokenRevoked { id: name("bob-1") }), [true, false, true]);
        assert_eq!(forgetting(&Fact::UserSeen { user: name("ann"), display: String::new() }), [true, true, true]);
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_to_be() {
        let mut cache = Cache::new(Duration::ZERO, 9);
        cache.allowed(key("ann", "a"), None, Instant::now());
        assert_eq!(cache.len(), 0);
    }
}
