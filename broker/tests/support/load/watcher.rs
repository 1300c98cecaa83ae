//! Sees messages as soon as they are placed, and unsees what it is told to be gone.

use super::super::client::room;
use super::super::{Client, Heard, JSON};
use super::room_name;
use rookery_protocol::command::{Command, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::event::{EventBody, Signal};
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::{Mark, Reply, Start};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

pub struct Watcher {
    /// What it has seen of each room, and not been told to forget.
    pub seen: BTreeMap<usize, BTreeMap<Place, String>>,
    /// Messages that it was told to forget.
    pub retracted: usize,
}

impl Watcher {
    pub fn new(rooms: Vec<usize>) -> Watcher {
        Watcher { seen: rooms.into_iter().map(|room| (room, BTreeMap::new())).collect(), retracted: 0 }
    }

    /// Listens until the node is gone, from where it was.
    pub fn run(&mut self, address: SocketAddr, token: &str) {
        self.listen(address, token, usize::MAX);
    }

    /// Hears of every room what became of what it has seen.
    pub fn finish(&mut self, address: SocketAddr, token: &str) {
        let rooms = self.seen.len();
        assert_eq!(self.listen(address, token, rooms), rooms, "a node that nobody kills closed the connection");
    }

    /// Until so many rooms have answered; how many have.
    fn listen(&mut self, address: SocketAddr, token: &str, enough: usize) -> usize {
        let Ok(mut client) = Client::open_at(address, JSON, "/v1/ws") else { return 0 };
        let subscribe = |room_index: &usize, last: Option<Place>| SubscribeRoom {
            room: room(&room_name(*room_index)),
            cursor: last,
            wants: Wants::default(),
        };
        let rooms = self
            .seen
            .iter()
            .map(|(room, seen)| subscribe(room, Some(seen.keys().next_back().copied().unwrap_or(Place::START))))
            .collect();
        let indices: Vec<usize> = self.seen.keys().copied().collect();
        for command in [Command::Authenticate { token: token.to_owned() }, Command::Subscribe { rooms }] {
            let (_, frame) = client.frame(&command);
            if client.raw(&frame).is_err() {
                return 0;
            }
        }
        let mut handles: HashMap<RoomHandle, usize> = HashMap::new();
        while handles.len() < enough {
            match client.next() {
                Heard::Frame(ServerFrame::Reply { reply: Reply::Subscribed(subscribed), .. }) => {
                    let index =
                        *indices.iter().find(|index| room_name(**index) == subscribed.room.name.as_str()).unwrap();
                    handles.insert(subscribed.handle, index);
                    match subscribed.start {
                        Start::Retract { above } => self.forget(index, above),
                        Start::Live | Start::Resuming => {}
                        Start::Gap(reason) => panic!("a gap in {index}: {reason:?}"),
                    }
                }
                Heard::Frame(ServerFrame::Event { room, event, .. }) => {
                    let seen = self.seen.get_mut(&handles[&room]).unwrap();
                    let last = seen.keys().next_back().copied().unwrap_or(Place::START);
                    assert!(event.place > last, "{} behind {last}", event.place);
                    if let EventBody::Posted(message) = &event.body {
                        seen.insert(event.place, String::from_utf8(message.body.to_vec()).unwrap());
                    }
                }
                Heard::Frame(ServerFrame::Signal { room, signal: Signal::Retract { above, .. } }) => {
                    self.forget(handles[&room], above);
                }
                Heard::Frame(ServerFrame::Mark(Mark::Gap { .. })) => panic!("a gap"),
                Heard::Frame(_) => {}
                Heard::Closed(_) => return handles.len(),
            }
        }
        handles.len()
    }

    fn forget(&mut self, room: usize, above: Place) {
        let seen = self.seen.get_mut(&room).unwrap();
        let gone = seen.split_off(&Place { seq: rookery_protocol::ids::Seq(above.seq.0 + 1), ..above });
        self.retracted += gone.len();
    }
}
