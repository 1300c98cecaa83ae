//! The writing side: groups, segments, failures. It has no thread of its own and waits for nothing but the disk.

mod room;

use super::disk::{Disk, DiskFile, write_full};
use super::health::State;
use super::layout::{ENTRY_HEAD, EntryHead, GROUP_HEAD, GroupHead, SEGMENT_HEAD};
use super::segments::{Segment, Spot};
use super::{Listener, Options, Shared, Written};
use crate::answer::Failure;
use crate::ask::Position;
use bytes::Bytes;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Appends a group of these entries. The head's count and length are filled in.
fn put_group<'a>(out: &mut Vec<u8>, head: GroupHead, entries: impl Iterator<Item = (u64, &'a [u8])>) {
    let start = out.len();
    out.resize(start + GROUP_HEAD, 0);
    let mut count = 0;
    for (position, entry) in entries {
        out.extend_from_slice(&EntryHead::new(position, entry).encode(head.nonce));
        out.extend_from_slice(entry);
        count += 1;
    }
    let length = (out.len() - start - GROUP_HEAD) as u32;
    out[start..start + GROUP_HEAD].copy_from_slice(&GroupHead { count, length, ..head }.encode());
}

/// What one source wants to have written.
pub struct Submission {
    pub source: usize,
    pub ticket: u64,
    pub entry: Vec<u8>,
}

impl Submission {
    fn bytes(&self) -> usize {
        ENTRY_HEAD + self.entry.len()
    }

    /// What it counts as while it waits. Small ones cost memory too.
    pub fn cost(entry: &[u8]) -> usize {
        entry.len() + WAITING_OVERHEAD
    }
}

/// The heads of an entry in a group of its own, and the list that it waits in.
pub const WAITING_OVERHEAD: usize = ENTRY_HEAD + GROUP_HEAD + 68;

/// Kept of the bound: a segment can begin, and the one before can be ended and let go, though entries no longer fit.
pub const HEADS: u64 = 2 * SEGMENT_HEAD as u64;

pub struct Writer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: Options,
    listeners: Vec<Arc<dyn Listener>>,
    active: Option<Active>,
    last_number: u64,
    /// The next position. Everything below was synced.
    next: u64,
    released: u64,
    going: Option<Going>,
    /// Files that hold nothing, to go with the segments around them.
    strays: Vec<(u64, PathBuf)>,
    /// Entries of an earlier life that its last sync may not have reached: they are written again before anything new,
    /// because to sync a file of which nobody knows whether a sync has failed proves nothing. With their old offsets.
    carry: Vec<(u64, Bytes, u64)>,
    has_reserve: bool,
    buffer: Vec<u8>,
    results: Vec<Vec<Written>>,
}

struct Active {
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// Where the next group goes.
    offset: u64,
    /// Up to here the disk has taken the room.
    capacity: u64,
}

/// The oldest segment, on its way out.
struct Going {
    segment: Arc<Segment>,
    /// Only its name has yet to be gone for good.
    removed: bool,
}

impl Active {
    fn is_empty(&self) -> bool {
        self.offset == SEGMENT_HEAD as u64
    }
}

impl Writer {
    pub fn new(
        shared: Arc<Shared>,
        disk: Arc<dyn Disk>,
        options: Options,
        listeners: Vec<Arc<dyn Listener>>,
        strays: Vec<(u64, PathBuf)>,
        carry: Vec<(u64, Bytes, u64)>,
    ) -> Writer {
        let (last_number, next) = {
            let segments = shared.segments.lock();
            (segments.list.last().map_or(0, |segment| segment.number), segments.end + 1)
        };
        let results = listeners.iter().map(|_| Vec::new()).collect();
        Writer {
            shared,
            disk,
            options,
            listeners,
            active: None,
            last_number,
            next,
            released: 0,
            going: None,
            strays,
            carry,
            has_reserve: false,
            buffer: Vec::new(),
            results,
        }
    }

    /// Writes what has come together, as one group where one segment takes it, and tells everybody how it went.
    pub fn write(&mut self, waiting: &mut Vec<Submission>) {
        let mut from = 0;
        while from < waiting.len() {
            let until = self.group_end(waiting, from);
            let group = &waiting[from..until];
            let first = self.next;
            match self.write_group(group) {
                Err(failure) => {
                    self.shared.health.failed.fetch_add(group.len() as u64, Ordering::Relaxed);
                    for one in group {
                        self.note(one, None, Err(failure));
                    }
                }
                Ok(mut spot) => {
                    for (one, position) in group.iter().zip(first..) {
                        spot.offset += ENTRY_HEAD as u64;
                        self.note(one, Some(spot.clone()), Ok(Position(position)));
                        spot.offset += one.entry.len() as u64;
                    }
                }
            }
            // The room is free before anybody hears of it, so whoever was told may use it.
            let cost: usize = group.iter().map(|one| Submission::cost(&one.entry)).sum();
            self.shared.health.queued.fetch_sub(cost, Ordering::AcqRel);
            for (listener, results) in self.listeners.iter().zip(&mut self.results) {
                if !results.is_empty() {
                    listener.written(results);
                    results.clear();
                }
            }
            {
                let mut segments = self.shared.segments.lock();
                segments.told = segments.end;
            }
            from = until;
        }
        waiting.clear();
    }

    fn note(&mut self, one: &Submission, spot: Option<Spot>, result: Result<Position, Failure>) {
        if let Some(results) = self.results.get_mut(one.source) {
            results.push(Written { ticket: one.ticket, spot, result });
        }
    }

    /// The end of the group that begins here: as many as an empty segment takes, and at least one.
    fn group_end(&self, waiting: &[Submission], from: usize) -> usize {
        let most = self.options.segment_bytes.saturating_sub((SEGMENT_HEAD + GROUP_HEAD) as u64) as usize;
        let mut bytes = 0usize;
        let fits = waiting[from..].iter().take_while(|one| {
            bytes = bytes.saturating_add(one.bytes());
            bytes <= most
        });
        from + fits.count().max(1)
    }

    /// Where the first entry's head lies now.
    fn write_group(&mut self, group: &[Submission]) -> Result<Spot, Failure> {
        if let State::Down { why, .. } = self.shared.health.state() {
            return Err(why);
        }
        let start = Instant::now();
        let length: usize = group.iter().map(Submission::bytes).sum();
        let need = (GROUP_HEAD + length) as u64;
        if self.used().saturating_add(need + HEADS) > self.options.most_bytes {
            return Err(Failure::Full);
        }
        self.make_room(need).map_err(|error| self.fail(&error))?;
        let Some(active) = &mut self.active else { return Err(Failure::Unavailable) };

        let nonce = active.segment.nonce;
        let head = GroupHead { nonce, first: self.next, synced: self.next - 1, count: 0, length: 0 };
        self.buffer.clear();
        let entries = group.iter().map(|one| &one.entry[..]);
        put_group(&mut self.buffer, head, (self.next..).zip(entries));
        let done = write_full(&*active.file, &self.buffer, active.offset).and_then(|()| active.file.sync());
        if let Err(error) = done {
            // Nothing more goes into this segment: what it holds from here on is dead as soon as the next one begins.
            self.active = None;
            return Err(self.fail(&error));
        }
        active.segment.mark(self.next, active.offset);
        let spot = Spot { segment: Arc::clone(&active.segment), offset: active.offset + GROUP_HEAD as u64 };
        active.offset += need;
        active.segment.set_size(active.offset);
        self.next += group.len() as u64;
        self.shared.segments.lock().end = self.next - 1;
        self.shared.health.used.fetch_add(need, Ordering::AcqRel);
        self.shared.health.wrote(group.len() as u64, length as u64, start.elapsed());
        Ok(spot)
    }

    fn used(&self) -> u64 {
        self.shared.health.used.load(Ordering::Acquire)
    }

    fn fail(&mut self, error: &io::Error) -> Failure {
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        let why = if full { Failure::Full } else { Failure::Unavailable };
        if why == Failure::Full {
            self.drop_reserve();
        }
        self.shared.health.down(why, error.to_string());
        why
    }

    /// Whoever else writes to this disk failed to.
    pub fn check_room(&mut self) {
        let full = self.disk.free(&self.options.folder).is_ok_and(|free| free < self.spare());
        if full && self.shared.health.state() == State::Writing {
            self.fail(&io::ErrorKind::StorageFull.into());
        }
    }

    /// Tries to get out of an outage, and to remove what could not be removed.
    pub fn revive(&mut self) {
        self.remove_released();
        match self.try_revive() {
            Ok(()) => self.shared.health.up(),
            Err(error) => {
                self.fail(&error);
            }
        }
    }

    fn try_revive(&mut self) -> io::Result<()> {
        let used_up = self.active.as_ref().is_none_or(Active::is_empty);
        if used_up {
            self.make_room(self.least_room())?;
        }
        self.take_reserve()
    }

    /// Whether [`revive`](Writer::revive) has something to do.
    pub fn wants_revival(&self) -> bool {
        self.shared.health.state() != State::Writing || self.may_remove()
    }

    /// Ends the active segment, so that it can be released once everything in it is settled.
    pub fn seal(&mut self) {
        if self.active.as_ref().is_some_and(|active| !active.is_empty())
            && let Err(error) = self.begin(self.least_room())
        {
            self.fail(&error);
        }
    }

    /// Segments that lie wholly at or below may go. The newest stays: it says where positions go on.
    pub fn release(&mut self, up_to: Position) {
        self.released = self.released.max(up_to.0);
        // Where the bound is near, the active segment must be able to go too.
        if self.next - 1 <= self.released && self.used() > self.options.most_bytes / 2 {
            self.seal();
        }
        if self.may_remove() {
            self.remove_released();
            if self.shared.health.state() != State::Writing {
                self.revive();
            }
        }
    }

    /// Nothing new is taken from now on.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
    }

    pub fn has_queued(&self) -> bool {
        self.shared.health.queued.load(Ordering::SeqCst) > 0
    }

    /// Says behind the last group that everything before was synced, so that later damage there is told from a tail that
    /// was never finished.
    pub fn finish(&mut self) {
        if let Some(active) = self.active.take().filter(|active| !active.is_empty()) {
            let (nonce, first, synced) = (active.segment.nonce, self.next, self.next - 1);
            let mark = GroupHead { nonce, first, synced, count: 0, length: 0 }.encode();
            // Nobody was promised the mark. The room behind it goes first: its zeros say nothing.
            let _ = active.file.truncate(active.offset);
            let _ = write_full(&*active.file, &mark, active.offset).and_then(|()| active.file.sync());
        }
    }
}
