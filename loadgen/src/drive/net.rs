//! Where connections go and come from: the target, the epoll they share, and the source addresses they take in turn.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::sys::{self, Epoll};
use crate::ws::handshake;

/// Loopback source addresses used in turn: one address has too few ports for minutes of connecting.
const SOURCES: u8 = 100;

pub struct Net {
    pub epoll: Epoll,
    targets: Vec<SocketAddr>,
    next_source: u8,
    random: u64,
    /// The proof that each connection expects.
    pub accept: String,
}

impl Net {
    /// `index` tells the connections of one thread from those of another.
    pub fn new(targets: Vec<SocketAddr>, index: usize) -> io::Result<Net> {
        Ok(Net {
            epoll: Epoll::new()?,
            targets,
            next_source: (index * 37 % usize::from(SOURCES)) as u8,
            random: u64::from(std::process::id()) << 32 | 0x9E37_79B9 ^ (index as u64) << 8,
            accept: handshake::accept_value(handshake::CLIENT_KEY),
        })
    }

    /// Connections go to the targets in turn.
    fn target(&self, connection: usize) -> SocketAddr {
        self.targets[connection % self.targets.len()]
    }

    /// The head that a connection opens with, given its adapter's path and header lines.
    pub fn request(&self, connection: usize, (path, more): (String, String)) -> Vec<u8> {
        handshake::request(&self.target(connection).to_string(), &path, &more).into_bytes()
    }

    /// Starts a connection; it is made when the socket turns writable.
    pub fn connect(&mut self, connection: usize, receive_buffer: Option<usize>) -> io::Result<TcpStream> {
        let target = self.target(connection);
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if target.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            self.next_source = self.next_source % SOURCES + 1;
            sys::bind_address_only(&socket)?;
            socket.bind(&SocketAddr::from(([127, 0, 0, 1 + self.next_source], 0)).into())?;
        }
        match socket.connect(&target.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(socket.into())
    }

    /// A mask key without a zero byte, so that a server cannot get away with not unmasking.
    pub fn mask_key(&mut self) -> [u8; 4] {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random as u32 | 0x0101_0101).to_le_bytes()
    }
}
