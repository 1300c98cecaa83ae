//! What one room has stored: the simulation's own plain tables. Whatever they took they must keep.

use rookery_engine::message::{CauseEffect, EffectId};
use rookery_engine::ports::{Batch, RoomImage, Row};
use rookery_protocol::command::{ReadMark, Role};
use rookery_protocol::event::{Event, EventBody, Fact as DirectoryFact, RoomInfo};
use rookery_protocol::ids::{DuplicateKey, Epoch, Millis, Name, Ordinal, Place, RoomKey, Seq, UserId};
use rookery_protocol::message::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Default)]
pub struct Tables {
    pub info: Option<Arc<RoomInfo>>,
    pub epochs: Vec<(Epoch, Seq)>,
    pub last: Place,
    pub posted: Ordinal,
    /// By seq. Bodies of posted and edited events are looked up in `messages`.
    pub events: BTreeMap<u64, Arc<Event>>,
    /// By seq, in their present version.
    pub messages: BTreeMap<u64, Arc<Message>>,
    pub members: BTreeMap<UserId, Role>,
    pub reactions: BTreeSet<(Place, Name, UserId)>,
    pub pins: BTreeSet<Place>,
    pub watermarks: BTreeMap<(UserId, u8), (Place, Ordinal)>,
    pub streams: BTreeMap<(UserId, u64), (u64, Place)>,
    pub keys: BTreeMap<(UserId, DuplicateKey), Place>,
    pub effects_pending: BTreeMap<EffectId, CauseEffect>,
    pub effects_taken: BTreeSet<EffectId>,
    pub facts: Vec<DirectoryFact>,
    pub revoked: Vec<(DirectoryFact, Millis)>,
    pub belongs: BTreeMap<RoomKey, Role>,
    /// Replay is whole above this place.
    pub replay_from: Place,
}

impl Tables {
    /// One batch, wholly. The first of its events is the next of the room.
    pub fn apply(&mut self, batch: &Batch) -> Result<(), String> {
        // Two rows come before events: one takes back what they follow, one everything there was.
        for row in &batch.rows {
            if let Row::Retract { above } = row {
                self.retract(*above)?;
            }
            if matches!(row, Row::Wipe) {
                *self = Tables { last: self.last, replay_from: self.last, ..Tables::default() };
            }
        }
        for event in &batch.events {
            self.event(event)?;
        }
        for row in &batch.rows {
            self.row(row);
        }
        for event in &batch.events {
            self.rewritten(event)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Arc<Event>) -> Result<(), String> {
        let place = event.place;
        if place.seq.0 != self.last.seq.0 + 1 || place.epoch < self.last.epoch {
            return Err(format!("stored {place} after {}", self.last));
        }
        if place.epoch != self.last.epoch {
            self.epochs.push((place.epoch, place.seq));
        }
        self.last = place;
        if let EventBody::Posted(message) = &event.body {
            self.posted += 1;
            if message.ordinal != self.posted || message.place != place {
                return Err(format!("message {place} has ordinal {}, not {}", message.ordinal, self.posted));
            }
            self.messages.insert(place.seq.0, message.clone());
        }
        self.events.insert(place.seq.0, event.clone());
        Ok(())
    }

    /// A change of a message and its record are atomic.
    fn rewritten(&self, event: &Event) -> Result<(), String> {
        let target = match &event.body {
            EventBody::Edited(message) => message.place,
            EventBody::Deleted { target } => *target,
            EventBody::Posted(_)
            | EventBody::Reacted { .. }
            | EventBody::Unreacted { .. }
            | EventBody::Pinned { .. }
            | EventBody::Unpinned { .. }
            | EventBody::Joined { .. }
            | EventBody::Left { .. }
            | EventBody::RoleSet { .. }
            | EventBody::Updated(_)
            | EventBody::Notified(_)
            | EventBody::Recorded(_)
            | EventBody::Void => return Ok(()),
        };
        match self.messages.get(&target.seq.0) {
            Some(message) if message.place == target && message.version >= event.place => Ok(()),
            Some(message) => {
                Err(format!("{} changes {target}, its record has version {}", event.place, message.version))
            }
            None => Err(format!("{} changes {target}, which has no record", event.place)),
        }
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Info(info) => self.info = Some(info.clone()),
            Row::Rewrite(message) => {
                self.messages.insert(message.place.seq.0, message.clone());
            }
            Row::Member { user, role: Some(role) } => {
                self.members.insert(user.clone(), *role);
            }
            Row::Member { user, role: None } => {
                self.members.remove(user);
            }
            Row::Reaction { target, reaction, user, on } => {
                let one = (*target, reaction.clone(), user.clone());
                if *on {
                    self.reactions.insert(one)
                } else {
                    self.reactions.remove(&one)
                };
            }
            Row::Pin { target, on } => {
                if *on {
                    self.pins.insert(*target)
                } else {
                    self.pins.remove(target)
                };
            }
            Row::Watermark { user, mark, place, ordinal } => {
                self.watermarks.insert((user.clone(), *mark as u8), (*place, *ordinal));
            }
            Row::Stream { user, stream, n, place } => {
                let highest = self.streams.entry((user.clone(), *stream)).or_default();
                *highest = (*highest).max((*n, *place));
            }
            Row::Key { user, key, place } => {
                self.keys.insert((user.clone(), key.clone()), *place);
            }
            Row::EffectPending(effect) => {
                self.effects_pending.insert(effect.id.clone(), (**effect).clone());
            }
            Row::EffectDone(id) => {
                self.effects_pending.remove(id);
            }
            Row::EffectTaken(id) => {
                self.effects_taken.insert(id.clone());
            }
            Row::Fact(fact) => self.facts.push(fact.clone()),
            Row::Revoked { fact, at } => self.revoked.push((fact.clone(), *at)),
            Row::Outlived(fact) => self.revoked.retain(|(known, _)| known != fact),
            Row::Belongs { room, role: Some(role) } => {
                self.belongs.insert(room.clone(), *role);
            }
            Row::Belongs { room, role: None } => {
                self.belongs.remove(room);
            }
            Row::Retract { .. } | Row::Wipe => {}
        }
    }

    /// Only what was never stored may be taken back, so there is nothing to do but to look.
    fn retract(&self, above: Place) -> Result<(), String> {
        if above < self.last {
            return Err(format!("taken back above {above}, but {} is stored", self.last));
        }
        Ok(())
    }

    /// Everything at or below this place is too old for replay.
    pub fn forget_to(&mut self, place: Place) {
        self.replay_from = self.replay_from.max(place);
    }

    /// `recent`: how many of the newest events come along.
    pub fn image(&self, recent: usize) -> RoomImage {
        let first = self.last.seq.0.saturating_sub(recent as u64).max(self.replay_from.seq.0) + 1;
        RoomImage {
            info: self.info.clone(),
            epochs: self.epochs.clone(),
            last: self.last,
            messages: self.posted,
            replay_from: self.replay_from,
            members: self.members.iter().map(|(u, r)| (u.clone(), *r)).collect(),
            reactions: self.reactions.iter().cloned().collect(),
            pins: self.pins.iter().copied().collect(),
            watermarks: self
                .watermarks
                .iter()
                .map(|((u, m), (p, o))| (u.clone(), if *m == 0 { ReadMark::Delivered } else { ReadMark::Read }, *p, *o))
                .collect(),
            streams: self.streams.iter().map(|((u, s), (n, p))| (u.clone(), *s, *n, *p)).collect(),
            effects_pending: self.effects_pending.values().cloned().collect(),
            effects_taken: self.effects_taken.iter().cloned().collect(),
            facts: self.facts.clone(),
            revoked: self.revoked.clone(),
            belongs: self.belongs.iter().map(|(k, r)| (k.clone(), *r)).collect(),
            recent: self.events.range(first..).map(|(_, e)| self.shown(e)).collect(),
        }
    }

    /// An event as replay shows it: with the message as it is now.
    pub fn shown(&self, event: &Arc<Event>) -> Arc<Event> {
        let now = |message: &Arc<Message>| match self.messages.get(&message.place.seq.0) {
            Some(present) => present.clone(),
            None => message.clone(),
        };
        let body = match &event.body {
            EventBody::Posted(message) => EventBody::Posted(now(message)),
            EventBody::Edited(message) => EventBody::Edited(now(message)),
            EventBody::Deleted { .. }
            | EventBody::Reacted { .. }
            | EventBody::Unreacted { .. }
            | EventBody::Pinned { .. }
            | EventBody::Unpinned { .. }
            | EventBody::Joined { .. }
            | EventBody::Left { .. }
            | EventBody::RoleSet { .. }
            | EventBody::Updated(_)
            | EventBody::Notified(_)
            | EventBody::Recorded(_)
            | EventBody::Void => return event.clone(),
        };
        Arc::new(Event { place: event.place, at: event.at, by: event.by.clone(), body })
    }
}
