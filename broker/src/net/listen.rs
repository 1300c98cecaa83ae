//! A listener for every shard, all on one address: the kernel spreads new connections over them.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;

use socket2::{Domain, Protocol, Socket, Type};

/// How listeners are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// Connections that may wait for a busy shard. The default of most libraries, 128, overflows in a reconnect storm.
    pub backlog: i32,
    /// Caps the kernel's send buffer of each connection; none leaves it to the kernel, which lets it grow to megabytes.
    pub send_buffer: Option<usize>,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { backlog: 4_096, send_buffer: None }
    }
}

/// Opens one listener per shard on `address`. Port 0 is resolved once and is then the same for all.
///
/// They do not block. Accepted sockets have `TCP_NODELAY` and the send buffer's cap: on Linux a socket inherits both
/// from its listener, so accepting costs no further system calls.
///
/// # Errors
/// What the kernel says, above all that the address is in use, also by another process of the same user.
pub fn listen(address: SocketAddr, shards: NonZeroUsize, options: ListenOptions) -> io::Result<Vec<TcpListener>> {
    let first = open(address, options)?;
    // Bound before it may share: with SO_REUSEPORT set earlier, a second broker of the same user would not fail here
    // but silently take half of the connections.
    first.bind(&address.into())?;
    first.set_reuse_port(true)?;
    let resolved = first.local_addr()?;
    let mut sockets = vec![first];
    while sockets.len() < shards.get() {
        let next = open(address, options)?;
        next.set_reuse_port(true)?;
        next.bind(&resolved)?;
        sockets.push(next);
    }
    // All are bound before the first listens, so no connection arrives while some of them are missing.
    for socket in &sockets {
        socket.listen(options.backlog)?;
    }
    Ok(sockets.into_iter().map(TcpListener::from).collect())
}

fn open(address: SocketAddr, options: ListenOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(bytes) = options.send_buffer {
        socket.set_send_buffer_size(bytes)?;
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::SockRef;
    use std::net::TcpStream;

    const LOOPBACK: &str = "127.0.0.1:0";

    fn shards(count: usize) -> NonZeroUsize {
        NonZeroUsize::new(count).unwrap()
    }

    /// Takes the next connection of whichever listener has one.
    fn accept_any(listeners: &[TcpListener]) -> (usize, TcpStream) {
        loop {
            for (index, listener) in listeners.iter().enumerate() {
                match listener.accept() {
                    Ok((stream, _)) => return (index, stream),
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                    Err(e) => panic!("accept: {e}"),
                }
            }
        }
    }

    #[test]
    fn all_shards_share_one_port_and_each_gets_connections() {
        let listeners = listen(LOOPBACK.parse().unwrap(), shards(3), ListenOptions::default()).unwrap();
        let address = listeners[0].local_addr().unwrap();
        assert_ne!(address.port(), 0);
        for listener in &listeners {
            assert_eq!(listener.local_addr().unwrap(), address);
        }
        // The kernel hashes the client's port: among 300, each of three listeners gets some.
        let mut taken = [0; 3];
        for _ in 0..300 {
            let client = TcpStream::connect(address).unwrap();
            let (index, _server) = accept_any(&listeners);
            taken[index] += 1;
            drop(client);
        }
        assert!(taken.iter().all(|count| *count > 0), "{taken:?}");
    }

    #[test]
    fn accepted_sockets_inherit_their_options() {
        let options = ListenOptions { send_buffer: Some(16 * 1024), ..ListenOptions::default() };
        let listeners = listen(LOOPBACK.parse().unwrap(), shards(2), options).unwrap();
        let client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        let (_, server) = accept_any(&listeners);
        assert!(server.nodelay().unwrap());
        // The kernel doubles what was asked for, for its own bookkeeping.
        assert_eq!(SockRef::from(&server).send_buffer_size().unwrap(), 32 * 1024);
        drop(client);
    }

    #[test]
    fn a_second_broker_on_the_same_port_is_refused() {
        let listeners = listen(LOOPBACK.parse().unwrap(), shards(2), ListenOptions::default()).unwrap();
        let address = listeners[0].local_addr().unwrap();
        let second = listen(address, shards(2), ListenOptions::default());
        assert_eq!(second.map_err(|e| e.kind()).unwrap_err(), io::ErrorKind::AddrInUse);
        drop(listeners);
        listen(address, shards(1), ListenOptions::default()).unwrap();
    }

    #[test]
    fn both_families_work() {
        let listeners = listen("[::1]:0".parse().unwrap(), shards(2), ListenOptions::default()).unwrap();
        let client = TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        accept_any(&listeners);
        drop(client);
    }
}
