//! The signature, and what must not turn up: secret, credentials and bodies.

use super::backend::{Act, Backend};
use super::support::{Client, JSON};
use super::{asking, node_with, refused};
use ring::hmac;
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;

const SECRET: &str = "canary-secret of a hook, of more than thirty-two bytes";

/// As docs/reference/hook.md tells a backend to do it.
fn is_signed(head: Option<&str>, body: &[u8]) -> bool {
    let Some((time, given)) = head.and_then(|head| head.strip_prefix("t=")?.split_once(",v1=")) else { return false };
    let given: Vec<u8> =
        (0..given.len()).step_by(2).filter_map(|i| u8::from_str_radix(given.get(i..i + 2)?, 16).ok()).collect();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let message = [time.as_bytes(), b".", body].concat();
    time.parse::<u64>().is_ok_and(|time| time.abs_diff(super::forge::now() / 1000) < 60)
        && hmac::verify(&key, &message, &given).is_ok()
}

#[test]
fn questions_are_signed_and_secrets_stay_where_they_are() {
    let backend = Backend::start(|asked| match asked.verb() {
        "connect" => Act::Say(json!({"allow": true, "principal": {"sub": "ann", "name": "canary-name"}})),
        _ => Act::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n\"canary-answer\"".to_vec()),
    });
    let more =
        format!("decides = [\"connect\", \"post\"]\nauthenticates = true\nsend_body = true\nsecret = \"{SECRET}\"");
    let unsigned = Backend::kind();
    let other = format!("[realms.other.hook]\nurl = \"{}\"\nauthenticates = false\n", unsigned.url());
    let node = node_with(2, &format!("{}\n{other}", asking(&backend, &more)), "trace");
    let mut ann = Client::enter(node.address, JSON, "canary-credential");
    let refusal = refused(ann.ask(&super::support::client::post("general", "canary-body", None)));
    assert_eq!(refusal.code, ErrorCode::NoRuling);
    for asked in backend.was_asked(2) {
        assert!(is_signed(asked.header("rookery-signature"), &asked.body), "{}", asked.head);
        assert!(!is_signed(asked.header("rookery-signature"), b"{}") && !asked.head.contains("canary"));
    }
    // What is asked elsewhere is not signed with another's secret.
    let mut bob = Client::open_at(node.address, JSON, "/v1/ws?realm=other").unwrap();
    bob.ask(&Command::Authenticate { token: super::forge::of("bob", r#","realm":"other""#) });
    assert!(unsigned.was_asked(1)[0].header("rookery-signature").is_none());
    let mut page = String::new();
    let mut socket = TcpStream::connect(node.address).unwrap();
    write!(socket, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    socket.read_to_string(&mut page).unwrap();
    assert!(page.contains("rookery_hook_questions_total") && page.contains("rookery_hook_failures_total"), "{page}");
    let log = node.log();
    assert!(log.contains("hook_fails"), "{log}");
    for place in [&log, &page] {
        assert!(!place.contains("canary"), "{place}");
    }
}
