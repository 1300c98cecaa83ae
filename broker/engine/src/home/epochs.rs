//! Where a place stands in the history of a room: runs, epochs, and the lives of a room that was created anew.

use crate::planted::{self, Bug};
use rookery_protocol::ids::{Epoch, Place, Seq};

/// Above these bits of an epoch stands how often the room was deleted, below them the run. Runs are seconds or small
/// numbers, so a room that is created anew within a run has an epoch that no later run can take.
const LIFE_SHIFT: u32 = 36;

/// The epoch of what a room places next: of this run, in the life that the room is in, never going back.
pub(crate) fn epoch_now(last: Epoch, run: Epoch) -> Epoch {
    let life = last.0 >> LIFE_SHIFT;
    last.max(in_life(life, run))
}

/// The first epoch of a room that is created anew.
pub(crate) fn next_life(last: Epoch, run: Epoch) -> Epoch {
    in_life((last.0 >> LIFE_SHIFT) + 1, run)
}

fn in_life(life: u64, run: Epoch) -> Epoch {
    Epoch((life << LIFE_SHIFT) | (run.0 & ((1 << LIFE_SHIFT) - 1)))
}

/// (epoch, first seq), rising in both; an epoch ends where the next one begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epochs(Vec<(Epoch, Seq)>);

/// What a cursor means to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stand {
    /// The place exists, or is the one before the first event.
    Here,
    /// It was taken back: history goes on above `above`, in `next`.
    TakenBack { above: Place, next: Place },
    /// Of another life of the room, or of a future that never was.
    Unknown,
}

impl Epochs {
    /// Drops what belongs to earlier lives.
    pub fn new(mut list: Vec<(Epoch, Seq)>) -> Epochs {
        if let Some(life) = list.last().map(|(e, _)| e.0 >> LIFE_SHIFT) {
            list.retain(|(e, _)| e.0 >> LIFE_SHIFT == life);
        }
        Epochs(list)
    }

    /// Notes that an event was placed.
    pub fn note(&mut self, place: Place) {
        match self.0.last() {
            Some((epoch, _)) if *epoch == place.epoch => {}
            Some((epoch, _)) if epoch.0 >> LIFE_SHIFT != place.epoch.0 >> LIFE_SHIFT => {
                self.0.clear();
                self.0.push((place.epoch, place.seq));
            }
            Some(_) | None => self.0.push((place.epoch, place.seq)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of a seq that was given.
    pub fn place_of(&self, seq: Seq) -> Place {
        let next = self.0.partition_point(|(_, first)| *first <= seq);
        match next.checked_sub(1).and_then(|i| self.0.get(i)) {
            Some((epoch, _)) => Place { epoch: *epoch, seq },
            None => Place { epoch: Epoch(0), seq },
        }
    }

    /// `last` is the room's highest place, `now` the epoch of what it places next.
    pub fn stand(&self, cursor: Place, last: Place, now: Epoch) -> Stand {
        if cursor == Place::START || cursor == last {
            return Stand::Here;
        }
        let after = self.0.partition_point(|(epoch, _)| *epoch <= cursor.epoch);
        let end = match self.0.get(after) {
            Some((_, first)) => Seq(first.0.saturating_sub(1)),
            None => last.seq,
        };
        let next = match self.0.get(after) {
            Some((epoch, first)) => Place { epoch: *epoch, seq: *first },
            None => Place { epoch: now, seq: Seq(last.seq.0 + 1) },
        };
        match after.checked_sub(1).and_then(|i| self.0.get(i)) {
            Some((epoch, first)) if *epoch == cursor.epoch => {
                if cursor.seq < *first {
                    Stand::Unknown
                } else if cursor.seq <= end || planted::is(Bug::RetractNotSeenOnResume) {
                    Stand::Here
                } else {
                    Stand::TakenBack { above: Place { epoch: *epoch, seq: end }, next }
                }
            }
            // An epoch that is not in the list: all of it was taken back, if it is one that this life may have had.
            Some((epoch, _)) if cursor.seq > end && cursor.epoch <= now => {
                Stand::TakenBack { above: Place { epoch: *epoch, seq: end }, next }
            }
            None if next.seq.0 == 1 && cursor.epoch <= now && cursor.epoch.0 >> LIFE_SHIFT == now.0 >> LIFE_SHIFT => {
                Stand::TakenBack { above: Place::START, next }
            }
            Some(_) | None => Stand::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs() -> Epochs {
        Epochs::new(vec![(Epoch(10), Seq(1)), (Epoch(12), Seq(6)), (Epoch(15), Seq(9))])
    }

    fn stand(epoch: u64, seq: u64) -> Stand {
        epochs().stand(Place::new(epoch, seq), Place::new(15, 20), Epoch(16))
    }

    #[test]
    fn a_cursor_within_its_epoch_stands() {
        for (epoch, seq) in [(0, 0), (10, 1), (10, 5), (12, 6), (12, 8), (15, 9), (15, 20)] {
            assert_eq!(stand(epoch, seq), Stand::Here, "({epoch}, {seq})");
        }
    }

    #[test]
    fn a_cursor_beyond_its_epoch_is_taken_back() {
        let back = |e, s, ne, ns| Stand::TakenBack { above: Place::new(e, s), next: Place::new(ne, ns) };
        assert_eq!(stand(10, 6), back(10, 5, 12, 6));
        assert_eq!(stand(12, 99), back(12, 8, 15, 9));
        assert_eq!(stand(15, 21), back(15, 20, 16, 21));
        // Epochs that were taken back whole.
        assert_eq!(stand(11, 7), back(10, 5, 12, 6));
        assert_eq!(stand(16, 22), back(15, 20, 16, 21));
        let none = Epochs::default();
        let whole = none.stand(Place::new(3, 4), Place::START, Epoch(5));
        assert_eq!(whole, Stand::TakenBack { above: Place::START, next: Place::new(5, 1) });
    }

    #[test]
    fn a_cursor_of_another_life_or_future_is_unknown() {
        assert_eq!(stand(9, 3), Stand::TakenBack { above: Place::START, next: Place::new(10, 1) });
        assert_eq!(stand(17, 30), Stand::Unknown);
        assert_eq!(stand(12, 5), Stand::Unknown);
        let anew = next_life(Epoch(15), Epoch(16));
        let mut epochs = epochs();
        epochs.note(Place { epoch: anew, seq: Seq(21) });
        let last = Place { epoch: anew, seq: Seq(21) };
        assert_eq!(epochs.stand(Place::new(15, 20), last, anew), Stand::Unknown);
        assert_eq!(epochs.stand(last, last, anew), Stand::Here);
        assert_eq!(epochs.place_of(Seq(21)), last);
    }

    #[test]
    fn epochs_never_go_back() {
        assert_eq!(epoch_now(Epoch(15), Epoch(16)), Epoch(16));
        assert_eq!(epoch_now(Epoch(15), Epoch(12)), Epoch(15));
        let anew = next_life(Epoch(15), Epoch(15));
        assert!(anew > Epoch(1 << 35));
        assert_eq!(epoch_now(anew, Epoch(99)), Epoch((1 << LIFE_SHIFT) | 99));
    }
}
