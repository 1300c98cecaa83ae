//! Who a session is, as a verified token (or a dialect's own rule) says.

use crate::catalog::{CommandKind, Group};
use crate::ids::{Millis, Name, Realm, RoomKey, RoomKind, UserId};

/// The result of a verification: never built from unverified words, except where a realm says that it trusts them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub realm: Realm,
    pub user: UserId,
    /// What others see: copied into each message as of posting.
    pub profile: Profile,
    /// Names or prefixes of the rooms that the token's claims open, where a room's access policy asks for claims.
    pub claims: Vec<Name>,
    /// What the token is good for. None: for whatever the rooms let its user do. It only takes away, never gives.
    pub can: Option<Box<[Grant]>>,
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

/// These verbs, in these rooms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub rooms: Vec<Pattern>,
    pub verbs: Verbs,
}

/// Which rooms are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Every room of every kind.
    All,
    /// Ordinary rooms: a name, or a prefix that ends in `*`.
    Rooms(Name),
    /// A kind whose names come from no client.
    Kind(RoomKind),
}

/// A set of commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs(u128);

/// The kinds that a pattern can name.
const KINDS: [(&str, RoomKind); 4] = [
    ("@direct", RoomKind::Direct),
    ("@inbox", RoomKind::Inbox),
    ("@lobby", RoomKind::Lobby),
    ("@directory", RoomKind::Directory),
];

const GROUPS: [(&str, Group); 3] = [("read", Group::Read), ("write", Group::Write), ("manage", Group::Manage)];

impl Principal {
    /// Whether its token is good for this in that room; what the room says to it is another question.
    pub fn can(&self, command: CommandKind, room: &RoomKey) -> bool {
        let Some(grants) = &self.can else { return true };
        command.row().group == Group::Session
            || grants.iter().any(|grant| grant.verbs.contains(command) && grant.rooms.iter().any(|p| p.covers(room)))
    }
}

impl Pattern {
    /// None: not a pattern.
    pub fn parse(text: &str) -> Option<Pattern> {
        match text {
            "*" => Some(Pattern::All),
            kind if kind.starts_with('@') => {
                KINDS.iter().find(|(word, _)| *word == kind).map(|(_, kind)| Pattern::Kind(*kind))
            }
            name => Name::new(name).ok().map(Pattern::Rooms),
        }
    }

    pub fn covers(&self, room: &RoomKey) -> bool {
        match self {
            Pattern::All => true,
            Pattern::Rooms(pattern) => room.kind == RoomKind::Room && covers(pattern.as_str(), room.name.as_str()),
            Pattern::Kind(kind) => room.kind == *kind,
        }
    }
}

impl Verbs {
    /// A command's word, or a group's. None: neither.
    pub fn add(&mut self, word: &str) -> Option<()> {
        let meant = |command: &CommandKind| match GROUPS.iter().find(|(group, _)| *group == word) {
            Some((_, group)) => command.row().group == *group,
            None => command.row().word == word,
        };
        let before = self.0;
        let mut found = false;
        for command in CommandKind::ALL.iter().filter(|command| meant(command)) {
            self.0 |= 1 << command.row().number;
            found = true;
        }
        debug_assert!(found || self.0 == before);
        found.then_some(())
    }

    pub fn contains(self, command: CommandKind) -> bool {
        self.0 & 1 << command.row().number != 0
    }
}

/// Whether a pattern matches a name: a literal, or a prefix that ends in `*`.
pub fn covers(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verbs(words: &[&str]) -> Verbs {
        let mut verbs = Verbs::default();
        for word in words {
            verbs.add(word).unwrap();
        }
        verbs
    }

    fn room(kind: RoomKind, name: &'static str) -> RoomKey {
        RoomKey { realm: Name::literal("main"), kind, name: Name::literal(name) }
    }

    #[test]
    fn every_command_fits_into_the_set_and_is_in_one_group() {
        let all = verbs(&["read", "write", "manage"]);
        for command in CommandKind::ALL {
            assert!(u32::from(command.row().number) < u128::BITS);
            assert_eq!(all.contains(*command), command.row().group != Group::Session, "{command:?}");
            let alone = verbs(&[command.row().word]);
            let others = CommandKind::ALL.iter().filter(|other| *other != command);
            assert!(alone.contains(*command) && !others.into_iter().any(|other| alone.contains(*other)));
        }
        assert!(Verbs::default().add("fly").is_none() && Verbs::default().add("").is_none());
        let groups = GROUPS.iter().any(|(group, _)| CommandKind::from_word(group).is_some());
        assert!(!groups, "a word means one thing");
    }

    #[test]
    fn patterns_name_rooms_prefixes_and_kinds() {
        let cases = [
            ("general", RoomKind::Room, "general", true),
            ("general", RoomKind::Room, "general2", false),
            ("team-*", RoomKind::Room, "team-a", true),
            ("team-*", RoomKind::Room, "tea", false),
            ("team-*", RoomKind::Direct, "team-a", false),
            ("1*", RoomKind::Direct, "12", false),
            ("*", RoomKind::Directory, "*", true),
            ("@inbox", RoomKind::Inbox, "ann", true),
            ("@inbox", RoomKind::Room, "@inbox", false),
            ("@direct", RoomKind::Lobby, "*", false),
        ];
        for (pattern, kind, name, covered) in cases {
            assert_eq!(Pattern::parse(pattern).unwrap().covers(&room(kind, name)), covered, "{pattern} {name}");
        }
        for bad in ["", "@rooms", "@", "a\nb"] {
            assert_eq!(Pattern::parse(bad), None, "{bad:?}");
        }
    }
}
