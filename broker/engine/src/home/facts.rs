//! What a directory has decided, as its facts say it.

use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Millis, Name, RoomKey, UserId};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// With their titles; by name first, because pages go by name.
    pub listed: BTreeMap<Name, BTreeMap<RoomKey, String>>,
    pub names: BTreeMap<Name, Name>,
    /// The next number of each counter.
    pub counters: BTreeMap<Name, u64>,
    /// (low, high) → name of their direct room.
    pub pairs: BTreeMap<(UserId, UserId), Name>,
    pub users: BTreeMap<UserId, String>,
    pub erased: BTreeSet<UserId>,
    /// When each was revoked.
    pub revoked_tokens: BTreeMap<Name, Millis>,
    /// Tokens issued before this time.
    pub revoked_users: BTreeMap<UserId, Millis>,
}

/// The counter that names direct rooms.
pub(crate) const DIRECT: Name = Name::literal("direct");

impl Facts {
    pub const NONE: Facts = Facts {
        listed: BTreeMap::new(),
        names: BTreeMap::new(),
        counters: BTreeMap::new(),
        pairs: BTreeMap::new(),
        users: BTreeMap::new(),
        erased: BTreeSet::new(),
        revoked_tokens: BTreeMap::new(),
        revoked_users: BTreeMap::new(),
    };

    pub fn next_number(&self, counter: &Name) -> u64 {
        self.counters.get(counter).copied().unwrap_or(1)
    }

    pub fn pair(&self, low: &UserId, high: &UserId) -> Option<&Name> {
        self.pairs.get(&(low.clone(), high.clone()))
    }

    /// Of a listed room.
    pub fn title(&self, room: &RoomKey) -> Option<&String> {
        self.listed.get(&room.name)?.get(room)
    }

    /// Whether the fact can become true now.
    pub fn allow(&self, fact: &Fact) -> bool {
        match fact {
            Fact::NameTaken { name, .. } => !self.names.contains_key(name),
            Fact::NameReleased { name } => self.names.contains_key(name),
            Fact::NumbersTaken { counter, first, count } => {
                *first == self.next_number(counter) && first.checked_add(u64::from(*count)).is_some()
            }
            Fact::DirectPaired { low, high, room } => {
                self.pair(low, high).is_none() && room.as_str() == self.next_number(&DIRECT).to_string()
            }
            Fact::RoomListed { .. }
            | Fact::RoomUnlisted { .. }
            | Fact::UserSeen { .. }
            | Fact::UserErased { .. }
            | Fact::TokenRevoked { .. }
            | Fact::UserRevoked { .. } => true,
        }
    }

    /// Whether the fact would say nothing new.
    pub fn knows(&self, fact: &Fact) -> bool {
        match fact {
            Fact::RoomListed { room, title } => self.title(room) == Some(title),
            Fact::RoomUnlisted { room } => self.title(room).is_none(),
            Fact::UserSeen { user, display } => self.users.get(user) == Some(display),
            Fact::UserErased { user } => self.erased.contains(user),
            Fact::TokenRevoked { id } => self.revoked_tokens.contains_key(id),
            Fact::UserRevoked { user, issued_before } => {
                self.revoked_users.get(user).is_some_and(|t| t >= issued_before)
            }
            Fact::NameTaken { .. }
            | Fact::NameReleased { .. }
            | Fact::NumbersTaken { .. }
            | Fact::DirectPaired { .. } => false,
        }
    }

    pub fn note(&mut self, fact: &Fact) {
        match fact {
            Fact::RoomListed { room, title } => {
                self.listed.entry(room.name.clone()).or_default().insert(room.clone(), title.clone());
            }
            Fact::RoomUnlisted { room } => {
                if let Some(rooms) = self.listed.get_mut(&room.name) {
                    rooms.remove(room);
                    if rooms.is_empty() {
                        self.listed.remove(&room.name);
                    }
                }
            }
            Fact::NameTaken { name, holder } => {
                self.names.insert(name.clone(), holder.clone());
            }
            Fact::NameReleased { name } => {
                self.names.remove(name);
            }
            Fact::NumbersTaken { counter, first, count } => {
                self.count(counter, first.saturating_add(u64::from(*count)));
            }
            Fact::DirectPaired { low, high, room } => {
                if let Ok(n) = room.as_str().parse::<u64>() {
                    self.count(&DIRECT, n.saturating_add(1));
                }
                self.pairs.insert((low.clone(), high.clone()), room.clone());
            }
            Fact::UserSeen { user, display } => {
                self.erased.remove(user);
                self.users.insert(user.clone(), display.clone());
            }
            Fact::UserErased { user } => {
                self.users.remove(user);
                self.erased.insert(user.clone());
            }
            Fact::TokenRevoked { .. } | Fact::UserRevoked { .. } => self.note_revoked(fact, 0),
        }
    }

    /// `at`: when, as far as that is known.
    pub fn note_revoked(&mut self, fact: &Fact, at: Millis) {
        match fact {
            Fact::TokenRevoked { id } => {
                self.revoked_tokens.insert(id.clone(), at);
            }
            Fact::UserRevoked { user, issued_before } => {
                let before = self.revoked_users.entry(user.clone()).or_default();
                *before = (*before).max(*issued_before);
            }
            Fact::RoomListed { .. }
            | Fact::RoomUnlisted { .. }
            | Fact::NameTaken { .. }
            | Fact::NameReleased { .. }
            | Fact::NumbersTaken { .. }
            | Fact::DirectPaired { .. }
            | Fact::UserSeen { .. }
            | Fact::UserErased { .. } => {}
        }
    }

    /// Takes out the revocations that no token is left for, where none lives longer than this. Each is about tokens
    /// that were issued before a time: for a token alone, before it was revoked.
    pub fn take_outlived(&mut self, now: Millis, life_ms: u64) -> Vec<Fact> {
        let over = |at: Millis| at > 0 && at.saturating_add(life_ms) < now;
        let tokens = self.revoked_tokens.extract_if(.., |_, at| over(*at)).map(|(id, _)| Fact::TokenRevoked { id });
        let mut out: Vec<_> = tokens.collect();
        let users = self.revoked_users.extract_if(.., |_, before| over(*before));
        out.extend(users.map(|(user, issued_before)| Fact::UserRevoked { user, issued_before }));
        out
    }

    /// What keeps tokens and users out.
    pub fn revocations(&self) -> impl Iterator<Item = Fact> {
        let tokens = self.revoked_tokens.keys().map(|id| Fact::TokenRevoked { id: id.clone() });
        let revoked = |(user, at): (&UserId, &Millis)| Fact::UserRevoked { user: user.clone(), issued_before: *at };
        tokens.chain(self.revoked_users.iter().map(revoked))
    }

    fn count(&mut self, counter: &Name, next: u64) {
        let entry = self.counters.entry(counter.clone()).or_insert(1);
        *entry = (*entry).max(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_pairs_take_theirs() {
        let mut facts = Facts::default();
        let taken = |first, count| Fact::NumbersTaken { counter: DIRECT, first, count };
        assert!(facts.allow(&taken(1, 3)) && !facts.allow(&taken(2, 1)));
        facts.note(&taken(1, 3));
        let paired = |room: &str| Fact::DirectPaired {
            low: Name::literal("ann"),
            high: Name::literal("bob"),
            room: Name::new(room).unwrap(),
        };
        assert!(!facts.allow(&paired("3")) && facts.allow(&paired("4")));
        facts.note(&paired("4"));
        assert_eq!(facts.next_number(&DIRECT), 5);
        assert!(!facts.allow(&paired("5")), "a pair has one room");
        assert!(!facts.allow(&Fact::NumbersTaken { counter: DIRECT, first: u64::MAX, count: 9 }));
    }

    #[test]
    fn revocations_are_forgotten_when_no_token_is_left_for_them() {
        let mut facts = Facts::default();
        let token = |id: &'static str| Fact::TokenRevoked { id: Name::literal(id) };
        let user = |user: &'static str, issued_before| Fact::UserRevoked { user: Name::literal(user), issued_before };
        facts.note_revoked(&token("old"), 1000);
        facts.note_revoked(&token("new"), 1001);
        facts.note_revoked(&token("unknown"), 0);
        facts.note_revoked(&user("ann", 1000), 5000);
        facts.note_revoked(&user("bob", 1001), 5000);
        facts.note_revoked(&user("eve", (1 << 53) - 1), 5000);
        assert!(facts.take_outlived(1500, 500).is_empty());
        assert_eq!(facts.take_outlived(1501, 500), [token("old"), user("ann", 1000)]);
        let left: Vec<_> = facts.revocations().collect();
        assert_eq!(left, [token("new"), token("unknown"), user("bob", 1001), user("eve", (1 << 53) - 1)]);
    }

    #[test]
    fn a_name_has_one_holder() {
        let mut facts = Facts::default();
        let taken = Fact::NameTaken { name: Name::literal("general"), holder: Name::literal("1") };
        facts.note(&taken);
        assert!(!facts.allow(&taken));
        facts.note(&Fact::NameReleased { name: Name::literal("general") });
        assert!(facts.allow(&taken));
    }
}
