//! A client of a script: it says JSON and hears JSON, each message in its turn, and nothing goes unheard.
//!
//! What it expects is a part: fields that are not named may be anything, and `null` says that a field is left out.
//! Where an event names its room by a handle, the script uses the room's name.

use crate::stage::World;
use crate::wire::{Frame, Socket};
use rookery_engine::message::ConnId;
use rookery_protocol::errors::DropReason;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

pub struct Client {
    pub(crate) stage: Rc<RefCell<World>>,
    pub(crate) me: usize,
}

/// A client's end of its connection.
pub struct Ear {
    pub shard: u8,
    pub conn: Option<ConnId>,
    pub socket: Socket,
    pub heard: VecDeque<Heard>,
    /// Bytes that its socket takes.
    pub takes: usize,
    /// Does not answer pings.
    pub mute: bool,
    pub pings: u32,
    rooms: BTreeMap<u64, String>,
}

pub enum Heard {
    Said(Value),
    Closed {
        code: u16,
        reason: String,
    },
    /// The socket ended without a close frame.
    Cut(DropReason),
}

impl std::fmt::Debug for Heard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Heard::Said(said) => write!(f, "{said}"),
            Heard::Closed { code, reason } => write!(f, "close {code} {reason:?}"),
            Heard::Cut(reason) => write!(f, "cut {reason:?}"),
        }
    }
}

impl Ear {
    pub fn new(shard: u8, conn: ConnId) -> Ear {
        Ear {
            shard,
            conn: Some(conn),
            socket: Socket::default(),
            heard: VecDeque::new(),
            takes: usize::MAX,
            mute: false,
            pings: 0,
            rooms: BTreeMap::new(),
        }
    }

    /// Takes whole frames off the socket; answers whether there was a ping.
    pub fn listen(&mut self) -> bool {
        let mut pinged = false;
        while let Some(frame) = self.socket.next().unwrap() {
            match frame {
                Frame::Text(text) => {
                    let said: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text} is no JSON: {e}"));
                    self.note_room(&said);
                    self.heard.push_back(Heard::Said(said));
                }
                Frame::Binary(bytes) => panic!("{} bytes that are no JSON", bytes.len()),
                Frame::Ping => {
                    self.pings += 1;
                    pinged = true;
                }
                Frame::Close { code, reason } => self.heard.push_back(Heard::Closed { code, reason }),
            }
        }
        pinged
    }

    fn note_room(&mut self, said: &Value) {
        if said["ok"] == "subscribed" {
            let key = &said["room"];
            let name = if key["kind"] == "room" { &key["name"] } else { &key["kind"] };
            self.rooms.insert(said["handle"].as_u64().unwrap(), name.as_str().unwrap().to_owned());
        }
    }
}

impl Client {
    /// Says something, and whatever follows from it happens.
    pub fn says(&self, text: &str) {
        self.begins(text);
        self.stage.borrow_mut().run();
    }

    /// Says something of which nothing follows before the others have spoken, too.
    pub fn begins(&self, text: &str) {
        self.stage.borrow_mut().receive(self.me, text);
    }

    /// Subscribes to a room, from now on.
    pub fn listens_to(&self, room: &str) {
        self.says(&format!(r#"{{"do":"subscribe","id":2,"rooms":[{{"room":"{room}"}}]}}"#));
        self.hears(r#"{"re":2,"ok":"subscribed","start":"live"}"#);
    }

    /// Says a message in a room; what is answered is still to be heard.
    pub fn posts(&self, room: &str, body: &str) {
        self.says(&post(room, body));
    }

    /// The next that it heard.
    fn next(&self, instead_of: &str) -> Heard {
        let next = self.stage.borrow_mut().ears[self.me].heard.pop_front();
        next.unwrap_or_else(|| panic!("nothing was heard, but should be: {instead_of}"))
    }

    /// The next is this; answers with all of it.
    pub fn hears(&self, expected: &str) -> Value {
        let wanted = read(expected);
        match self.next(expected) {
            Heard::Said(said) => {
                let rooms = &self.stage.borrow().ears[self.me].rooms;
                if let Err(why) = fits(&wanted, &said, rooms) {
                    panic!("{why}\n   heard: {said}\nexpected: {expected}");
                }
                said
            }
            other => panic!("{other:?} instead of {expected}"),
        }
    }

    /// The next are these, in this order.
    pub fn hears_all(&self, expected: &[&str]) {
        for one in expected {
            self.hears(one);
        }
    }

    /// The next are these, in any order.
    pub fn hears_some(&self, expected: &[&str]) {
        let mut left: Vec<&str> = expected.to_vec();
        while !left.is_empty() {
            let Heard::Said(said) = self.next(&left.join(" or ")) else { panic!("the end instead of {left:?}") };
            let rooms = &self.stage.borrow().ears[self.me].rooms;
            let met = left.iter().position(|one| fits(&read(one), &said, rooms).is_ok());
            left.remove(met.unwrap_or_else(|| panic!("heard {said}\ninstead of one of {left:#?}")));
        }
    }

    /// Of this room, these in this order and nothing else. Between rooms nobody promises an order.
    pub fn hears_of(&self, room: &str, expected: &[&str]) {
        let (mine, others) = self.ear(|ear| {
            let rooms = &ear.rooms;
            let concerns = |said: &Value| match said["room"].as_u64() {
                Some(handle) => rooms.get(&handle).is_some_and(|name| name == room),
                None => said["room"]["name"] == room,
            };
            let all = ear.heard.drain(..).collect::<Vec<_>>();
            all.into_iter().partition::<VecDeque<_>, _>(|heard| matches!(heard, Heard::Said(s) if concerns(s)))
        });
        self.ear(|ear| ear.heard = mine);
        self.hears_all(expected);
        self.hears_nothing();
        self.ear(|ear| ear.heard = others);
    }

    pub fn hears_nothing(&self) {
        let heard = &self.stage.borrow().ears[self.me].heard;
        assert!(heard.is_empty(), "heard also: {heard:#?}");
    }

    /// Messages of this room until one that fits.
    pub fn hears_on_until(&self, expected: &str) -> Vec<Value> {
        let wanted = read(expected);
        let mut all = Vec::new();
        loop {
            let Heard::Said(said) = self.next(expected) else { panic!("the end instead of {expected}") };
            let done = fits(&wanted, &said, &self.stage.borrow().ears[self.me].rooms).is_ok();
            all.push(said);
            if done {
                return all;
            }
        }
    }

    /// The last is a close frame; answers with its reason.
    pub fn hears_close(&self, expected: u16) -> String {
        match self.next("a close frame") {
            Heard::Closed { code, reason } if code == expected => reason,
            other => panic!("{other:?} instead of {expected}"),
        }
    }

    /// The connection ended without a word.
    pub fn is_cut(&self, expected: DropReason) {
        match self.next("the end") {
            Heard::Cut(reason) if reason == expected => {}
            other => panic!("{other:?} instead of {expected:?}"),
        }
    }

    pub fn is_gone(&self) -> bool {
        self.ear(|ear| ear.conn.is_none())
    }

    /// From now on its socket takes so many bytes and no more.
    pub fn takes(&self, bytes: usize) {
        self.ear(|ear| ear.takes = bytes);
        self.stage.borrow_mut().writable(self.me);
    }

    pub fn hangs_up(&self) {
        self.stage.borrow_mut().hangs_up(self.me);
    }

    /// Bytes that wait for its socket.
    pub fn queued(&self) -> usize {
        self.stage.borrow().queued(self.me)
    }

    /// The largest message that it may send.
    pub fn may_say(&self) -> usize {
        self.stage.borrow().message_limit(self.me)
    }

    pub fn ear<T>(&self, look: impl FnOnce(&mut Ear) -> T) -> T {
        look(&mut self.stage.borrow_mut().ears[self.me])
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.hears_nothing();
            // Whoever reads and is still there has whole messages only.
            self.ear(|ear| assert!(ear.conn.is_none() || ear.takes < usize::MAX || ear.socket.rest() == 0));
        }
    }
}

pub fn post(room: &str, body: &str) -> String {
    format!(r#"{{"do":"post","id":3,"room":"{room}","body":"{body}"}}"#)
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("the script is no JSON: {e}: {text}"))
}

fn fits(wanted: &Value, said: &Value, rooms: &BTreeMap<u64, String>) -> Result<(), String> {
    match (wanted, said) {
        (Value::Object(wanted), Value::Object(said)) => {
            for (field, value) in wanted {
                let found = said.get(field).unwrap_or(&Value::Null);
                let named = found.as_u64().filter(|_| field == "room" && value.is_string());
                let named = named.map(|handle| Value::from(rooms.get(&handle).cloned()));
                fits(value, named.as_ref().unwrap_or(found), rooms).map_err(|why| format!("{field}: {why}"))?;
            }
            Ok(())
        }
        (Value::Array(wanted), Value::Array(said)) if wanted.len() == said.len() => {
            wanted.iter().zip(said).try_for_each(|(wanted, said)| fits(wanted, said, rooms))
        }
        _ if wanted == said => Ok(()),
        _ => Err(format!("{said} is not {wanted}")),
    }
}
