//! What a room's tables answer when they are asked for a part of them.

use crate::tables::Tables;
use rookery_engine::ports::{Fetch, Fetched};
use rookery_protocol::command::HistoryFrom;
use rookery_protocol::ids::Place;
use rookery_protocol::message::Message;
use std::sync::Arc;

impl Tables {
    pub fn fetch(&self, what: &Fetch) -> Fetched {
        match what {
            Fetch::Message(place) => {
                Fetched::Message(self.messages.get(&place.seq.0).filter(|m| m.place == *place).cloned())
            }
            Fetch::Key { user, key } => Fetched::Place(self.keys.get(&(user.clone(), key.clone())).copied()),
            Fetch::Stream { user, stream } => Fetched::Stream(self.streams.get(&(user.clone(), *stream)).copied()),
            Fetch::Page { from, limit, thread, fence } => self.page(*from, *limit as usize, *thread, *fence),
            Fetch::Replay { after, limit, fence } => {
                if *after < self.replay_from {
                    return Fetched::Replay(None);
                }
                let above = self.events.range(after.seq.0 + 1..).take_while(|(seq, _)| **seq <= fence.seq.0);
                Fetched::Replay(Some(above.take(*limit as usize).map(|(_, e)| self.shown(e)).collect()))
            }
            Fetch::BySender { user, after, limit } => {
                let theirs = self.messages.range(after.seq.0 + 1..).filter(|(_, m)| m.sender == *user);
                Fetched::Places(theirs.take(*limit as usize).map(|(_, m)| m.place).collect())
            }
            // One room knows of no others.
            Fetch::SaidIn { .. } => Fetched::Rooms { rooms: Vec::new(), reached: None },
            Fetch::Trim { .. } => Fetched::Places(self.messages.values().next().map(|m| m.place).into_iter().collect()),
            Fetch::Expired { at, limit } => {
                let gone = self.messages.values().filter(|m| {
                    !m.is_deleted() && m.extra.as_ref().and_then(|e| e.expires_at).is_some_and(|e| e <= *at)
                });
                Fetched::Places(gone.take(*limit as usize).map(|m| m.place).collect())
            }
        }
    }

    fn page(&self, from: HistoryFrom, limit: usize, thread: Option<Place>, fence: Place) -> Fetched {
        let all: Vec<&Arc<Message>> = self
            .messages
            .values()
            .filter(|m| m.place.seq <= fence.seq)
            .filter(|m| thread.is_none_or(|root| m.place == root || m.thread() == Some(root)))
            .collect();
        let below = |place: Place| all.partition_point(|m| m.place.seq < place.seq);
        let (start, end) = match from {
            HistoryFrom::Newest => (all.len().saturating_sub(limit), all.len()),
            HistoryFrom::Before(place) => (below(place).saturating_sub(limit), below(place)),
            HistoryFrom::After(place) => {
                let start = all.partition_point(|m| m.place.seq <= place.seq);
                (start, start + limit)
            }
            HistoryFrom::Around(place) => {
                let start = below(place).saturating_sub(limit / 2);
                (start, start + limit)
            }
            HistoryFrom::FromOldest(n) => {
                let start = (n as usize).min(all.len());
                (start, start + limit)
            }
            HistoryFrom::FromNewest(n) => {
                let end = all.len().saturating_sub(n as usize);
                (end.saturating_sub(limit), end)
            }
        };
        let end = end.min(all.len());
        let messages: Vec<Arc<Message>> = all[start..end].iter().map(|m| Arc::clone(m)).collect();
        Fetched::Page { messages, more_before: start > 0, more_after: end < all.len() }
    }
}

/// Whether a message reads as another does, as far as every client can see it.
pub fn same_message(a: &Message, b: &Message) -> bool {
    a.place == b.place
        && a.ordinal == b.ordinal
        && a.sender == b.sender
        && a.kind == b.kind
        && a.body == b.body
        && a.version == b.version
        && a.is_deleted() == b.is_deleted()
}
