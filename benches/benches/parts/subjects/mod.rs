//! What is measured and what it is held against: pairs of the same work, ours and the least that could do it.
//!
//! [`values`], [`world`] and [`audience`] are what the subjects are made of. Nothing here measures: whoever
//! [visits](Visit) the pairs times them, or looks whether both halves do the same.

mod audience;
mod decode;
mod encode;
mod fanout;
mod flush;
mod journal;
mod mailbox;
mod page;
mod room;
mod store;
mod values;
mod world;

use std::path::Path;

/// Ours beside its floor.
pub trait Pair {
    /// Whether a round waits for a disk or another thread. What does not is measured in CPU time of its thread, so that
    /// other programs on the machine matter less.
    const WAITS: bool = false;

    /// Made before the clock starts, used up by one round of either.
    type Input;

    fn input(&mut self) -> Self::Input;

    /// Rounds between two stops of the clock: as many as there is memory for inputs and room for what they leave.
    fn rounds(&self) -> u64 {
        u64::MAX
    }

    fn ours(&mut self, input: Self::Input);

    fn floor(&mut self, input: Self::Input);

    /// Tidies up while the clock stands still.
    fn between(&mut self) {}

    /// What a round of ours and one of the floor leave behind: equal, if they do the same work.
    fn left(&mut self) -> [Vec<u8>; 2];
}

/// Who is shown the pairs.
pub trait Visit {
    /// A round is so many of `one`. The pair is made when it is wanted.
    fn pair<P: Pair>(&mut self, name: &str, one: &str, count: u64, make: impl FnMut() -> P);
}

/// Files go below the folder: it chooses the disk.
pub fn all(visit: &mut impl Visit, folder: &Path) {
    decode::pairs(visit);
    encode::pairs(visit);
    fanout::pairs(visit);
    flush::pairs(visit);
    mailbox::pairs(visit);
    room::pairs(visit);
    journal::pairs(visit, folder);
    store::pairs(visit, folder);
    page::pairs(visit, folder);
}
