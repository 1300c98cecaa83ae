//! Room on the disk: segments begin, get their room, end and go, and a reserve is kept for when there is none.

use super::super::disk::{DiskFile, read_full, write_full};
use super::super::layout::{GroupHead, SEGMENT_HEAD, SEGMENT_HEAD_USED, SegmentHead};
use super::super::segments::{RESERVE, Segment, UNFINISHED, path_of};
use super::{Active, Going, Writer, put_group};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Less room than this is not worth the end of an outage.
const LEAST_ROOM: u64 = 64 * 1024;

/// Whether there are only zeros from here on.
fn is_nothing(file: &dyn DiskFile, mut at: u64) -> io::Result<bool> {
    let mut piece = vec![0; 1 << 20];
    loop {
        match read_full(file, &mut piece, at)? {
            0 => return Ok(true),
            got if piece[..got].iter().any(|byte| *byte != 0) => return Ok(false),
            got => at += got as u64,
        }
    }
}

impl Writer {
    pub(super) fn make_room(&mut self, need: u64) -> io::Result<()> {
        match &mut self.active {
            Some(active) if active.offset + need <= active.capacity => Ok(()),
            // One that began on a full disk, or is smaller than this group.
            Some(active) if active.is_empty() => {
                let (file, offset) = (Arc::clone(&active.file), active.offset);
                let capacity = self.take_room(&*file, offset, need)?;
                if let Some(active) = &mut self.active {
                    active.capacity = capacity;
                }
                Ok(())
            }
            Some(_) | None => self.begin(need),
        }
    }

    /// The room that a segment should have before anything is known of what comes.
    pub(super) fn least_room(&self) -> u64 {
        let allowed = self.options.segment_bytes.min(self.options.most_bytes.saturating_sub(self.used()));
        LEAST_ROOM.min(allowed.saturating_sub(SEGMENT_HEAD as u64))
    }

    /// Ends the active segment and begins the next, with room for so much. When it returns an error there may be a next
    /// one all the same, without room.
    pub(super) fn begin(&mut self, need: u64) -> io::Result<()> {
        // Gives back the room that it did not use; that it fails costs nothing but room.
        let is_given_back = self.active.take().is_some_and(|active| active.file.truncate(active.offset).is_ok());
        let (number, nonce) = (self.last_number + 1, self.disk.nonce());
        let first = self.carry.first().map_or(self.next, |(position, ..)| *position);
        let mut bytes = vec![0; SEGMENT_HEAD];
        bytes[..SEGMENT_HEAD_USED].copy_from_slice(&SegmentHead { number, first, nonce }.encode());
        if !self.carry.is_empty() {
            let head = GroupHead { nonce, first, synced: first - 1, count: 0, length: 0 };
            put_group(&mut bytes, head, self.carry.iter().map(|(position, entry, _)| (*position, &entry[..])));
        }
        let offset = bytes.len() as u64;

        // Under another name until it is whole: its head takes effect all at once.
        let unfinished = self.options.folder.join(UNFINISHED);
        let file = self.disk.create(&unfinished).or_else(|error| {
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            self.disk.remove(&unfinished)?;
            self.disk.create(&unfinished)
        })?;
        if let Err(error) = write_full(&*file, &bytes, 0) {
            if error.kind() != io::ErrorKind::StorageFull || !self.has_reserve {
                return Err(error);
            }
            self.drop_reserve();
            write_full(&*file, &bytes, 0)?;
        }
        let room = self.take_room(&*file, offset, need);
        file.sync()?;
        let path = path_of(&self.options.folder, number);
        self.disk.rename(&unfinished, &path)?;
        self.disk.sync_folder(&self.options.folder)?;

        self.strays.retain(|(stray, _)| *stray != number);
        let carried = std::mem::take(&mut self.carry);
        let segment = Arc::new(Segment::new(number, first, nonce, path, offset));
        let before = {
            let mut segments = self.shared.segments.lock();
            segments.list.push(Arc::clone(&segment));
            segments.list.iter().rev().nth(1).map(Arc::clone)
        };
        if let Some(before) = before {
            // Somebody may still read where it lies what is carried.
            let end = before.size();
            if let Some((_, _, old)) = carried.first() {
                self.shared.health.used.fetch_sub(before.size() - old, Ordering::AcqRel);
                before.set_size(*old);
            }
            // The room behind its end is given back. What failed there is dead by the new head, but stays, because damage looks
            // the same: what somebody reads behind that is whole.
            if !is_given_back {
                let trim = |file: Arc<dyn DiskFile>| {
                    if is_nothing(&*file, end)? { file.truncate(end).and_then(|()| file.sync()) } else { Ok(()) }
                };
                let _ = self.disk.open(&before.path).and_then(trim);
            }
        }
        self.shared.health.used.fetch_add(offset, Ordering::AcqRel);
        self.last_number = number;
        let capacity = *room.as_ref().unwrap_or(&offset);
        self.active = Some(Active { segment, file, offset, capacity });
        room.map(|_| ())
    }

    /// Takes room behind this offset: a whole segment's, or as much as there is, but not less than what is needed.
    fn take_room(&self, file: &dyn DiskFile, offset: u64, need: u64) -> io::Result<u64> {
        let allowed = self.options.most_bytes.saturating_sub(self.used());
        let least = offset + need;
        let mut size = self.options.segment_bytes.min(allowed).max(least);
        loop {
            match file.reserve(size) {
                Ok(()) => return Ok(size),
                Err(error) if error.kind() == io::ErrorKind::StorageFull && size > least => {
                    size = (size / 2).max(least)
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What must be free beside the reserve, so that an outage does not end only to begin again.
    pub(super) fn spare(&self) -> u64 {
        self.options.reserve_bytes / 4
    }

    pub(super) fn take_reserve(&mut self) -> io::Result<()> {
        if !self.has_reserve {
            let wanted = self.options.reserve_bytes;
            let path = self.options.folder.join(RESERVE);
            let file = match self.disk.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.disk.open(&path)?,
                other => other?,
            };
            // Asked first: to try would take from whoever has more need of it.
            let missing = wanted.saturating_sub(file.size()?);
            if self.disk.free(&self.options.folder)? < missing.saturating_add(self.spare()) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            file.reserve(wanted)?;
            self.has_reserve = true;
        }
        Ok(())
    }

    pub(super) fn drop_reserve(&mut self) {
        // Whether it could be given up shows in what is tried next.
        let _ = self.disk.remove(&self.options.folder.join(RESERVE));
        self.has_reserve = false;
    }

    pub(super) fn may_remove(&self) -> bool {
        let segments = self.shared.segments.lock();
        self.going.is_some() || segments.list.get(1).is_some_and(|next| next.first <= self.released.saturating_add(1))
    }

    /// From the oldest on, each made lasting before the next, so that no power cut leaves a hole between those that stay.
    pub(super) fn remove_released(&mut self) {
        while self.may_remove() {
            // Out of the list before it goes, so that no reader takes it for lost.
            let going = self
                .going
                .take()
                .unwrap_or_else(|| Going { segment: self.shared.segments.lock().list.remove(0), removed: false });
            let Going { segment, removed } = self.going.insert(going);
            if !*removed {
                self.strays.retain(|(number, path)| *number >= segment.number || self.disk.remove(path).is_err());
                match self.disk.remove(&segment.path) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    // Tried again later.
                    Err(_) => return,
                }
                *removed = true;
                self.shared.health.used.fetch_sub(segment.size(), Ordering::AcqRel);
            }
            if self.disk.sync_folder(&self.options.folder).is_err() {
                return;
            }
            self.going = None;
        }
    }

    /// A segment of an earlier life in which nothing is alive goes as soon as the active one says the same.
    pub fn tidy(&mut self) {
        let empty = {
            let segments = self.shared.segments.lock();
            let pair = segments.list.last_chunk::<2>().filter(|_| self.active.is_some());
            pair.filter(|[before, last]| before.first == last.first).map(|[before, _]| Arc::clone(before))
        };
        if let Some(empty) = empty
            && self.disk.remove(&empty.path).is_ok()
        {
            self.shared.segments.lock().list.retain(|segment| segment.number != empty.number);
            self.shared.health.used.fetch_sub(empty.size(), Ordering::AcqRel);
        }
    }
}
