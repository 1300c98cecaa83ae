//! No answer that can be used: late, gone, or hostile; by either policy.

use super::backend::{Act, Backend, Gate, allow, whole};
use super::forge::of;
use super::support::client::post;
use super::support::{Client, JSON, Node};
use super::{asking, node, refused};
use rookery_protocol::command::Command;
use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::Reply;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Two realms that differ in what becomes of silence.
fn two_realms(backend: &Backend, more: &str) -> Node {
    let text = asking(backend, &format!("decides = [\"post\"]\nkeep = 0\n{more}"));
    node(1, &format!("{text}\n[realms.easy.hook]\non_failure = \"allow\"\n"))
}

fn easy(node: &Node) -> Client {
    let mut client = Client::open_at(node.address, JSON, "/v1/ws?realm=easy").unwrap();
    let token = of("ann", r#","realm":"easy""#);
    assert!(matches!(client.ask(&Command::Authenticate { token }), Reply::Welcome(_)));
    client
}

/// Refused in the one realm with the code for it, and placed in the other.
fn no_ruling(node: &Node, what: &str) {
    let refusal = refused(super::enter(node, "ann").ask(&post("general", what, None)));
    assert_eq!(refusal.code, ErrorCode::NoRuling, "{what}");
    assert!(refusal.retry_after_ms > 0 && refusal.detail.is_empty(), "{refusal:?}");
    easy(node).post("general", what);
}

#[test]
fn a_late_answer_is_none() {
    let gate = Arc::new(Gate::default());
    let held = gate.clone();
    let backend = Backend::start(move |_| Act::Behind(held.clone(), allow()));
    let node = two_realms(&backend, "deadline = \"200ms\"");
    no_ruling(&node, "late");
    gate.open();
    backend.rules(|_| Act::Say(allow()));
    super::enter(&node, "ann").post("general", "in time");
    assert!(node.log().contains("hook_fails") && node.log().contains("hook_is_back"), "{}", node.log());
}

#[test]
fn hostile_answers_are_none() {
    let backend = Backend::kind();
    let node = two_realms(&backend, "deadline = \"2s\"");
    let elsewhere = Backend::kind();
    let location = format!("Location: {}\r\n", elsewhere.url());
    let huge = format!("{{\"allow\":true,\"text\":\"{}\"}}", "x".repeat(100_000));
    let deep = format!("{{\"allow\":true,\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    let lines = "X-More: x\r\n".repeat(5000);
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{".to_vec();
    let json = |text: &str| whole("200 OK", "", text.as_bytes());
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("huge", json(&huge)),
        ("deep", json(&deep)),
        ("a huge head", whole("200 OK", &lines, br#"{"allow":true}"#)),
        ("a chunk without end", chunked),
        ("a redirect", whole("307 Temporary Redirect", &location, br#"{"allow":true}"#)),
        ("no content", whole("204 No Content", "", b"")),
        ("a fault", whole("500 Internal Server Error", "", br#"{"allow":true}"#)),
        ("no HTTP", b"allow: true\r\n\r\n".to_vec()),
        ("cut off", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"allow\":true}".to_vec()),
        ("nothing", json("")),
        ("no JSON", json("allow")),
        ("no object", json("[true]")),
        ("a word instead of a truth", json(r#"{"allow":"true"}"#)),
        ("no verdict", json(r#"{"ok":true}"#)),
        ("both verdicts", json(r#"{"allow":false,"allow":true}"#)),
        ("another's code", json(r#"{"allow":false,"code":"internal_server_error"}"#)),
        ("a code that blames the node", json(r#"{"allow":false,"code":"busy"}"#)),
        ("a text that is none", json(r#"{"allow":false,"text":7}"#)),
        ("an endless text", json(&format!("{{\"allow\":false,\"text\":\"{}\"}}", "x".repeat(2000)))),
        ("a wait that is none", json(r#"{"allow":false,"code":"rate_limited","retry_after_ms":-1}"#)),
        ("too many rulings", json(r#"{"rooms":[{"allow":true},{"allow":true}]}"#)),
        ("too few rulings", json(r#"{"rooms":[]}"#)),
        ("bytes that are no text", whole("200 OK", "", b"{\"allow\":true,\"x\":\"\xff\"}")),
    ];
    for (what, bytes) in answers {
        backend.rules(move |_| Act::Raw(bytes.clone()));
        no_ruling(&node, what);
    }
    backend.rules(|_| Act::HangUp);
    no_ruling(&node, "hung up");
    assert_eq!(elsewhere.asked().len(), 0, "a redirect is not followed");
    backend.rules(|_| Act::Say(allow()));
    super::enter(&node, "ann").post("general", "all is well");
}

#[test]
fn a_drip_ends_at_the_deadline() {
    let backend = Backend::start(|_| Act::Drip);
    let node = two_realms(&backend, "deadline = \"300ms\"");
    let begun = Instant::now();
    no_ruling(&node, "drip");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_backend_that_is_down_comes_back() {
    let mut backend = Backend::kind();
    let node = two_realms(&backend, "");
    super::enter(&node, "ann").post("general", "up");
    backend.stop();
    no_ruling(&node, "down");
    let back = Backend::start_at(backend.address, |_| Act::Say(allow()));
    super::enter(&node, "ann").post("general", "up again");
    assert_eq!(back.asked().len(), 1);
}

#[test]
fn a_connection_is_used_again_and_one_that_was_closed_does_no_harm() {
    let backend = Backend::kind();
    let node = two_realms(&backend, "");
    let mut ann = super::enter(&node, "ann");
    for _ in 0..20 {
        ann.post("general", "again");
    }
    assert_eq!((backend.asked().len(), backend.links()), (20, 1));
    backend.rules(|_| Act::SayAndEnd(allow()));
    for _ in 0..20 {
        ann.post("general", "once");
    }
}

#[test]
fn where_a_backend_names_people_its_silence_lets_nobody_in() {
    let backend = Backend::start(|_| Act::Raw(whole("500 Oops", "", b"")));
    let config = asking(&backend, "decides = [\"connect\"]\nauthenticates = true\non_failure = \"allow\"");
    let node = node(1, &config);
    let mut stranger = Client::open(node.address, JSON);
    let refusal = refused(stranger.ask(&Command::Authenticate { token: of("ann", "") }));
    assert_eq!(refusal.code, ErrorCode::NoRuling);
    backend.rules(|_| Act::Say(json!({"allow": true, "principal": {"sub": "ann"}})));
    assert!(matches!(stranger.ask(&Command::Authenticate { token: "x".to_owned() }), Reply::Welcome(_)));
}
