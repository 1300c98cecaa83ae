//! A part of the malformed corpus over real sockets, against the real binary: the verdicts of the process, and memory back.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

mod corpus;
mod support;

use corpus::{Case, Heard as Said, Verdict};
use std::io::{Read, Write};
use std::time::Duration;
use support::client::masked;
use support::{Client, JSON, Node};

/// Cases of frames that a text language can be sent: a binary message would be the wrong form before anything else.
fn cases(least: usize) -> Vec<Case> {
    let fit: Vec<Case> = corpus::frames()
        .into_iter()
        .filter(|case| !case.heard.iter().any(|said| matches!(said, Said::Binary(_))))
        .filter(|case| matches!(case.verdict, Verdict::Open | Verdict::Ended | Verdict::Closed(_)))
        .collect();
    assert!(fit.len() >= least, "{}", fit.len());
    let step = fit.len() / least;
    fit.into_iter().step_by(step).collect()
}

/// The code of the close frame, among whatever else the server says; None: a pong came first.
fn verdict(socket: &mut std::net::TcpStream) -> Option<Option<u16>> {
    let mut exactly = |count: usize| {
        let mut bytes = vec![0; count];
        socket.read_exact(&mut bytes).ok().map(|()| bytes)
    };
    loop {
        let head = exactly(2)?;
        let length = match head[1] {
            126 => exactly(2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])))?,
            n => usize::from(n),
        };
        let payload = exactly(length)?;
        match head[0] & 15 {
            8 => return Some(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            10 if payload == b"still there" => return None,
            _ => {}
        }
    }
}

fn run(node: &Node, case: &Case) {
    // A stranger would have less room than some of the cases take.
    let client = Client::enter(node.address, JSON, &node.token("mallory"));
    let mut socket = client.socket().try_clone().unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Once the server has closed, what is left of the input may find no reader.
    let _ = socket.write_all(&case.input);
    match &case.verdict {
        Verdict::Open => {
            socket.write_all(&masked(9, b"still there")).unwrap();
            assert_eq!(verdict(&mut socket), None, "{}", case.name);
        }
        Verdict::Ended => {
            let said = case.heard.iter().find_map(|said| match said {
                Said::Close(code, _) => Some(*code),
                Said::Text(_) | Said::Binary(_) | Said::Ping(_) | Said::Pong(_) => None,
            });
            assert_eq!(verdict(&mut socket), said, "{}", case.name);
        }
        Verdict::Closed(code) => assert_eq!(verdict(&mut socket), Some(Some(*code)), "{}", case.name),
        Verdict::Waiting | Verdict::Http { .. } => unreachable!("left out above"),
    }
}

#[test]
fn verdicts_over_sockets_and_memory_back() {
    let mut node = Node::start(2);
    let cases = cases(200);
    for case in &cases {
        run(&node, case);
    }
    let before = node.memory();
    for case in &cases {
        run(&node, case);
    }
    let after = node.memory();
    println!("{} cases twice; memory {} KiB, then {} KiB", cases.len(), before / 1024, after / 1024);
    assert!(after <= before + (5 << 20), "memory grew from {before} to {after}");
    assert!(node.is_running());
}
