//! What the driver must know of a target's language; everything else about a load is the same for all.
//!
//! An adapter writes and reads payloads. Frames, masks, sockets and the judging of deliveries are the driver's:
//! a delivery is recognised by the mark in its body, and reaches an adapter only where its place is wanted.

mod floor;
mod rookery_binary;
mod rookery_json;
mod token;

#[cfg(test)]
mod agreement;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::marker::Mark;

pub use token::Tokens;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Floor,
    RookeryJson,
    RookeryBinary,
}

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
    /// Path and further header lines (each with its line end) of one connection's upgrade request.
    fn upgrade(&self, connection: usize) -> (String, String);

    /// Opcode of what this language sends.
    fn opcode(&self) -> u8;

    /// `after` is the place of the last message seen: what came since is wanted, too.
    fn subscribe(&mut self, room: u16, after: Option<Place>, out: &mut Vec<u8>);

    fn leave(&mut self, room: u16, out: &mut Vec<u8>);

    /// Writes one publication and returns its command's number; 0: it is not answered.
    fn publish(&mut self, room: u16, body: &[u8], key: Option<Key>, out: &mut Vec<u8>) -> u32;

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
    fn typing(&mut self, _room: u16, _on: bool, _out: &mut Vec<u8>) -> bool {
        false
    }
}

pub fn make(kind: Kind, settings: &Settings) -> Box<dyn Adapter> {
    match kind {
        Kind::Floor => Box::new(floor::Floor { padding: settings.padding }),
        Kind::RookeryJson => Box::new(rookery_json::RookeryJson::new(settings.tokens.clone())),
        Kind::RookeryBinary => Box::new(rookery_binary::RookeryBinary::new(settings.tokens.clone())),
    }
}

/// The upgrade request of both native languages.
fn rookery_upgrade(subprotocol: &str, tokens: &Tokens, connection: usize) -> (String, String) {
    let header = format!("Sec-WebSocket-Protocol: {subprotocol}\r\n{}", tokens.header(connection));
    ("/v1/ws".to_owned(), header)
}
