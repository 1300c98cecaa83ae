//! The end of a run: faults stop, everything drains, and what is left must add up.

use crate::judge::SubState;
use crate::ledger::name;
use crate::world::World;
use rookery_engine::message::ConnId;
use rookery_protocol::event::{EventBody, NoticeKind};
use rookery_protocol::ids::{Place, RoomKey, RoomKind, UserId};
use std::collections::BTreeSet;

impl World {
    /// What keeps the world from being at rest. None: nothing.
    pub fn unrest(&mut self) -> Option<String> {
        for client in self.clients.iter().filter(|c| !c.retired) {
            let id = client.id;
            let Some(link) = &client.link else { return Some(format!("client {id} is not connected")) };
            if !link.welcome {
                return Some(format!("client {id} is not welcome"));
            }
            if let Some((number, asked)) = link.asked.first_key_value() {
                return Some(format!("client {id} waits for {number}: {:?}", asked.what));
            }
            if let Some(posted) = client.unacked.front() {
                return Some(format!("client {id} has an unanswered post: {posted:?}"));
            }
            if let Some(room) = client.missing().first() {
                return Some(format!("client {id} lacks {}", name(&self.outside.room(*room, &client.user))));
            }
            for sub in link.subs.values().filter(|s| s.state != SubState::Ended) {
                let book = self.outside.ledger.book(&sub.room);
                let removed = |(user, at): &&(UserId, Place)| *user == sub.user && *at > sub.end && *at <= sub.last;
                if let Some((_, at)) = book.removals.iter().find(removed) {
                    return Some(format!("client {id} was removed at {at} from {} and listens", name(&sub.room)));
                }
                let end = book.end();
                if sub.last != end || sub.state == SubState::Resuming {
                    return Some(format!(
                        "client {id} has {} up to {} ({:?}), its end is {end}",
                        name(&sub.room),
                        sub.last,
                        sub.state
                    ));
                }
            }
            if !link.pipe.is_empty() || link.socket.rest() > 0 {
                return Some(format!("client {id} has unread bytes"));
            }
        }
        if let Some(unrest) = self.callers.unrest() {
            return Some(unrest);
        }
        if !self.outside.lanes.is_empty() || self.outside.sequencer.waiting() > 0 {
            return Some("something is under way".to_owned());
        }
        (0..self.outside.plan.shards).find_map(|shard| {
            if self.outside.journal.waiting(shard) > 0 {
                return Some(format!("shard {shard} has batches that are not synced"));
            }
            let links = self.clients.iter().filter_map(|c| c.link.as_ref());
            let conns: Vec<ConnId> = links.filter(|l| l.shard == shard).map(|l| l.conn).collect();
            self.node.at_rest(shard, &conns).err()
        })
    }

    /// Looks at everything once more, at rest.
    pub fn add_up(&mut self) -> Result<(), String> {
        let rooms: Vec<RoomKey> = self.outside.ledger.books.keys().cloned().collect();
        for room in &rooms {
            self.same_as_stored(room)?;
        }
        for (room, body) in std::mem::take(&mut self.outside.refused) {
            if let Some(place) = self.outside.ledger.book(&room).place_of(&body) {
                return Err(format!("{} {place} was refused for good and stands", name(&room)));
            }
        }
        self.notices(&rooms)?;
        Ok(())
    }

    /// One order: what was placed is what is stored, without a hole.
    fn same_as_stored(&mut self, room: &RoomKey) -> Result<(), String> {
        let book = self.outside.ledger.books.get(room).ok_or("no book")?;
        let tables = self.outside.journal.tables(room);
        let mut seq = 0;
        for (at, entry) in &book.chain {
            seq += 1;
            if *at != seq {
                return Err(format!("{} has no seq {seq}, but {}", name(room), entry.event.place));
            }
            match tables.events.get(at) {
                Some(event) if event.place == entry.event.place => {}
                other => return Err(format!("{} {} is stored as {other:?}", name(room), entry.event.place)),
            }
        }
        if tables.last != book.end() {
            return Err(format!("{} ends at {}, stored up to {}", name(room), book.end(), tables.last));
        }
        if let Some(effect) = tables.effects_pending.values().next() {
            return Err(format!("{} still has to tell {}: {:?}", name(room), name(&effect.target), effect.action));
        }
        Ok(())
    }

    /// Who is mentioned is told once.
    fn notices(&mut self, rooms: &[RoomKey]) -> Result<(), String> {
        let mut told: BTreeSet<(RoomKey, RoomKey, Place)> = BTreeSet::new();
        for inbox in rooms.iter().filter(|r| r.kind == RoomKind::Inbox) {
            for event in self.outside.journal.tables(inbox).events.values() {
                if let EventBody::Notified(notice) = &event.body
                    && notice.kind == NoticeKind::Mentioned
                    && !told.insert((inbox.clone(), notice.room.clone(), notice.place))
                {
                    return Err(format!("{} is told twice of {} in {}", name(inbox), notice.place, name(&notice.room)));
                }
            }
        }
        for room in rooms {
            let events = self.outside.journal.tables(room).events.values();
            let posted = events.filter_map(|e| if let EventBody::Posted(m) = &e.body { Some(m) } else { None });
            for message in posted {
                for user in message.extra.iter().flat_map(|e| &e.mentions).filter(|u| **u != message.sender) {
                    let inbox = RoomKey { realm: room.realm.clone(), kind: RoomKind::Inbox, name: user.clone() };
                    if !told.contains(&(inbox, room.clone(), message.place)) {
                        return Err(format!("{user} was not told of {} in {}", message.place, name(room)));
                    }
                }
            }
        }
        Ok(())
    }
}
