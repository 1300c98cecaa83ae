//! Every error, close code and exit code of the lists is met at least once, at the real binary over real sockets. A row of a
//! list that nothing here provokes fails the test, so a new one comes with its provocation.
// Whatever a script does not expect is its failure, now and with every new variant.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../tokens/forge.rs"]
mod forge;
#[path = "../rest/http.rs"]
#[allow(dead_code, reason = "the tests of REST use more of it")]
mod http;

mod closes;
mod errors;
mod exits;
mod stage;

use stage::Stage;
use std::path::Path;
use support::{BINARY, JSON, Node};

/// How it is known that a code is really given.
enum Proof<Code> {
    /// It gets one from a node, in whichever language the stage speaks.
    Script(fn(&Stage<'_>) -> Code),
    /// The same, where no language differs: over HTTP, or because only one has it.
    Once(fn(&Stage<'_>) -> Code),
    /// The world would have to be broken for it, or it belongs to another language: a test that does so, by file and name,
    /// and what it says there.
    Elsewhere { file: &'static str, test: &'static str, says: &'static str },
}

/// Goes through a list: each has a row, and each row keeps its word.
fn prove<Code: Copy + PartialEq + std::fmt::Debug>(list: &[Code], rows: &[(Code, Proof<Code>)]) {
    let without: Vec<_> = list.iter().filter(|code| rows.iter().all(|(known, _)| known != *code)).collect();
    assert!(without.is_empty(), "nothing provokes {without:?}: add a row");
    assert_eq!(rows.len(), list.len(), "one row each");
    let node = Node::start_with(2, &["--commands-per-second", "0", "--user-commands-per-second", "0"]);
    for (index, (code, proof)) in rows.iter().enumerate() {
        let run = |script: fn(&Stage<'_>) -> Code, tongue, language: &str| {
            eprintln!("{code:?} in {language}");
            assert_eq!(script(&Stage { node: &node, tongue, tag: format!("{language}{index}") }), *code, "{language}");
        };
        match proof {
            Proof::Script(script) => {
                run(*script, JSON, "json");
                run(*script, BINARY, "binary");
            }
            Proof::Once(script) => run(*script, JSON, "once"),
            Proof::Elsewhere { file, test, says } => is_there(file, test, says),
        }
    }
}

/// The test that a row names exists, and speaks of what the row is about.
fn is_there(file: &str, test: &str, says: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut tests = text.split("#[test]\n").skip(1).map(str::trim_start);
    let body = tests.find(|rest| rest.starts_with(&format!("fn {test}()")));
    let body = body.unwrap_or_else(|| panic!("{file} has no test {test}"));
    assert!(body.contains(says), "{file}, {test}: says nothing of {says}");
}
