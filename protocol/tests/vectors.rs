//! Conversations as data: every vector of `protocol/vectors/`, by one loop.
//!
//! A vector has a `name`, an `encoding` and a `direction`:
//! - `ask`: a client's message. It means the commands of `meaning`; what is refused stands in `refused` as
//!   `[number, error]`; a message that ends the connection has `close`.
//! - `tell`: a server's message, and what a client makes of it.
//! - `close`: a whole WebSocket close frame.
//!
//! Its bytes are `text`, or `hex`; `binary` and `text` in the wrong encoding are messages of the wrong form.
//! Its meaning is one object of the JSON language or an array of them, whatever the encoding: that is how the two are
//! held to mean the same. Bytes are pinned, written and read, unless the vector is `read_only`.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Language, NATIVE, language};
use rookery_protocol::catalog::CommandKind;
use rookery_protocol::dialect::contract::{Incoming, Stage, Talk};
use rookery_protocol::dialect::speak::{Epochs, ServerFrame};
use rookery_protocol::errors::{DropReason, ErrorCode};
use rookery_protocol::event::{FactKind, Kind};
use rookery_protocol::reply::{MarkKind, ReplyKind};
use rookery_protocol::testing::Happening;
use rookery_protocol::wire::frames::Frames;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

fn vectors() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &Path| serde_json::from_str::<Vec<Value>>(&std::fs::read_to_string(file).unwrap()).unwrap();
    files.iter().filter(|file| file.extension().is_some_and(|e| e == "json")).flat_map(|file| read(file)).collect()
}

fn unhex(hex: &str) -> Vec<u8> {
    assert_eq!(hex.len() % 2, 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The vector's bytes, and whether they are a text message.
fn payload(vector: &Value) -> (bool, Vec<u8>) {
    if let Some(text) = vector["text"].as_str() {
        return (true, text.as_bytes().to_vec());
    }
    let hex = vector["hex"].as_str().or(vector["binary"].as_str()).unwrap();
    (false, unhex(hex))
}

/// The objects that the vector means.
fn meanings(vector: &Value) -> Vec<Value> {
    let meaning = &vector["meaning"];
    match meaning.as_array() {
        Some(objects) => objects.clone(),
        None if meaning.is_null() => Vec::new(),
        None => vec![meaning.clone()],
    }
}

/// What differs only in the spelling of opaque JSON is the same: compared as values, in the JSON language's form.
fn spelled(number: u32, command: &rookery_protocol::command::Command) -> Value {
    serde_json::from_slice(&language("json").say(number, command)).unwrap()
}

#[test]
fn every_vector_holds() {
    let vectors = vectors();
    assert!(vectors.len() >= 600, "{}", vectors.len());
    let mut names = HashSet::new();
    for vector in &vectors {
        let name = vector["name"].as_str().unwrap();
        let encoding = vector["encoding"].as_str().unwrap();
        let direction = vector["direction"].as_str().unwrap();
        assert!(names.insert((encoding, direction, name)), "{name} twice");
        match direction {
            "ask" => ask(language(encoding), name, vector),
            "tell" => tell(language(encoding), name, vector),
            "close" => close(language(encoding), name, vector),
            other => panic!("{name}: no direction {other}"),
        }
    }
}

fn ask(language: &Language, name: &str, vector: &Value) {
    let (text, bytes) = payload(vector);
    let incoming = if text { Incoming::Text(std::str::from_utf8(&bytes).unwrap()) } else { Incoming::Binary(&bytes) };
    let mut talk = Talk::default();
    language.dialect().receive(&mut Stage::default(), incoming, &mut talk);

    let refused: Vec<Value> = talk.refused.iter().map(|(n, r)| serde_json::json!([n, r.code.word()])).collect();
    let expected = vector["refused"].as_array().cloned().unwrap_or_default();
    assert_eq!(refused, expected, "{name}: {talk:?}");
    assert_eq!(talk.close.map(DropReason::word), vector["close"].as_str(), "{name}");

    let asked: Vec<Value> = talk.commands.iter().map(|a| spelled(a.number, &a.command)).collect();
    let mut meant = Vec::new();
    for meaning in meanings(vector) {
        let understood = common::language("json").receive(meaning.to_string().as_bytes());
        assert_eq!(understood.refused, vec![], "{name}");
        let a = &understood.commands[0];
        meant.push(spelled(a.number, &a.command));
        if meanings(vector).len() == 1 && vector["read_only"] != true && expected.is_empty() {
            let said = language.say(a.number, &a.command);
            assert_eq!(language.show(&said), language.show(&bytes), "{name}");
            assert_eq!(said, bytes, "{name}");
            assert_eq!(talk.commands[0].command, a.command, "{name}");
        }
    }
    assert_eq!(asked, meant, "{name}");
}

fn tell(language: &Language, name: &str, vector: &Value) {
    let (_, bytes) = payload(vector);
    let heard = language.hear(&mut Epochs::default(), &bytes).unwrap_or_else(|bad| panic!("{name}: {bad:?}"));
    let mut meant = Vec::new();
    for meaning in meanings(vector) {
        let text = meaning.to_string();
        meant.extend(common::language("json").hear(&mut Epochs::default(), text.as_bytes()).unwrap());
    }
    assert_eq!(heard, meant, "{name}");
    if vector["read_only"] == true {
        return;
    }
    assert_eq!(heard.len(), 1, "{name}");
    let told = match &heard[0] {
        ServerFrame::Reply { number, reply } => language.reply(*number, reply),
        ServerFrame::Mark(mark) => language.mark(mark),
        ServerFrame::Event { room, opens_epoch, event } => {
            language.happen(*room, &Happening::Event(event.clone()), *opens_epoch)
        }
        ServerFrame::Signal { room, signal } => language.happen(*room, &Happening::Signal(signal.clone()), false),
    };
    assert_eq!(language.show(&told), language.show(&bytes), "{name}");
    assert_eq!(told, bytes, "{name}");
}

fn close(language: &Language, name: &str, vector: &Value) {
    let word = vector["close"].as_str().unwrap();
    let reason = *DropReason::ALL.iter().find(|r| r.word() == word).unwrap();
    let mut frames = Frames::new();
    language.dialect().goodbye(&mut Stage::default(), reason, "", &mut frames);
    assert_eq!(frames.as_bytes(), payload(vector).1, "{name}");
}

#[test]
fn nothing_is_without_a_vector_in_either_encoding() {
    let vectors = vectors();
    let mut seen = BTreeSet::new();
    for vector in &vectors {
        let encoding = vector["encoding"].as_str().unwrap();
        // Those that are only read show no bytes of this build.
        if vector["read_only"] == true {
            continue;
        }
        let mut see = |what: &str, word: &Value| {
            if let Some(word) = word.as_str() {
                seen.insert(format!("{encoding} {what} {word}"));
            }
        };
        see("close", &vector["close"]);
        for meaning in meanings(vector) {
            for what in ["do", "ev", "ok", "mark", "error", "fact"] {
                see(what, &meaning[what]);
            }
        }
    }
    let mut all = BTreeSet::new();
    for language in NATIVE {
        let mut add = |what: &str, word: &str| {
            all.insert(format!("{} {what} {word}", language.word));
        };
        CommandKind::ALL.iter().for_each(|k| add("do", k.row().word));
        Kind::ALL.iter().for_each(|k| add("ev", k.word()));
        FactKind::ALL.iter().for_each(|k| add("fact", k.word()));
        // A refusal says what it is by `error`.
        ReplyKind::ALL.iter().filter(|k| **k != ReplyKind::Refused).for_each(|k| add("ok", k.word()));
        MarkKind::ALL.iter().for_each(|k| add("mark", k.word()));
        ErrorCode::ALL.iter().for_each(|e| add("error", e.word()));
        DropReason::ALL.iter().for_each(|r| add("close", r.word()));
    }
    let missing: Vec<_> = all.difference(&seen).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
