//! What a target promised: the places that its acks named, kept as runs, so that a million of them cost next to nothing.

use crate::adapter::Place;
use crate::marker::Mark;

/// Messages that follow each other in number and in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    number: u64,
    place: Place,
    length: u64,
}

/// The acks of one room.
#[derive(Clone, Debug, Default)]
pub struct Acked {
    runs: Vec<Run>,
    count: u64,
}

impl Acked {
    pub fn note(&mut self, number: u64, place: Place) {
        self.count += 1;
        if let Some(run) = self.runs.last_mut()
            && run.number + run.length == number
            && run.place.epoch == place.epoch
            && run.place.seq + run.length == place.seq
        {
            run.length += 1;
            return;
        }
        self.runs.push(Run { number, place, length: 1 });
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Every acked message with its place, by place; of two acks for one message the last counts.
    pub fn by_place(&self) -> Vec<(Place, u64)> {
        let mut all: std::collections::BTreeMap<u64, Place> = std::collections::BTreeMap::new();
        for run in &self.runs {
            for nth in 0..run.length {
                all.insert(run.number + nth, Place { seq: run.place.seq + nth, ..run.place });
            }
        }
        let mut by_place: Vec<(Place, u64)> = all.into_iter().map(|(number, place)| (place, number)).collect();
        by_place.sort_unstable();
        by_place
    }
}

/// Goes along a room's history beside what was acked.
pub struct Audit {
    room: u16,
    acked: std::iter::Peekable<std::vec::IntoIter<(Place, u64)>>,
    /// Found, or missing between others that were found.
    pub checked: u64,
    /// Older than the first message of history.
    pub expired: u64,
    pub broken: u64,
    /// The first that was not where its ack said.
    pub first: Option<String>,
}

impl Audit {
    pub fn new(room: u16, acked: &Acked) -> Audit {
        Audit { room, acked: acked.by_place().into_iter().peekable(), checked: 0, expired: 0, broken: 0, first: None }
    }

    /// The oldest message that is kept: a target may let go of what lies before it.
    pub fn begin(&mut self, place: Place) {
        while self.acked.next_if(|(at, _)| *at < place).is_some() {
            self.expired += 1;
        }
    }

    /// The next message of history, oldest first.
    pub fn item(&mut self, place: Place, mark: Option<Mark>) {
        self.skip_below(place);
        if let Some((at, number)) = self.acked.next_if(|(at, _)| *at == place) {
            self.checked += 1;
            let there = mark.filter(|mark| mark.room == self.room).map(|mark| mark.number);
            if there != Some(number) {
                self.fault(at, number, &format!("{there:?} stands there"));
            }
        }
    }

    /// History has ended.
    pub fn end(&mut self) {
        self.skip_below(Place { epoch: u64::MAX, seq: u64::MAX });
    }

    fn skip_below(&mut self, place: Place) {
        while let Some((at, number)) = self.acked.next_if(|(at, _)| *at < place) {
            self.checked += 1;
            self.fault(at, number, "it is not in history");
        }
    }

    fn fault(&mut self, at: Place, number: u64, what: &str) {
        self.broken += 1;
        let room = self.room;
        self.first.get_or_insert_with(|| {
            format!("message {number} of room {room}, acked at {}/{}: {what}", at.epoch, at.seq)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(seq: u64) -> Place {
        Place { epoch: 7, seq }
    }

    fn mark(number: u64) -> Option<Mark> {
        Some(Mark { room: 3, number })
    }

    fn acked(pairs: &[(u64, u64)]) -> Acked {
        let mut acked = Acked::default();
        pairs.iter().for_each(|(number, seq)| acked.note(*number, place(*seq)));
        acked
    }

    fn broken(acked: &Acked, history: &[(u64, Option<Mark>)]) -> u64 {
        let mut audit = Audit::new(3, acked);
        history.iter().for_each(|(seq, mark)| audit.item(place(*seq), *mark));
        audit.end();
        assert_eq!(audit.first.is_some(), audit.broken > 0);
        audit.broken
    }

    #[test]
    fn acks_in_a_row_are_one_run() {
        let acked = acked(&[(0, 10), (1, 11), (2, 12), (3, 14)]);
        assert_eq!((acked.runs.len(), acked.count()), (2, 4));
        assert_eq!(acked.by_place(), [(place(10), 0), (place(11), 1), (place(12), 2), (place(14), 3)]);
    }

    #[test]
    fn a_promise_is_kept_by_the_same_message_at_the_same_place() {
        let acked = acked(&[(0, 10), (1, 11), (2, 13)]);
        let others = (12, None);
        assert_eq!(broken(&acked, &[(10, mark(0)), (11, mark(1)), others, (13, mark(2))]), 0);
        assert_eq!(broken(&acked, &[(10, mark(0)), others, (13, mark(2))]), 1, "one is gone");
        assert_eq!(broken(&acked, &[(10, mark(0)), (11, mark(1))]), 1, "the last is gone");
        assert_eq!(broken(&acked, &[(10, mark(1)), (11, mark(0)), (13, mark(2))]), 2, "two changed places");
        assert_eq!(broken(&acked, &[]), 3);
    }

    #[test]
    fn what_is_older_than_the_oldest_kept_is_no_broken_promise() {
        let acked = acked(&[(0, 10), (1, 11), (2, 12)]);
        let mut audit = Audit::new(3, &acked);
        audit.begin(place(11));
        audit.item(place(11), mark(1));
        audit.end();
        assert_eq!((audit.expired, audit.checked, audit.broken), (1, 2, 1), "the newest must be there all the same");
    }
}
