//! What keys are of, and where each stands in the tree.

use super::keys::OWN;
use lsm_tree::UserKey;

/// What a key is of. It is the first byte in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    Messages = 0,
    Changes = 1,
    Rows = 2,
    Rooms = 3,
    Index = 4,
    Runs = 5,
    Segments = 6,
}

impl Space {
    pub const ALL: [Space; 7] =
        [Space::Messages, Space::Changes, Space::Rows, Space::Rooms, Space::Index, Space::Runs, Space::Segments];

    /// Bytes before a key's second copy.
    pub const BEFORE_SECOND: usize = 3;

    pub fn key(self, key: &[u8]) -> UserKey {
        UserKey::fused(&[self as u8], key)
    }

    /// Without it what is whole elsewhere could not be found: it stands twice.
    pub fn leads(self) -> bool {
        match self {
            Space::Rooms | Space::Runs => true,
            Space::Messages | Space::Changes | Space::Rows | Space::Index | Space::Segments => false,
        }
    }

    /// The second copy's key. It stands before everything else, so that all messages and more lie between the two.
    pub fn second(self, key: &[u8]) -> UserKey {
        UserKey::fused(&[Space::Messages as u8, OWN, self as u8], key)
    }
}

/// Which of two copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    First,
    Second,
}

/// The key of something of our own, of no room.
pub fn own_key(letter: u8) -> Vec<u8> {
    vec![OWN, letter]
}
