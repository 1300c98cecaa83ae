//! Connections over TLS: everything is as it is in plain, certificates are renewed while it runs, and whoever speaks no
//! TLS costs nothing.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::errors::DropReason;
use rookery_protocol::ids::Place;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::certificate::Certificate;
use support::node::{self, Attempt};
use support::{BINARY, Client, Folder, Heard, JSON, Node, tunnel};

struct Sealed {
    node: Node,
    certificate: Certificate,
    tls: SocketAddr,
}

fn files(folder: &Folder) -> [PathBuf; 2] {
    ["certificate.pem", "key.pem"].map(|name| folder.path().join(name))
}

fn install(folder: &Folder, certificate: &str, key: &str) {
    let [to_certificate, to_key] = files(folder);
    std::fs::write(to_certificate, certificate).unwrap();
    std::fs::write(to_key, key).unwrap();
}

fn try_start(folder: Arc<Folder>, shards: u8, more: &[&str]) -> Attempt {
    let [certificate, key] = files(&folder);
    let own = ["--tls-listen", "127.0.0.1:0", "--tls-certificate", certificate.to_str().unwrap()];
    let own = [&own[..], &["--tls-key", key.to_str().unwrap()], more].concat();
    node::attempt(folder, shards, &own)
}

impl Sealed {
    fn start(shards: u8, more: &[&str]) -> Sealed {
        let (folder, certificate) = (Folder::new(), Certificate::new());
        install(&folder, &certificate.pem, &certificate.key);
        let Attempt::Started(node) = try_start(folder, shards, more) else { panic!("no node") };
        let tls = address_in(&node.log());
        Sealed { node, certificate, tls }
    }

    fn tunnel(&self) -> SocketAddr {
        tunnel::to(self.tls, &self.certificate.pem, b"")
    }
}

/// Where a node says that it listens for TLS.
fn address_in(log: &str) -> SocketAddr {
    let line = log.lines().find(|line| line.contains("tls_open")).unwrap();
    let (_, address) = line.split_once("127.0.0.1:").unwrap();
    let port: String = address.chars().take_while(char::is_ascii_digit).collect();
    format!("127.0.0.1:{port}").parse().unwrap()
}

fn wait_for_log(node: &Node, what: &str, times: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while node.log().matches(what).count() < times {
        assert!(Instant::now() < until, "the log does not say {what}");
        std::thread::yield_now();
    }
}

#[test]
fn sealed_clients_speak_with_plain_ones_on_every_shard() {
    let sealed = Sealed::start(2, &[]);
    let (tunnel, token) = (sealed.tunnel(), sealed.node.token("alice"));
    let mut plain = Client::enter(sealed.node.address, JSON, &token);
    for (index, tongue) in [JSON, BINARY, JSON, BINARY, JSON, BINARY].into_iter().enumerate() {
        let room = format!("room-{index}");
        plain.subscribe(&room, None);
        // The room in the URL takes the socket to its shard, and what seals it with it.
        let path = format!("/v1/ws?room={room}");
        let mut client = Client::open_at(tunnel, tongue, &path).unwrap();
        client.ask(&rookery_protocol::command::Command::Authenticate { token: token.clone() });
        client.subscribe(&room, None);
        let long = "x".repeat(50_000);
        for body in ["short", &long, "end"] {
            plain.post(&room, body);
            assert_eq!(client.body(), body);
            client.post(&room, body);
            assert_eq!(client.body(), body);
            assert_eq!(plain.body(), body);
            assert_eq!(plain.body(), body);
        }
    }
    // What is no WebSocket is served, too.
    let mut http = TcpStream::connect(tunnel).unwrap();
    http.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    http.write_all(b"GET /livez HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    http.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_sealed_reader_that_pauses_misses_nothing_and_is_told_the_end() {
    const MESSAGES: usize = 400;
    // Nothing but the messages is written: no heartbeat carries on what waits.
    let more = ["--send-buffer", "16384", "--set", "limits.slow=30s", "--set", "limits.silence=1h"];
    let mut sealed = Sealed::start(1, &[&more[..], &["--set", "limits.ping=20m"]].concat());
    let token = sealed.node.token("alice");
    let mut writer = Client::enter(sealed.node.address, BINARY, &token);
    let mut reader = Client::enter(sealed.tunnel(), BINARY, &token);
    reader.subscribe("room", None);
    // Ten megabytes that nobody reads fill every buffer on the way, more than once.
    let body = |index: usize| format!("{index} {}", "abcdefghij".repeat(2_500));
    let mut last: Option<Place> = None;
    for index in 0..MESSAGES {
        last = Some(writer.post("room", &body(index)));
    }
    assert!(last.is_some());
    for index in 0..MESSAGES {
        assert_eq!(reader.body(), body(index));
    }
    sealed.node.signal("-TERM");
    loop {
        match reader.next() {
            Heard::Frame(_) => {}
            Heard::Closed(Some((code, _))) => break assert_eq!(code, DropReason::Draining.close_code()),
            Heard::Closed(None) => panic!("closed without a word"),
        }
    }
    assert!(sealed.node.wait(Duration::from_secs(20)).success());
}

#[test]
fn a_certificate_is_renewed_while_connections_are_open() {
    let sealed = Sealed::start(2, &[]);
    let (node, token) = (&sealed.node, sealed.node.token("alice"));
    let by_first = sealed.tunnel();
    let mut early = Client::enter(by_first, JSON, &token);
    let second = Certificate::new();
    let by_second = tunnel::to(sealed.tls, &second.pem, b"");
    assert!(Client::open_at(by_second, JSON, "/v1/ws").is_err(), "it is not shown yet");
    install(&node.data, &second.pem, &second.key);
    node.signal("-HUP");
    wait_for_log(node, "config_reloaded", 1);
    let mut late = Client::enter(by_second, JSON, &token);
    // Anew: who has been here before need not be shown it.
    assert!(Client::open_at(sealed.tunnel(), JSON, "/v1/ws").is_err(), "it is shown no more");
    early.subscribe("room", None);
    late.post("room", "still here");
    assert_eq!(early.body(), "still here");
    // Half of a renewal changes nothing, and is told.
    install(&node.data, &second.pem, &Certificate::new().key);
    node.signal("-HUP");
    wait_for_log(node, "config_reloaded", 2);
    assert!(node.log().contains("certificate_refused") && node.log().contains("not the key of the certificate"));
    Client::enter(by_second, JSON, &token).post("room", "still there");
}

#[test]
fn what_is_no_certificate_is_refused_with_its_name() {
    let (good, other) = (Certificate::new(), Certificate::new());
    for (certificate, key, named) in [
        (good.pem.as_str(), "", "key.pem: "),
        ("", good.key.as_str(), "certificate.pem: there is no certificate in it"),
        (&good.pem, &other.key, "key.pem: it is not the key of the certificate in "),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &good.key, "certificate.pem"),
    ] {
        let folder = Folder::new();
        install(&folder, certificate, key);
        match try_start(folder, 1, &[]) {
            Attempt::Refused { status, said } => {
                assert!(
                    status.code() == Some(78) && said.contains(named) && said.trim().lines().count() == 1,
                    "{said}"
                );
            }
            Attempt::Started(_) => panic!("started with {named}"),
        }
    }
    let folder = Folder::new();
    match node::attempt(folder, 1, &["--tls-listen", "127.0.0.1:0"]) {
        Attempt::Refused { status, said } => {
            assert!(status.code() == Some(78) && said.contains("tls.certificate is missing"), "{said}");
        }
        Attempt::Started(_) => panic!("started without a certificate"),
    }
}

#[test]
fn who_speaks_no_tls_or_nothing_is_closed_and_harms_nobody() {
    const SILENT: usize = 200;
    let sealed = Sealed::start(1, &["--trusted-proxies", "127.0.0.0/8"]);
    let began = Instant::now();
    let open = |said: &[u8]| {
        let mut socket = TcpStream::connect(sealed.tls).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        socket.write_all(said).unwrap();
        socket
    };
    // Silent ones, and ones that have begun to shake hands.
    let begun = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];
    let stuck: Vec<_> = (0..SILENT).map(|index| open(&begun[..(index % 10).min(9)])).collect();
    let mut plain = open(b"GET / HTTP/1.1\r\nHost: node\r\n\r\n");
    let ended = |socket: &mut TcpStream| {
        let mut space = [0; 512];
        loop {
            match socket.read(&mut space) {
                Ok(0) => return,
                // An alert, perhaps.
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("{error}"),
            }
        }
    };
    ended(&mut plain);
    // A balancer's header comes before the handshake.
    let through = tunnel::to(sealed.tls, &sealed.certificate.pem, b"PROXY TCP4 192.0.2.1 198.51.100.1 50000 443\r\n");
    let token = sealed.node.token("alice");
    Client::enter(through, JSON, &token).post("room", "honest");
    for mut socket in stuck {
        ended(&mut socket);
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "closed after {took:?}");
    Client::enter(through, JSON, &token).post("room", "honest");
}
