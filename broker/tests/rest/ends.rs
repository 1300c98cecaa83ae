//! A node that stops, and one whose store takes nothing.

use crate::http::{Http, request};
use crate::support::node::{Attempt, attempt_with};
use crate::support::{Folder, Node};
use crate::{Stage, bodies, eventually};
use std::process::Command;
use std::time::Duration;

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let stage = Stage::new();
    stage.posted("general", "before");
    stage.ask("POST", "/v1/rooms", r#"{"room":"den","settings":{"title":"Den"},"members":["ann"]}"#).ok();
    let Stage { mut node, backend } = stage;
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(15)).success());
    let node = Node::start_in(node.data.clone(), 2, &[]);
    let mut http = Http::open(node.address);
    assert_eq!(bodies(&http.ask("GET", "/v1/rooms/general/messages", &backend, "").ok()), ["before"]);
    assert_eq!(http.ask("GET", "/v1/rooms/den", &backend, "").ok()["info"]["title"], "Den");
}

/// The first request of a run waits until it is known what earlier ones revoked.
#[test]
fn what_was_revoked_is_refused_by_the_next_runs_first_request() {
    let stage = Stage::new();
    let token = stage.node.token("ann");
    assert_eq!(stage.http().ask("GET", "/v1/rooms", &token, "").status, 200);
    stage.ask("POST", "/v1/revocations", r#"{"user":"ann"}"#).ok();
    let Stage { mut node, backend } = stage;
    node.signal("-TERM");
    assert!(node.wait(Duration::from_secs(15)).success());
    let node = Node::start_in(node.data.clone(), 2, &[]);
    // Whichever shard they come to.
    let mut askers: Vec<Http> = (0..16).map(|_| Http::open(node.address)).collect();
    for http in &mut askers {
        http.say(&request("GET", "/v1/rooms", &token, b"", ""));
    }
    for http in &mut askers {
        http.answer().unwrap().error(401, "revoked");
    }
    assert_eq!(Http::open(node.address).ask("GET", "/v1/rooms", &backend, "").status, 200);
}

/// Every request that a stopping node took is answered, or its socket ends: nobody waits for ever.
#[test]
fn a_node_that_stops_leaves_nobody_waiting() {
    let mut stage = Stage::new();
    let address = stage.node.address;
    let askers: Vec<_> = (0..8)
        .map(|n| {
            let token = stage.backend.clone();
            std::thread::spawn(move || {
                let mut http = Http::open(address);
                let mut placed = 0;
                let said = request("POST", &format!("/v1/rooms/room{n}/messages"), &token, br#"{"body":"x"}"#, "");
                loop {
                    use std::io::Write;
                    if http.socket.write_all(&said).is_err() {
                        return placed;
                    }
                    match http.answer() {
                        Some(answer) if answer.status == 201 => placed += 1,
                        Some(answer) => {
                            let name = answer.json()["name"].as_str().unwrap().to_owned();
                            assert!(["draining", "unsure", "busy"].contains(&name.as_str()), "{name}");
                        }
                        None => return placed,
                    }
                }
            })
        })
        .collect();
    eventually(|| (stage.ask("GET", "/v1/rooms/room0", "").ok()["messages"].as_u64() >= Some(5)).then_some(()));
    stage.node.signal("-TERM");
    assert!(stage.node.wait(Duration::from_secs(15)).success());
    let placed: Vec<u64> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
    let node = Node::start_in(stage.node.data.clone(), 2, &["--user-commands-per-second", "0"]);
    for (n, placed) in placed.iter().enumerate() {
        let room = Http::open(node.address).ask("GET", &format!("/v1/rooms/room{n}"), &stage.backend, "").ok();
        assert!(room["messages"].as_u64() >= Some(*placed), "room{n}: {room}, acked {placed}");
    }
}

#[test]
fn a_store_that_takes_nothing_is_said_with_a_time_to_come_back_and_reading_goes_on() {
    // Too large a file is an error of the write, and no signal.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_rookery")]);
    let Attempt::Started(node) = attempt_with(command, Folder::new(), 2, &["--user-commands-per-second", "0"]) else {
        panic!("no node")
    };
    let token = node.token_with("shop", &["--backend"]);
    let mut http = Http::open(node.address);
    let post = |http: &mut Http, key: &str| {
        let headers = format!("Idempotency-Key: {key}\r\n");
        http.ask_with("POST", "/v1/rooms/general/messages", &token, r#"{"body":"x"}"#, &headers)
    };
    let first = post(&mut http, "k0").ok()["place"].clone();
    limit(&node, "1:unlimited");
    let refused = (1..200).map(|n| post(&mut http, &format!("k{n}"))).find(|answer| answer.status != 201);
    let refused = refused.expect("a full store takes no more");
    let name = refused.json()["name"].as_str().unwrap().to_owned();
    assert!(["not_stored", "read_only", "busy"].contains(&name.as_str()), "{name}");
    let error = refused.error(503, &name);
    assert!(error["retry_after_ms"].as_u64() > Some(0), "{error}");
    assert_eq!(bodies(&http.ask("GET", "/v1/rooms/general/messages?skip_oldest=0&limit=1", &token, "").ok()), ["x"]);
    limit(&node, "unlimited:unlimited");
    eventually(|| (post(&mut http, "late").status == 201).then_some(()));
    assert_eq!(post(&mut http, "k0").ok()["place"], first, "a repeat still is one");
}

fn limit(node: &Node, bytes: &str) {
    let pid = node.pid().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}")]).status().unwrap();
    assert!(set.success());
}
