//! The house keeps its shape: who may import whom, and the habits that a reader relies on.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files below a folder, generated and foreign ones left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            if !["target", "node_modules", ".git"].contains(&name.as_str()) {
                found.extend(sources(&path));
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned()
}

/// Our own crates that a manifest names, tests' ones included where asked.
fn own_dependencies(manifest: &Path, tests_too: bool) -> Vec<String> {
    let text = std::fs::read_to_string(manifest).unwrap();
    let mut section = String::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with('[') {
            section = line.to_owned();
        } else if section == "[dependencies]" || (tests_too && section == "[dev-dependencies]") {
            let name = line.split(['.', '=', ' ']).next().unwrap();
            if name.starts_with("rookery") || name == "loadgen" {
                found.push(name.to_owned());
            }
        }
    }
    found
}

#[test]
fn crates_import_in_one_direction() {
    // Tests obey too, but for the shell's, which drive everything.
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("protocol", &[][..]),
        ("storage", &["rookery-protocol"]),
        ("broker/engine", &["rookery-protocol"]),
        ("broker", &["rookery-protocol", "rookery-engine", "rookery-storage"]),
        // A judge does not share the judged code.
        ("loadgen", &["rookery-protocol"]),
        // Measures every part by itself.
        ("benches", &["rookery-protocol", "rookery-engine", "rookery-storage", "rookery"]),
    ]);
    for (folder, may) in allowed {
        let manifest = root().join(folder).join("Cargo.toml");
        let has = own_dependencies(&manifest, folder != "broker");
        // The protocol is a leaf, so a manifest that was not understood would show here as an empty list.
        assert!(folder == "protocol" || has.contains(&"rookery-protocol".to_owned()), "{folder}: {has:?}");
        for name in has {
            let itself = name == format!("rookery-{}", folder.rsplit('/').next().unwrap());
            assert!(itself || may.contains(&name.as_str()), "{folder} may not import {name}");
        }
    }
}

/// Lines of a file that import (or name in a path) something that matches.
fn lines_with<'a>(text: &'a str, needles: &[String]) -> Vec<&'a str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter(|line| needles.iter().any(|needle| line.contains(needle.as_str())))
        .collect()
}

#[test]
fn edge_and_home_speak_in_messages_only() {
    for (here, there) in [("edge", "home"), ("home", "edge")] {
        let folder = root().join("broker/engine/src").join(here);
        let files = sources(&folder);
        assert!(!files.is_empty());
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let found = lines_with(&text, &[format!("crate::{there}")]);
            assert!(found.is_empty(), "{}: {found:?}", relative(&file));
        }
    }
}

#[test]
fn storage_knows_ids_and_no_command() {
    let words = ["command", "event", "reply", "dialect", "message", "principal", "catalog", "wire"];
    let needles: Vec<String> = words.iter().map(|w| format!("rookery_protocol::{w}")).collect();
    for file in sources(&root().join("storage/src")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let found = lines_with(&text, &needles);
        assert!(found.is_empty(), "{}: {found:?}", relative(&file));
    }
}

#[test]
fn the_engine_knows_no_socket_clock_thread_or_disk() {
    let needles: Vec<String> =
        ["std::net", "std::fs", "std::thread", "std::time::Instant", "SystemTime", "tokio", "std::io", "std::env"]
            .map(str::to_owned)
            .to_vec();
    for folder in ["broker/engine/src", "protocol/src"] {
        for file in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            // What stands below the first test module is a test's business.
            let text = text.split("#[cfg(test)]").next().unwrap();
            let found = lines_with(text, &needles);
            assert!(found.is_empty(), "{}: {found:?}", relative(&file));
        }
    }
}

#[test]
fn one_dialect_does_not_know_another() {
    let dialects = root().join("protocol/src/dialect");
    let folders: Vec<String> = std::fs::read_dir(&dialects)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .map(|p| p.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    for folder in &folders {
        let others: Vec<String> = folders.iter().filter(|f| *f != folder).map(|f| format!("dialect::{f}")).collect();
        for file in sources(&dialects.join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let found = lines_with(&text, &others);
            assert!(found.is_empty(), "{}: {found:?}", relative(&file));
        }
    }
    // And nobody outside a dialect's folder decides by its name, the registry's one line excepted.
    for folder in ["broker/engine/src", "broker/src", "storage/src"] {
        for file in sources(&root().join(folder)) {
            // A test speaks as a client.
            if relative(&file).contains("/tests/") || relative(&file).contains("/testing/") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            let names: Vec<String> = folders.iter().map(|f| format!("dialect::{f}")).collect();
            let found = lines_with(text, &names);
            assert!(found.is_empty(), "{}: {found:?}", relative(&file));
        }
    }
}

#[test]
fn every_file_says_what_it_is_for_and_stays_readable() {
    // Whatever comes near this is more than one thing.
    const LONGEST: usize = 450;
    let mut faults = Vec::new();
    for folder in ["protocol", "storage", "broker", "loadgen", "benches"] {
        for file in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let name = relative(&file);
            if !text.starts_with("//!") && !text.starts_with("#![no_main]") {
                faults.push(format!("{name}: the first line says what the file is for (//! …)"));
            }
            let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap().lines().count();
            if code > LONGEST && !name.contains("/tests/") {
                faults.push(format!("{name}: {code} lines; more than {LONGEST} are more than one thing"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn unsafe_code_has_three_places() {
    const ALLOWED: [&str; 3] = ["broker/src/allocator.rs", "broker/src/net/burst.rs", "loadgen/src/sys.rs"];
    for folder in ["protocol", "storage", "broker", "loadgen", "benches"] {
        for file in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            // Put together here, so that this file does not find itself.
            let lifts = text.contains(&["allow(unsafe", "_code)"].concat());
            assert_eq!(lifts, ALLOWED.contains(&relative(&file).as_str()), "{}", relative(&file));
        }
    }
}
