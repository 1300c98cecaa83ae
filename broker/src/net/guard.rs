//! Reading WebSocket messages: every rule that fastwebsockets leaves open is kept here, without a socket or a clock.
//!
//! One [`Reader`] per shard serves all its connections. A connection owns a [`GuardState`] of two words; it points to
//! memory only while a frame or a message is unfinished, so an idle connection holds no buffer.
//!
//! The way of the bytes: socket → the reader's space → [`look`] at the header → whole frames, one at a time, through
//! the parser → [`Incoming`] to the caller's sink. Bytes that do not make a whole frame yet wait in the connection's
//! carry, which grows with received bytes only: an announced length is judged, never reserved.
//!
//! Invariant: what the sink sees, and the verdict, do not depend on how the bytes were cut into reads.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::rc::Rc;

use super::assemble::{Assembled, Assembly, Kind};
use super::feed::{Feed, Parser};
use super::header::{Expect, Header, Opcode, Seen, look};
use super::outgoing::CONTROL_MAX;
use super::violation::Violation;

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
    unfinished: Option<Box<Unfinished>>,
    ended: bool,
}

/// What a connection has begun and not finished.
#[derive(Debug, Default)]
struct Unfinished {
    /// The start of one frame, or, behind an exhausted allowance, whole frames that wait for their turn.
    carry: Vec<u8>,
    /// The carry begins with a whole frame: our delay, not the client's.
    waiting: bool,
    /// When the frame at the start of the carry began.
    since: u64,
    message: Option<Assembly>,
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

/// Reads for all connections of a shard.
pub struct Reader {
    feed: Rc<RefCell<Feed>>,
    parser: Parser,
}

/// Where a walk over received bytes stopped.
#[derive(Debug, Clone, Copy)]
enum Stop {
    /// The allowance is used up and a whole frame is next.
    Waiting,
    /// The next frame is not complete.
    Partial,
    /// The sink or a close frame ended the connection.
    Ended,
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

    fn expect(&self, limits: &GuardLimits) -> Expect {
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

    fn end(&mut self) {
        self.ended = true;
        self.unfinished = None;
    }

    /// Gives up the box as soon as nothing is unfinished.
    fn tidy(&mut self) {
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

/// One call: the connection, the reader and the sink together.
struct Walk<'a, S> {
    feed: &'a RefCell<Feed>,
    parser: &'a mut Parser,
    conn: &'a mut GuardState,
    allowance: Allowance<'a>,
    frames: usize,
    sink: &'a mut S,
}

impl<S: FnMut(Incoming<'_>) -> ControlFlow<()>> Walk<'_, S> {
    fn close_up(self, outcome: Result<(), Violation>) -> Result<Progress, Violation> {
        match outcome {
            Ok(()) => self.conn.tidy(),
            Err(_) => self.conn.end(),
        }
        outcome.map(|()| Progress { frames: self.frames, more: self.conn.has_more() })
    }

    /// New bytes lie at the start of the feed.
    fn fresh(&mut self, end: usize) -> Result<(), Violation> {
        if self.conn.ended {
            return Ok(());
        }
        let mut at = 0;
        if let Some(unfinished) = self.conn.unfinished.as_deref_mut() {
            if unfinished.waiting {
                unfinished.carry.extend_from_slice(&self.feed.borrow().bytes[..end]);
                return self.waiting();
            }
            if !unfinished.carry.is_empty() {
                match self.top_up(end)? {
                    // The carry's frame is whole: `at` bytes of the new ones belonged to it.
                    Some(used) => at = used,
                    None => return Ok(()),
                }
                if self.frames == self.allowance.frames {
                    self.keep(at, end, Stop::Waiting);
                    return Ok(());
                }
                if !self.carried()? {
                    return Ok(());
                }
            }
        }
        let (at, stop) = self.run(at, end, self.allowance.now)?;
        self.keep(at, end, stop);
        Ok(())
    }

    /// Moves bytes from the feed to the carry until its frame is whole. Returns how many, or none if it is not.
    fn top_up(&mut self, end: usize) -> Result<Option<usize>, Violation> {
        let expect = self.conn.expect(self.allowance.limits);
        let Some(unfinished) = self.conn.unfinished.as_deref_mut() else {
            return Ok(Some(0));
        };
        let feed = self.feed.borrow();
        let mut at = 0;
        loop {
            let need = match look(&unfinished.carry, expect)? {
                Seen::Partial(need) => need,
                Seen::Header(header) if header.total <= unfinished.carry.len() => return Ok(Some(at)),
                Seen::Header(header) => header.total,
            };
            let take = (need - unfinished.carry.len()).min(end - at);
            if take == 0 {
                return Ok(None);
            }
            unfinished.carry.extend_from_slice(&feed.bytes[at..at + take]);
            at += take;
        }
    }

    /// Reads the one whole frame in the carry. Returns whether reading goes on.
    fn carried(&mut self) -> Result<bool, Violation> {
        let Some(unfinished) = self.conn.unfinished.as_deref_mut() else {
            return Ok(true);
        };
        let since = unfinished.since;
        let mut carry = std::mem::take(&mut unfinished.carry);
        let length = carry.len();
        std::mem::swap(&mut self.feed.borrow_mut().bytes, &mut carry);
        let outcome = self.run(0, length, since);
        std::mem::swap(&mut self.feed.borrow_mut().bytes, &mut carry);
        outcome.map(|(_, stop)| !matches!(stop, Stop::Ended))
    }

    /// Reads frames that waited, and keeps what is still too much.
    fn waiting(&mut self) -> Result<(), Violation> {
        let Some(unfinished) = self.conn.unfinished.as_deref_mut().filter(|unfinished| unfinished.waiting) else {
            return Ok(());
        };
        unfinished.waiting = false;
        let mut carry = std::mem::take(&mut unfinished.carry);
        let end = carry.len();
        std::mem::swap(&mut self.feed.borrow_mut().bytes, &mut carry);
        let outcome = self.run(0, end, self.allowance.now);
        if let Ok((at, stop)) = &outcome {
            self.keep(*at, end, *stop);
        }
        std::mem::swap(&mut self.feed.borrow_mut().bytes, &mut carry);
        outcome.map(|_| ())
    }

    /// Reads whole frames of `at..end`. Returns where it stopped and why. `since` is when the first of them began.
    fn run(&mut self, mut at: usize, end: usize, mut since: u64) -> Result<(usize, Stop), Violation> {
        loop {
            let seen = look(&self.feed.borrow().bytes[at..end], self.conn.expect(self.allowance.limits))?;
            let header = match seen {
                Seen::Header(header) if header.total <= end - at => header,
                Seen::Header(_) | Seen::Partial(_) => return Ok((at, Stop::Partial)),
            };
            if self.frames == self.allowance.frames {
                return Ok((at, Stop::Waiting));
            }
            self.frames += 1;
            let flow = self.frame(at, header, since)?;
            at += header.total;
            since = self.allowance.now;
            if flow.is_break() {
                self.conn.end();
                return Ok((at, Stop::Ended));
            }
        }
    }

    /// Keeps what was not read.
    fn keep(&mut self, at: usize, end: usize, stop: Stop) {
        let nothing = at == end && !matches!(stop, Stop::Waiting);
        if nothing || matches!(stop, Stop::Ended) {
            return;
        }
        let unfinished = self.conn.unfinished.get_or_insert_default();
        unfinished.carry.extend_from_slice(&self.feed.borrow().bytes[at..end]);
        unfinished.waiting = matches!(stop, Stop::Waiting);
        unfinished.since = self.allowance.now;
    }

    /// Reads the whole frame at `at`.
    fn frame(&mut self, at: usize, header: Header, since: u64) -> Result<ControlFlow<()>, Violation> {
        if header.opcode == Opcode::Text {
            // Handed to the parser as binary: it would check an unfragmented text for UTF-8 and then hide that it has.
            // So the check is made once, where it yields a `&str`.
            let first = &mut self.feed.borrow_mut().bytes[at];
            *first = (*first & 0xF0) | Opcode::Binary.bits();
        }
        let largest = self.allowance.limits.message_bytes.max(CONTROL_MAX);
        let frame = self.parser.parse(at, at + header.total, largest).map_err(|_| Violation::Refused)?;
        let payload = &*frame.payload;
        match header.opcode {
            Opcode::Ping => Ok((self.sink)(Incoming::Ping(payload))),
            Opcode::Pong => Ok((self.sink)(Incoming::Pong(payload))),
            Opcode::Close => {
                let (code, reason) = read_close(payload)?;
                let _ = (self.sink)(Incoming::Close { code, reason });
                Ok(ControlFlow::Break(()))
            }
            Opcode::Text if header.fin => {
                let text = simdutf8::basic::from_utf8(payload).map_err(|_| Violation::NotUtf8)?;
                Ok((self.sink)(Incoming::Text(text)))
            }
            Opcode::Binary if header.fin => Ok((self.sink)(Incoming::Binary(payload))),
            Opcode::Text => self.begin(Kind::Text, payload, since),
            Opcode::Binary => self.begin(Kind::Binary, payload, since),
            Opcode::Continuation => self.go_on(payload, header.fin),
        }
    }

    fn begin(&mut self, kind: Kind, payload: &[u8], since: u64) -> Result<ControlFlow<()>, Violation> {
        let mut message = Assembly::new(kind, since);
        message.add(payload)?;
        self.conn.unfinished.get_or_insert_default().message = Some(message);
        Ok(ControlFlow::Continue(()))
    }

    fn go_on(&mut self, payload: &[u8], fin: bool) -> Result<ControlFlow<()>, Violation> {
        let Some(unfinished) = self.conn.unfinished.as_deref_mut() else {
            return Err(Violation::StrayContinuation);
        };
        let Some(message) = unfinished.message.as_mut() else {
            return Err(Violation::StrayContinuation);
        };
        message.add(payload)?;
        if !fin {
            return Ok(ControlFlow::Continue(()));
        }
        let flow = match message.finish()? {
            Assembled::Text(text) => (self.sink)(Incoming::Text(text)),
            Assembled::Binary(bytes) => (self.sink)(Incoming::Binary(bytes)),
        };
        unfinished.message = None;
        Ok(flow)
    }
}

/// The body of a close frame: nothing, or a code and a reason.
fn read_close(payload: &[u8]) -> Result<(Option<u16>, &str), Violation> {
    match payload {
        [] => Ok((None, "")),
        [_] => Err(Violation::HalfCloseCode),
        [high, low, reason @ ..] => {
            let code = u16::from_be_bytes([*high, *low]);
            if !may_be_sent(code) {
                return Err(Violation::BadCloseCode);
            }
            let reason = simdutf8::basic::from_utf8(reason).map_err(|_| Violation::NotUtf8)?;
            Ok((Some(code), reason))
        }
    }
}

/// Codes that an endpoint may put into a close frame: those registered with IANA, and the two free ranges.
fn may_be_sent(code: u16) -> bool {
    // 1004 is reserved; 1005, 1006 and 1015 stand for what was not sent (RFC 6455 section 7.4.1).
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
