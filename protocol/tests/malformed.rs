//! Every malformed input gets its verdict, and nothing of it is done.
#![allow(clippy::unwrap_used)]

mod common;

use common::NATIVE;
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::dialect::contract::{Incoming, Stage, Talk};
use rookery_protocol::testing::malformed::{Malformed, SHORTEST, Verdict, malformed};
use std::collections::HashSet;

fn receive(input: &Malformed) -> Talk {
    let dialect = NATIVE.iter().map(|l| l.dialect()).find(|d| d.profile().subprotocol == Some(input.subprotocol));
    let incoming = if input.text {
        Incoming::Text(std::str::from_utf8(&input.payload).unwrap())
    } else {
        Incoming::Binary(&input.payload)
    };
    let mut talk = Talk::default();
    dialect.unwrap().receive(&mut Stage::default(), incoming, &mut talk);
    talk
}

#[test]
fn verdicts() {
    let inputs = malformed();
    let mut wrong = Vec::new();
    for input in &inputs {
        let talk = receive(input);
        let verdict = match (&talk.refused[..], talk.close) {
            ([(number, refusal)], None) => {
                assert!(!refusal.detail.is_empty(), "{}", input.name);
                assert!(refusal.detail.len() < 200, "{}: {}", input.name, refusal.detail);
                Some(Verdict::Refused(*number, refusal.code))
            }
            ([], Some(reason)) => Some(Verdict::Close(reason)),
            _ => None,
        };
        if verdict != Some(input.verdict) || !talk.commands.is_empty() || !talk.frames.is_empty() {
            wrong.push(format!("{}: expected {:?}, got {talk:?}", input.name, input.verdict));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(inputs.len() >= 1_000, "{}", inputs.len());
    let mut names = HashSet::new();
    for input in &inputs {
        assert!(names.insert(&input.name), "{} twice", input.name);
    }
}

#[test]
fn the_shortest_form_of_every_command_is_understood() {
    let mut kinds = HashSet::new();
    for line in SHORTEST {
        let talk = common::language("json").receive(line.as_bytes());
        assert_eq!(talk.refused, vec![], "{line}");
        assert_eq!(talk.commands[0].number, 7);
        kinds.insert(talk.commands[0].command.kind());
    }
    assert_eq!(kinds.len(), CommandKind::ALL.len());
}
