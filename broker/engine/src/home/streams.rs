//! Duplicate streams of a room: the highest number of each, so that a higher one is new without a look-up.

use super::world::Map;
use rookery_protocol::ids::{Place, UserId};
use rookery_protocol::limits;

#[derive(Debug)]
pub(crate) struct Streams {
    highest: Map<(UserId, u64), (u64, Place)>,
    /// Every stream of the room is at hand, so one that is not was never used.
    whole: bool,
}

/// What the room knows of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    New,
    /// It is the highest one, and has this place.
    Given(Place),
    /// Below the highest: to be looked up.
    Below,
    /// The stream is not at hand.
    Strange,
}

const KEPT: usize = limits::STREAMS_PER_ROOM as usize;
/// Forgetting is done for many at once, because it has to look at all.
const SLACK: usize = KEPT / 8;

impl Default for Streams {
    fn default() -> Streams {
        Streams { highest: Map::default(), whole: true }
    }
}

impl Streams {
    pub fn from_image(list: Vec<(UserId, u64, u64, Place)>) -> Streams {
        // A store may give only the newest so many; then nobody can say whether these are all.
        let whole = list.len() < KEPT;
        let highest = list.into_iter().map(|(user, stream, n, place)| ((user, stream), (n, place))).collect();
        let mut streams = Streams { highest, whole };
        streams.bound();
        streams
    }

    pub fn len(&self) -> usize {
        self.highest.len()
    }

    pub fn standing(&self, user: &UserId, stream: u64, n: u64) -> Standing {
        match self.highest.get(&(user.clone(), stream)) {
            Some((highest, _)) if n > *highest => Standing::New,
            Some((highest, place)) if n == *highest => Standing::Given(*place),
            Some(_) => Standing::Below,
            None if self.whole => Standing::New,
            None => Standing::Strange,
        }
    }

    /// A number was placed, or is known from a look-up.
    pub fn note(&mut self, user: &UserId, stream: u64, n: u64, place: Place) {
        let highest = self.highest.entry((user.clone(), stream)).or_insert((n, place));
        if n > highest.0 {
            *highest = (n, place);
        }
        if self.highest.len() > KEPT + SLACK {
            self.bound();
        }
    }

    /// Forgets the streams whose newest message is oldest.
    fn bound(&mut self) {
        if self.highest.len() <= KEPT + SLACK {
            return;
        }
        let mut places: Vec<Place> = self.highest.values().map(|(_, place)| *place).collect();
        let cut = places.len() - KEPT;
        let (_, oldest_kept, _) = places.select_nth_unstable(cut);
        let oldest_kept = *oldest_kept;
        self.highest.retain(|_, (_, place)| *place >= oldest_kept);
        self.whole = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::Name;

    #[test]
    fn a_higher_number_is_new_and_others_are_not() {
        let mut streams = Streams::default();
        let user = Name::literal("ann");
        assert_eq!(streams.standing(&user, 7, 1), Standing::New);
        streams.note(&user, 7, 5, Place::new(1, 3));
        assert_eq!(streams.standing(&user, 7, 6), Standing::New);
        assert_eq!(streams.standing(&user, 7, 5), Standing::Given(Place::new(1, 3)));
        assert_eq!(streams.standing(&user, 7, 4), Standing::Below);
        streams.note(&user, 7, 4, Place::new(1, 4));
        assert_eq!(streams.standing(&user, 7, 5), Standing::Given(Place::new(1, 3)));
        assert_eq!(streams.standing(&Name::literal("bob"), 7, 5), Standing::New);
    }

    #[test]
    fn the_oldest_are_forgotten_and_then_looked_up() {
        let mut streams = Streams::default();
        let user = Name::literal("ann");
        for i in 1..=(KEPT + SLACK) as u64 {
            streams.note(&user, i, 1, Place::new(1, i));
        }
        assert_eq!(streams.standing(&user, 999_999, 1), Standing::New);
        streams.note(&user, 0, 1, Place::new(1, 999_999));
        assert_eq!(streams.highest.len(), KEPT);
        assert_eq!(streams.standing(&user, 1, 2), Standing::Strange);
        assert_eq!(streams.standing(&user, 999_999, 1), Standing::Strange);
        assert_eq!(streams.standing(&user, 0, 1), Standing::Given(Place::new(1, 999_999)));
        assert_eq!(streams.standing(&user, (KEPT + SLACK) as u64, 2), Standing::New);
    }
}
