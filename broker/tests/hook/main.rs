//! Hooks: the real binary asks a real backend, which is kind, strict, slow, down or hostile.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../tokens/forge.rs"]
#[allow(dead_code)]
mod forge;
#[path = "../support/mod.rs"]
mod support;

mod backend;
mod entering;
mod failing;
mod hidden;
mod kept;
mod ordered;
mod talking;

use rookery_protocol::errors::ErrorCode;
use rookery_protocol::reply::{Refusal, Reply};
use support::node::{Attempt, Folder, attempt_with};
use support::{Client, JSON, Node};

/// A node whose file says this.
fn node(shards: u8, config: &str) -> Node {
    node_with(shards, config, "info")
}

fn node_with(shards: u8, config: &str, level: &str) -> Node {
    let folder = Folder::new();
    let path = folder.path().join("rookery.toml");
    std::fs::write(&path, config).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rookery"));
    command.env("ROOKERY_LOG__LEVEL", level);
    match attempt_with(command, folder, shards, &["--config", path.to_str().unwrap()]) {
        Attempt::Started(node) => node,
        Attempt::Refused { status, said } => panic!("no node, but {status}; the log: {said}"),
    }
}

fn asking(backend: &backend::Backend, more: &str) -> String {
    format!("[hook]\nurl = \"{}\"\n{more}\n", backend.url())
}

fn enter(node: &Node, user: &str) -> Client {
    Client::enter(node.address, JSON, &forge::of(user, ""))
}

fn refused(reply: Reply) -> Refusal {
    match reply {
        Reply::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

fn code(reply: Reply) -> ErrorCode {
    refused(reply).code
}
