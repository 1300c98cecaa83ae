//! One room of the memory store: its records, its rows, and how a batch changes them.

use super::keys::Keys;
use super::log::Log;
use super::rows::Rows;
use crate::answer::Failure;
use crate::batch::{Batch, Cut, Rewrite};
use crate::record::{Kind, Record, State};
use crate::{Epoch, Millis, Ordinal, Place, RoomKey, Seq};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::BuildHasher;

/// Invariant: `floor ≤ every record < = newest`, both logs rise in seq, ordinals in `messages` are neighbours, and
/// `messages` and `changes` together have every seq of `floor + 1 ..= newest` (below the floor, one of them may go on).
#[derive(Debug)]
pub(super) struct Room {
    pub key: RoomKey,
    pub newest: Place,
    pub sealed: Option<Epoch>,
    pub epochs: Vec<(Epoch, Seq)>,
    /// The highest record that was dropped from the old end.
    pub floor: Place,
    /// The highest message among those.
    pub message_floor: Place,
    pub next_ordinal: Ordinal,
    pub messages: Log<Record>,
    pub changes: Log<Record>,
    pub keys: Keys,
    /// Messages with an expiry that still say something.
    pub expiring: BTreeSet<(Millis, Place)>,
    /// Ordinals of the messages of each thread, by its root.
    pub threads: BTreeMap<Place, VecDeque<Ordinal>>,
    pub rows: Rows,
    /// Of records, by [`Record::cost`].
    pub bytes: usize,
    /// Where the segments begin that [`super::budget`] evicts as a whole.
    pub segments: VecDeque<Seq>,
    /// Bytes that were appended to the last of them.
    pub segment_bytes: usize,
}

/// What a batch does to the old records, found out before anything is touched.
pub(super) struct Plan {
    /// Records from here on are dropped.
    drop_from: Option<Seq>,
    everything: bool,
    sealed: Option<Epoch>,
}

impl Room {
    pub fn new(key: RoomKey) -> Room {
        Room {
            key,
            newest: Place::START,
            sealed: None,
            epochs: Vec::new(),
            floor: Place::START,
            message_floor: Place::START,
            next_ordinal: 1,
            messages: Log::default(),
            changes: Log::default(),
            keys: Keys::default(),
            expiring: BTreeSet::new(),
            threads: BTreeMap::new(),
            rows: Rows::default(),
            bytes: 0,
            segments: VecDeque::new(),
            segment_bytes: 0,
        }
    }

    /// Whether the batch continues this room.
    pub fn plan(&self, batch: &Batch) -> Result<Plan, Failure> {
        let mut end = self.newest;
        let mut floor = self.floor;
        let mut sealed = self.sealed;
        let mut next_ordinal = self.next_ordinal;
        let mut drop_from = None;
        match batch.cut {
            Cut::Nothing => {}
            Cut::Above(place) => {
                if place < self.floor || place > self.newest || self.place_at(place.seq) != place {
                    return Err(Failure::OutOfOrder);
                }
                sealed = self.seal();
                drop_from = Some(Seq(place.seq.0 + 1));
                end = place;
                next_ordinal = self.ordinal_at(end.seq);
            }
            Cut::Everything => {
                sealed = self.seal();
                floor = self.newest;
                next_ordinal = 1;
            }
        }
        if let Some(first) = batch.events.first() {
            let place = first.place;
            let opens = place.epoch > end.epoch;
            let allowed = sealed.is_none_or(|sealed| place.epoch > sealed);
            let next = end.seq.0 + 1;
            let continues = if opens {
                place.seq.0 <= next && place.seq.0 > floor.seq.0
            } else {
                place.epoch == end.epoch && place.seq.0 == next
            };
            if !allowed || !continues {
                return Err(Failure::OutOfOrder);
            }
            if place.seq.0 < next {
                drop_from = Some(place.seq);
                next_ordinal = self.ordinal_at(Seq(place.seq.0 - 1));
            }
            sealed = None;
        }
        let first_ordinal = batch.events.iter().find_map(Record::ordinal);
        if first_ordinal.is_some_and(|ordinal| ordinal != next_ordinal) {
            return Err(Failure::OutOfOrder);
        }
        Ok(Plan { drop_from, everything: batch.cut == Cut::Everything, sealed })
    }

    /// A room that had events goes on in an epoch above all of theirs.
    fn seal(&self) -> Option<Epoch> {
        if self.newest == Place::START { self.sealed } else { self.sealed.max(Some(self.newest.epoch)) }
    }

    /// Carries out what was planned; it cannot fail.
    pub fn apply(&mut self, plan: Plan, batch: Batch, hasher: &impl BuildHasher) {
        if plan.everything {
            self.clear();
        } else if let Some(seq) = plan.drop_from {
            self.drop_from(seq, hasher);
        }
        self.sealed = plan.sealed;
        for record in batch.events {
            self.append(record, hasher);
        }
        for rewrite in batch.rewrites {
            self.rewrite(rewrite);
        }
        for row in batch.rows {
            self.rows.write(row);
        }
    }

    fn append(&mut self, record: Record, hasher: &impl BuildHasher) {
        let place = record.place;
        if self.epochs.last().is_none_or(|(epoch, _)| *epoch < place.epoch) {
            self.epochs.push((place.epoch, place.seq));
        }
        self.newest = place;
        self.bytes += record.cost();
        if let Some(key) = &record.key {
            self.keys.add(hasher, key, place.seq);
        }
        match record.kind {
            Kind::Message { ordinal, thread, .. } => {
                self.next_ordinal = ordinal + 1;
                if let Some(expires) = record.expires() {
                    self.expiring.insert((expires, place));
                }
                if let Some(root) = thread {
                    self.threads.entry(root).or_default().push_back(ordinal);
                }
                self.messages.push(record);
            }
            Kind::Change { .. } | Kind::Void => self.changes.push(record),
        }
    }

    fn rewrite(&mut self, rewrite: Rewrite) {
        let Some(message) = self.message_mut(rewrite.target) else { return };
        let expired = message.expires();
        let Kind::Message { version, state, .. } = &mut message.kind else { return };
        if rewrite.version <= *version || *state == State::Expired {
            return;
        }
        *version = rewrite.version;
        *state = if rewrite.deleted { State::Deleted } else { State::Present };
        let old = std::mem::replace(&mut message.payload, rewrite.payload).len();
        let (new, expires) = (message.payload.len(), message.expires());
        self.bytes = self.bytes - old + new;
        self.expiring.extend(expires.map(|time| (time, rewrite.target)));
        if let (Some(time), None) = (expired, expires) {
            self.expiring.remove(&(time, rewrite.target));
        }
    }

    /// Leaves only the place where the room stood, so that it is never given again.
    fn clear(&mut self) {
        let Room { key, newest, epochs, segments, segment_bytes, .. } =
            std::mem::replace(self, Room::new(self.key.clone()));
        *self =
            Room { newest, epochs, floor: newest, message_floor: newest, segments, segment_bytes, ..Room::new(key) };
    }

    /// Drops what stands at this seq and above.
    fn drop_from(&mut self, seq: Seq, hasher: &impl BuildHasher) {
        while let Some(last) = self.messages.last().filter(|record| record.place.seq >= seq) {
            self.next_ordinal = last.ordinal().unwrap_or(self.next_ordinal);
            let record = self.messages.pop_last();
            self.forget(record, hasher);
        }
        while self.changes.last().is_some_and(|record| record.place.seq >= seq) {
            let record = self.changes.pop_last();
            self.forget(record, hasher);
        }
        self.newest = self.place_at(Seq(seq.0 - 1));
        self.epochs.retain(|(_, first)| *first < seq);
        self.rows.drop_above(self.newest);
    }

    /// Takes a record that has left its log out of every account.
    pub fn forget(&mut self, record: Option<Record>, hasher: &impl BuildHasher) {
        let Some(record) = record else { return };
        self.bytes -= record.cost();
        if let Some(key) = &record.key {
            self.keys.remove(hasher, key, record.place.seq);
        }
        if let Some(time) = record.expires() {
            self.expiring.remove(&(time, record.place));
        }
        if let Some(root) = record.thread()
            && let Some(ordinals) = self.threads.get_mut(&root)
        {
            // It was the first of its room, or the last; so it is of its thread.
            if ordinals.front().copied() == record.ordinal() {
                ordinals.pop_front();
            } else {
                ordinals.pop_back();
            }
            if ordinals.is_empty() {
                self.threads.remove(&root);
            }
        }
    }

    /// Empties the message whose time has come.
    pub fn expire(&mut self, place: Place) {
        let Some(message) = self.message_mut(place) else { return };
        let full = message.payload.len();
        message.expire();
        let freed = full - message.payload.len();
        self.bytes -= freed;
        self.rows.drop_of(place);
    }

    pub fn message(&self, place: Place) -> Option<&Record> {
        let at = self.messages.partition_point(|record| record.place < place);
        self.messages.get(at).filter(|record| record.place == place)
    }

    fn message_mut(&mut self, place: Place) -> Option<&mut Record> {
        let at = self.messages.partition_point(|record| record.place < place);
        self.messages.get_mut(at).filter(|record| record.place == place)
    }

    /// The place that this seq has, or would have in the last epoch.
    pub fn place_at(&self, seq: Seq) -> Place {
        crate::answer::place_at(&self.epochs, seq)
    }

    /// The ordinal that the next message would have if the room ended at this seq.
    fn ordinal_at(&self, seq: Seq) -> Ordinal {
        let kept = self.messages.partition_point(|record| record.place.seq <= seq);
        self.next_ordinal - (self.messages.len() - kept) as u64
    }
}
