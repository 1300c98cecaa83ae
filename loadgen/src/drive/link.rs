//! One client connection: connecting, upgrading, then bytes both ways without ever blocking.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::Range;

use super::net::Net;
use crate::sys::{self, Interest, Ready};
use crate::ws::stream::{Stream, Unframed};
use crate::ws::{frame, handshake};

/// Close code 1000: the normal end.
const GOODBYE: [u8; 2] = 1000u16.to_be_bytes();

/// Room for an upgrade request with its token.
const SMALL_OUT: usize = 1_024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connecting,
    Upgrading,
    Open,
}

/// A connection between reads owns no buffer unless half a frame is waiting for its rest.
pub struct Link {
    stream: TcpStream,
    token: u64,
    stage: Stage,
    /// Without WebSocket.
    is_bare: bool,
    partial: Vec<u8>,
    inside: Stream,
    out: Vec<u8>,
    sent: usize,
    wants_write: bool,
}

/// What an event brought.
pub struct Got {
    /// The upgrade was accepted just now, or the connection made that needs none.
    pub opened: bool,
    /// The bytes to read frames from, in the caller's buffer.
    pub bytes: Range<usize>,
}

impl Link {
    /// Starts connecting `stream`; the upgrade's `request` goes out first. None: it goes without WebSocket.
    pub fn open(net: &Net, stream: TcpStream, token: u64, request: Option<Vec<u8>>) -> io::Result<Link> {
        net.epoll.add(&stream, token, Interest::ReadWrite)?;
        let (is_bare, out) = (request.is_none(), request.unwrap_or_default());
        let (stage, partial, inside) = (Stage::Connecting, Vec::new(), Stream::default());
        Ok(Link { stream, token, stage, is_bare, partial, inside, out, sent: 0, wants_write: true })
    }

    /// Adds one message to what goes out with the next [`Link::flush`], masked and in a frame; returns its length.
    pub fn queue(&mut self, opcode: u8, payload: &[u8], key: [u8; 4]) -> usize {
        let before = self.out.len();
        if self.is_bare {
            self.out.extend_from_slice(payload);
        } else {
            frame::write_masked(&mut self.out, opcode, payload, key);
        }
        self.out.len() - before
    }

    /// Says that nothing more will be said; the target closes then. Returns how long that was.
    pub fn say_goodbye(&mut self, net: &Net, key: [u8; 4]) -> io::Result<usize> {
        if self.is_bare {
            self.flush(net)?;
            return self.stream.shutdown(Shutdown::Write).map(|()| 0);
        }
        let length = self.queue(frame::CLOSE, &GOODBYE, key);
        self.flush(net).map(|()| length)
    }

    /// What the kernel has counted of it.
    pub fn counted(&self) -> sys::Counted {
        // Of a connection that has just been broken there may be nothing to know.
        sys::counted(&self.stream).unwrap_or_default()
    }

    /// Bytes of half a frame that wait for the rest.
    pub fn kept(&self) -> usize {
        self.partial.len()
    }

    /// Reads nothing until [`Link::thaw`].
    pub fn freeze(&self, net: &Net) -> io::Result<()> {
        net.epoll.modify(&self.stream, self.token, Interest::Nothing)
    }

    pub fn thaw(&self, net: &Net) -> io::Result<()> {
        net.epoll.modify(&self.stream, self.token, if self.wants_write { Interest::ReadWrite } else { Interest::Read })
    }

    /// Sends everything queued in one call, or as much of it as the socket takes.
    pub fn flush(&mut self, net: &Net) -> io::Result<()> {
        if self.stage == Stage::Connecting {
            return Ok(());
        }
        if self.sent < self.out.len() {
            match (&self.stream).write(&self.out[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        let done = self.sent == self.out.len();
        if done {
            self.sent = 0;
            self.out.clear();
            // An idle crowd must not keep the buffers of its first words; a publisher keeps its own.
            if self.out.capacity() <= SMALL_OUT {
                self.out = Vec::new();
            }
        }
        if self.wants_write == done {
            self.wants_write = !done;
            net.epoll.modify(&self.stream, self.token, if done { Interest::Read } else { Interest::ReadWrite })?;
        }
        Ok(())
    }

    /// Moves on by one event: at most one write and one read. The end of the stream is an error.
    pub fn advance(&mut self, net: &Net, ready: Ready, buffer: &mut [u8]) -> io::Result<Got> {
        let mut opened = false;
        if ready.writable {
            if self.stage == Stage::Connecting {
                if let Some(error) = self.stream.take_error()? {
                    return Err(error);
                }
                self.stage = if self.is_bare { Stage::Open } else { Stage::Upgrading };
                opened = self.is_bare;
            }
            self.flush(net)?;
        }
        let nothing = Got { opened, bytes: 0..0 };
        if !ready.readable || self.stage == Stage::Connecting {
            return Ok(nothing);
        }
        let kept = self.partial.len();
        if kept >= buffer.len() {
            return Err(io::Error::other("a frame larger than the read buffer"));
        }
        buffer[..kept].copy_from_slice(&self.partial);
        let filled = match (&self.stream).read(&mut buffer[kept..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => kept + count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(nothing),
            Err(error) => return Err(error),
        };
        self.partial.clear();
        if self.stage == Stage::Open {
            return Ok(Got { opened, bytes: 0..filled });
        }
        let Some(head) = handshake::head_len(&buffer[..filled]) else {
            if filled > handshake::HEAD_MAX {
                return Err(io::Error::other("upgrade answered with an endless head"));
            }
            self.keep(&buffer[..filled]);
            return Ok(nothing);
        };
        handshake::check_response(&buffer[..head], &net.accept).map_err(io::Error::other)?;
        self.stage = Stage::Open;
        self.partial = Vec::new();
        Ok(Got { opened: true, bytes: head..filled })
    }

    /// Takes the frames off what an event brought, for a language that is a stream inside them. None: there are none.
    pub fn unframe(&mut self, bytes: &mut [u8]) -> Result<Option<Unframed>, String> {
        if self.is_bare { Ok(None) } else { self.inside.unframe(bytes).map(Some) }
    }

    /// Keeps what is left of a stream, and the begin of a frame behind it.
    pub fn keep_stream(&mut self, plain: &[u8], raw: &[u8]) {
        self.inside.keep(plain.len());
        self.keep(plain);
        self.keep(raw);
    }

    /// Keeps the start of a frame until its rest comes.
    pub fn keep(&mut self, rest: &[u8]) {
        self.partial.extend_from_slice(rest);
    }

    pub fn shrink(&mut self) {
        self.partial.shrink_to_fit();
    }
}
