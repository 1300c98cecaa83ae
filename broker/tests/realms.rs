//! Realms beside each other: each has its own pages that may connect, its own keys, and nothing of another one's.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use support::origins::{APP, ORIGINS, SHOP, line};
use support::{Folder, Node};

const CONFIG: &str = r#"
[auth]
allow_origin = ["https://chat.example.com"]

[realms.shop]
allow_origin = ["https://shop.example.com", "http://localhost:3000", "capacitor://localhost"]

[realms.open]
allow_origin = ["*"]

[realms.closed]
allow_origin = []

[realms.own]
secret = "another secret, of more than thirty-two bytes"
"#;

/// The status of the answer, and what it says.
fn ask(address: SocketAddr, request: &str, headers: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(socket, "{request} HTTP/1.1\r\nHost: node.example.com\r\n{headers}\r\n").unwrap();
    let mut said = Vec::new();
    let mut space = [0; 4096];
    // What is asked for an upgrade stays open behind its head, what is a request for a backend is closed.
    while !said.windows(4).any(|four| four == b"\r\n\r\n") || headers.contains("Content-Length") {
        match socket.read(&mut space) {
            Ok(0) | Err(_) => break,
            Ok(count) => said.extend_from_slice(&space[..count]),
        }
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    (said.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), said)
}

fn node() -> Node {
    let folder = Folder::new();
    let path = folder.path().join("realms.toml");
    std::fs::write(&path, CONFIG).unwrap();
    Node::start_in(folder, 2, &["--config", path.to_str().unwrap()])
}

const UPGRADE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: rookery.v1.json\r\n";

/// 101 for who is let in, 403 for who is not.
#[test]
fn each_realm_lets_in_its_own_pages_and_no_others() {
    let node = node();
    // Who lets a page of `ORIGINS` in, line by line: main, shop, open, closed, own (which has what the node has).
    let matrix: [[bool; 5]; ORIGINS.len()] = [
        [true, true, true, true, true],
        [true, false, true, false, true],
        [true, false, true, false, true],
        [false, true, true, false, false],
        [false, true, true, false, false],
        [false, true, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
        [false, false, true, false, false],
    ];
    for (origin, expected) in ORIGINS.into_iter().zip(matrix) {
        let headers = format!("{UPGRADE}{}", line(origin));
        for (realm, is_let_in) in ["main", "shop", "open", "closed", "own"].into_iter().zip(expected) {
            let (status, said) = ask(node.address, &format!("GET /v1/ws?realm={realm}"), &headers);
            assert_eq!(status, if is_let_in { 101 } else { 403 }, "{origin:?} at {realm}: {said}");
        }
        let (status, _) = ask(node.address, "GET /v1/ws", &headers);
        assert_eq!(status, if expected[0] { 101 } else { 403 }, "{origin:?} at none, which is the main one");
    }
    // Two of them are none, also where each of them is let in.
    let twice = format!("{UPGRADE}{}{}", line(Some(SHOP)), line(Some(APP)));
    assert_eq!(ask(node.address, "GET /v1/ws?realm=shop", &twice).0, 403);
    assert_eq!(ask(node.address, "GET /v1/ws?realm=nowhere", UPGRADE).0, 404);
    assert_eq!(ask(node.address, "GET /v1/ws?realm=%ff", UPGRADE).0, 404);
}

/// A node that was told nothing has no pages but its own, which are asked for by a loopback name.
#[test]
fn without_a_configuration_pages_of_elsewhere_are_refused() {
    let node = Node::start(1);
    for origin in ORIGINS {
        let (status, said) = ask(node.address, "GET /v1/ws", &format!("{UPGRADE}{}", line(origin)));
        assert_eq!(status, if origin.is_none() { 101 } else { 403 }, "{origin:?}: {said}");
    }
}

#[test]
fn what_pages_may_is_swapped_while_the_node_runs() {
    let node = node();
    let upgrade = format!("{UPGRADE}{}", line(Some("https://new.example.com")));
    let shop = || ask(node.address, "GET /v1/ws?realm=shop", &upgrade).0;
    assert_eq!(shop(), 403);
    let path = node.data.path().join("realms.toml");
    std::fs::write(&path, CONFIG.replace("https://shop.example.com", "https://new.example.com")).unwrap();
    node.signal("-HUP");
    let until = std::time::Instant::now() + Duration::from_secs(20);
    while shop() != 101 {
        assert!(std::time::Instant::now() < until, "it is never let in");
    }
    assert_eq!(ask(node.address, "GET /v1/ws", &upgrade).0, 403, "it is another realm's");
}

/// A backend of each realm reaches its own rooms over REST, and no others, with its own keys and no others.
#[test]
fn requests_are_of_the_realm_that_their_token_names() {
    let node = node();
    let config = node.data.path().join("realms.toml");
    let token = |realm: &str| {
        let config = ["--config", config.to_str().unwrap(), "--backend", "--realm", realm];
        node.token_with("backend", &config)
    };
    let request = |token: &str, method_path: &str, body: &str| {
        let length = body.len();
        let headers = format!(
            "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        );
        ask(node.address, method_path, &headers)
    };
    let realms = ["main", "shop", "own"];
    for realm in realms {
        let body = format!(r#"{{"body":"of {realm}"}}"#);
        let (status, said) = request(&token(realm), "POST /v1/rooms/general/messages", &body);
        assert_eq!(status, 201, "{realm}: {said}");
    }
    for realm in realms {
        let (status, page) = request(&token(realm), "GET /v1/rooms/general/messages", "");
        assert_eq!(status, 200, "{realm}: {page}");
        for other in realms {
            assert_eq!(page.contains(&format!("of {other}")), realm == other, "{other} in {realm}: {page}");
        }
    }
    // Signed by the node's secret for a realm that has its own, by a realm's own for another, and for none that is here.
    let swap = |token: &str, claims: &str| {
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = claims.split('.').nth(1).unwrap();
        parts.join(".")
    };
    let (main, shop, own) = (token("main"), token("shop"), token("own"));
    for forged in [swap(&main, &own), swap(&own, &main), swap(&shop, &own), swap(&own, &shop), swap(&main, &shop)] {
        let (status, said) = request(&forged, "GET /v1/rooms/general/messages", "");
        assert_eq!(status, 401, "{said}");
    }
}
