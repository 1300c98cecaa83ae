//! How a node ends, and how it refuses to start.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod support;

use rookery_protocol::errors::DropReason;
use std::process::Command;
use std::time::Duration;
use support::{Client, Heard, JSON, Node};

#[test]
fn told_to_stop_it_says_goodbye_and_exits_in_order() {
    let mut node = Node::start(2);
    let token = node.token("alice");
    let mut clients: Vec<Client> = (0..8).map(|_| Client::enter(node.address, JSON, &token)).collect();
    clients[0].subscribe("room", None);
    node.signal("-TERM");
    for client in &mut clients {
        let why = loop {
            match client.next() {
                Heard::Frame(_) => {}
                Heard::Closed(why) => break why,
            }
        };
        assert_eq!(why.map(|(code, _)| code), Some(DropReason::Draining.close_code()));
    }
    drop(clients);
    assert!(node.wait(Duration::from_secs(10)).success());
}

fn refused(args: &[&str], secret: Option<&str>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rookery"));
    command.args(args).env_remove("ROOKERY_AUTH__SECRET");
    if let Some(secret) = secret {
        command.env("ROOKERY_AUTH__SECRET", secret);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_start_that_cannot_be_says_why_and_what_to_do() {
    let node = Node::start(1);
    let data = node.data.path().to_str().unwrap();
    let listen = ["serve", "--listen", "127.0.0.1:0", "--data"];
    let said = refused(&[listen.as_slice(), &[data]].concat(), None);
    assert!(said.contains("another process") && said.contains("--data"), "{said}");
    let other = tempfile::tempdir().unwrap();
    let other = other.path().to_str().unwrap();
    let taken = node.address.to_string();
    let said = refused(&["serve", "--listen", &taken, "--data", other], None);
    assert!(said.contains(&taken) && said.contains("--listen"), "{said}");
    let said = refused(&[listen.as_slice(), &[other]].concat(), Some("short"));
    assert!(said.contains("ROOKERY_AUTH__SECRET") && said.contains("openssl"), "{said}");
    let said = refused(&[listen.as_slice(), &[other, "--allow-origin", "nonsense"]].concat(), None);
    assert!(said.contains("--allow-origin"), "{said}");
    let said = refused(&[listen.as_slice(), &[other, "--store", "scylla"]].concat(), None);
    assert!(said.contains("--scylla-nodes") && said.contains("host:port"), "{said}");
    let said = refused(&["migrate"], None);
    assert!(said.contains("--scylla-nodes"), "{said}");
}
