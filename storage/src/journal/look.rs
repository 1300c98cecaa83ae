//! A look at a folder that nobody has open. Nothing in it changes, and nothing of it is locked: the caller sees to that.

use super::disk::{Disk, DiskFile, read_full};
use super::health::Health;
use super::layout::{ENTRY_HEAD, SEGMENT_HEAD, SEGMENT_HEAD_USED};
use super::scan::{Piece, Scan};
use super::segments::Segment;
use super::{Found, Log, OpenError, Shared, recover};
use crate::ask::Position;
use crossbeam::channel::unbounded;
use parking_lot::Mutex;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub struct Looked {
    /// Reads entries. What it is told to release stays.
    pub log: Log,
    pub found: Found,
    pub segments: Vec<SegmentLook>,
}

/// One file of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentLook {
    pub path: PathBuf,
    pub first: Position,
    /// The first position that is not its own.
    pub until: Position,
    pub bytes: u64,
    /// Where something between its entries is not what was written, whether or not an entry is lost by it.
    pub strange: Vec<u64>,
    /// Where bytes begin that belong to nothing: what was being written when the node stopped, or damage behind its end.
    pub rest: Option<u64>,
}

/// `above`: what the settled store has, as in [`super::Options::above`].
pub fn look(folder: &Path, disk: Arc<dyn Disk>, above: Position) -> Result<Looked, OpenError> {
    let recover::Recovered { segments, found, .. } = recover::recover(&*disk, folder, above)?;
    let mut looks = Vec::new();
    for (at, segment) in segments.list.iter().enumerate() {
        let until = segments.list.get(at + 1).map_or(segments.end + 1, |next| next.first);
        let look = disk.open(&segment.path).and_then(|file| look_at(&*file, segment, until));
        looks.push(look.map_err(|error| OpenError::Io { what: segment.path.display().to_string(), error })?);
    }
    let shared = Shared { segments: Mutex::new(segments), health: Health::new(), closed: AtomicBool::new(true) };
    // Nobody is at the other end: what is sent is lost, as it is after a journal was closed.
    let (sender, _) = unbounded();
    Ok(Looked { log: Log { shared: Arc::new(shared), disk, sender }, found, segments: looks })
}

fn look_at(file: &dyn DiskFile, segment: &Segment, until: u64) -> io::Result<SegmentLook> {
    let size = file.size()?;
    let mut scan = Scan::new(file, segment.nonce, 0, size);
    let (mut end, mut strange) = (SEGMENT_HEAD as u64, Vec::new());
    while let Some((offset, piece)) = scan.next()? {
        match piece {
            Piece::Entry { position, body } if position < until => end = offset + (ENTRY_HEAD + body.len()) as u64,
            // The mark of an orderly end has no entries, and is part of what is whole.
            Piece::Group(head) if head.first <= until => end = end.max(scan.offset()),
            Piece::Entry { .. } | Piece::Group(_) => {}
            Piece::BadBody { .. } | Piece::Strange => {
                if !is_zero(file, offset, scan.offset())? {
                    strange.push(offset);
                }
            }
        }
    }
    // Nothing of the head's block is used behind the head.
    if !is_zero(file, SEGMENT_HEAD_USED as u64, SEGMENT_HEAD as u64)? {
        strange.insert(0, SEGMENT_HEAD_USED as u64);
    }
    let within = strange.partition_point(|offset| *offset < end);
    let rest = strange.get(within).copied();
    strange.truncate(within);
    let (first, until) = (Position(segment.first), Position(until));
    Ok(SegmentLook { path: segment.path.clone(), first, until, bytes: size, strange, rest })
}

fn is_zero(file: &dyn DiskFile, mut from: u64, to: u64) -> io::Result<bool> {
    let mut buffer = vec![0; 64 * 1024];
    while from < to {
        let most = usize::try_from(to - from).unwrap_or(usize::MAX).min(buffer.len());
        let got = read_full(file, &mut buffer[..most], from)?;
        if buffer[..got].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        if got < most {
            break;
        }
        from += got as u64;
    }
    Ok(true)
}
