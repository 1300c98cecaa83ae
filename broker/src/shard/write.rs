//! Writing to connections: what the engine has for each goes out in as few system calls as the kernel allows.

use super::cell::{Inner, Seat, ShardCell};
use crate::net::burst;
use rookery_engine::edge::AfterWrite;
use rookery_engine::message::ConnId;
use rookery_engine::ports::Now;
use rookery_protocol::errors::DropReason;
use smallvec::SmallVec;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;
use tokio::task::AbortHandle;

/// Fewer connections than this are not worth a burst.
const BURST_LEAST: usize = 8;
/// Runs of chunks that one write carries at most. More than this is rare and goes out with the next write.
const SLICES: usize = 64;
/// How long a closing connection may take to read what was said last.
const LINGER: Duration = Duration::from_secs(1);

/// Writes what these connections have, each named once: in bursts where it is one run of bytes, which it nearly always
/// is, and else one by one.
pub fn write_all(cell: &Rc<ShardCell>, inner: &mut Inner, now: Now, dirty: &[ConnId]) {
    let burst = if dirty.len() < BURST_LEAST { None } else { inner.burst.take() };
    let Some(mut burst) = burst else {
        return dirty.iter().for_each(|conn| write(cell, inner, now, *conn));
    };
    let mut bursting = std::mem::take(&mut inner.bursting);
    for some in dirty.chunks(burst::MOST) {
        let Inner { shard, seats, .. } = &*inner;
        bursting.clear();
        let taken = burst.send(some.iter().filter_map(|conn| {
            let seat = seats.get(*conn).filter(|seat| seat.sealed.is_none())?;
            let mut slices = shard.slices(*conn);
            let bytes = slices.next().filter(|_| slices.next().is_none())?;
            bursting.push(*conn);
            Some((seat.half.as_ref().as_fd(), bytes))
        }));
        let mut taken = bursting.iter().zip(taken).peekable();
        for conn in some {
            let is_done = match taken.next_if(|(bursting, _)| *bursting == conn) {
                // Why it took nothing, the next write says.
                Some((_, count)) if *count > 0 => settle(cell, inner, now, *conn, Ok(*count)),
                _ => false,
            };
            if !is_done {
                write(cell, inner, now, *conn);
            }
        }
    }
    (inner.burst, inner.bursting) = (Some(burst), bursting);
}

/// Writes what a connection has, as far as its socket takes it.
pub fn write(cell: &Rc<ShardCell>, inner: &mut Inner, now: Now, conn: ConnId) {
    loop {
        let Inner { shard, seats, .. } = &*inner;
        let Some(seat) = seats.get(conn) else { return };
        let written = if let Some(sealed) = &seat.sealed {
            let all: SmallVec<[IoSlice<'_>; 8]> = shard.slices(conn).take(SLICES).map(IoSlice::new).collect();
            sealed.borrow_mut().send(&all, shard.edge.queued(conn), &mut seat.socket())
        } else {
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
        if settle(cell, inner, now, conn, written) {
            return;
        }
    }
}

/// Tells the engine what came of a write. True: there is nothing more to write at present.
fn settle(cell: &Rc<ShardCell>, inner: &mut Inner, now: Now, conn: ConnId, written: io::Result<usize>) -> bool {
    let after = match written {
        Ok(count) => inner.shard.wrote(now, conn, count),
        Err(error) if error.kind() == ErrorKind::WouldBlock => match inner.shard.blocked(now, conn) {
            AfterWrite::More => {
                if let Some(seat) = inner.seats.of(conn) {
                    wait(cell, seat);
                }
                return true;
            }
            after @ (AfterWrite::Empty | AfterWrite::Close(_)) => after,
        },
        Err(error) if error.kind() == ErrorKind::Interrupted => AfterWrite::More,
        // The reading side meets the same end, and tells the engine.
        Err(_) => AfterWrite::Empty,
    };
    match after {
        AfterWrite::Empty => {}
        AfterWrite::More => return false,
        AfterWrite::Close(reason) => finish(inner, now, conn, reason),
    }
    true
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
    let Some(seat) = inner.seats.leave(conn) else { return };
    seat.say_goodbye();
    let Seat { half, waiting, reading, .. } = seat;
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
