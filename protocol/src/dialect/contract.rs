//! What a client language is to the rest of the house: a reader of messages, a writer of frames, and a profile.
//!
//! A dialect sees bytes of one connection and turns them into commands; it sees replies, marks, events and signals and
//! turns them into frames. It decides nothing about rooms, keeps no clock and knows no other dialect.
//! Events are written once per [`Encoding`], for all connections that share it, so **no byte of an event may depend on
//! its receiver**. Replies and marks are written for one connection and may use its [`Stage`].

use crate::catalog::Row;
use crate::command::Command;
use crate::errors::DropReason;
use crate::event::{Event, Signal};
use crate::ids::{RoomHandle, RoomKey};
use crate::reply::{Mark, Refusal, Reply};
use crate::wire::frames::Frames;
use std::any::Any;

/// A dialect's index in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DialectId(pub u8);

/// A byte form shared by all connections that get identical bytes. Most dialects have one variant;
/// one that wraps events differently (a namespace, an alias, another transport) numbers its variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encoding {
    pub dialect: DialectId,
    pub variant: u8,
}

/// The number by which a connection pairs a reply with its command. A native client chooses it; other dialects count.
pub type Number = u32;

/// How a connection began: facts of its HTTP request, as far as a dialect may look at them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hello<'a> {
    pub path: &'a str,
    pub query: &'a str,
    /// A token found where this dialect looks for it before the first frame (header or query), not yet verified.
    pub token: Option<&'a str>,
}

/// One message of the transport, whole and unmasked.
#[derive(Clone, Copy, Debug)]
pub enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

/// What a dialect remembers of one connection between messages; native languages need nothing.
#[derive(Default)]
pub struct Stage(pub Option<Box<dyn Any + Send>>);

/// A command with the number that its reply carries.
#[derive(Debug, PartialEq)]
pub struct Asked {
    pub number: Number,
    pub command: Command,
}

/// Where a dialect puts what a message meant.
#[derive(Debug, Default)]
pub struct Talk {
    /// In the order they were asked.
    pub commands: Vec<Asked>,
    /// Commands that could not be read, answered in the dialect's own form; the connection stays.
    pub refused: Vec<(Number, Refusal)>,
    /// Frames to this connection alone: a greeting, an answer that needs nobody else.
    pub frames: Frames,
    /// End the connection after what was asked before is taken up.
    pub close: Option<DropReason>,
}

impl Talk {
    pub fn ask(&mut self, number: Number, command: Command) {
        self.commands.push(Asked { number, command });
    }

    pub fn refuse(&mut self, number: Number, refusal: Refusal) {
        self.refused.push((number, refusal));
    }
}

/// A room as an encoder sees it.
#[derive(Clone, Copy, Debug)]
pub struct RoomOnWire<'a> {
    pub handle: RoomHandle,
    pub key: &'a RoomKey,
}

/// A client language. Stateless: what belongs to a connection is in its [`Stage`].
pub trait Dialect: Send + Sync {
    fn profile(&self) -> &'static Profile;

    /// A connection begins: greet it, and ask what its request already asked.
    fn open(&self, stage: &mut Stage, hello: &Hello<'_>, talk: &mut Talk);

    /// One message. Never panics, whatever the bytes.
    fn receive(&self, stage: &mut Stage, message: Incoming<'_>, talk: &mut Talk);

    /// Which variant this connection's events are written in.
    fn variant(&self, stage: &Stage) -> u8;

    /// The answer to a command that this dialect asked.
    fn reply(&self, stage: &mut Stage, number: Number, asked: &'static Row, reply: &Reply, out: &mut Frames);

    /// A mark of one subscription.
    fn mark(&self, stage: &mut Stage, mark: &Mark, out: &mut Frames);

    /// A placed event, as zero or more frames. `opens_epoch`: the event before it had another epoch, or there was none.
    fn event(&self, variant: u8, room: RoomOnWire<'_>, event: &Event, opens_epoch: bool, out: &mut Frames);

    /// A signal, as zero or more frames.
    fn signal(&self, variant: u8, room: RoomOnWire<'_>, signal: &Signal, out: &mut Frames);

    /// Last words before the socket closes: frames (the close frame among them, where the transport has one).
    fn goodbye(&self, stage: &mut Stage, reason: DropReason, detail: &str, out: &mut Frames);
}

/// What a dialect's clients can be told, and what holds for them where it differs from the core.
#[derive(Debug)]
pub struct Profile {
    pub name: &'static str,
    /// The WebSocket subprotocol that chooses this dialect, if one does.
    pub subprotocol: Option<&'static str>,
    pub form: Form,
    /// Kinds of events and signals that it can say, as [`crate::event::Kind::bit`]s; others are hidden, never half-shown.
    pub says: u64,
    /// Only text bodies exist for its clients; posts of binary bodies are hidden.
    pub text_bodies: bool,
    /// A client gets its own events back.
    pub echo: bool,
    /// Grace before leaving is announced, where it is not the room class's.
    pub presence_grace_ms: Option<u32>,
    pub on_lag: OnLag,
    pub on_expiry: OnExpiry,
    /// Token buckets of connection and user apply.
    pub rate_limited: bool,
    /// None: no cap.
    pub connections_per_user: Option<u32>,
    pub message_bytes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Binary,
    Either,
}

/// What becomes of a subscription whose cursor left what can be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLag {
    /// It is told of the gap and goes on.
    Mark,
    /// The connection is closed.
    Close,
}

/// What a token's end does to a live connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExpiry {
    Close,
    Ignore,
}
