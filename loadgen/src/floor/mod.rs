//! Floor servers: the least work a WebSocket fan-out can cost on this machine, to hold real servers against.
//!
//! One thread, bare epoll, no task, no lock. The two kinds differ in one thing only, the [`Fanout`]:
//! when a publication's bytes meet the sockets.

mod batching;
mod conn;
mod faulty;
mod per_frame;
mod rooms;
pub mod wire;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};

use crate::sys::{self, Epoll, Events, Interest};
use crate::ws::{frame, handshake};
use conn::Conns;
pub use faulty::Fault;
use rooms::Rooms;
use wire::Order;

/// When publications are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// One `send` per subscriber and turn.
    Batching,
    /// One `send` per subscriber and publication.
    PerFrame,
}

const LISTENER: u64 = u64::MAX;
const READ_BUFFER: usize = 256 << 10;
const BACKLOG: i32 = 4096;

trait Fanout {
    fn publish(&mut self, conns: &mut Conns, rooms: &Rooms, room: u16, opcode: u8, body: &[u8]);
    fn end_turn(&mut self, conns: &mut Conns, rooms: &Rooms);
}

/// Lays one delivery as it goes over the wire: header, ballast, body.
fn append_delivery(out: &mut Vec<u8>, opcode: u8, overhead: usize, body: &[u8]) {
    frame::write_header(out, opcode, overhead + body.len(), None);
    out.resize(out.len() + overhead, b'.');
    out.extend_from_slice(body);
}

/// Listens, prints the address as the first line, and serves until killed.
pub fn run(mode: Mode, fault: Option<(Fault, u64)>, listen: SocketAddr, overhead: usize) -> io::Result<()> {
    sys::raise_descriptor_limit()?;
    let listener = bind(listen)?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", listener.local_addr()?)?;
    stdout.flush()?;
    drop(stdout);
    if let Some((fault, every)) = fault {
        return serve(listener, faulty::Faulty::new(fault, every, overhead));
    }
    match mode {
        Mode::Batching => serve(listener, batching::Batching::new(overhead)),
        Mode::PerFrame => serve(listener, per_frame::PerFrame::new(overhead)),
    }
}

fn bind(listen: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(listen), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: one system call saved per connection.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&listen.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn serve<F: Fanout>(listener: TcpListener, fanout: F) -> io::Result<()> {
    let epoll = Epoll::new()?;
    epoll.add(&listener, LISTENER, Interest::Read)?;
    let mut server = Server { conns: Conns::new(epoll), rooms: Rooms::default(), fanout, buffer: vec![0; READ_BUFFER] };
    let mut events = Events::with_capacity(1024);
    loop {
        server.conns.epoll().wait(&mut events, None)?;
        for ready in events.iter() {
            if ready.token == LISTENER {
                server.accept(&listener)?;
                continue;
            }
            let slot = ready.token as u32;
            if ready.writable {
                server.conns.flush(slot);
            }
            if ready.readable {
                server.read(slot);
            }
        }
        server.fanout.end_turn(&mut server.conns, &server.rooms);
        while let Some(gone) = server.conns.bury() {
            if let Some(seat) = gone.seat {
                server.rooms.vacate(&mut server.conns, seat);
            }
        }
    }
}

struct Server<F> {
    conns: Conns,
    rooms: Rooms,
    fanout: F,
    buffer: Vec<u8>,
}

impl<F: Fanout> Server<F> {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            match sys::accept_nonblocking(listener) {
                Ok(stream) => self.conns.insert(stream)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// One read into the loop's buffer, behind whatever the last one left over.
    fn read(&mut self, slot: u32) {
        let Some(conn) = self.conns.get(slot) else {
            return;
        };
        let kept = conn.partial.take().map_or(0, |partial| {
            self.buffer[..partial.len()].copy_from_slice(&partial);
            partial.len()
        });
        let filled = match (&conn.stream).read(&mut self.buffer[kept..]) {
            Ok(0) => return self.conns.doom(slot),
            Ok(count) => kept + count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => kept,
            Err(_) => return self.conns.doom(slot),
        };
        let mut buffer = std::mem::take(&mut self.buffer);
        match self.handle(slot, &mut buffer[..filled]) {
            Some(used) if used < filled && filled - used < READ_BUFFER / 2 => {
                if let Some(conn) = self.conns.get(slot) {
                    conn.partial = Some(buffer[used..filled].into());
                }
            }
            Some(used) if used == filled => {}
            Some(_) | None => self.conns.doom(slot),
        }
        self.buffer = buffer;
    }

    /// Handles all complete input and returns how much of it that was; `None` ends the connection.
    fn handle(&mut self, slot: u32, mut bytes: &mut [u8]) -> Option<usize> {
        let mut used = 0;
        if !self.conns.get(slot)?.upgraded {
            let Some(head) = handshake::head_len(bytes) else {
                return (bytes.len() <= handshake::HEAD_MAX).then_some(0);
            };
            let consent = handshake::response(&bytes[..head])?;
            self.conns.get(slot)?.upgraded = true;
            self.conns.send(slot, consent.as_bytes());
            bytes = &mut bytes[head..];
            used = head;
        }
        while let Some(header) = frame::read_header(bytes).ok()? {
            if bytes.len() < header.frame_len() {
                break;
            }
            let (whole, rest) = bytes.split_at_mut(header.frame_len());
            let payload = &mut whole[header.header_len..];
            frame::apply_mask(payload, header.mask?);
            self.obey(slot, header.opcode, payload)?;
            bytes = rest;
            used += header.frame_len();
        }
        Some(used)
    }

    fn obey(&mut self, slot: u32, opcode: u8, payload: &[u8]) -> Option<()> {
        match opcode {
            frame::TEXT | frame::BINARY => match wire::parse(payload)? {
                Order::Publish { room, body } => {
                    self.fanout.publish(&mut self.conns, &self.rooms, room, opcode, body);
                }
                Order::Subscribe(room) => {
                    self.rooms.enter(&mut self.conns, slot, room);
                    self.answer(slot, opcode, &wire::short(b's', room));
                }
                Order::Leave(room) => {
                    self.rooms.leave(&mut self.conns, slot);
                    self.answer(slot, opcode, &wire::short(b'u', room));
                }
            },
            frame::PING => self.answer(slot, frame::PONG, payload),
            frame::PONG => {}
            frame::CLOSE => {
                self.answer(slot, frame::CLOSE, payload);
                return None;
            }
            _ => return None,
        }
        Some(())
    }

    fn answer(&mut self, slot: u32, opcode: u8, payload: &[u8]) {
        let mut out = Vec::with_capacity(frame::HEADER_MAX + payload.len());
        frame::write_plain(&mut out, opcode, payload);
        self.conns.send(slot, &out);
    }
}
