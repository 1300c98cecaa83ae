//! The judge's book of places: what each room placed, what of it is safe, what was lost. Written from what the
//! engine hands to its store, never from what the engine believes.

use crate::pages::same_message;
use rookery_protocol::event::{Departure, Event, EventBody};
use rookery_protocol::ids::{Epoch, Place, RoomKey, Seq, UserId};
use rookery_protocol::message::Message;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Counts what the judge saw; orders facts without a clock.
pub type Stamp = u64;

/// Of a loss that its room has not heard of.
const UNHEARD: Stamp = Stamp::MAX;

pub struct Entry {
    pub event: Arc<Event>,
    pub confirmed: Option<Stamp>,
    /// Somebody was told that it is safe.
    pub promised: bool,
}

/// An event that had a place and was taken back before anybody was promised it.
pub struct Lost {
    pub event: Arc<Event>,
    /// What it followed.
    pub before: Place,
    pub at: Stamp,
}

/// One version of a message.
pub struct Version {
    pub message: Arc<Message>,
    pub deleted: bool,
    pub confirmed: Option<Stamp>,
    /// When somebody was first told of this change after it was stored: from then on the room knows it, too.
    pub told: Option<Stamp>,
}

#[derive(Default)]
pub struct Book {
    /// By seq: the room's one order.
    pub chain: BTreeMap<u64, Entry>,
    pub lost: HashMap<Place, Lost>,
    /// By the message's place, then by the place of the change. Versions stay here when they are lost.
    pub versions: HashMap<Place, BTreeMap<Place, Version>>,
    /// Where users were removed.
    pub removals: Vec<(UserId, Place)>,
    /// Where each distinct body was posted, to see a message that came twice.
    tokens: HashMap<Vec<u8>, Place>,
    /// Replay is promised above this place only.
    pub replay_from: Place,
    /// When a store's failure last took something back.
    pub taken_back: Option<Stamp>,
    /// What was numbered in older runs and is not in this book was taken back before it came to the store.
    pub dead_below: Epoch,
    /// The store has this as it promises at most.
    pub settled: Place,
    /// The highest seq that is stored.
    stored_to: u64,
    /// While its store fails the room holds what it places: then clients see it before the store does.
    pub keeps: bool,
}

#[derive(Default)]
pub struct Ledger {
    pub books: HashMap<RoomKey, Book>,
    pub stamp: Stamp,
    /// Rooms of a class that keeps.
    pub keeps: HashSet<RoomKey>,
}

impl Ledger {
    pub fn tick(&mut self) -> Stamp {
        self.stamp += 1;
        self.stamp
    }

    pub fn book(&mut self, room: &RoomKey) -> &mut Book {
        if !self.books.contains_key(room) {
            let keeps = self.keeps.contains(room);
            self.books.insert(room.clone(), Book { keeps, ..Book::default() });
        }
        self.books.get_mut(room).expect("just made")
    }

    pub fn placed(&mut self, room: &RoomKey, event: &Arc<Event>) -> Result<(), String> {
        self.tick();
        self.book(room).placed(event).map_err(|e| format!("{}: {e}", name(room)))
    }

    pub fn settled(&mut self, room: &RoomKey, last: Place) {
        let settled = &mut self.book(room).settled;
        *settled = last.max(*settled);
    }

    pub fn confirmed(&mut self, room: &RoomKey, event: &Arc<Event>) -> Result<(), String> {
        let stamp = self.tick();
        self.book(room).confirmed(event, stamp).map_err(|e| format!("{}: {e}", name(room)))
    }

    /// Everything above is gone.
    pub fn lost_above(&mut self, room: &RoomKey, above: Place) -> Result<(), String> {
        let stamp = self.tick();
        self.book(room).lose(above, stamp).map_err(|e| format!("{}: {e}", name(room)))
    }
}

impl Book {
    pub fn end(&self) -> Place {
        self.chain.last_key_value().map_or(Place::START, |(_, e)| e.event.place)
    }

    /// The place before a seq of the present order.
    pub fn before(&self, seq: u64) -> Place {
        self.chain.range(..seq).next_back().map_or(Place::START, |(_, e)| e.event.place)
    }

    /// Where a body stands, if it does.
    pub fn place_of(&self, body: &[u8]) -> Option<Place> {
        self.tokens.get(body).copied()
    }

    /// The place before one that is told to somebody who has everything up to `last`. What a room holds is not in
    /// this book before it is told or stored: there only the seq can be checked.
    pub fn before_told(&self, place: Place, last: Place) -> Place {
        let before = self.before(place.seq.0);
        if self.keeps && before.seq.0 + 1 < place.seq.0 && last.seq.0 + 1 == place.seq.0 && last.epoch <= place.epoch {
            return last;
        }
        before
    }

    /// An entry of the present order.
    pub fn entry(&self, place: Place) -> Option<&Entry> {
        self.chain.get(&place.seq.0).filter(|e| e.event.place == place)
    }

    pub fn is_valid(&self, place: Place) -> bool {
        place == Place::START || self.entry(place).is_some()
    }

    /// The newest place of the present order that somebody who has `place` has too.
    pub fn fork_of(&self, place: Place) -> Place {
        let mut at = place;
        while !self.is_valid(at) {
            match self.lost.get(&at) {
                Some(lost) => at = lost.before,
                None => return Place::START,
            }
        }
        at
    }

    /// In a room that holds what the store does not take, a place may be seen first by those it is told to.
    pub fn may_be_ahead(&self, place: Place) -> bool {
        self.keeps && place.seq.0 > self.stored_to && !self.chain.contains_key(&place.seq.0)
    }

    /// Numbered in a run that ended for this room with a failed write.
    pub fn is_dead(&self, place: Place) -> bool {
        run_of(place.epoch) < self.dead_below.0
    }

    /// An event that was told before it was submitted, to somebody who has everything up to `last`.
    pub fn told_ahead(&mut self, event: &Event, last: Place) -> Result<(), String> {
        let place = event.place;
        if let EventBody::Posted(message) | EventBody::Edited(message) = &event.body
            && self.may_be_ahead(message.version)
        {
            // A change that is held shows in what it changes, too.
            self.version(message, message.version, message.is_deleted())?;
        }
        if self.is_dead(place) && last.seq.0 + 1 == place.seq.0 {
            self.placed_in_vain(&Arc::new(event.clone()), last)?;
        }
        if !self.may_be_ahead(place) {
            return Ok(());
        }
        let event = Arc::new(event.clone());
        // It may have changed since, which its teller knows.
        if let EventBody::Posted(message) | EventBody::Edited(message) = &event.body
            && message.version != place
        {
            self.version(message, message.version, message.is_deleted())?;
        } else {
            self.note(&event)?;
        }
        self.chain.insert(place.seq.0, Entry { event, confirmed: None, promised: false });
        Ok(())
    }

    /// Numbered after a write failed and before the room knew it.
    fn placed_in_vain(&mut self, event: &Arc<Event>, before: Place) -> Result<(), String> {
        let place = event.place;
        if self.entry(place).is_some() || self.lost.contains_key(&place) {
            return Ok(());
        }
        let at = self.taken_back.unwrap_or(0);
        // What was lost with it and comes behind it was in this book before it.
        for (later, lost) in &mut self.lost {
            if lost.at == at && later.seq > place.seq && lost.before.seq < place.seq {
                lost.before = place;
            }
        }
        self.lost.insert(place, Lost { event: event.clone(), before, at });
        if let EventBody::Posted(message) | EventBody::Edited(message) = &event.body {
            self.version(message, message.version, message.is_deleted())?;
        }
        Ok(())
    }

    fn placed(&mut self, event: &Arc<Event>) -> Result<(), String> {
        let place = event.place;
        if place.seq.0 == 0 {
            return Err(format!("{place} is no place"));
        }
        if self.is_dead(place) && self.entry(place).is_none() {
            let before = Place { epoch: place.epoch, seq: Seq(place.seq.0 - 1) };
            let before = if self.lost.contains_key(&before) { before } else { self.before(place.seq.0) };
            return self.placed_in_vain(event, before);
        }
        if self.lost.contains_key(&place) {
            return Err(format!("{place} is given twice: its first event was lost"));
        }
        if let Some(there) = self.chain.get(&place.seq.0) {
            if there.event.place == place && same_event(&there.event, event) {
                if let EventBody::Posted(message) | EventBody::Edited(message) = &event.body
                    && !self.versions.get(&message.place).is_some_and(|v| v.contains_key(&place))
                {
                    self.note(event)?;
                }
                return Ok(());
            }
            return Err(format!("{place} has two contents: {:?} and {event:?}", there.event));
        }
        let before = self.before(place.seq.0);
        let after = self.chain.range(place.seq.0..).next();
        if before.epoch > place.epoch || after.is_some_and(|(_, e)| e.event.place.epoch < place.epoch) {
            return Err(format!("{place} comes after {before}"));
        }
        self.note(event)?;
        self.chain.insert(place.seq.0, Entry { event: event.clone(), confirmed: None, promised: false });
        Ok(())
    }

    /// Until the room hears of the failure, it speaks of what was lost as if it stood.
    pub fn not_heard_yet(&mut self) {
        self.heard_of_loss(UNHEARD);
    }

    /// The room hears of the failure only now: until then it spoke of what was lost as if it stood.
    pub fn heard_of_loss(&mut self, stamp: Stamp) {
        let Some(since) = self.taken_back else { return };
        for lost in self.lost.values_mut().filter(|lost| lost.at >= since) {
            lost.at = stamp;
        }
        self.taken_back = Some(stamp);
    }

    /// What follows from an event for later checks.
    fn note(&mut self, event: &Event) -> Result<(), String> {
        match &event.body {
            EventBody::Posted(message) => {
                if message.version != event.place || message.place != event.place {
                    return Err(format!("{} posts a message of {}", event.place, message.version));
                }
                if let Some(first) = self.tokens.insert(message.body.to_vec(), event.place) {
                    return Err(format!("sent once, placed twice: {first} and {}", event.place));
                }
                self.version(message, event.place, false)?;
            }
            EventBody::Edited(message) => {
                if message.version != event.place {
                    return Err(format!("{} makes version {}", event.place, message.version));
                }
                self.version(message, event.place, false)?;
            }
            EventBody::Deleted { target } => {
                let newest = self.versions.get(target).and_then(|v| v.values().next_back());
                let Some(newest) = newest else { return Err(format!("{} deletes nothing", event.place)) };
                let stub = Arc::new(newest.message.stub(event.at, event.place));
                self.version(&stub, event.place, true)?;
            }
            EventBody::Left { user, why } => match why {
                Departure::Removed | Departure::RoomDeleted | Departure::Erased => {
                    self.removals.push((user.clone(), event.place));
                }
                Departure::Left => {}
            },
            EventBody::Reacted { .. }
            | EventBody::Unreacted { .. }
            | EventBody::Pinned { .. }
            | EventBody::Unpinned { .. }
            | EventBody::Joined { .. }
            | EventBody::RoleSet { .. }
            | EventBody::Updated(_)
            | EventBody::Notified(_)
            | EventBody::Recorded(_)
            | EventBody::Void => {}
        }
        Ok(())
    }

    /// A version of a message; one that was shown before its event came must have been this one.
    fn version(&mut self, message: &Arc<Message>, at: Place, deleted: bool) -> Result<(), String> {
        let new = || Version { message: message.clone(), deleted, confirmed: None, told: None };
        let version = self.versions.entry(message.place).or_default().entry(at).or_insert_with(new);
        if version.deleted != deleted || version.message.body != message.body {
            return Err(format!("version {at} is {message:?} and was shown as {:?}", version.message));
        }
        Ok(())
    }

    fn confirmed(&mut self, event: &Arc<Event>, stamp: Stamp) -> Result<(), String> {
        let place = event.place;
        if !self.chain.contains_key(&place.seq.0) {
            self.placed(event)?;
        }
        let entry = self.chain.get_mut(&place.seq.0).expect("just looked");
        if !same_event(&entry.event, event) {
            return Err(format!("{place} was placed as {:?} and stored as {event:?}", entry.event));
        }
        // A foreign message gets its ordinal when it is stored.
        entry.event = event.clone();
        entry.confirmed.get_or_insert(stamp);
        self.stored_to = self.stored_to.max(place.seq.0);
        if let Some(target) = event.body.target()
            && let Some(version) = self.versions.get_mut(&target).and_then(|v| v.get_mut(&place))
        {
            version.confirmed.get_or_insert(stamp);
            if let EventBody::Posted(message) = &event.body {
                version.message = message.clone();
            }
        }
        Ok(())
    }

    fn lose(&mut self, above: Place, stamp: Stamp) -> Result<(), String> {
        if self.taken_back == Some(UNHEARD) {
            self.heard_of_loss(stamp);
        }
        let gone = self.chain.split_off(&(above.seq.0 + 1));
        if !gone.is_empty() {
            self.taken_back = Some(stamp);
        }
        let mut before = self.end();
        for entry in gone.into_values() {
            let place = entry.event.place;
            if entry.promised || entry.confirmed.is_some() {
                return Err(format!("{place} was promised and is lost"));
            }
            if let EventBody::Posted(message) = &entry.event.body {
                self.tokens.remove(&message.body[..]);
            }
            self.removals.retain(|(_, at)| *at != place);
            self.lost.insert(place, Lost { event: entry.event, before, at: stamp });
            before = place;
        }
        Ok(())
    }

    /// Somebody is told of an event: by itself, or by its ack.
    pub fn tell(&mut self, place: Place, stamp: Stamp) {
        let Some(target) = self.entry(place).and_then(|e| e.event.body.target()) else { return };
        if let Some(version) = self.versions.get_mut(&target).and_then(|v| v.get_mut(&place))
            && version.confirmed.is_some()
        {
            version.told.get_or_insert(stamp);
        }
    }

    /// The oldest version of a message that somebody may still be shown who asked at `asked`.
    pub fn oldest_shown(&self, message: Place, asked: Stamp) -> Option<(Place, &Version)> {
        let versions = self.versions.get(&message)?;
        let safe = |at: &Place, v: &Version| self.entry(*at).is_some() && v.told.is_some_and(|t| t < asked);
        versions.iter().rev().find(|(at, v)| safe(at, v)).map(|(at, v)| (*at, v))
    }
}

/// Whether two tellings of one event agree, messages apart: those have versions.
pub fn same_event(a: &Event, b: &Event) -> bool {
    if a.place != b.place || a.by != b.by {
        return false;
    }
    match (&a.body, &b.body) {
        (EventBody::Posted(a), EventBody::Posted(b)) => {
            a.place == b.place && a.sender == b.sender && (a.version != b.version || alike(a, b))
        }
        (EventBody::Edited(a), EventBody::Edited(b)) => a.place == b.place && (a.version != b.version || alike(a, b)),
        (a, b) => a == b,
    }
}

/// A foreign message has no ordinal before it is stored.
fn alike(a: &Message, b: &Message) -> bool {
    same_message(a, b) || ((a.ordinal == 0 || b.ordinal == 0) && a.body == b.body)
}

/// The run that an epoch was opened in; above it stands how often the room was created.
pub fn run_of(epoch: Epoch) -> u64 {
    epoch.0 & ((1 << 36) - 1)
}

pub fn name(room: &RoomKey) -> String {
    format!("{}/{}", room.kind.word(), room.name)
}
