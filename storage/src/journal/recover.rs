//! What an earlier life left in the folder: which entries are alive, where the journal ends, what is damaged.
//!
//! It only reads. The cut behind the end becomes lasting with the next segment, whose first
//! position kills whatever lies there or above; so a recovery that is killed comes to the same result again.

use super::disk::{Disk, DiskFile, read_full};
use super::layout::{BadHead, ENTRY_HEAD, GROUP_HEAD, SEGMENT_HEAD, SEGMENT_HEAD_USED, SegmentHead};
use super::scan::{Piece, Scan, first_group};
use super::segments::{Named, Segment, Segments, named, path_of};
use super::{Damage, Found, OpenError, What};
use crate::Position;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Recovered {
    pub segments: Segments,
    pub found: Found,
    /// Files with the name of a segment in which nothing of one was found.
    pub strays: Vec<(u64, PathBuf)>,
    /// The entries that no later group says were synced, each with its position and offset.
    pub carry: Vec<(u64, Bytes, u64)>,
}

/// `above`: a position that the caller knows was given out, so that none is given twice when the newest files are lost.
pub fn recover(disk: &dyn Disk, folder: &Path, above: Position) -> Result<Recovered, OpenError> {
    let io = |what: &Path| {
        let what = what.display().to_string();
        move |error| OpenError::Io { what, error }
    };
    let mut numbers = Vec::new();
    for name in disk.list(folder).map_err(io(folder))? {
        match named(&name) {
            Named::Segment(number) => numbers.push(number),
            Named::Alike => return Err(OpenError::Foreign { name }),
            Named::Other => {}
        }
    }
    numbers.sort_unstable();

    let mut list: Vec<Arc<Segment>> = Vec::new();
    let mut strays = Vec::new();
    let mut nothing = Vec::new();
    let mut damaged = Vec::new();
    for number in numbers {
        let path = path_of(folder, number);
        let file = disk.open(&path).map_err(io(&path))?;
        let size = file.size().map_err(io(&path))?;
        let mut bytes = [0; SEGMENT_HEAD_USED];
        read_full(&*file, &mut bytes, 0).map_err(io(&path))?;
        let name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let head = match SegmentHead::decode(&bytes) {
            Ok(head) if head.number != number => return Err(OpenError::Foreign { name: name() }),
            Ok(head) => Some(head),
            Err(BadHead::Newer(version)) => return Err(OpenError::Newer { name: name(), version }),
            // Its first group says all that the head said.
            Err(BadHead::Damaged) => first_group(&*file, size).map_err(io(&path))?.map(|group| {
                let none = Position(group.first);
                damaged.push(Damage { from: none, until: none, segment: number, offset: 0, what: What::Head });
                SegmentHead { number, first: group.first, nonce: group.nonce }
            }),
        };
        let Some(head) = head else {
            nothing.push(number);
            strays.push((number, path));
            continue;
        };
        // Nothing of an earlier segment is alive that begins above a later one.
        while list.last().is_some_and(|earlier| earlier.first > head.first) {
            strays.extend(list.pop().map(|dead| (dead.number, dead.path.clone())));
        }
        list.push(Arc::new(Segment::new(number, head.first, head.nonce, path, size)));
    }

    for pair in list.windows(2) {
        if let [before, next] = pair
            && (next.number - before.number > 1 || is_cut(before))
        {
            let file = disk.open(&before.path).map_err(io(&before.path))?;
            let survey = survey(&*file, before, next.first).map_err(io(&before.path))?;
            let from = survey.runs.last().map_or(before.first, |run| run.until);
            if from < next.first {
                let (from, until) = (Position(from), Position(next.first));
                let (segment, offset) =
                    if is_cut(before) { (before.number, before.size()) } else { (before.number + 1, 0) };
                damaged.push(Damage { from, until, segment, offset, what: What::Segment });
            }
        }
    }

    let mut end = above.0;
    let mut torn = false;
    let mut carry = Vec::new();
    if let Some(last) = list.last() {
        let file = disk.open(&last.path).map_err(io(&last.path))?;
        let survey = survey(&*file, last, u64::MAX).map_err(io(&last.path))?;
        let verdict = survey.judge(last);
        damaged.extend(verdict.damaged);
        if is_cut(last) && verdict.end >= above.0 {
            // Nothing says how many entries it had.
            let none = Position(last.first);
            damaged.push(Damage {
                from: none,
                until: none,
                segment: last.number,
                offset: last.size(),
                what: What::Segment,
            });
        }
        torn = verdict.torn;
        last.set_size(verdict.size);
        carry = tail(&*file, last, survey.synced, verdict.end).map_err(io(&last.path))?;
        end = verdict.end;
        if end < above.0 {
            let (from, until) = (Position(end + 1), Position(above.0 + 1));
            damaged.push(Damage { from, until, segment: last.number, offset: last.size(), what: What::Segment });
            end = above.0;
        }
    }
    // A file gets its name when it is whole, so these were damaged; what they held shows only by what is missing.
    for number in nothing {
        let next = list.iter().find(|segment| segment.number > number).map_or(end + 1, |segment| segment.first);
        let next = Position(next);
        damaged.push(Damage { from: next, until: next, segment: number, offset: 0, what: What::Segment });
    }
    let segments = Segments { list, end, told: end };
    let bytes = segments.list.iter().map(|segment| segment.size()).sum();
    let found = Found { first: Position(segments.first()), end: Position(end), damaged, bytes, torn };
    Ok(Recovered { segments, found, strays, carry })
}

/// Whether the file ends inside its head. It got its name when the head's whole block was synced, so it was cut later,
/// and what it held is gone. What was never finished has another name.
fn is_cut(segment: &Segment) -> bool {
    segment.size() < SEGMENT_HEAD as u64
}

/// Whole entries without a hole between them.
struct Stretch {
    from: u64,
    until: u64,
    /// Where in the file it begins and ends.
    offsets: (u64, u64),
}

struct Survey {
    runs: Vec<Stretch>,
    /// The highest position that is known to have been synced.
    synced: u64,
    /// Where the heads of groups end, with their first positions.
    last_group: Option<(u64, u64)>,
    /// Where the last thing of this segment ends, whole or not.
    reach: u64,
}

struct Verdict {
    end: u64,
    size: u64,
    damaged: Vec<Damage>,
    torn: bool,
}

/// Everything in a segment below this position.
fn survey(file: &dyn DiskFile, segment: &Segment, below: u64) -> std::io::Result<Survey> {
    let mut scan = Scan::new(file, segment.nonce, 0, segment.size());
    let mut survey =
        Survey { runs: Vec::new(), synced: segment.first - 1, last_group: None, reach: SEGMENT_HEAD as u64 };
    while let Some((offset, piece)) = scan.next()? {
        match piece {
            Piece::Group(head) => {
                survey.synced = survey.synced.max(head.synced);
                survey.last_group = Some((head.first, offset + GROUP_HEAD as u64));
                survey.reach = offset + GROUP_HEAD as u64;
            }
            Piece::Entry { position, body } if position < below => {
                let until = offset + (ENTRY_HEAD + body.len()) as u64;
                survey.reach = until;
                segment.mark(position, offset);
                match survey.runs.last_mut() {
                    Some(run) if run.until == position => {
                        run.until += 1;
                        run.offsets.1 = until;
                    }
                    Some(run) if position < run.until => {}
                    Some(_) | None => {
                        survey.runs.push(Stretch { from: position, until: position + 1, offsets: (offset, until) });
                    }
                }
            }
            Piece::BadBody { .. } => survey.reach = scan.offset(),
            Piece::Entry { .. } | Piece::Strange => {}
        }
    }
    Ok(survey)
}

/// The entries above what was synced, up to the end.
fn tail(file: &dyn DiskFile, segment: &Segment, synced: u64, end: u64) -> std::io::Result<Vec<(u64, Bytes, u64)>> {
    let mut scan = Scan::new(file, segment.nonce, segment.find(synced + 1), segment.size());
    let mut carry: Vec<(u64, Bytes, u64)> = Vec::new();
    let mut next = synced + 1;
    while next <= end {
        match scan.next()? {
            Some((offset, Piece::Entry { position, body })) if position == next => {
                carry.push((position, body, offset));
                next += 1;
            }
            Some(_) => {}
            None => return Err(std::io::Error::other("what was read is gone")),
        }
    }
    Ok(carry)
}

impl Survey {
    /// Up to the highest synced position a missing entry is damage; above it the journal ends where the first is missing.
    fn judge(&self, segment: &Segment) -> Verdict {
        let synced = self.synced;
        let mut damaged = Vec::new();
        let (mut expected, mut size) = (segment.first, SEGMENT_HEAD as u64);
        let mut lost = |from: u64, until: u64, offset| {
            if from < until {
                let (from, until) = (Position(from), Position(until));
                damaged.push(Damage { from, until, segment: segment.number, offset, what: What::Entries });
            }
        };
        for run in &self.runs {
            if run.from > expected.max(synced + 1) {
                break;
            }
            lost(expected, run.from, size);
            expected = expected.max(run.until);
            size = run.offsets.1;
        }
        lost(expected, synced + 1, size);
        let end = (expected - 1).max(synced);
        if let Some((first, offset)) = self.last_group
            && first <= end + 1
        {
            // The mark of an orderly end stays, and so does what is damaged before it.
            size = size.max(offset);
        }
        Verdict { end, size, damaged, torn: self.reach > size }
    }
}
