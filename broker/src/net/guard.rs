//! Reading WebSocket messages: every rule that fastwebsockets leaves open is kept here, without a socket or a clock.
//!
//! One [`Reader`] per shard serves all its connections. A connection owns a [`GuardState`] of two words; it points to
//! memory only while a frame or a message is unfinished, so an idle connection holds no buffer.
//!
//! The way of the bytes: socket → the reader's space → a look at the [header](super::header) → whole frames, one at a time, through
//! the parser → [`Incoming`] to the caller's sink. Bytes that do not make a whole frame yet wait in the connection's
//! carry, which grows with received bytes only: an announced length is judged, never reserved.
//!
//! Invariant: what the sink sees, and the verdict, do not depend on how the bytes were cut into reads.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::assemble::Assembly;
use super::feed::{Feed, Parser};
use super::header::Expect;
use super::violation::Violation;
use super::walk::Walk;

/// Bytes that one read takes from a socket at most.
pub const READ_SPACE: usize = 16 * 1024;

/// What a client may send. Passed with each read, so that it may widen once the client has authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardLimits {
    /// Payload bytes of one message over all its fragments, inclusive.
    pub message_bytes: usize,
    /// Fragments of one message, empty ones included.
    pub message_fragments: u32,
    /// Milliseconds from the first byte of a message to its last.
    pub finish_within: u64,
}

impl Default for GuardLimits {
    fn default() -> GuardLimits {
        GuardLimits { message_bytes: 64 * 1024, message_fragments: 64, finish_within: 10_000 }
    }
}

/// What a client sent. Payloads are unmasked, whole and in one piece.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    /// To be answered with a pong.
    Ping(&'a [u8]),
    Pong(&'a [u8]),
    /// To be answered with a close; nothing that follows it is read.
    Close {
        code: Option<u16>,
        reason: &'a str,
    },
}

/// A connection's share of the guard.
#[derive(Debug, Default)]
pub struct GuardState {
    pub(super) unfinished: Option<Box<Unfinished>>,
    pub(super) ended: bool,
}

/// What a connection has begun and not finished.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    /// The start of one frame, or, behind an exhausted allowance, whatever waits for its turn.
    pub(super) carry: Vec<u8>,
    /// It waits for its turn: our delay, not the client's.
    pub(super) waiting: bool,
    /// When the frame at the start of the carry began.
    pub(super) since: u64,
    pub(super) message: Option<Assembly>,
}

/// What one call may do.
#[derive(Debug, Clone, Copy)]
pub struct Allowance<'a> {
    pub limits: &'a GuardLimits,
    /// The shard's clock, in milliseconds.
    pub now: u64,
    /// Frames to take at most; the rest waits in the connection.
    pub frames: usize,
}

/// What one call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Frames taken, fragments and control frames included.
    pub frames: usize,
    /// Whole frames wait because the allowance was used up: call [`Reader::resume`] before the next read.
    pub more: bool,
}

/// Bytes that lie in the reader's space and belong to one connection.
#[derive(Debug)]
#[must_use = "bytes taken from a socket must be read"]
pub struct Filled(usize);

impl Filled {
    pub fn bytes(&self) -> usize {
        self.0
    }
}

/// Reads for all connections of a shard.
pub struct Reader {
    feed: Rc<RefCell<Feed>>,
    parser: Parser,
}

impl GuardState {
    /// Since when the client owes the rest of a frame or message; none while it owes nothing.
    pub fn unfinished_since(&self) -> Option<u64> {
        let unfinished = self.unfinished.as_ref()?;
        match &unfinished.message {
            Some(message) => Some(message.since()),
            None if unfinished.waiting || unfinished.carry.is_empty() => None,
            None => Some(unfinished.since),
        }
    }

    /// The verdict on a client that has not finished in time.
    pub fn check_time(&self, now: u64, limits: &GuardLimits) -> Result<(), Violation> {
        match self.unfinished_since() {
            Some(since) if now.saturating_sub(since) >= limits.finish_within => Err(Violation::TooSlow),
            Some(_) | None => Ok(()),
        }
    }

    /// Whole frames wait for [`Reader::resume`].
    pub fn has_more(&self) -> bool {
        self.unfinished.as_ref().is_some_and(|unfinished| unfinished.waiting)
    }

    /// A close frame was read, or the sink broke off: nothing more is read.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Bytes of memory held for what is unfinished.
    pub fn held(&self) -> usize {
        self.unfinished.as_ref().map_or(0, |unfinished| {
            size_of::<Unfinished>()
                + unfinished.carry.capacity()
                + unfinished.message.as_ref().map_or(0, Assembly::held)
        })
    }

    pub(super) fn expect(&self, limits: &GuardLimits) -> Expect {
        let message = self.unfinished.as_ref().and_then(|unfinished| unfinished.message.as_ref());
        match message {
            None => Expect { open: false, fragments: limits.message_fragments, bytes: limits.message_bytes },
            Some(message) => Expect {
                open: true,
                fragments: limits.message_fragments.saturating_sub(message.fragments()),
                bytes: limits.message_bytes.saturating_sub(message.len()),
            },
        }
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.unfinished = None;
    }

    /// Gives up the box as soon as nothing is unfinished.
    pub(super) fn tidy(&mut self) {
        if self
            .unfinished
            .as_ref()
            .is_some_and(|unfinished| unfinished.message.is_none() && unfinished.carry.is_empty())
        {
            self.unfinished = None;
        }
    }
}

impl Default for Reader {
    fn default() -> Reader {
        Reader::new()
    }
}

impl Reader {
    pub fn new() -> Reader {
        let feed = Rc::new(RefCell::new(Feed::new(READ_SPACE)));
        Reader { parser: Parser::new(Rc::clone(&feed)), feed }
    }

    /// Lets `read` put bytes into the reader's space; a socket's `try_read` fits. `None`: it put none, the end.
    pub fn fill<E>(&mut self, read: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<Option<Filled>, E> {
        let mut feed = self.feed.borrow_mut();
        let count = read(&mut feed.bytes)?.min(feed.bytes.len());
        Ok((count > 0).then_some(Filled(count)))
    }

    /// Reads the bytes just filled in as the next ones of `conn`. The sink breaks to end the connection's reading.
    ///
    /// # Errors
    /// The first rule that the client broke. Messages before it have been handed to the sink; the connection is to be
    /// closed with [`Violation::close`], and nothing more is read from it.
    pub fn read(
        &mut self,
        conn: &mut GuardState,
        filled: Filled,
        allowance: Allowance<'_>,
        sink: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<Progress, Violation> {
        let mut walk = Walk { feed: &self.feed, parser: &mut self.parser, conn, allowance, frames: 0, sink };
        let outcome = walk.fresh(filled.0);
        walk.close_up(outcome)
    }

    /// Reads what waits behind an exhausted allowance.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn resume(
        &mut self,
        conn: &mut GuardState,
        allowance: Allowance<'_>,
        sink: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<Progress, Violation> {
        let mut walk = Walk { feed: &self.feed, parser: &mut self.parser, conn, allowance, frames: 0, sink };
        let outcome = walk.waiting();
        walk.close_up(outcome)
    }

    /// Reads bytes that are already in memory (those that came with the upgrade request).
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn read_slice(
        &mut self,
        conn: &mut GuardState,
        bytes: &[u8],
        allowance: Allowance<'_>,
        sink: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<Progress, Violation> {
        let mut progress = Progress { frames: 0, more: conn.has_more() };
        for part in bytes.chunks(READ_SPACE) {
            let filled = Filled(part.len());
            self.feed.borrow_mut().bytes[..part.len()].copy_from_slice(part);
            let left = Allowance { frames: allowance.frames - progress.frames, ..allowance };
            let step = self.read(conn, filled, left, sink)?;
            progress = Progress { frames: progress.frames + step.frames, more: step.more };
        }
        Ok(progress)
    }
}
