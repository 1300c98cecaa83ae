//! Who and what is refused, always in the one form.

use crate::Stage;
use crate::http::request;
use std::path::Path;

#[test]
fn nobody_asks_without_a_token_that_holds() {
    let stage = Stage::new();
    let mut http = stage.http();
    let mut with = |headers: &str| http.ask_with("GET", "/v1/rooms/general", "", "", headers);
    with("").error(401, "not_authenticated");
    with("Authorization: Basic YTpi\r\n").error(401, "not_authenticated");
    with("Authorization: Bearer\r\n").error(401, "not_authenticated");
    with("Authorization: Bearer nonsense\r\n").error(401, "bad_token");
    let good = format!("Authorization: Bearer {}\r\n", stage.backend);
    with(&format!("{good}{good}")).error(401, "not_authenticated");
    with(&good).ok();
    with(&good.replace("Bearer", "bearer")).ok();
    // It would be let in, but the query is never looked at.
    let token = stage.node.token("ann");
    http.ask("GET", &format!("/v1/rooms/general?token={token}"), "", "").error(401, "not_authenticated");
}

#[test]
fn commands_of_backends_are_for_backends() {
    let stage = Stage::new();
    for (method, path, body) in [
        ("POST", "/v1/broadcasts", r#"{"rooms":["a"],"body":"x"}"#),
        ("POST", "/v1/users/bob/disconnect", ""),
        ("POST", "/v1/revocations", r#"{"user":"bob"}"#),
        ("DELETE", "/v1/users/bob", ""),
        ("PUT", "/v1/names/n", r#"{"holder":"h"}"#),
        ("DELETE", "/v1/names/n?holder=h", ""),
        ("POST", "/v1/counters/c", r#"{"count":1}"#),
    ] {
        stage.ask_as("ann", method, path, body).error(403, "not_allowed");
    }
}

#[test]
fn paths_and_methods_that_are_not_there() {
    let stage = Stage::new();
    for path in ["/v1/", "/v1/nothing", "/v1/rooms/", "/v1/rooms/a/messages/", "/v1/inbox/ann", "/v1/rooms/a/b/c/d/e"] {
        stage.ask("GET", path, "").error(404, "no_such_path");
    }
    assert_eq!(stage.ask("GET", "/v1/rooms//messages", "").error(400, "malformed")["field"], "room");
    for (method, path, allow) in [
        ("PUT", "/v1/rooms", "GET,HEAD,POST"),
        ("POST", "/v1/rooms/a/archive", "DELETE,PUT"),
        ("GET", "/v1/broadcasts", "POST"),
        ("DELETE", "/v1/docs", "GET,HEAD"),
        ("BREW", "/v1/unread", "GET,HEAD"),
        ("OPTIONS", "/v1/unread", "GET,HEAD"),
    ] {
        let refused = stage.ask(method, path, "");
        refused.error(405, "wrong_method");
        let mut allowed: Vec<_> = refused.header("allow").unwrap().split(',').collect();
        allowed.sort_unstable();
        assert_eq!(allowed.join(","), allow, "{path}");
    }
}

#[test]
fn a_body_that_is_wrong_says_where() {
    let stage = Stage::new();
    for (body, field) in [
        (r#"{}"#, Some("body")),
        (r#"{"body":7}"#, Some("body")),
        (r#"{"body":null}"#, Some("body")),
        (r#"{"body":"x","kind":"smell"}"#, Some("kind")),
        (r#"{"body":"x","mentions":"ann"}"#, Some("mentions")),
        (r#"{"body":"x","mentions":["a\nb"]}"#, Some("mentions")),
        (r#"{"body":"x","attachments":[{"name":"n"}]}"#, Some("attachments")),
        (r#"{"body":"x","thread":[1]}"#, Some("thread")),
        (r#"{"body":"x","room":"other"}"#, Some("room")),
        (r#"{"body":"x","expires_in_ms":-1}"#, Some("expires_in_ms")),
        (r#"{"body64":"AA==","kind":"text"}"#, Some("body64")),
        (r#"{"body64":"A","kind":"binary"}"#, Some("body64")),
        ("[]", None),
        ("\"x\"", None),
        ("{", None),
        (r#"{"body":"\ud800"}"#, Some("body")),
    ] {
        let error = stage.ask("POST", "/v1/rooms/a/messages", body).error(400, "malformed");
        assert_eq!(error["field"].as_str(), field, "{body}: {error}");
    }
    let deep = format!(r#"{{"body":"x","metadata":{}1{}}}"#, "[".repeat(1000), "]".repeat(1000));
    stage.ask("POST", "/v1/rooms/a/messages", &deep).error(400, "malformed");
}

#[test]
fn a_query_that_is_wrong_says_where() {
    let stage = Stage::new();
    for (query, field) in [
        ("befor=1,2", "befor"),
        ("before=1", "before"),
        ("before=1,x", "before"),
        ("before=[1,2]", "before"),
        ("limit=", "limit"),
        ("limit=null", "limit"),
        ("limit=-1", "limit"),
        ("limit=1&limit=2", "limit"),
        ("limit=%zz", "limit"),
        ("thread=%ff", "thread"),
        ("room=b", "room"),
    ] {
        let error = stage.ask("GET", &format!("/v1/rooms/a/messages?{query}"), "").error(400, "malformed");
        assert_eq!(error["field"], field, "{query}: {error}");
    }
    stage.ask("GET", "/v1/rooms/a/messages?limit=4294967295&", "").ok();
}

#[test]
fn a_body_is_json_and_says_so() {
    let stage = Stage::new();
    let mut http = stage.http();
    let mut typed =
        |headers: &str| http.ask_with("POST", "/v1/rooms/a/messages", &stage.backend, r#"{"body":"x"}"#, headers);
    typed("Content-Type: text/plain\r\n").error(415, "wrong_type");
    typed("Content-Type: application/jsonx\r\n").error(415, "wrong_type");
    typed("Content-Type: application/json\r\nContent-Type: text/plain\r\n").error(415, "wrong_type");
    typed("Content-Type: Application/JSON; charset=utf-8\r\n").ok();
}

#[test]
fn a_key_that_would_not_be_heeded_is_refused() {
    let stage = Stage::new();
    let mut http = stage.http();
    let mut keyed = |method: &str, path: &str, key: &str, body: &str| {
        http.ask_with(method, path, &stage.backend, body, &format!("Idempotency-Key: {key}\r\n"))
    };
    let refused = keyed("POST", "/v1/counters/c", "k", r#"{"count":1}"#).error(400, "malformed");
    assert_eq!(refused["field"], "Idempotency-Key");
    keyed("POST", "/v1/rooms/a/messages", &"k".repeat(65), r#"{"body":"x"}"#).error(413, "too_large");
    keyed("POST", "/v1/rooms/a/messages", "", r#"{"body":"x"}"#).error(400, "malformed");
    let twice = "k\r\nIdempotency-Key: l";
    keyed("POST", "/v1/rooms/a/messages", twice, r#"{"body":"x"}"#).error(400, "malformed");
    keyed("POST", "/v1/rooms/a/messages", &"k".repeat(64), r#"{"body":"x"}"#).ok();
}

#[test]
fn a_user_that_is_too_fast_is_told_when_to_come_back() {
    let stage = Stage::with(&["--user-commands-per-second", "4"]);
    let mut http = stage.http();
    let refused = (0..100).map(|_| http.ask("GET", "/v1/rooms/a", &stage.backend, "")).find(|a| a.status != 200);
    let error = refused.unwrap().error(429, "rate_limited");
    assert!((1..=250).contains(&error["retry_after_ms"].as_u64().unwrap()), "{error}");
}

#[test]
fn a_request_keeps_its_id() {
    let stage = Stage::new();
    let mut http = stage.http();
    let mut id = |headers: &str| {
        http.say(&request("GET", "/v1/nothing", "", b"", headers));
        http.answer().unwrap().header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id("X-Request-Id: order-17.a_b\r\n"), "order-17.a_b");
    let (one, two) = (id(""), id("X-Request-Id: a b\r\n"));
    assert!(one != two && !two.contains(' '));
    assert_ne!(id(&format!("X-Request-Id: {}\r\n", "x".repeat(65))).len(), 65);
}

/// No token and no body in a log, whatever was asked.
#[test]
fn nothing_that_was_said_is_logged() {
    let stage = Stage::new();
    stage.ask("POST", "/v1/rooms/a/messages", r#"{"body":"canary-of-a-body"}"#).ok();
    stage.ask("POST", "/v1/rooms/a/messages", r#"{"body":"canary-of-a-body""#).error(400, "malformed");
    let log = std::fs::read_to_string(Path::new(stage.node.data.path()).join("log")).unwrap();
    assert!(!log.contains("canary-of-a-body") && !log.contains(&stage.backend));
}
