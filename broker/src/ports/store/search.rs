//! Where a user has said something, or is known as seen: every message of every room is looked at, some rooms at a time.
//! Nothing else would find what was said in rooms that the user never joined, or has left.

use super::codec::bytes::Reader;
use super::codec::keys;
use super::codec::values::take_fact;
use super::fetch::{END, is_of, page_of};
use super::reading::{Next, NextOrFault};
use rookery_engine::ports::Fetched;
use rookery_protocol::event::Fact;
use rookery_protocol::ids::{Place, Realm, RoomKey, RoomKind, UserId};
use rookery_storage::limits::PAGE_RECORDS;
use rookery_storage::record::State;
use rookery_storage::{Ask, Kind, Outcome, PageFrom, Record};
use std::collections::VecDeque;

/// Looked at for one answer, at most.
const ROOMS: usize = 256;

pub struct Search {
    realm: Realm,
    user: UserId,
    limit: usize,
    /// Not looked at yet; the first of them is at hand.
    rooms: VecDeque<RoomKey>,
    /// From where to go on behind those. None: they are the last.
    reached: Option<RoomKey>,
    found: Vec<RoomKey>,
    /// The room at hand could not be read. Is it the room, or the store?
    doubt: bool,
}

impl Search {
    pub fn begin(realm: &Realm, user: &UserId, after: Option<RoomKey>, limit: usize) -> (Search, Ask) {
        let (realm, user) = (realm.clone(), user.clone());
        let (rooms, found) = (VecDeque::new(), Vec::new());
        let search = Search { realm, user, limit, rooms, reached: None, found, doubt: false };
        (search, Ask::Rooms { after, limit: ROOMS })
    }

    pub fn take(&mut self, outcome: Outcome) -> NextOrFault<Fetched> {
        match outcome {
            // It is the room. It is told like those in which something was found, and goes on trying by itself.
            Outcome::Rooms(_) if std::mem::take(&mut self.doubt) => self.next_room(true),
            Outcome::Rooms(page) => {
                // Rooms come in the order of their realms.
                let last = page.rooms.last().filter(|last| page.more && last.realm <= self.realm);
                self.reached = last.cloned();
                let says = |room: &RoomKey| !matches!(room.kind, RoomKind::Inbox | RoomKind::Lobby);
                self.rooms = page.rooms.into_iter().filter(|room| room.realm == self.realm && says(room)).collect();
                self.look(Place::START)
            }
            Outcome::Page(page) => match page.records.last() {
                _ if page.records.iter().any(|record| self.says(record)) => self.next_room(true),
                Some(last) if page.newer > 0 => self.look(last.place),
                Some(_) | None => self.next_room(false),
            },
            Outcome::Row(value) => self.next_room(value.is_some_and(|value| is_seen(&value))),
            Outcome::Failed(_) if !self.doubt && !self.rooms.is_empty() => {
                self.doubt = true;
                Next::Ask(Ask::Rooms { after: None, limit: 1 })
            }
            Outcome::Failed(_)
            | Outcome::Stored(_)
            | Outcome::Loaded(_)
            | Outcome::Fetched(_)
            | Outcome::Replay(_)
            | Outcome::Counted(_)
            | Outcome::Found(_)
            | Outcome::Expired(_)
            | Outcome::Scanned(_)
            | Outcome::Tail(_)
            | Outcome::Trimmed(_)
            | Outcome::Rested(_) => NextOrFault::FAULT,
        }
    }

    fn says(&self, record: &Record) -> bool {
        matches!(record.kind, Kind::Message { state: State::Present, .. }) && is_of(record, &self.user)
    }

    /// On in the room at hand.
    fn look(&self, after: Place) -> NextOrFault<Fetched> {
        match self.rooms.front() {
            Some(directory) if directory.kind == RoomKind::Directory => {
                let mut key = Vec::new();
                let (table, _) = keys::fact(&mut key, &seen(&self.user));
                Next::Ask(Ask::Row { room: directory.clone(), table, key: key.into() })
            }
            Some(room) => Next::Ask(page_of(room, None, PageFrom::After(after), PAGE_RECORDS, END)),
            None => Next::Done(Ok(Fetched::Rooms { rooms: self.found.clone(), reached: self.reached.clone() })),
        }
    }

    fn next_room(&mut self, found: bool) -> NextOrFault<Fetched> {
        let looked_at = self.rooms.pop_front();
        self.found.extend(looked_at.clone().filter(|_| found));
        if self.found.len() >= self.limit && (!self.rooms.is_empty() || self.reached.is_some()) {
            self.rooms.clear();
            self.reached = looked_at;
        }
        self.look(Place::START)
    }
}

fn seen(user: &UserId) -> Fact {
    Fact::UserSeen { user: user.clone(), display: String::new() }
}

/// The row stays, and says that the user is erased. One that cannot be read may say anything.
fn is_seen(value: &[u8]) -> bool {
    !matches!(Reader::value(value, take_fact), Ok(Fact::UserErased { .. }))
}
