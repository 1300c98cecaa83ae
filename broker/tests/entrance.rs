//! Who a fresh socket is, and how many one address may have: balancers that are trusted, and a crowd at the door.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};
use support::Node;

const UPGRADE: &str = "GET /v1/ws HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Sec-WebSocket-Protocol: rookery.v1.json\r\n\r\n";

/// A socket that has said this, in pieces of so many bytes.
fn say(address: SocketAddr, bytes: &[u8], pieces: usize) -> TcpStream {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    for piece in bytes.chunks(pieces) {
        // Whoever is refused may be gone before the last piece.
        if socket.write_all(piece).is_err() {
            break;
        }
    }
    socket
}

/// The status of the answer; none if there is none.
fn status(socket: &mut TcpStream) -> Option<u16> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n") {
        match socket.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).unwrap().split(' ').nth(1)?.parse().ok()
}

fn v1(from: &str) -> Vec<u8> {
    format!("PROXY TCP4 {from} 198.51.100.1 50000 80\r\n").into_bytes()
}

fn v2(from: [u8; 4]) -> Vec<u8> {
    let [a, b, c, d] = from;
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &[a, b, c, d, 198, 51, 100, 1, 0xc3, 0x50, 0, 80]].concat()
}

/// `/metrics` is for clients on the same machine: its answer says who the node takes us for.
const METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";

#[test]
fn a_trusted_balancer_says_who_the_client_is_and_nobody_else_does() {
    let node = Node::start_with(1, &["--trusted-proxies", "10.0.0.0/8,127.0.0.0/8"]);
    for pieces in [1, 7, 4096] {
        let ask = |header: &[u8]| status(&mut say(node.address, &[header, METRICS].concat(), pieces));
        assert_eq!(ask(b""), Some(200), "the balancer itself");
        assert_eq!(ask(&v1("192.0.2.1")), Some(404));
        assert_eq!(ask(&v2([192, 0, 2, 1])), Some(404));
        assert_eq!(ask(&v1("127.0.0.1")), Some(200));
        assert_eq!(ask(b"PROXY UNKNOWN\r\n"), Some(200));
        assert_eq!(ask(b"PROXY TCP4 nobody\r\n"), None, "a header that is none");
        let upgrade = [&v2([192, 0, 2, 1])[..], UPGRADE.as_bytes()].concat();
        assert_eq!(status(&mut say(node.address, &upgrade, pieces)), Some(101));
    }
    let node = Node::start(1);
    for header in [v1("192.0.2.1"), v2([192, 0, 2, 1])] {
        let said = status(&mut say(node.address, &[&header[..], METRICS].concat(), 4096));
        assert!(matches!(said, None | Some(400)), "{said:?}");
    }
}

#[test]
fn an_address_never_has_more_than_it_may_however_many_come_at_once() {
    const CAP: usize = 10;
    const CROWD: usize = 500;
    let cap = CAP.to_string();
    let node = Node::start_with(2, &["--trusted-proxies", "127.0.0.1", "--connections-per-address", &cap]);
    let address = node.address;
    let greeting = |from: &str| [&v1(from)[..], UPGRADE.as_bytes()].concat();
    let crowd = greeting("192.0.2.1");
    let together = Barrier::new(50);
    let mut inside: Vec<TcpStream> = std::thread::scope(|scope| {
        let rush = |_| {
            scope.spawn(|| {
                together.wait();
                let mut sockets: Vec<_> = (0..CROWD / 50).map(|_| say(address, &crowd, 4096)).collect();
                let let_in = |socket: &mut TcpStream| match status(socket) {
                    Some(101) => true,
                    Some(429) => false,
                    other => panic!("{other:?}"),
                };
                sockets.retain_mut(let_in);
                sockets
            })
        };
        let rushes: Vec<_> = (0..50).map(rush).collect();
        rushes.into_iter().flat_map(|rush| rush.join().unwrap()).collect()
    });
    assert_eq!(inside.len(), CAP);
    // Others are none the worse.
    assert_eq!(status(&mut say(address, &greeting("192.0.2.2"), 4096)), Some(101));
    assert_eq!(status(&mut say(address, &crowd, 4096)), Some(429));
    // Who goes makes room.
    drop(inside.pop());
    let until = Instant::now() + Duration::from_secs(20);
    while status(&mut say(address, &crowd, 4096)) != Some(101) {
        assert!(Instant::now() < until, "there is no room");
    }
}
