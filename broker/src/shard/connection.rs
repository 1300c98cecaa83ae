//! One socket's reading side: waits without a buffer, reads into the shard's, hands messages to the engine.

use super::cell::{Arrival, Inner, Seat, ShardCell};
use super::turn;
use crate::net::addresses::Pass;
use crate::net::guard::{Allowance, Filled, GuardLimits, GuardState, Incoming as Read, Progress, READ_SPACE};
use crate::net::sealed::Sealed;
use crate::net::violation::Violation;
use rookery_engine::message::ConnId;
use rookery_engine::ports::Now;
use rookery_protocol::dialect::contract::Incoming;
use rookery_protocol::errors::DropReason;
use rookery_protocol::limits;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind, Read as _};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::task::AbortHandle;

const LIMITS: GuardLimits = GuardLimits {
    message_bytes: limits::MESSAGE_BYTES as usize,
    message_fragments: limits::MESSAGE_FRAGMENTS as u32,
    finish_within: limits::MESSAGE_FINISH_MS,
};

/// What a step of reading left.
enum Step {
    /// Go on reading.
    Again,
    /// More waits, here or in the socket: the others first, so that one connection does not fill a turn.
    Waiting,
    /// The socket has ended.
    Over,
}

/// Takes up a connection that has just been upgraded; its life is a task of its own from here on.
pub fn begin(cell: &Rc<ShardCell>, arrival: Arrival<TcpStream>) {
    let opened = {
        let now = cell.now();
        let mut inner = cell.inner.borrow_mut();
        let Inner { shard, ports, .. } = &mut *inner;
        shard.open(now, ports, arrival.opening())
    };
    let (half, write) = arrival.stream.into_split();
    let sealed = arrival.sealed.map(|sealed| Rc::new(RefCell::new(*sealed)));
    let seat = Seat { conn: opened, half: write, sealed: sealed.clone(), waiting: None, reading: None };
    cell.inner.borrow_mut().seats.take(seat);
    let half = ReadingSide { half, sealed };
    cell.counters.connections.fetch_add(1, Ordering::Relaxed);
    cell.work.notify_one();
    let leaving = Leaving { cell: cell.clone(), conn: opened, _pass: arrival.pass };
    let mut state = GuardState::default();
    let first = match arrival.early.as_slice() {
        [] => Step::Again,
        early => take(cell, opened, &mut state, Source::Slice(early)),
    };
    let task = tokio::task::spawn_local(read(leaving, half, state, first));
    if let Some(seat) = cell.inner.borrow_mut().seats.of(opened) {
        seat.reading = Some(task.abort_handle());
    }
}

/// What is read from: a socket, and its TLS.
struct ReadingSide {
    half: OwnedReadHalf,
    sealed: Option<Rc<RefCell<Sealed>>>,
}

impl ReadingSide {
    fn poll(&mut self, space: &mut [u8], cx: &mut Context<'_>) -> io::Result<usize> {
        let ReadingSide { half, sealed } = self;
        match sealed {
            None => Polled { half, cx }.read(space),
            Some(sealed) => sealed.borrow_mut().read(space, &mut Polled { half, cx }),
        }
    }
}

/// A socket for one poll: what it has at once. Where it has nothing, the task is woken when it has.
struct Polled<'a, 'c> {
    half: &'a mut OwnedReadHalf,
    cx: &'a mut Context<'c>,
}

impl io::Read for Polled<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(space);
        match Pin::new(&mut *self.half).poll_read(self.cx, &mut buffer) {
            Poll::Ready(Ok(())) => Ok(buffer.filled().len()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

/// Counts the connection out however its task ends: by the socket's end, or aborted after lingering.
struct Leaving {
    cell: Rc<ShardCell>,
    conn: ConnId,
    _pass: Pass,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let now = self.cell.now();
        self.cell.counters.connections.fetch_sub(1, Ordering::Relaxed);
        // A task dropped with its runtime may find the cell in use; then nobody needs the notice any more.
        if let Ok(mut inner) = self.cell.inner.try_borrow_mut() {
            inner.shard.closed(now, self.conn, DropReason::Left);
            if let Some(seat) = inner.seats.leave(self.conn) {
                // The socket ends with its reading side, which follows.
                seat.half.forget();
                seat.waiting.inspect(AbortHandle::abort);
            }
            self.cell.work.notify_one();
        }
    }
}

/// Reads until the socket ends; `step` is what the bytes that came with it left.
#[expect(
    clippy::manual_async_fn,
    reason = "an async fn holds its arguments twice, and every idle connection carries this"
)]
fn read(leaving: Leaving, mut half: ReadingSide, mut state: GuardState, mut step: Step) -> impl Future<Output = ()> {
    async move {
        let (cell, conn) = (&leaving.cell, leaving.conn);
        loop {
            match step {
                Step::Again => {}
                Step::Waiting => {
                    turn::end_if_long(cell);
                    tokio::task::yield_now().await;
                }
                Step::Over if state.has_ended() => return Box::pin(discard(&mut half)).await,
                Step::Over => return,
            }
            step = match state.unfinished_since() {
                _ if state.has_more() => take(cell, conn, &mut state, Source::Waiting),
                None => poll_fn(|cx| poll_next(cell, conn, &mut half, &mut state, cx)).await,
                // Only who has begun something has a deadline, and a box for it.
                Some(since) => match Box::pin(finish(cell, conn, &mut half, &mut state, since)).await {
                    Some(step) => step,
                    None => return Box::pin(discard(&mut half)).await,
                },
            };
        }
    }
}

/// Reads on within the time that a message may take. None: it was not enough.
async fn finish(
    cell: &Rc<ShardCell>,
    conn: ConnId,
    half: &mut ReadingSide,
    state: &mut GuardState,
    since: u64,
) -> Option<Step> {
    let left = (since + LIMITS.finish_within).saturating_sub(cell.now().mono);
    let read = poll_fn(|cx| poll_next(cell, conn, half, state, cx));
    let step = tokio::time::timeout(Duration::from_millis(left), read).await.ok();
    if step.is_none() {
        cell.inner.borrow_mut().shard.close(cell.now(), conn, DropReason::Unfinished, "");
        cell.work.notify_one();
    }
    step
}

/// Reads once, and takes what came in the same poll: the shard's buffer is everybody's after it.
fn poll_next(
    cell: &Rc<ShardCell>,
    conn: ConnId,
    half: &mut ReadingSide,
    state: &mut GuardState,
    cx: &mut Context<'_>,
) -> Poll<Step> {
    let filled = match fill(cell, half, cx) {
        Poll::Pending => return Poll::Pending,
        Poll::Ready(Ok(Some(filled))) => filled,
        Poll::Ready(Ok(None) | Err(_)) => return Poll::Ready(Step::Over),
    };
    Poll::Ready(take(cell, conn, state, Source::Filled(filled)))
}

fn fill(cell: &ShardCell, half: &mut ReadingSide, cx: &mut Context<'_>) -> Poll<io::Result<Option<Filled>>> {
    match cell.reader.borrow_mut().fill(|space| half.poll(space, cx)) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
        other => Poll::Ready(other),
    }
}

enum Source<'a> {
    Filled(Filled),
    Slice(&'a [u8]),
    Waiting,
}

impl Source<'_> {
    /// That came with it.
    fn bytes(&self) -> usize {
        match self {
            Source::Filled(filled) => filled.bytes(),
            Source::Slice(bytes) => bytes.len(),
            Source::Waiting => 0,
        }
    }
}

/// Hands the messages of some bytes to the engine.
fn take(cell: &Rc<ShardCell>, conn: ConnId, state: &mut GuardState, source: Source<'_>) -> Step {
    let micros = cell.clock.micros();
    let now = cell.clock.at(micros);
    let mut inner = cell.inner.borrow_mut();
    let inner = &mut *inner;
    if inner.commands_this_turn == 0 {
        inner.turn_began_micros = micros;
    }
    inner.ports.at(micros);
    inner.ports.since.read(micros);
    let bytes = source.bytes();
    inner.received_bytes += bytes as u64;
    inner.shard.heard(now, conn);
    let limits = GuardLimits { message_bytes: inner.shard.message_limit(conn), ..LIMITS };
    // A stranger's next message may make it a user, who has more room for the one after.
    let stranger = limits.message_bytes < LIMITS.message_bytes;
    let frames = if stranger { 1 } else { limits::TURN_FRAMES_PER_CONNECTION as usize };
    let allowance = Allowance { limits: &limits, now: now.mono, frames };
    let held = state.held();
    let progress = {
        let mut reader = cell.reader.borrow_mut();
        let mut sink = |message: Read<'_>| hand_over(inner, now, conn, message);
        match source {
            Source::Filled(filled) => reader.read(state, filled, allowance, &mut sink),
            Source::Slice(bytes) => reader.read_slice(state, bytes, allowance, &mut sink),
            Source::Waiting => reader.resume(state, allowance, &mut sink),
        }
    };
    if held != 0 || state.held() != 0 {
        inner.shard.unfinished(conn, state.held());
    }
    cell.work.notify_one();
    match progress {
        Ok(Progress { frames, more }) => {
            inner.commands_this_turn += frames as u64;
            if state.has_ended() {
                Step::Over
            } else if more || bytes >= READ_SPACE {
                Step::Waiting
            } else {
                Step::Again
            }
        }
        Err(violation) => {
            tracing::debug!(event = "websocket_violation", %violation);
            inner.shard.close(now, conn, reason_of(violation), &violation.to_string());
            Step::Over
        }
    }
}

fn hand_over(inner: &mut Inner, now: Now, conn: ConnId, message: Read<'_>) -> ControlFlow<()> {
    let Inner { shard, ports, .. } = inner;
    match message {
        Read::Text(text) => shard.receive(now, ports, conn, Incoming::Text(text)),
        Read::Binary(bytes) => shard.receive(now, ports, conn, Incoming::Binary(bytes)),
        Read::Ping(payload) => shard.pong(now, conn, payload),
        Read::Pong(_) => {}
        Read::Close { code, .. } => {
            shard.client_closes(now, conn, code);
            return ControlFlow::Break(());
        }
    }
    ControlFlow::Continue(())
}

/// The client may read our last words while what it still sends goes nowhere; the linger time ends this.
async fn discard(side: &mut ReadingSide) {
    let mut waste = [0u8; 256];
    loop {
        let mut buffer = ReadBuf::new(&mut waste);
        let read = poll_fn(|cx| Pin::new(&mut side.half).poll_read(cx, &mut buffer)).await;
        if read.is_err() || buffer.filled().is_empty() {
            return;
        }
    }
}

fn reason_of(violation: Violation) -> DropReason {
    match violation.close() {
        1007 => DropReason::BadText,
        1009 => DropReason::TooBig,
        1008 => DropReason::Unfinished,
        _ => DropReason::ProtocolError,
    }
}
