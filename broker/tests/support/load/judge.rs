//! Reads every room from its beginning to its end, and compares it with what was acked and seen.

use super::super::client::room;
use super::super::{Client, Heard, JSON, Node};
use super::sender::{Acked, body};
use super::watcher::Watcher;
use super::{ROOMS, room_name};
use rookery_protocol::command::{Command, HistoryFrom, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::event::EventBody;
use rookery_protocol::ids::Place;
use rookery_protocol::message::Message;
use rookery_protocol::reply::Reply;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a sender was promised.
pub struct Promised<'a> {
    pub sender: u64,
    pub acked: &'a [Acked],
}

/// Messages of all rooms.
pub fn judge(node: &Node, promised: &[Promised<'_>], watchers: &[Watcher]) -> usize {
    let token = node.token("judge");
    let rooms: Vec<BTreeMap<Place, Arc<Message>>> = (0..ROOMS).map(|index| read(node, &token, index)).collect();
    for Promised { sender, acked } in promised {
        for Acked { room, n, place, ordinal } in *acked {
            let found = rooms[*room].get(place).unwrap_or_else(|| panic!("{n} of {sender} is lost"));
            assert_eq!((text(found), found.ordinal), (body(*sender, *n), *ordinal), "at {place}");
        }
    }
    for (index, seen) in watchers.iter().flat_map(|watcher| &watcher.seen) {
        for (place, body) in seen {
            let kept = rooms[*index].get(place).map(|message| text(message));
            assert_eq!(kept.as_ref(), Some(body), "seen at {place} of room {index}, and nobody said that it is gone");
        }
    }
    rooms.iter().map(BTreeMap::len).sum()
}

fn text(message: &Message) -> String {
    String::from_utf8(message.body.to_vec()).unwrap()
}

/// Every event of a room by resuming from its start: seqs without a hole, ordinals too, nothing twice, and each sender's
/// messages in the order in which they were posted.
fn read(node: &Node, token: &str, index: usize) -> BTreeMap<Place, Arc<Message>> {
    let mut client = Client::enter(node.address, JSON, token);
    let rooms =
        vec![SubscribeRoom { room: room(&room_name(index)), cursor: Some(Place::START), wants: Wants::default() }];
    let Reply::Subscribed(subscribed) = client.ask(&Command::Subscribe { rooms }) else { panic!("not subscribed") };
    let mut messages = BTreeMap::new();
    let mut highest: HashMap<String, u64> = HashMap::new();
    let (mut last, mut ordinal) = (Place::START, 0);
    while last < subscribed.end {
        let event = match client.next_unasked() {
            Heard::Frame(ServerFrame::Event { event, .. }) => event,
            Heard::Frame(_) => continue,
            Heard::Closed(why) => panic!("closed: {why:?}"),
        };
        assert_eq!(event.place.seq.0, last.seq.0 + 1, "a hole in room {index}");
        assert!(event.place > last);
        last = event.place;
        let EventBody::Posted(message) = event.body else { continue };
        ordinal += 1;
        assert_eq!(message.ordinal, ordinal, "in room {index}");
        let text = text(&message);
        let (sender, n) = text.split_once(':').unwrap();
        let n: u64 = n.parse().unwrap();
        let before = highest.insert(sender.to_owned(), n).unwrap_or(0);
        assert!(n > before, "sender {sender}: {n} behind {before} in room {index}");
        messages.insert(event.place, message);
    }
    pages(&mut client, index, &messages);
    messages
}

/// History by pages says the same.
fn pages(client: &mut Client, index: usize, messages: &BTreeMap<Place, Arc<Message>>) {
    let all: Vec<Place> = messages.keys().copied().collect();
    let middle = all.len() / 2;
    let froms = [
        (HistoryFrom::FromOldest(0), 0),
        (HistoryFrom::FromOldest(middle as u64), middle),
        (HistoryFrom::Newest, all.len().saturating_sub(50)),
    ];
    for (from, begin) in froms {
        let history = Command::History { room: room(&room_name(index)), from, limit: 50, thread: None };
        let Reply::History(page) = client.ask(&history) else { panic!("no history") };
        let places: Vec<Place> = page.messages.iter().map(|message| message.place).collect();
        let end = all.len().min(begin + 50);
        assert_eq!(places, all[begin..end], "{from:?} of room {index}");
    }
}
