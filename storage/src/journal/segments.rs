//! The list of segments, which the writer changes and readers look up, and the names of their files.

use super::layout::SEGMENT_HEAD;
use parking_lot::Mutex;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub const LOCK: &str = "journal.lock";
/// A segment that has not begun yet.
pub const UNFINISHED: &str = "journal.next";
/// Room that is given up when the disk is full.
pub const RESERVE: &str = "journal.reserve";
const PREFIX: &str = "journal-";
const SUFFIX: &str = ".segment";

/// Between two remembered offsets of a segment: what a reader passes over at most before it is where it wants to be.
const STRIDE: u64 = 64 * 1024;

pub fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{number:016x}{SUFFIX}"))
}

/// What a name in the folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    Segment(u64),
    /// Begins like one of ours, but is none.
    Alike,
    Other,
}

pub fn named(name: &str) -> Named {
    let Some(rest) = name.strip_prefix(PREFIX) else { return Named::Other };
    let digits = rest.strip_suffix(SUFFIX).filter(|digits| digits.len() == 16);
    match digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        // One number has one name: no capitals, no sign.
        Some(number) if format!("{PREFIX}{number:016x}{SUFFIX}") == name => Named::Segment(number),
        Some(_) | None => Named::Alike,
    }
}

/// What is known of a segment that is there.
pub struct Segment {
    pub number: u64,
    /// The position of its first entry. What earlier segments hold there or above is dead.
    pub first: u64,
    pub nonce: u64,
    pub path: PathBuf,
    /// Bytes up to the end of what is used.
    size: AtomicU64,
    /// Positions and where to begin to look for them, both rising.
    marks: Mutex<Vec<(u64, u64)>>,
}

impl Segment {
    pub fn new(number: u64, first: u64, nonce: u64, path: PathBuf, size: u64) -> Segment {
        let marks = Mutex::new(vec![(first, SEGMENT_HEAD as u64)]);
        Segment { number, first, nonce, path, size: AtomicU64::new(size), marks }
    }

    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    pub fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
    }

    /// Remembers that this position begins at this offset, if that is worth remembering.
    pub fn mark(&self, position: u64, offset: u64) {
        let mut marks = self.marks.lock();
        if marks.last().is_none_or(|(known, at)| position > *known && offset >= at.saturating_add(STRIDE)) {
            marks.push((position, offset));
        }
    }

    /// Where to begin to look for this position.
    pub fn find(&self, position: u64) -> u64 {
        let marks = self.marks.lock();
        let below = marks.partition_point(|(known, _)| *known <= position);
        below.checked_sub(1).and_then(|at| marks.get(at)).map_or(SEGMENT_HEAD as u64, |(_, offset)| *offset)
    }
}

/// Where the body of an entry lies.
#[derive(Clone)]
pub struct Spot {
    pub(super) segment: Arc<Segment>,
    pub offset: u64,
}

impl Spot {
    /// Of the segment. It goes when the journal lets go of it; whoever wants it for longer gives it another name.
    pub fn path(&self) -> &Path {
        &self.segment.path
    }

    /// No other segment has this number, of whatever journal.
    pub fn nonce(&self) -> u64 {
        self.segment.nonce
    }
}

impl PartialEq for Spot {
    fn eq(&self, other: &Spot) -> bool {
        (self.nonce(), self.offset) == (other.nonce(), other.offset)
    }
}

impl Eq for Spot {}

impl fmt::Debug for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}+{}", self.nonce(), self.offset)
    }
}

/// The segments from the oldest to the newest, and the last position that may be read.
#[derive(Default)]
pub struct Segments {
    pub list: Vec<Arc<Segment>>,
    pub end: u64,
    /// Up to here everybody who handed in was told.
    pub told: u64,
}

impl Segments {
    /// The position of the oldest entry that is kept, or of the next one if none is.
    pub fn first(&self) -> u64 {
        self.list.first().map_or(self.end + 1, |segment| segment.first)
    }

    /// The segment in which this position lies or would lie, and the first position that is not its own.
    pub fn holding(&self, position: u64) -> Option<(Arc<Segment>, u64)> {
        let above = self.list.partition_point(|segment| segment.first <= position);
        let segment = self.list.get(above.checked_sub(1)?)?;
        let until = self.list.get(above).map_or(self.end + 1, |next| next.first);
        Some((Arc::clone(segment), until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_has_one_name() {
        let path = path_of(Path::new("f"), 0xab);
        assert_eq!(path.file_name().unwrap(), "journal-00000000000000ab.segment");
        assert_eq!(named("journal-00000000000000ab.segment"), Named::Segment(0xab));
        for alike in
            ["journal-00000000000000AB.segment", "journal-ab.segment", "journal-+0000000000000ab.segment", "journal-"]
        {
            assert_eq!(named(alike), Named::Alike, "{alike}");
        }
        for other in [LOCK, RESERVE, UNFINISHED, "notes.txt", ""] {
            assert_eq!(named(other), Named::Other, "{other}");
        }
    }

    #[test]
    fn a_position_is_looked_for_at_the_last_mark_below() {
        let segment = Segment::new(1, 10, 7, PathBuf::new(), 0);
        segment.mark(11, 5000);
        segment.mark(20, 4096 + STRIDE);
        segment.mark(15, 4096 + 3 * STRIDE);
        assert_eq!([9, 10, 19, 20, 99].map(|at| segment.find(at)), [4096, 4096, 4096, 4096 + STRIDE, 4096 + STRIDE]);
    }

    #[test]
    fn what_a_later_segment_begins_with_is_no_longer_of_the_earlier_one() {
        let segment = |number, first| Arc::new(Segment::new(number, first, 0, PathBuf::new(), 0));
        let segments = Segments { list: vec![segment(4, 10), segment(5, 12), segment(6, 12)], end: 13, told: 13 };
        let holding = |at| segments.holding(at).map(|(segment, until)| (segment.number, until));
        assert_eq!(
            [9, 10, 11, 12, 13].map(holding),
            [None, Some((4, 12)), Some((4, 12)), Some((6, 14)), Some((6, 14))]
        );
        assert_eq!((segments.first(), Segments { list: Vec::new(), end: 3, told: 3 }.first()), (10, 4));
    }
}
