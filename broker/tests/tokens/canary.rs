//! A token is for the node alone: not a piece of one is found in what the node logs, shows or keeps.

use super::forge::{HEADER, of, token};
use super::support::node::{Attempt, Folder, attempt_with};
use super::support::{BINARY, Client, JSON, Node};
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

/// A page, as a program asks for it; the token goes wherever somebody might put it.
fn page(node: &Node, request: &str) -> String {
    let mut socket = TcpStream::connect(node.address).unwrap();
    write!(socket, "GET {request}Host: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    text
}

fn files(folder: &Path, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

fn holds(text: &[u8], piece: &str) -> bool {
    text.windows(piece.len()).any(|window| window == piece.as_bytes())
}

#[test]
fn no_piece_of_a_token_is_found_anywhere() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rookery"));
    command.env("ROOKERY_LOG__LEVEL", "trace");
    let Attempt::Started(mut node) = attempt_with(command, Folder::new(), 2, &[]) else { panic!("no node") };
    let good = of("ann", r#","name":"canary of a claim","jti":"canary""#);
    let newer = of("ann", r#","name":"canary of a claim","jti":"canary-2""#);
    let cut = format!("{}AAAA", &good[..good.len() - 4]);
    let wrong = token(HEADER, r#"{"sub":"canary","exp":"never"}"#);
    let keyless = token(r#"{"alg":"ES256","kid":"canary-of-a-key"}"#, r#"{"sub":"canary","name":"canary"}"#);
    for tongue in [JSON, BINARY] {
        let mut client = Client::enter(node.address, tongue, &good);
        client.post("general", "canary of a body");
        assert!(matches!(client.ask(&Command::Refresh { token: newer.clone() }), Reply::Done));
        for bad in [&cut, &wrong, &keyless] {
            let mut stranger = Client::open(node.address, tongue);
            let answer = stranger.ask(&Command::Authenticate { token: bad.clone() });
            let Reply::Refused(refusal) = answer else { panic!("{bad} was accepted") };
            assert_eq!(refusal.code, ErrorCode::BadToken);
            assert!(!refusal.detail.contains("canary"), "{}", refusal.detail);
        }
    }
    let mut shown = String::new();
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: https://evil.example\r\n";
    for request in [
        format!("/metrics HTTP/1.1\r\nAuthorization: Bearer {good}\r\n"),
        format!("/?token={good} HTTP/1.1\r\n"),
        format!("/{good} HTTP/1.1\r\n"),
        format!("/v1/ws?token={good} HTTP/1.1\r\nAuthorization: Bearer {good}\r\n"),
        format!("/v1/ws?token={good} HTTP/1.1\r\n{upgrade}"),
        format!("/v1/ws HTTP/1.1\r\nSec-WebSocket-Protocol: {good}\r\n{upgrade}"),
        format!("/ HTTP/1.1\r\nCookie: token={good}\r\nBad Header\x01: {good}\r\n"),
    ] {
        shown += &page(&node, &request);
    }
    // With a token that is good, in the header: the socket stays open, and begins with a welcome.
    let mut socket = TcpStream::connect(node.address).unwrap();
    let upgrade = upgrade.lines().take(4).collect::<Vec<_>>().join("\r\n");
    write!(socket, "GET /v1/ws HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {good}\r\n{upgrade}\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    while !holds(&answer, "welcome") {
        let mut some = [0; 512];
        let count = socket.read(&mut some).unwrap();
        assert!(count > 0, "no welcome: {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&some[..count]);
    }
    shown += &String::from_utf8_lossy(&answer);
    let metrics = page(&node, "/metrics HTTP/1.1\r\n");
    assert!(metrics.contains("rookery_commands_total"));
    shown += &metrics;
    node.signal("-TERM");
    assert!(node.wait(std::time::Duration::from_secs(20)).success());
    let log = node.log();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log is not as loud as it can be: {log:.500}");
    let mut kept = vec![("what it shows".to_owned(), shown.into_bytes())];
    files(node.data.path(), &mut kept);
    assert!(kept.iter().any(|(name, text)| name.ends_with("/log") && !text.is_empty()));
    for token in [&good, &newer, &cut, &wrong, &keyless] {
        // The header is the same for all tokens there are; the rest is nobody's business.
        let (message, signature) = token.rsplit_once('.').unwrap();
        let claims = message.split_once('.').unwrap().1;
        for piece in [&claims[..24], &claims[claims.len() - 24..], &signature[..20]] {
            for (name, text) in &kept {
                assert!(!holds(text, piece), "{piece} of a token is in {name}");
            }
        }
    }
    for piece in ["canary of a body", "canary-of-a-key"] {
        assert!(!log.contains(piece), "{piece} is in the log");
    }
}
