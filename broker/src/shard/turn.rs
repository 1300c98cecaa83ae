//! The end of a turn: the engine closes it, then each dirty connection gets one write.

use super::awake;
use super::cell::{Inner, Seat, ShardCell};
use rookery_engine::edge::AfterWrite;
use rookery_engine::message::ConnId;
use rookery_engine::ports::Now;
use rookery_engine::shard::TurnEnd;
use rookery_protocol::errors::DropReason;
use rookery_protocol::limits;
use smallvec::SmallVec;
use std::future::poll_fn;
use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::task::AbortHandle;

/// Runs of chunks that one write carries at most. More than this is rare and goes out with the next write.
const SLICES: usize = 64;
/// How long a full lane is left alone before it is tried again.
const LANE_RETRY: Duration = Duration::from_millis(1);
/// How long a closing connection may take to read what was said last.
const LINGER: Duration = Duration::from_secs(1);

/// The task that ends turns. Woken by the first thing to do, it runs behind the readers of the same poll.
pub async fn flusher(cell: Rc<ShardCell>) {
    loop {
        awake::work(&cell).await;
        if run(&cell) == TurnEnd::LaneFull {
            let cell = cell.clone();
            tokio::task::spawn_local(async move {
                tokio::time::sleep(LANE_RETRY).await;
                cell.work.notify_one();
            });
        }
    }
}

/// A turn that has grown long ends before more is read.
pub fn end_if_long(cell: &Rc<ShardCell>) {
    let long = {
        let inner = cell.inner.borrow();
        inner.commands_this_turn >= limits::TURN_COMMANDS
            || (inner.commands_this_turn > 0
                && cell.clock.micros().saturating_sub(inner.turn_began_micros) >= limits::TURN_MICROS)
    };
    if long && run(cell) == TurnEnd::LaneFull {
        cell.work.notify_one();
    }
}

pub fn run(cell: &Rc<ShardCell>) -> TurnEnd {
    let micros = cell.clock.micros();
    let now = cell.clock.at(micros);
    let mut inner = cell.inner.borrow_mut();
    let inner = &mut *inner;
    inner.pace.turn(std::mem::take(&mut inner.commands_this_turn), inner.turn_began_micros, micros);
    cell.counters.turns.fetch_add(1, Ordering::Relaxed);
    let sent = inner.ports.send_held();
    let mut end = inner.shard.turn(now, &mut inner.ports);
    if !sent {
        end = TurnEnd::LaneFull;
    }
    // Writing makes room, room lets lagging subscriptions ask for a page, and pages dirty connections again: a few
    // rounds, since each connection asks for one page at a time and stops when its socket does.
    for _ in 0..ROUNDS {
        let mut dirty = std::mem::take(&mut inner.dirty);
        inner.shard.take_dirty(&mut dirty);
        for conn in dirty.drain(..) {
            write(cell, inner, now, conn);
        }
        inner.dirty = dirty;
        inner.shard.after_writes(now, &mut inner.ports);
        // What waits for a full lane is tried again later.
        if end == TurnEnd::LaneFull || !inner.shard.wants_turn() {
            return end;
        }
        end = inner.shard.turn(now, &mut inner.ports);
    }
    cell.work.notify_one();
    end
}

const ROUNDS: usize = 4;

/// Writes what a connection has, as far as its socket takes it.
pub fn write(cell: &Rc<ShardCell>, inner: &mut Inner, now: Now, conn: ConnId) {
    let Inner { shard, seats, .. } = inner;
    let Some(seat) = seats.of(conn) else { return };
    loop {
        let written = {
            let mut slices = shard.slices(conn);
            // Nearly always it is one run of one chunk.
            match (slices.next(), slices.next()) {
                (None, _) => Ok(0),
                (Some(one), None) => seat.send(one),
                (Some(first), Some(second)) => {
                    let all = [first, second].into_iter().chain(slices).take(SLICES).map(IoSlice::new);
                    seat.half.try_write_vectored(&all.collect::<SmallVec<[IoSlice<'_>; 8]>>())
                }
            }
        };
        let after = match written {
            Ok(count) => shard.wrote(now, conn, count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => match shard.blocked(now, conn) {
                AfterWrite::More => return wait(cell, seat),
                after @ (AfterWrite::Empty | AfterWrite::Close(_)) => after,
            },
            Err(error) if error.kind() == ErrorKind::Interrupted => AfterWrite::More,
            // The reading side meets the same end, and tells the engine.
            Err(_) => AfterWrite::Empty,
        };
        match after {
            AfterWrite::Empty => return,
            AfterWrite::More => {}
            AfterWrite::Close(reason) => return finish(inner, now, conn, reason),
        }
    }
}

/// Tries again as soon as the socket takes bytes.
fn wait(cell: &Rc<ShardCell>, seat: &mut Seat) {
    if seat.waiting.is_some() {
        return;
    }
    let (cell, conn) = (cell.clone(), seat.conn);
    let task = tokio::task::spawn_local(async move {
        // An error shows again when it is written to.
        let ready = poll_fn(|cx| match cell.inner.borrow_mut().seats.of(conn) {
            Some(seat) => seat.half.as_ref().poll_write_ready(cx).map(|_| ()),
            None => Poll::Ready(()),
        });
        ready.await;
        let now = cell.now();
        let mut inner = cell.inner.borrow_mut();
        if let Some(seat) = inner.seats.of(conn) {
            seat.waiting = None;
        }
        write(&cell, &mut inner, now, conn);
        if inner.shard.wants_turn() {
            cell.work.notify_one();
        }
    });
    seat.waiting = Some(task.abort_handle());
}

/// The engine has said its last words. The socket's writing side ends now; its reading side is left to the client for
/// a moment, because a close with unread bytes would take the last words away again. A client that closed first sends
/// nothing more, so nothing is waited for.
fn finish(inner: &mut Inner, now: Now, conn: ConnId, reason: DropReason) {
    let left = reason == DropReason::Left;
    if !left {
        tracing::info!(event = "connection_closed", reason = reason.word());
    }
    inner.shard.closed(now, conn, reason);
    let Some(Seat { half, waiting, reading, .. }) = inner.seats.leave(conn) else { return };
    waiting.inspect(AbortHandle::abort);
    let Some(reading) = reading else { return };
    if left {
        // Both sides end with the reading one.
        half.forget();
        reading.abort();
        return;
    }
    // Ends the writing side.
    drop(half);
    tokio::task::spawn_local(async move {
        tokio::time::sleep(LINGER).await;
        reading.abort();
    });
}
