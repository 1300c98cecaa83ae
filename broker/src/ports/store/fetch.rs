//! What a decision or a page needs, as questions to the store: most are one question, some walk from answer to answer.

use super::codec::{keys, message};
use super::image::stream_value;
use super::reading::{Next, NextOrFault, Reading, STORE_NOW};
use super::replay::{Walk, Walked};
use super::search::Search;
use bytes::Bytes;
use rookery_engine::ports::{Fetch, Fetched};
use rookery_engine::settings::Keep;
use rookery_protocol::command::HistoryFrom;
use rookery_protocol::ids::{Place, RoomKey, UserId};
use rookery_storage::limits::PAGE_RECORDS;
use rookery_storage::{Ask, Keep as StoreKeep, Outcome, PageAsk, PageFrom, Record, Table};

/// Above everything that can be placed.
pub const END: Place = Place::new(u64::MAX, u64::MAX);

pub struct Fetching {
    room: RoomKey,
    what: What,
}

/// What is being asked, with what is known so far.
enum What {
    Message,
    Key,
    Stream,
    Page,
    Replay(Walk),
    BySender { user: UserId, places: Vec<Place>, limit: usize },
    Expired,
    SaidIn(Search),
    Trim,
}

impl Fetching {
    pub fn begin(room: &RoomKey, fetch: &Fetch) -> (Fetching, Ask) {
        let room = room.clone();
        let (what, ask) = match fetch {
            Fetch::Message(place) => (What::Message, fetch_of(&room, vec![*place])),
            Fetch::Key { user, key } => {
                let mut bytes = Vec::new();
                keys::duplicate(&mut bytes, user, key);
                (What::Key, Ask::Lookup { room: room.clone(), key: bytes.into() })
            }
            Fetch::Stream { user, stream } => {
                let mut bytes = Vec::new();
                keys::stream(&mut bytes, user, *stream);
                let (room, key) = (room.clone(), Bytes::from(bytes));
                (What::Stream, Ask::Row { room, table: Table::Streams, key })
            }
            Fetch::Page { from, limit, thread, fence } => {
                (What::Page, page_of(&room, *thread, page_from(*from), *limit as usize, *fence))
            }
            Fetch::Replay { after, limit, fence } => {
                let walk = Walk::new(*after, *fence, *limit as usize);
                let ask = walk.ask(&room);
                (What::Replay(walk), ask)
            }
            Fetch::BySender { user, after, limit } => {
                let what = What::BySender { user: user.clone(), places: Vec::new(), limit: *limit as usize };
                (what, page_of(&room, None, PageFrom::After(*after), PAGE_RECORDS, END))
            }
            Fetch::Expired { at, limit } => {
                (What::Expired, Ask::Expired { room: room.clone(), now: *at, limit: *limit as usize })
            }
            Fetch::SaidIn { user, after, limit } => {
                let (search, ask) = Search::begin(&room.realm, user, after.clone(), *limit as usize);
                (What::SaidIn(search), ask)
            }
            Fetch::Trim { keep, at } => (What::Trim, Ask::Trim { room: room.clone(), keep: keep_of(keep), now: *at }),
        };
        (Fetching { room, what }, ask)
    }

    pub fn take(&mut self, outcome: Outcome, reading: &mut Reading<'_>) -> NextOrFault<Fetched> {
        match (&mut self.what, outcome) {
            (What::Message, Outcome::Fetched(records)) => {
                let record = records.into_iter().next().flatten();
                Next::Done(Ok(Fetched::Message(record.and_then(|record| reading.message(&self.room, &record)))))
            }
            (What::Key, Outcome::Found(found)) => Next::Done(Ok(Fetched::Place(found.map(|found| found.place)))),
            (What::Stream, Outcome::Row(value)) => match value.as_ref().map(stream_value).transpose() {
                Ok(value) => Next::Done(Ok(Fetched::Stream(value))),
                Err(why) => {
                    reading.report(&self.room, "row", "stream", why);
                    NextOrFault::FAULT
                }
            },
            (What::Page, Outcome::Page(page)) => Next::Done(Ok(Fetched::Page {
                messages: page.records.iter().filter_map(|record| reading.message(&self.room, record)).collect(),
                more_before: page.older > 0,
                more_after: page.newer > 0,
            })),
            (What::Replay(walk), outcome) => match walk.take(outcome, &self.room, reading) {
                Walked::On => Next::Ask(walk.ask(&self.room)),
                Walked::Done => Next::Done(Ok(Fetched::Replay(Some(std::mem::take(&mut walk.events))))),
                Walked::Gone => Next::Done(Ok(Fetched::Replay(None))),
                Walked::Fault => NextOrFault::FAULT,
            },
            (What::BySender { user, places, limit }, Outcome::Page(page)) => {
                let theirs = page.records.iter().filter(|record| is_of(record, user)).map(|record| record.place);
                places.extend(theirs.take(*limit - places.len()));
                match page.records.last() {
                    Some(last) if page.newer > 0 && places.len() < *limit => {
                        Next::Ask(page_of(&self.room, None, PageFrom::After(last.place), PAGE_RECORDS, END))
                    }
                    Some(_) | None => Next::Done(Ok(Fetched::Places(std::mem::take(places)))),
                }
            }
            (What::Expired, Outcome::Expired(places)) => Next::Done(Ok(Fetched::Places(places))),
            (What::SaidIn(search), outcome) => search.take(outcome),
            (What::Trim, Outcome::Trimmed(_)) => Next::Ask(page_of(&self.room, None, PageFrom::FromOldest(0), 1, END)),
            (What::Trim, Outcome::Page(page)) => {
                Next::Done(Ok(Fetched::Places(page.records.iter().map(|record| record.place).collect())))
            }
            (
                What::Message
                | What::Key
                | What::Stream
                | What::Page
                | What::BySender { .. }
                | What::Expired
                | What::Trim,
                _,
            ) => NextOrFault::FAULT,
        }
    }
}

/// What the store is told to leave. A change that a resume needs is never dropped for its number.
pub fn keep_of(keep: &Keep) -> StoreKeep {
    let Keep { messages, messages_since, changes_since } = *keep;
    StoreKeep { messages, messages_since, changes_since, ..StoreKeep::ALL }
}

pub fn is_of(record: &Record, user: &UserId) -> bool {
    message::sender_of(&record.payload) == Some(user.as_str())
}

pub fn fetch_of(room: &RoomKey, places: Vec<Place>) -> Ask {
    Ask::Fetch { room: room.clone(), places, now: STORE_NOW }
}

pub fn page_of(room: &RoomKey, thread: Option<Place>, from: PageFrom, limit: usize, fence: Place) -> Ask {
    Ask::Page(PageAsk { room: room.clone(), thread, from, limit, fence, now: STORE_NOW })
}

fn page_from(from: HistoryFrom) -> PageFrom {
    match from {
        HistoryFrom::Newest => PageFrom::Newest,
        HistoryFrom::Before(place) => PageFrom::Before(place),
        HistoryFrom::After(place) => PageFrom::After(place),
        HistoryFrom::Around(place) => PageFrom::Around(place),
        HistoryFrom::FromOldest(n) => PageFrom::FromOldest(n),
        HistoryFrom::FromNewest(n) => PageFrom::FromNewest(n),
    }
}
