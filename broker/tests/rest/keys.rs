//! The same request again is the same message: at once, across a kill -9, and for many at a time.

use crate::http::Http;
use crate::support::Node;
use crate::{Stage, bodies};
use std::collections::BTreeSet;

fn post(http: &mut Http, token: &str, key: &str, body: &str) -> crate::http::Answer {
    let said = format!(r#"{{"body":"{body}"}}"#);
    http.ask_with("POST", "/v1/rooms/general/messages", token, &said, &format!("Idempotency-Key: {key}\r\n"))
}

#[test]
fn a_repeat_gets_the_first_place() {
    let stage = Stage::new();
    let mut http = stage.http();
    let first = post(&mut http, &stage.backend, "k1", "hello");
    let again = post(&mut http, &stage.backend, "k1", "hello");
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.ok()["place"], again.ok()["place"]);
    assert_eq!(again.ok()["duplicate"], true);
    // A key belongs to its principal.
    let other = post(&mut http, &stage.node.token("ann"), "k1", "hello");
    assert_eq!(other.status, 201);
    assert_eq!(bodies(&stage.ask("GET", "/v1/rooms/general/messages", "").ok()), ["hello", "hello"]);
}

#[test]
fn repeats_across_kills_add_nothing_and_nothing_acked_is_lost() {
    const KEYS: usize = 40;
    let mut node = Node::start_with(2, &["--user-commands-per-second", "0"]);
    let token = node.token_with("shop", &["--backend"]);
    let mut places = vec![None; KEYS];
    for round in 0..4 {
        let mut http = Http::open(node.address);
        for (key, place) in places.iter_mut().enumerate() {
            // Some of each round stay unanswered: the node dies meanwhile.
            if key == KEYS - 1 - round * 3 {
                http.say(&crate::http::request(
                    "POST",
                    "/v1/rooms/general/messages",
                    &token,
                    format!(r#"{{"body":"{key}"}}"#).as_bytes(),
                    &format!("Idempotency-Key: key-{key}\r\n"),
                ));
                break;
            }
            let answer = post(&mut http, &token, &format!("key-{key}"), &key.to_string());
            let placed = answer.ok()["place"].clone();
            let known = place.get_or_insert_with(|| placed.clone());
            assert_eq!(*known, placed, "key {key} in round {round}");
        }
        node.signal("-KILL");
        node = Node::start_in(node.over(), 2, &["--user-commands-per-second", "0"]);
    }
    let mut http = Http::open(node.address);
    for (key, known) in places.iter().enumerate() {
        let placed = post(&mut http, &token, &format!("key-{key}"), &key.to_string()).ok();
        assert!(known.as_ref().is_none_or(|known| *known == placed["place"]), "key {key}");
    }
    let page = http.ask("GET", "/v1/rooms/general/messages?limit=200", &token, "").ok();
    let said: BTreeSet<&str> = bodies(&page).into_iter().collect();
    assert_eq!((bodies(&page).len(), said.len()), (KEYS, KEYS), "each once");
}

#[test]
fn a_repeated_broadcast_is_one_message_in_each_room() {
    let stage = Stage::new();
    let mut http = stage.http();
    for _ in 0..3 {
        let said = r#"{"rooms":["a","b"],"body":"at noon"}"#;
        let done = http.ask_with("POST", "/v1/broadcasts", &stage.backend, said, "Idempotency-Key: noon\r\n").ok();
        assert_eq!(done["placed"], 2);
    }
    for room in ["a", "b"] {
        assert_eq!(bodies(&stage.ask("GET", &format!("/v1/rooms/{room}/messages"), "").ok()), ["at noon"]);
    }
}

#[test]
fn many_at_once_with_one_key_are_one_message() {
    let stage = Stage::new();
    let address = stage.node.address;
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let token = stage.backend.clone();
            std::thread::spawn(move || post(&mut Http::open(address), &token, "once", "hello").ok()["place"].clone())
        })
        .collect();
    let places: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    assert_eq!(bodies(&stage.ask("GET", "/v1/rooms/general/messages", "").ok()).len(), 1);
}
