//! REST over the real binary and real sockets: every request good and bad, repeats, pages, hostile clients, a node that
//! dies or stops, and the examples of the reference page as they stand.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

mod described;
mod ends;
mod examples;
mod hostile;
mod http;
mod keys;
mod origins;
mod refused;
mod rooms;
mod users;

use http::{Answer, Http};
use serde_json::Value;
use std::time::{Duration, Instant};
use support::Node;

/// A node, and who asks it.
pub(crate) struct Stage {
    pub node: Node,
    pub backend: String,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with(&[])
    }

    pub fn with(more: &[&str]) -> Stage {
        let paced = more.contains(&"--user-commands-per-second");
        let pace: &[&str] = if paced { &[] } else { &["--user-commands-per-second", "0"] };
        let node = Node::start_with(2, &[pace, more].concat());
        let backend = node.token_with("shop", &["--backend"]);
        Stage { node, backend }
    }

    pub fn http(&self) -> Http {
        Http::open(self.node.address)
    }

    /// The backend asks.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.http().ask(method, path, &self.backend, body)
    }

    pub fn ask_as(&self, user: &str, method: &str, path: &str, body: &str) -> Answer {
        self.http().ask(method, path, &self.node.token(user), body)
    }

    /// A message's place, as a path says it.
    pub fn posted(&self, room: &str, body: &str) -> String {
        let said = serde_json::json!({"body": body}).to_string();
        place(&self.ask("POST", &format!("/v1/rooms/{room}/messages"), &said).ok()["place"])
    }
}

pub fn place(place: &Value) -> String {
    format!("{},{}", place[0], place[1])
}

/// What follows from an event in another room comes a moment later.
#[track_caller]
pub fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < deadline, "it never comes");
    }
}

/// The bodies of a page.
pub fn bodies(page: &Value) -> Vec<&str> {
    page["messages"].as_array().unwrap().iter().map(|m| m["body"].as_str().unwrap()).collect()
}
