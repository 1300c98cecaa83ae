//! What the driver must know of a target's language; everything else about a load is the same for all.
//!
//! An adapter writes and reads payloads. Frames, masks, sockets and the judging of deliveries are the driver's:
//! a delivery is recognised by the mark in its body, and reaches an adapter only where its place is wanted.
//!
//! Languages are coded where they carry places or are no messages over WebSocket, and written down as templates otherwise.

mod floor;
mod language;
mod nats;
mod rookery_binary;
mod rookery_json;
mod template;
mod token;

#[cfg(test)]
mod agreement;

use crate::marker::Mark;

pub use language::{Kind, Language};
pub use token::Tokens;

/// How an adapter is made.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Ballast added to each publication (floor only).
    pub padding: u16,
    pub tokens: Tokens,
}

/// Where a message stands in its room, for targets that say so. Ordered as the target orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub epoch: u64,
    pub seq: u64,
}

/// Whose connection it is that something is said on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Who<'a> {
    pub connection: usize,
    /// What the target gave this connection to show again; empty where it gave nothing.
    pub voucher: &'a str,
}

/// How messages lie in what a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One in each WebSocket message.
    Messages,
    /// Several in a WebSocket message, with this byte between them.
    Separated(u8),
    /// NATS: lines, some with a payload behind them, in one stream, over WebSocket or not.
    Nats,
}

/// How a subscription begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With what comes from now on.
    Live,
    /// With everything above the place that was given.
    Resuming,
    /// With what comes from now on, although a place was given.
    Gap,
    /// Everything above this place was promised to nobody and is gone; then as resuming.
    Retract(Place),
}

/// A message of a page of history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    pub place: Place,
    /// None: nothing of ours.
    pub mark: Option<Mark>,
}

/// What a target said that is no delivery. Commands are named by the number that writing them returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The connection may join now.
    Ready,
    /// What this connection must show again.
    Voucher(Box<str>),
    /// The adapter has something to [say](Adapter::say) to that.
    Say(usize),
    /// What was asked for last (to open, to join, to leave) is done; for targets that do not say which.
    Done,
    /// The place is that above which deliveries follow, where the target tells.
    Subscribed {
        start: Start,
        from: Option<Place>,
    },
    Left,
    Acked {
        command: u32,
        place: Option<Place>,
    },
    /// In the order of places, and whether more follow.
    Page {
        command: u32,
        items: Vec<Item>,
        more: bool,
    },
    /// What lay between the last delivery and this place will not come.
    Gap {
        from: Option<Place>,
    },
    /// What was delivered above this place is gone.
    Retracted {
        above: Place,
    },
    Refused {
        command: Option<u32>,
        why: String,
    },
}

/// The name under which a message is said again, so that a target takes it once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    pub stream: u64,
    pub number: u64,
}

pub trait Adapter {
    /// Path and further header lines (each with its line end) of one connection's upgrade request. None: this language does
    /// without WebSocket.
    fn upgrade(&self, connection: usize) -> Option<(String, String)>;

    /// Opcode of what this language sends.
    fn opcode(&self) -> u8;

    fn framing(&self) -> Framing {
        Framing::Messages
    }

    /// Writes what is said as soon as a connection is open. True: it joins only when it has heard that it is ready.
    fn opening(&mut self, _who: Who<'_>, _out: &mut Vec<u8>) -> bool {
        false
    }

    /// Writes what is said to something that was heard.
    fn say(&mut self, _nth: usize, _who: Who<'_>, _out: &mut Vec<u8>) {}

    /// `after` is the place of the last message seen: what came since is wanted, too.
    fn subscribe(&mut self, who: Who<'_>, room: u16, after: Option<Place>, out: &mut Vec<u8>);

    /// Writes that a connection leaves a room. False: no answer will come.
    fn leave(&mut self, who: Who<'_>, room: u16, out: &mut Vec<u8>) -> bool;

    /// Writes one publication and returns its command's number; 0: it is not answered.
    fn publish(&mut self, who: Who<'_>, room: u16, body: &[u8], key: Option<Key>, out: &mut Vec<u8>) -> u32;

    /// Whether only members of a room may speak in it, so that senders without a seat join their rooms, too.
    fn senders_join(&self) -> bool {
        false
    }

    /// Whether members hear what they say themselves.
    fn echoes(&self) -> bool {
        true
    }

    /// Reads what is no delivery.
    fn hear(&mut self, payload: &[u8], heard: &mut Vec<Heard>);

    /// Whether a payload with marks in it is a delivery, and not an answer that quotes messages.
    fn is_delivery(&self, _payload: &[u8]) -> bool {
        true
    }

    /// Whether deliveries and acks tell places, and a subscription may begin after one.
    fn has_places(&self) -> bool {
        false
    }

    /// The place of a delivery; its epoch is left out where it is that of the delivery before.
    fn place(&self, _payload: &[u8]) -> Option<(Option<u64>, u64)> {
        None
    }

    /// Asks for a page, so many messages behind the oldest, or the newest. None: this language has no history.
    fn page(&mut self, _room: u16, _skip_oldest: Option<u64>, _size: u32, _out: &mut Vec<u8>) -> Option<u32> {
        None
    }

    /// Signals typing. False: this language cannot.
    fn typing(&mut self, _who: Who<'_>, _room: u16, _on: bool, _out: &mut Vec<u8>) -> bool {
        false
    }
}

pub fn make(language: &Language, settings: &Settings) -> Box<dyn Adapter> {
    match language {
        Language::Coded(Kind::Floor) => Box::new(floor::Floor { padding: settings.padding }),
        Language::Coded(Kind::RookeryJson) => Box::new(rookery_json::RookeryJson::new(settings.tokens.clone())),
        Language::Coded(Kind::RookeryBinary) => Box::new(rookery_binary::RookeryBinary::new(settings.tokens.clone())),
        Language::Coded(Kind::Nats) => Box::new(nats::Nats::new(false, &settings.tokens)),
        Language::Coded(Kind::NatsWebsocket) => Box::new(nats::Nats::new(true, &settings.tokens)),
        Language::Template(template) => Box::new(template::Speaker::new(template.clone(), settings.tokens.clone())),
    }
}

/// The upgrade request of both native languages.
fn rookery_upgrade(subprotocol: &str, tokens: &Tokens, connection: usize) -> Option<(String, String)> {
    let header = format!("Sec-WebSocket-Protocol: {subprotocol}\r\n{}", tokens.header(connection));
    Some(("/v1/ws".to_owned(), header))
}
