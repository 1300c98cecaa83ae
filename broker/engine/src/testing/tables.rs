//! What one room has stored, in the plainest tables that can answer the ports' questions.

use crate::message::{CauseEffect, EffectId};
use crate::ports::{Batch, Fetch, Fetched, RoomImage, Row};
use rookery_protocol::command::{HistoryFrom, ReadMark, Role};
use rookery_protocol::event::{Event, EventBody, Fact, RoomInfo};
use rookery_protocol::ids::{DuplicateKey, Epoch, Millis, Name, Ordinal, Place, RoomKey, Seq, UserId};
use rookery_protocol::message::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub info: Option<Arc<RoomInfo>>,
    pub epochs: Vec<(Epoch, Seq)>,
    pub last: Place,
    pub messages: Ordinal,
    pub events: BTreeMap<Seq, Arc<Event>>,
    pub records: BTreeMap<Place, Arc<Message>>,
    pub members: BTreeMap<UserId, Role>,
    pub reactions: BTreeSet<(Place, Name, UserId)>,
    pub pins: BTreeSet<Place>,
    pub watermarks: BTreeMap<(UserId, u8), (ReadMark, Place, Ordinal)>,
    pub streams: BTreeMap<(UserId, u64), (u64, Place)>,
    pub keys: BTreeMap<(UserId, DuplicateKey), Place>,
    pub pending: BTreeMap<EffectId, CauseEffect>,
    pub taken: Vec<EffectId>,
    pub facts: Vec<Fact>,
    pub revoked: Vec<(Fact, Millis)>,
    pub belongs: BTreeMap<RoomKey, Role>,
    pub replay_from: Place,
    /// How many events an image brings along.
    pub recent: usize,
}

impl Tables {
    pub fn write(&mut self, batch: &Batch) {
        for row in &batch.rows {
            if let Row::Wipe = row {
                *self = Tables { last: self.last, replay_from: self.last, recent: self.recent, ..Tables::default() };
            }
            if let Row::Retract { above } = row {
                assert!(self.last <= *above, "what is stored is not taken back");
            }
        }
        for event in &batch.events {
            self.event(event);
        }
        for row in &batch.rows {
            self.row(row);
        }
    }

    fn event(&mut self, event: &Arc<Event>) {
        let place = event.place;
        assert_eq!(place.seq.0, self.last.seq.0 + 1, "{place} after {}", self.last);
        assert!(place.epoch >= self.last.epoch, "{place} after {}", self.last);
        if self.epochs.last().is_none_or(|(epoch, _)| *epoch != place.epoch) {
            self.epochs.push((place.epoch, place.seq));
        }
        self.last = place;
        if let EventBody::Posted(message) = &event.body {
            self.messages += 1;
            assert_eq!((message.place, message.ordinal), (place, self.messages));
            self.records.insert(place, message.clone());
        }
        self.events.insert(place.seq, event.clone());
    }

    fn row(&mut self, row: &Row) {
        match row.clone() {
            Row::Info(info) => self.info = Some(info),
            Row::Rewrite(message) => drop(self.records.insert(message.place, message)),
            Row::Member { user, role } => put(&mut self.members, user, role),
            Row::Reaction { target, reaction, user, on } => set(&mut self.reactions, (target, reaction, user), on),
            Row::Pin { target, on } => set(&mut self.pins, target, on),
            Row::Watermark { user, mark, place, ordinal } => {
                self.watermarks.insert((user, mark as u8), (mark, place, ordinal));
            }
            Row::Stream { user, stream, n, place } => {
                let highest = self.streams.entry((user, stream)).or_insert((n, place));
                *highest = (*highest).max((n, place));
            }
            Row::Key { user, key, place } => drop(self.keys.insert((user, key), place)),
            Row::EffectPending(effect) => drop(self.pending.insert(effect.id.clone(), *effect)),
            Row::EffectDone(id) => drop(self.pending.remove(&id)),
            Row::EffectTaken(id) => self.taken.push(id),
            Row::Fact(fact) => self.facts.push(fact),
            Row::Revoked { fact, at } => self.revoked.push((fact, at)),
            Row::Outlived(fact) => self.revoked.retain(|(known, _)| *known != fact),
            Row::Belongs { room, role } => put(&mut self.belongs, room, role),
            Row::Retract { .. } | Row::Wipe => {}
        }
    }

    pub fn image(&self) -> RoomImage {
        let skip = self.events.len().saturating_sub(self.recent);
        RoomImage {
            info: self.info.clone(),
            epochs: self.epochs.clone(),
            last: self.last,
            messages: self.messages,
            replay_from: self.replay_from,
            members: self.members.iter().map(|(user, role)| (user.clone(), *role)).collect(),
            reactions: self.reactions.iter().cloned().collect(),
            pins: self.pins.iter().copied().collect(),
            watermarks: self.watermarks.iter().map(|((u, _), (m, p, o))| (u.clone(), *m, *p, *o)).collect(),
            streams: self.streams.iter().map(|((u, s), (n, p))| (u.clone(), *s, *n, *p)).collect(),
            effects_pending: self.pending.values().cloned().collect(),
            effects_taken: self.taken.clone(),
            facts: self.facts.clone(),
            revoked: self.revoked.clone(),
            belongs: self.belongs.iter().map(|(room, role)| (room.clone(), *role)).collect(),
            recent: self.events.values().skip(skip).map(|event| self.shown(event)).collect(),
        }
    }

    /// As replay shows it: with the message as it is now.
    fn shown(&self, event: &Arc<Event>) -> Arc<Event> {
        let record = event.body.target().and_then(|target| self.records.get(&target)).cloned();
        let body = match (&event.body, record) {
            (EventBody::Posted(_), Some(now)) => EventBody::Posted(now),
            (EventBody::Edited(_), Some(now)) => EventBody::Edited(now),
            (_, _) => return event.clone(),
        };
        Arc::new(Event { body, by: event.by.clone(), ..**event })
    }

    pub fn fetch(&self, what: &Fetch) -> Fetched {
        match what {
            Fetch::Message(place) => Fetched::Message(self.records.get(place).cloned()),
            Fetch::Key { user, key } => Fetched::Place(self.keys.get(&(user.clone(), key.clone())).copied()),
            Fetch::Stream { user, stream } => Fetched::Stream(self.streams.get(&(user.clone(), *stream)).copied()),
            Fetch::Page { from, limit, thread, fence } => self.page(*from, *limit as usize, *thread, *fence),
            Fetch::Replay { after, .. } if *after < self.replay_from => Fetched::Replay(None),
            Fetch::Replay { after, limit, fence } => {
                let above = self.events.range(Seq(after.seq.0 + 1)..).take_while(|(seq, _)| **seq <= fence.seq);
                Fetched::Replay(Some(above.take(*limit as usize).map(|(_, event)| self.shown(event)).collect()))
            }
            Fetch::BySender { user, after, limit } => {
                let theirs = self.records.values().filter(|m| m.sender == *user && m.place > *after);
                Fetched::Places(theirs.map(|m| m.place).take(*limit as usize).collect())
            }
            // One room knows of no others.
            Fetch::SaidIn { .. } => Fetched::Rooms { rooms: Vec::new(), reached: None },
            Fetch::Trim { .. } => Fetched::Places(self.records.keys().next().copied().into_iter().collect()),
            Fetch::Expired { at, limit } => {
                let ends = |m: &&Arc<Message>| m.extra.as_ref().and_then(|e| e.expires_at).is_some_and(|t| t <= *at);
                let gone = self.records.values().filter(|m| !m.is_deleted()).filter(ends);
                Fetched::Places(gone.map(|m| m.place).take(*limit as usize).collect())
            }
        }
    }

    fn page(&self, from: HistoryFrom, limit: usize, thread: Option<Place>, fence: Place) -> Fetched {
        let belongs = |m: &&Arc<Message>| thread.is_none_or(|root| m.place == root || m.thread() == Some(root));
        let all: Vec<_> = self.records.values().filter(|m| m.place <= fence).filter(belongs).cloned().collect();
        let below = |place: Place| all.partition_point(|m| m.place.seq < place.seq);
        let skip = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(all.len());
        let (start, end) = match from {
            HistoryFrom::Newest => (all.len().saturating_sub(limit), all.len()),
            HistoryFrom::Before(place) => (below(place).saturating_sub(limit), below(place)),
            HistoryFrom::After(place) => {
                let start = all.partition_point(|m| m.place.seq <= place.seq);
                (start, start.saturating_add(limit))
            }
            HistoryFrom::Around(place) => {
                let start = below(place).saturating_sub(limit / 2);
                (start, start.saturating_add(limit))
            }
            HistoryFrom::FromOldest(n) => (skip(n), skip(n).saturating_add(limit)),
            HistoryFrom::FromNewest(n) => {
                let end = all.len() - skip(n);
                (end.saturating_sub(limit), end)
            }
        };
        let end = end.min(all.len());
        Fetched::Page { messages: all[start..end].to_vec(), more_before: start > 0, more_after: end < all.len() }
    }
}

fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

fn set<T: Ord>(all: &mut BTreeSet<T>, one: T, on: bool) {
    if on {
        all.insert(one);
    } else {
        all.remove(&one);
    }
}
