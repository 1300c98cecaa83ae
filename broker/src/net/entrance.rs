//! Before a fresh socket is asked anything: who it is, where a balancer that is trusted says so, and whether its address
//! may have one more.

use super::addresses::{Addresses, Pass};
use super::early::Early;
use super::network::Network;
use super::proxy::{self, Said};
use bytes::{Bytes, BytesMut};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone)]
pub struct Entrance {
    /// Balancers: what they say of a client in a PROXY header is believed.
    pub trusted: Arc<[Network]>,
    pub addresses: Arc<Addresses>,
    /// A header has to be there within this.
    pub header_within: Duration,
}

/// A socket, with its client.
pub struct Caller {
    pub stream: Early<TcpStream>,
    pub peer: SocketAddr,
    pub pass: Pass,
}

/// Whoever has as many connections as it may is told so in HTTP, because nothing else was agreed on yet.
const TOO_MANY: &[u8] = b"HTTP/1.1 429 Too Many Requests\r\nContent-Type: text/plain\r\nContent-Length: 48\r\n\
    Retry-After: 5\r\nConnection: close\r\n\r\nThis address has as many connections as it may.\n";

/// None: it is not let in, and closed.
pub async fn enter(entrance: &Entrance, mut stream: TcpStream, peer: SocketAddr) -> Option<Caller> {
    let is_trusted = entrance.trusted.iter().any(|network| network.contains(peer.ip()));
    let (peer, early) = if is_trusted {
        match tokio::time::timeout(entrance.header_within, introduced(&mut stream, peer)).await {
            Ok(Ok(introduced)) => introduced,
            Ok(Err(error)) => {
                tracing::debug!(event = "proxy_header_refused", %error);
                return None;
            }
            Err(_) => return None,
        }
    } else {
        (peer, Bytes::new())
    };
    let Some(pass) = entrance.addresses.enter(peer.ip()) else {
        // Nobody waits for a client that does not take it.
        let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(TOO_MANY)).await;
        return None;
    };
    Some(Caller { stream: Early::new(stream, early), peer, pass })
}

/// What a balancer says in front, and what came behind it. One that says nothing is a client itself.
async fn introduced(stream: &mut TcpStream, peer: SocketAddr) -> io::Result<(SocketAddr, Bytes)> {
    let mut read = BytesMut::with_capacity(256);
    loop {
        match proxy::parse(&read) {
            Ok(Said::More) => {}
            Ok(Said::Nothing) => return Ok((peer, read.freeze())),
            Ok(Said::Client { from, bytes }) => {
                let behind = read.split_off(bytes);
                return Ok((from.unwrap_or(peer), behind.freeze()));
            }
            Err(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it began as one and is none")),
        }
        if stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}
