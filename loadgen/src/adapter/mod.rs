//! What the driver must know of a target's language; everything else about a workload is the same for all.
//!
//! An adapter writes and reads payloads. Frames, masks, sockets and the judging of deliveries are the driver's:
//! a delivery is recognised by the mark in its body and never reaches an adapter.

mod floor;
mod rookery_binary;
mod rookery_json;
mod token;

#[cfg(test)]
mod agreement;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

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

/// What a message that is no delivery said.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    pub subscribed: u32,
    pub left: u32,
    pub acked: u32,
    pub refused: Option<String>,
}

pub trait Adapter {
    /// Path and further header lines (each with its line end) of one connection's upgrade request.
    fn upgrade(&self, connection: usize) -> (String, String);

    /// Opcode of what this language sends.
    fn opcode(&self) -> u8;

    fn subscribe(&mut self, room: u16, out: &mut Vec<u8>);

    fn leave(&mut self, room: u16, out: &mut Vec<u8>);

    /// Writes one publication; `number` counts from 0 in its room.
    fn publish(&mut self, room: u16, number: u64, body: &[u8], out: &mut Vec<u8>);

    /// Reads what is no delivery.
    fn hear(&mut self, payload: &[u8]) -> Heard;
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
