//! One call of the reader: walks over the bytes of one connection, frame by frame.

use std::cell::RefCell;
use std::ops::ControlFlow;

use super::assemble::{Assembled, Assembly, Kind};
use super::feed::{Feed, Parser};
use super::guard::{Allowance, GuardState, Incoming, Progress};
use super::header::CONTROL_MAX;
use super::header::{Header, Opcode, Seen, look};
use super::violation::Violation;

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

/// One call: the connection, the reader and the sink together.
pub(super) struct Walk<'a, S> {
    pub(super) feed: &'a RefCell<Feed>,
    pub(super) parser: &'a mut Parser,
    pub(super) conn: &'a mut GuardState,
    pub(super) allowance: Allowance<'a>,
    pub(super) frames: usize,
    pub(super) sink: &'a mut S,
}

impl<S: FnMut(Incoming<'_>) -> ControlFlow<()>> Walk<'_, S> {
    pub(super) fn close_up(self, outcome: Result<(), Violation>) -> Result<Progress, Violation> {
        match outcome {
            Ok(()) => self.conn.tidy(),
            Err(_) => self.conn.end(),
        }
        outcome.map(|()| Progress { frames: self.frames, more: self.conn.has_more() })
    }

    /// New bytes lie at the start of the feed.
    pub(super) fn fresh(&mut self, end: usize) -> Result<(), Violation> {
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
    pub(super) fn waiting(&mut self) -> Result<(), Violation> {
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

    /// Reads whole frames of `at..end`. Returns where it stopped and why. `since` is when they began.
    fn run(&mut self, mut at: usize, end: usize, since: u64) -> Result<(usize, Stop), Violation> {
        loop {
            // Before it is looked at: what was read may have changed what the next frame may be.
            if self.frames == self.allowance.frames && at < end {
                return Ok((at, Stop::Waiting));
            }
            let seen = look(&self.feed.borrow().bytes[at..end], self.conn.expect(self.allowance.limits))?;
            let header = match seen {
                Seen::Header(header) if header.total <= end - at => header,
                Seen::Header(_) | Seen::Partial(_) => return Ok((at, Stop::Partial)),
            };
            self.frames += 1;
            let flow = self.frame(at, header, since)?;
            at += header.total;
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
        let largest = self.allowance.limits.message_bytes.max(usize::from(CONTROL_MAX));
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
