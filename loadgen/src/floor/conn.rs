//! The floor's connections: a slab of sockets, and one way to send that keeps what the kernel did not take.

use std::io::{self, ErrorKind, Write};
use std::net::TcpStream;

use crate::sys::{Epoll, Interest};

/// A subscriber further behind than this is cut: the floor must not be slow because it hoards.
const WAITING_MAX: usize = 64 << 20;

/// One connection. Idle, it owns nothing but its socket: buffers belong to the loop.
pub struct Conn {
    pub stream: TcpStream,
    pub upgraded: bool,
    /// Its room and its position in that room's list.
    pub seat: Option<(u16, u32)>,
    /// The start of a frame whose rest has not come yet.
    pub partial: Option<Box<[u8]>>,
    waiting: Option<Box<Waiting>>,
    doomed: bool,
}

/// Bytes the socket had no room for.
struct Waiting {
    bytes: Vec<u8>,
    sent: usize,
}

pub struct Conns {
    epoll: Epoll,
    slots: Vec<Option<Conn>>,
    free: Vec<u32>,
    /// Closed at the end of the turn, so that no event of this turn can meet a reused slot.
    doomed: Vec<u32>,
}

impl Conns {
    pub fn new(epoll: Epoll) -> Conns {
        Conns { epoll, slots: Vec::new(), free: Vec::new(), doomed: Vec::new() }
    }

    pub fn epoll(&self) -> &Epoll {
        &self.epoll
    }

    pub fn insert(&mut self, stream: TcpStream) -> io::Result<()> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        if let Err(error) = self.epoll.add(&stream, u64::from(slot), Interest::Read) {
            self.free.push(slot);
            return Err(error);
        }
        let conn = Conn { stream, upgraded: false, seat: None, partial: None, waiting: None, doomed: false };
        self.slots[slot as usize] = Some(conn);
        Ok(())
    }

    pub fn get(&mut self, slot: u32) -> Option<&mut Conn> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Sends now what fits and keeps the rest, in order.
    #[inline]
    pub fn send(&mut self, slot: u32, bytes: &[u8]) {
        let Some(Some(conn)) = self.slots.get_mut(slot as usize) else {
            return;
        };
        if conn.doomed {
            return;
        }
        if let Some(waiting) = &mut conn.waiting {
            waiting.bytes.extend_from_slice(bytes);
            if waiting.bytes.len() - waiting.sent > WAITING_MAX {
                self.doom(slot);
            }
            return;
        }
        let taken = match (&conn.stream).write(bytes) {
            Ok(taken) if taken == bytes.len() => return,
            Ok(taken) => taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(_) => return self.doom(slot),
        };
        conn.waiting = Some(Box::new(Waiting { bytes: bytes[taken..].to_vec(), sent: 0 }));
        if self.epoll.modify(&conn.stream, u64::from(slot), Interest::ReadWrite).is_err() {
            self.doom(slot);
        }
    }

    /// The socket has room again.
    pub fn flush(&mut self, slot: u32) {
        let Some(Some(conn)) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let Some(waiting) = &mut conn.waiting else {
            return;
        };
        match (&conn.stream).write(&waiting.bytes[waiting.sent..]) {
            Ok(taken) => waiting.sent += taken,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(_) => return self.doom(slot),
        }
        if waiting.sent == waiting.bytes.len() {
            conn.waiting = None;
            if self.epoll.modify(&conn.stream, u64::from(slot), Interest::Read).is_err() {
                self.doom(slot);
            }
        }
    }

    /// Marks a connection for the end of the turn.
    pub fn doom(&mut self, slot: u32) {
        if let Some(Some(conn)) = self.slots.get_mut(slot as usize)
            && !conn.doomed
        {
            conn.doomed = true;
            self.doomed.push(slot);
        }
    }

    /// Closes one doomed connection and returns it, so that its seat can be given up.
    pub fn bury(&mut self) -> Option<Conn> {
        let slot = self.doomed.pop()?;
        self.free.push(slot);
        self.slots[slot as usize].take()
    }
}
