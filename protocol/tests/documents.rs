//! The documents say what the code does: generated pages are as the tables make them, and every example is true.
//! `UPDATE_DOCS=1 cargo test -p rookery-protocol --test documents` writes the generated pages anew.
#![allow(clippy::unwrap_used)]

mod common;

use common::language;
use rookery_protocol::dialect::speak::Epochs;
use rookery_protocol::testing::documents;
use rookery_protocol::testing::stability;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn generated_pages_are_as_the_tables_make_them() {
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut stale = Vec::new();
    for (path, text) in documents::pages() {
        let file = root().join(path);
        if std::fs::read_to_string(&file).ok().as_deref() == Some(&text) {
            continue;
        }
        if update {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, text).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "stale: {stale:?}; UPDATE_DOCS=1 writes them anew");
}

/// The lines of all fenced blocks of one language in the protocol's pages.
fn examples(language: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in std::fs::read_dir(root().join("docs/protocol")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut within = false;
        for line in text.lines() {
            if let Some(fence) = line.strip_prefix("```") {
                within = fence == language;
            } else if within {
                lines.push(line.to_owned());
            }
        }
    }
    lines
}

#[test]
fn every_json_example_is_what_the_code_says_too() {
    let json = language("json");
    let lines = examples("json");
    assert!(lines.len() >= 25, "{}", lines.len());
    for line in lines {
        if line.contains("\"do\":") {
            let talk = json.receive(line.as_bytes());
            assert_eq!(talk.refused, vec![], "{line}");
            let said: Vec<_> = talk.commands.iter().map(|a| json.say(a.number, &a.command)).collect();
            let said = if line.starts_with('[') {
                format!("[{}]", json.show(&said.join(&b","[..])))
            } else {
                json.show(&said[0])
            };
            assert_eq!(same(&said), same(&line));
        } else {
            let heard = json.hear(&mut Epochs::default(), line.as_bytes()).unwrap();
            assert_eq!(heard.len(), 1, "{line}");
            let told = stability::tell(rookery_protocol::dialect::registry::NATIVE_JSON, &heard[0]);
            assert_eq!(json.show(&told).len(), line.len(), "{line}");
            assert_eq!(same(&json.show(&told)), same(&line));
        }
    }
}

/// The order of fields means nothing, and what is left out may be said.
fn same(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_binary_example_means_what_stands_beside_it() {
    let (json, binary) = (language("json"), language("binary"));
    let lines = examples("frames");
    assert!(lines.len() >= 10, "{}", lines.len());
    for line in lines {
        let (hex, meaning) = line.split_once(" = ").unwrap();
        let bytes: Vec<u8> = hex.split(' ').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let show = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" ");
        if meaning.contains("\"do\":") {
            let talk = json.receive(meaning.as_bytes());
            let asked = &talk.commands[0];
            assert_eq!(show(&binary.say(asked.number, &asked.command)), hex, "{meaning}");
            assert_eq!(binary.receive(&bytes).commands[0].command, asked.command);
        } else {
            let heard = json.hear(&mut Epochs::default(), meaning.as_bytes()).unwrap();
            let told = stability::tell(rookery_protocol::dialect::registry::NATIVE_BINARY, &heard[0]);
            assert_eq!(show(&told), hex, "{meaning}");
            assert_eq!(binary.hear(&mut Epochs::default(), &bytes), Ok(heard));
        }
    }
}

#[test]
fn rules_have_numbers_of_their_own_and_links_lead_somewhere() {
    let mut rules = HashSet::new();
    for entry in std::fs::read_dir(root().join("docs/protocol")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for rule in text.lines().filter_map(|l| l.strip_prefix("**")).filter_map(|l| l.split_once(".**")) {
            assert!(rules.insert(rule.0.to_owned()), "rule {} twice", rule.0);
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let target = path.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link}", path.display());
        }
    }
    for letter in ["P", "R", "J", "B", "T"] {
        let of_letter = rules.iter().filter(|r| r.starts_with(letter)).count();
        assert!((1..=of_letter).all(|n| rules.contains(&format!("{letter}{n}"))), "{letter} 1 to {of_letter}");
    }
    assert!(rules.len() > 60, "{}", rules.len());
}
