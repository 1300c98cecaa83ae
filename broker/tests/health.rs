//! What whoever starts, stops and spares nodes is told: alive, ready, and why not; at the real binary.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use support::{Client, JSON, Node};

/// Status and body; none if nobody answers there.
fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut socket = TcpStream::connect(address).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let status = answer.split(' ').nth(1)?.parse().ok()?;
    Some((status, answer.split_once("\r\n\r\n")?.1.to_owned()))
}

#[test]
fn a_node_says_that_it_is_alive_and_ready_and_what_it_looked_at() {
    let node = Node::start_with(2, &["--watch-listen", "127.0.0.1:0"]);
    let watch = node.watch_address();
    for address in [node.address, watch] {
        for path in ["/livez", "/readyz", "/health"] {
            assert_eq!(get(address, path), Some((200, "ok\n".to_owned())), "{path}");
        }
        let (status, page) = get(address, "/health?verbose").unwrap();
        let page: serde_json::Value = serde_json::from_str(&page).unwrap();
        assert_eq!((status, &page["live"], &page["ready"]), (200, &true.into(), &true.into()));
        let names: Vec<_> =
            page["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["shard 0", "shard 1", "stopping", "journal", "settled store"]);
        assert!(get(address, "/metrics").unwrap().1.contains("rookery_connections{shard=\"1\"}"));
    }
    assert_eq!(get(watch, "/v1/ws").unwrap().0, 404);
}

#[test]
fn a_node_that_stops_gets_no_traffic_before_it_is_gone() {
    let mut node = Node::start_with(1, &["--watch-listen", "127.0.0.1:0"]);
    let watch = node.watch_address();
    // Somebody who does not go by himself keeps the node for a moment.
    let client = Client::enter(node.address, JSON, &node.token("alice"));
    assert_eq!(get(watch, "/readyz").unwrap().0, 200);
    node.signal("-TERM");
    let until = Instant::now() + Duration::from_secs(10);
    let refused =
        std::iter::from_fn(|| get(watch, "/readyz")).take_while(|_| Instant::now() < until).any(|said| said.0 == 503);
    assert!(refused, "it said so before it was gone");
    drop(client);
    assert!(node.wait(Duration::from_secs(10)).success());
}
