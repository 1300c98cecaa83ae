//! The reading side: entries in order, gaps and damage told. Any number of readers, none of which waits for the writer.

use super::disk::{Disk, read_full, write_full};
use super::layout::ENTRY_HEAD;
use super::scan::{Piece, Scan};
use super::segments::{Segment, Spot, path_of};
use super::{Counts, Damage, Message, Shared, State, What};
use crate::ask::Position;
use bytes::Bytes;
use crossbeam::channel::Sender;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Reads entries, and says what may go.
#[derive(Clone)]
pub struct Log {
    pub(super) shared: Arc<Shared>,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) sender: Sender<Message>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Entries above this position are still kept; the reader began below it, so some are missing before the first.
    pub gap: Option<Position>,
    /// In order. They share the memory of what was read around them: who keeps one for long copies it.
    pub entries: Vec<(Position, Bytes)>,
    /// Where each of them lies.
    pub spots: Vec<Spot>,
    /// What could not be read, in order. Reading goes on behind it.
    pub damaged: Vec<Damage>,
    /// Everything up to here is in this page, as an entry or as damage; the next page begins here.
    pub reached: Position,
    /// The last position there was.
    pub end: Position,
}

impl Log {
    /// The oldest position that is kept, or the next one if none is.
    pub fn first(&self) -> Position {
        Position(self.shared.segments.lock().first())
    }

    /// The last position that was written.
    pub fn end(&self) -> Position {
        Position(self.shared.segments.lock().end)
    }

    /// Bytes of all segments.
    pub fn used(&self) -> u64 {
        self.shared.health.used.load(Ordering::Acquire)
    }

    pub fn state(&self) -> State {
        self.shared.health.state()
    }

    pub fn counts(&self) -> Counts {
        self.shared.health.counts()
    }

    /// See [`Health::syncs`](super::health::Health::syncs).
    pub fn syncs(&self, bounds: &[u64]) -> (Vec<u64>, u64) {
        self.shared.health.syncs(bounds)
    }

    /// Up to here every entry was written, and whoever handed it in was told so. Not above [`end`](Log::end).
    pub fn told(&self) -> Position {
        Position(self.shared.segments.lock().told)
    }

    /// Entries behind this position, as many as fit, but one if there is any.
    pub fn read(&self, after: Position, most_bytes: usize) -> io::Result<Page> {
        let (first, end) = {
            let segments = self.shared.segments.lock();
            (segments.first(), segments.end)
        };
        let mut page = Page { reached: after, end: Position(end), ..Page::default() };
        if after.0.saturating_add(1) < first {
            page.gap = Some(Position(first - 1));
            page.reached = Position(first - 1);
        }
        let mut room = most_bytes;
        while page.reached.0 < end && room > 0 {
            let next = page.reached.0 + 1;
            let holding = self.shared.segments.lock().holding(next);
            let Some((segment, until)) = holding else {
                // It was released while this page was read: the next page begins with the gap.
                break;
            };
            match self.disk.open(&segment.path) {
                Ok(file) => {
                    let mut scan = Scan::new(&*file, segment.nonce, segment.find(next), segment.size());
                    read_segment(&mut page, &mut scan, &segment, until.min(end + 1), &mut room)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if self.shared.segments.lock().first() > next {
                        break;
                    }
                    page.lost(until, &segment, 0, What::Segment);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(page)
    }

    /// Copies every segment, up to what was written by now, into a folder that is no journal yet. Whoever opens it finds what a crash at this moment would have left. The caller sees to it
    /// that nothing is released meanwhile.
    pub fn copy_to(&self, folder: &Path, progress: &mut dyn FnMut(u64) -> bool) -> io::Result<()> {
        self.disk.create_folder(folder)?;
        let segments: Vec<(Arc<Segment>, u64)> = {
            let list = &self.shared.segments.lock().list;
            // Together with the list: what is written later is not part of it, nor is a segment that begins later.
            list.iter().map(|segment| (Arc::clone(segment), segment.size())).collect()
        };
        let mut bytes = 0;
        let mut buffer = vec![0; 1024 * 1024];
        for (segment, size) in segments {
            let from = self.disk.open(&segment.path)?;
            let into = self.disk.create(&path_of(folder, segment.number))?;
            let mut at = 0;
            while at < size {
                let most = usize::try_from(size - at).unwrap_or(usize::MAX).min(buffer.len());
                let got = read_full(&*from, &mut buffer[..most], at)?;
                if got == 0 {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, segment.path.display().to_string()));
                }
                write_full(&*into, &buffer[..got], at)?;
                at += got as u64;
                bytes += got as u64;
                if !progress(bytes) {
                    return Err(io::Error::other("the copy was given up"));
                }
            }
            into.sync()?;
        }
        self.disk.sync_folder(folder)
    }

    /// Everything up to here has been settled and passed by whoever reads: segments that hold nothing else may go.
    pub fn release(&self, up_to: Position) {
        // A journal that was closed releases nothing; the next life is told again.
        let _ = self.sender.send(Message::Release(up_to));
    }

    /// Somebody else failed to write to the same disk. If that is because it is full, nothing new is accepted until it
    /// has room again, and the reserve is given up for what was.
    pub fn check_room(&self) {
        let _ = self.sender.send(Message::CheckRoom);
    }

    /// Ends the active segment, so that nothing written so far stays longer than it must.
    pub fn seal(&self) {
        let _ = self.sender.send(Message::Seal);
    }
}

/// The entries of one segment from what the page has reached on, below `until`, or until there is no room.
fn read_segment(
    page: &mut Page,
    scan: &mut Scan<'_>,
    segment: &Arc<Segment>,
    until: u64,
    room: &mut usize,
) -> io::Result<()> {
    // Where what is whole ended, as far as this reader has seen it.
    let mut whole = scan.offset();
    while page.reached.0 + 1 < until {
        let Some((offset, piece)) = scan.next()? else { break };
        match piece {
            Piece::Entry { position, body } if position > page.reached.0 && position < until => {
                if body.len() > *room && !page.entries.is_empty() {
                    *room = 0;
                    return Ok(());
                }
                page.lost(position, segment, whole, What::Entries);
                segment.mark(position, offset);
                *room = room.saturating_sub(body.len() + ENTRY_HEAD);
                page.entries.push((Position(position), body));
                page.spots.push(Spot { segment: Arc::clone(segment), offset: offset + ENTRY_HEAD as u64 });
                page.reached = Position(position);
                whole = scan.offset();
                if *room == 0 {
                    return Ok(());
                }
            }
            Piece::Entry { position, .. } if position <= page.reached.0 => whole = scan.offset(),
            Piece::Group(_) | Piece::Entry { .. } | Piece::BadBody { .. } | Piece::Strange => {}
        }
    }
    page.lost(until, segment, whole, What::Entries);
    Ok(())
}

impl Page {
    /// Goes on at `next`; what lies before it and was not read is lost.
    fn lost(&mut self, next: u64, segment: &Segment, offset: u64, what: What) {
        let from = self.reached.0 + 1;
        if from < next {
            let (from, until) = (Position(from), Position(next));
            self.damaged.push(Damage { from, until, segment: segment.number, offset, what });
            self.reached = Position(next - 1);
        }
    }
}
