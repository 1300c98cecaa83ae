//! The closed list of tables: what is kept beside events. Numbers are on disk and never change.

use crate::{Epoch, Place, Seq};

macro_rules! tables {
    ($($name:ident = $number:literal $word:literal $of_message:literal $what:literal)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Table { $(#[doc = $what] $name = $number),+ }

        impl Table {
            pub const ALL: &'static [Table] = &[$(Table::$name),+];

            pub const fn word(self) -> &'static str {
                match self { $(Table::$name => $word),+ }
            }

            /// Its rows belong to one message each: the key begins with [`place_key`] of it, and they go when it goes.
            pub const fn of_message(self) -> bool {
                match self { $(Table::$name => $of_message),+ }
            }
        }
    };
}

tables! {
    Meta          = 1  "meta"            false "Settings of the room; every room that was created has a row here."
    Members       = 2  "members"         false "User to role."
    Memberships   = 3  "memberships"     false "In an inbox: the rooms its user is a member of."
    Reactions     = 4  "reactions"       true  "Message, reaction, user."
    Pins          = 5  "pins"            true  "Pinned messages."
    Watermarks    = 6  "watermarks"      false "How far each user has read and received."
    Streams       = 7  "streams"         false "The highest number of each duplicate stream."
    PendingEffects = 8 "pending_effects" false "Effects on other rooms that are not confirmed there yet."
    SeenEffects   = 9 "seen_effects"    false "Effects of other rooms that were taken here."
    Attachments   = 10 "attachments"     true  "Attachments by message."
    Users         = 11 "users"           false "In a directory: users that were seen."
    Names         = 12 "names"           false "In a directory: unique names and their holders."
    Counters      = 13 "counters"        false "In a directory: rising numbers."
    Pairs         = 14 "pairs"           false "In a directory: the room of two users."
    Listings      = 15 "listings"        false "In a directory: rooms that are listed."
    Revocations   = 16 "revocations"     false "In a directory: tokens and users that are refused."
}

impl Table {
    pub fn from_number(n: u8) -> Option<Table> {
        Self::ALL.iter().copied().find(|t| *t as u8 == n)
    }
}

pub const PLACE_KEY_BYTES: usize = 16;

/// A place as the beginning of a row's key: big-endian, so that keys order as places do.
pub fn place_key(place: Place) -> [u8; PLACE_KEY_BYTES] {
    let mut key = [0; PLACE_KEY_BYTES];
    key[..8].copy_from_slice(&place.epoch.0.to_be_bytes());
    key[8..].copy_from_slice(&place.seq.0.to_be_bytes());
    key
}

/// The place that a row's key begins with.
pub fn place_of_key(key: &[u8]) -> Option<Place> {
    let (epoch, rest) = key.split_first_chunk::<8>()?;
    let (seq, _) = rest.split_first_chunk::<8>()?;
    Some(Place { epoch: Epoch(u64::from_be_bytes(*epoch)), seq: Seq(u64::from_be_bytes(*seq)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_unique_and_lead_back() {
        for (i, table) in Table::ALL.iter().enumerate() {
            assert_eq!(Table::from_number(*table as u8), Some(*table));
            assert!(Table::ALL[..i].iter().all(|t| t.word() != table.word()));
        }
        assert_eq!(Table::from_number(0), None);
        assert_eq!(Table::from_number(17), None);
    }

    #[test]
    fn keys_order_as_places_do() {
        let places = [Place::new(1, 2), Place::new(1, 256), Place::new(2, 1), Place::new(256, 1)];
        for pair in places.windows(2) {
            assert!(place_key(pair[0]) < place_key(pair[1]));
            assert_eq!(place_of_key(&place_key(pair[0])), Some(pair[0]));
        }
        assert_eq!(place_of_key(&[0; 15]), None);
    }
}
