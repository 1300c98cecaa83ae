//! Malformed and borderline inputs as data: what a client sends, what it must have been heard to say, and the verdict.
//!
//! Nothing here touches the broker: the same cases run against the guard in process (`tests/malformed.rs`) and over
//! sockets. The frames assume [`MESSAGE_BYTES`] and [`FRAGMENTS`] as limits; handshakes assume [`ORIGINS`] and
//! [`PROTOCOLS`]. Those that do not reach a limit hold for all larger ones.
#![allow(dead_code)] // Each test binary uses a part of it.

pub mod bytes;
mod close;
mod control;
mod fragments;
mod handshake;
mod length;
mod mask;
mod opcode;
mod reserved;
mod utf8;

/// The largest message, inclusive.
pub const MESSAGE_BYTES: usize = 64 * 1024;
/// The most fragments of a message, inclusive.
pub const FRAGMENTS: u32 = 64;
/// Pages that may connect.
pub const ORIGINS: [&str; 2] = ["https://chat.example.com", "http://localhost:3000"];
/// What the server speaks, best first.
pub const PROTOCOLS: [&str; 2] = ["rookery.v1.binary", "rookery.v1.json"];

/// One input.
#[derive(Debug, Clone)]
pub struct Case {
    pub class: Class,
    /// Unique over all classes.
    pub name: String,
    /// All that the client sends: frames, or for [`Class::Handshake`] an HTTP request and perhaps bytes behind it.
    pub input: Vec<u8>,
    /// What the server hears before the verdict, in order.
    pub heard: Vec<Heard>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Opcode,
    Reserved,
    Mask,
    Length,
    Control,
    Close,
    Utf8,
    Fragments,
    Handshake,
}

impl Class {
    pub const ALL: [Class; 9] = [
        Class::Opcode,
        Class::Reserved,
        Class::Mask,
        Class::Length,
        Class::Control,
        Class::Close,
        Class::Utf8,
        Class::Fragments,
        Class::Handshake,
    ];
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<u16>, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything was fine and the connection stays open, with nothing half received.
    Open,
    /// Fine so far, but the last frame or message is not complete.
    Waiting,
    /// The client closed properly; the server answers with the same code, or none.
    Ended,
    /// The server closes with this code.
    Closed(u16),
    /// The server answers the handshake with this status; for 101 with this subprotocol, and `behind` unread.
    Http { status: u16, protocol: Option<&'static str>, behind: Vec<u8> },
}

/// All cases of all classes.
pub fn all() -> Vec<Case> {
    [
        opcode::cases(),
        reserved::cases(),
        mask::cases(),
        length::cases(),
        control::cases(),
        close::cases(),
        utf8::cases(),
        fragments::cases(),
        handshake::cases(),
    ]
    .concat()
}

/// The WebSocket cases: all but the handshakes.
pub fn frames() -> Vec<Case> {
    all().into_iter().filter(|case| case.class != Class::Handshake).collect()
}

/// Every `n`th case, so that each class is represented by its size: for runs that cost more per case.
pub fn every(n: usize) -> Vec<Case> {
    all().into_iter().step_by(n.max(1)).collect()
}

/// What stands before the frame in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    AfterMessage,
    InsideMessage,
}

impl Place {
    const ALL: [Place; 3] = [Place::First, Place::AfterMessage, Place::InsideMessage];

    fn before(self) -> (Vec<u8>, Vec<Heard>) {
        match self {
            Place::First => (Vec::new(), Vec::new()),
            Place::AfterMessage => (bytes::message(bytes::TEXT, b"fine"), vec![Heard::Text("fine".to_owned())]),
            Place::InsideMessage => (bytes::frame(bytes::TEXT, b"begun"), Vec::new()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Place::First => "first",
            Place::AfterMessage => "after-message",
            Place::InsideMessage => "inside-message",
        }
    }
}

/// A case whose frame stands at a place, and what follows is never heard.
fn broken(class: Class, name: String, place: Place, frame: &[u8], code: u16) -> Case {
    let (mut input, heard) = place.before();
    input.extend_from_slice(frame);
    input.extend(bytes::message(bytes::TEXT, b"never heard"));
    Case { class, name: format!("{name}-{}", place.name()), input, heard, verdict: Verdict::Closed(code) }
}

/// A case that is heard.
fn heard(class: Class, name: String, input: Vec<u8>, heard: Vec<Heard>) -> Case {
    Case { class, name, input, heard, verdict: Verdict::Open }
}

/// Some bytes that are not all alike.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

/// Some text that is not all alike.
fn letters(length: usize) -> String {
    (0..length).map(|i| char::from(b'a' + (i % 26) as u8)).collect()
}
