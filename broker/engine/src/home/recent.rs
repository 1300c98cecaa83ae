//! The newest events of a room, without holes, as replay shows them: messages as they are now.

use crate::planted::{self, Bug};
use crate::settings::Limits;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::{DuplicateKey, Place, Seq, UserId};
use rookery_protocol::message::Message;
use std::collections::VecDeque;
use std::sync::Arc;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

/// What is known here of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Message(Arc<Message>),
    /// Deleted, or never one.
    Gone,
    /// It is older than what is at hand.
    Elsewhere,
}

/// What an event costs beside its body: a round figure, because only the bound matters.
const EVENT_COST: usize = 256;

fn cost(event: &Event) -> usize {
    EVENT_COST + shown(event).map_or(0, |m| m.body.len())
}

/// The message that an event carries.
fn shown(event: &Event) -> Option<&Arc<Message>> {
    if let EventBody::Posted(m) | EventBody::Edited(m) = &event.body { Some(m) } else { None }
}

fn posted(event: &Event) -> Option<&Arc<Message>> {
    if let EventBody::Posted(m) = &event.body { Some(m) } else { None }
}

fn deletes(event: &Event, message: Place) -> bool {
    matches!(&event.body, EventBody::Deleted { target } if *target == message)
}

impl Recent {
    /// `events` are contiguous; of others only the newest run is taken.
    pub fn from_image(events: Vec<Arc<Event>>, last: Place) -> Recent {
        let mut recent = Recent::default();
        if events.last().is_none_or(|e| e.place != last) {
            return recent;
        }
        for event in events {
            if recent.events.back().is_some_and(|e| e.place.seq.0 + 1 != event.place.seq.0) {
                recent = Recent::default();
            }
            recent.push(event);
        }
        recent
    }

    pub fn push(&mut self, event: Arc<Event>) {
        self.bytes += cost(&event);
        self.events.push_back(event);
    }

    /// Drops the oldest events beyond the bounds, but none above `confirmed`: the store cannot give them yet.
    pub fn trim(&mut self, limits: &Limits, confirmed: Seq) {
        while self.events.len() > limits.recent_events || self.bytes > limits.recent_bytes {
            match self.events.front() {
                Some(event) if event.place.seq <= confirmed => self.bytes -= cost(event),
                Some(_) | None => return,
            }
            self.events.pop_front();
        }
    }

    /// The seq of the oldest event here.
    pub fn first(&self) -> Option<Seq> {
        self.events.front().map(|e| e.place.seq)
    }

    fn index(&self, seq: Seq) -> Option<usize> {
        let index = seq.0.checked_sub(self.first()?.0)?;
        usize::try_from(index).ok().filter(|i| *i < self.events.len())
    }

    pub fn get(&self, seq: Seq) -> Option<&Arc<Event>> {
        self.events.get(self.index(seq)?)
    }

    /// Events with seqs from `first` to `last`, as far as they are here.
    pub fn range(&self, first: Seq, last: Seq) -> impl Iterator<Item = &Arc<Event>> {
        let from = match self.first() {
            Some(oldest) => usize::try_from(first.0.saturating_sub(oldest.0)).unwrap_or(usize::MAX),
            None => 0,
        };
        let from = from.min(self.events.len());
        self.events.range(from..).take_while(move |e| e.place.seq <= last)
    }

    /// The message as it is now, changes that are not delivered yet included.
    pub fn message(&self, target: Place) -> Known {
        let from = self.index(target.seq).unwrap_or(0);
        for event in self.events.range(from..).rev() {
            if deletes(event, target) {
                return Known::Gone;
            }
            if let Some(m) = shown(event).filter(|m| m.place == target) {
                return if m.is_deleted() { Known::Gone } else { Known::Message(m.clone()) };
            }
        }
        // Within reach, and no message: there is none.
        if self.index(target.seq).is_some() { Known::Gone } else { Known::Elsewhere }
    }

    /// Whether a message was deleted above a place.
    pub fn deleted_since(&self, target: Place, since: Place) -> bool {
        self.events.iter().rev().take_while(|e| e.place > since).any(|e| deletes(e, target))
    }

    /// The place that a key was given above `confirmed`: the store cannot say it yet.
    pub fn keyed(&self, user: &UserId, key: &DuplicateKey, confirmed: Seq) -> Option<Place> {
        let carries = |m: &Arc<Message>| m.extra.as_ref().is_some_and(|x| x.key.as_ref() == Some(key));
        let mut unconfirmed = self.events.iter().rev().take_while(|e| e.place.seq > confirmed);
        unconfirmed.find(|e| e.by == *user && posted(e).is_some_and(carries)).map(|e| e.place)
    }

    /// The newest message at or below a place.
    pub fn newest_message(&self, at: Seq) -> Option<&Arc<Message>> {
        let end = self.index(at).map_or(self.events.len(), |i| i + 1);
        self.events.range(..end).rev().filter(|e| e.place.seq <= at).find_map(|e| posted(e))
    }

    /// A change was delivered: from now on replay shows its target as it is after it.
    pub fn settle(&mut self, event: &Event) {
        if planted::is(Bug::OldBodyReplayed) {
            return;
        }
        let now = if let EventBody::Edited(m) = &event.body {
            m.clone()
        } else if let EventBody::Deleted { target } = &event.body {
            match self.events.iter().filter_map(|e| shown(e)).find(|m| m.place == *target) {
                Some(m) => Arc::new(m.stub(event.at, event.place)),
                None => return,
            }
        } else {
            return;
        };
        let from = self.index(now.place.seq).unwrap_or(0);
        for slot in self.events.range_mut(from..) {
            if shown(slot).is_none_or(|m| m.place != now.place || m.version >= now.version) {
                continue;
            }
            let carried = now.clone();
            let body = if posted(slot).is_some() { EventBody::Posted(carried) } else { EventBody::Edited(carried) };
            self.bytes -= cost(slot);
            *slot = Arc::new(Event { place: slot.place, at: slot.at, by: slot.by.clone(), body });
            self.bytes += cost(slot);
        }
    }

    /// What stands here or below is not to be replayed any more.
    pub fn forget(&mut self, seq: Seq) {
        while let Some(event) = self.events.pop_front_if(|event| event.place.seq <= seq) {
            self.bytes -= cost(&event);
        }
    }

    pub fn clear(&mut self) {
        self.events.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::Name;
    use rookery_protocol::message::BodyKind;

    fn message(seq: u64, version: u64, body: &str) -> Arc<Message> {
        Arc::new(Message {
            place: Place::new(1, seq),
            ordinal: seq,
            sender: Name::literal("ann"),
            posted_at: 0,
            kind: BodyKind::Text,
            body: Arc::from(body.as_bytes()),
            version: Place::new(1, version),
            extra: None,
        })
    }

    fn event(seq: u64, body: EventBody) -> Arc<Event> {
        Arc::new(Event { place: Place::new(1, seq), at: 9, by: Name::literal("ann"), body })
    }

    #[test]
    fn replay_shows_messages_as_they_are_now() {
        let mut recent = Recent::default();
        recent.push(event(1, EventBody::Posted(message(1, 1, "one"))));
        recent.push(event(2, EventBody::Posted(message(2, 2, "two"))));
        let edited = event(3, EventBody::Edited(message(1, 3, "uno")));
        recent.push(edited.clone());
        recent.settle(&edited);
        assert_eq!(recent.message(Place::new(1, 1)), Known::Message(message(1, 3, "uno")));
        let deleted = event(4, EventBody::Deleted { target: Place::new(1, 1) });
        recent.push(deleted.clone());
        // Not delivered yet: known to decisions, not shown.
        assert_eq!(recent.message(Place::new(1, 1)), Known::Gone);
        assert!(recent.range(Seq(1), Seq(4)).filter_map(|e| shown(e)).any(|m| &*m.body == b"uno"));
        recent.settle(&deleted);
        assert!(recent.range(Seq(1), Seq(4)).filter_map(|e| shown(e)).all(|m| &*m.body != b"uno"));
        assert_eq!(recent.message(Place::new(1, 2)), Known::Message(message(2, 2, "two")));
        assert_eq!(recent.message(Place::new(1, 4)), Known::Gone);
        assert_eq!(recent.message(Place::new(1, 9)), Known::Elsewhere);
        assert!(recent.deleted_since(Place::new(1, 1), Place::new(1, 3)));
        assert!(!recent.deleted_since(Place::new(1, 1), Place::new(1, 4)));
    }

    #[test]
    fn what_is_not_confirmed_stays() {
        let limits = Limits { recent_events: 2, ..Limits::default() };
        let mut recent = Recent::default();
        for seq in 1..=5 {
            recent.push(event(seq, EventBody::Void));
        }
        recent.trim(&limits, Seq(2));
        assert_eq!(recent.first(), Some(Seq(3)));
        recent.trim(&limits, Seq(5));
        assert_eq!(recent.first(), Some(Seq(4)));
        assert_eq!(recent.range(Seq(1), Seq(9)).count(), 2);
        assert_eq!(recent.bytes, 2 * EVENT_COST);
    }

    #[test]
    fn an_image_gives_its_newest_run() {
        let with = |seqs: &[u64]| seqs.iter().map(|s| event(*s, EventBody::Void)).collect::<Vec<_>>();
        assert_eq!(Recent::from_image(with(&[1, 2, 4, 5]), Place::new(1, 5)).first(), Some(Seq(4)));
        assert_eq!(Recent::from_image(with(&[1, 2]), Place::new(1, 5)).first(), None);
    }
}
