//! Export and import.

use crate::fill::{self, folder};
use crate::support::Folder;
use crate::support::client::room;
use crate::tool::{command, done, fails, files, run};
use rookery_protocol::command::{Command, HistoryFrom};
use rookery_protocol::reply::Reply;
use std::path::Path;
use std::process::Stdio;

fn export(data: &Path, into: &Path, more: &[&str]) -> String {
    let text = done("export", data, more);
    std::fs::write(into, &text).unwrap();
    text
}

#[test]
fn what_was_exported_and_imported_exports_the_same() {
    let (_data, path) = folder();
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("rooms.jsonl");
    let text = export(&path, &file, &[]);
    assert_eq!(text, done("export", &path, &[]), "an export changes nothing");
    assert!(text.contains("☕") && !text.contains("a secret that goes"), "{text}");
    let other = root.path().join("other");
    let said = done("import", &other, &[file.to_str().unwrap()]);
    assert!(said.contains(" 0 refused") && !said.starts_with('0'), "{said}");
    done("verify", &other, &[]);
    let again = done("export", &other, &[]);
    assert!(again == text, "it exports something else");
    // A second time it adds nothing.
    let said = done("import", &other, &[file.to_str().unwrap()]);
    assert!(said.starts_with("0 rooms added, 0 completed"), "{said}");
    assert!(done("export", &other, &[]) == text);
}

#[test]
fn a_node_goes_on_with_what_was_imported() {
    let (_data, path) = folder();
    let data = Folder::new();
    let file = data.path().join("rooms.jsonl");
    export(&path, &file, &[]);
    done("import", data.path(), &[file.to_str().unwrap()]);
    let node = fill::node(data);
    let mut alice = fill::enter(&node, "alice");
    let history = Command::History { room: room("office"), from: HistoryFrom::FromOldest(0), limit: 100, thread: None };
    let Reply::History(page) = alice.ask(&history) else { panic!("no history") };
    assert_eq!(page.messages.len(), 85);
    let last = page.messages.last().unwrap();
    assert!(last.is_deleted());
    assert_eq!((page.messages[0].sender.as_str(), page.messages[0].ordinal), ("alice", 1));
    let place = alice.post("office", "and on");
    assert!(place > last.place);
    // Then the file adds nothing, and takes nothing away.
    let (data, path) = fill::stop(node);
    let said = done("import", &path, &[file.to_str().unwrap()]);
    assert!(said.starts_with("0 rooms added, 0 completed"), "{said}");
    let node = fill::node(data);
    let mut alice = fill::enter(&node, "alice");
    let newest = Command::History { room: room("office"), from: HistoryFrom::Newest, limit: 1, thread: None };
    let Reply::History(page) = alice.ask(&newest) else { panic!("no history") };
    assert_eq!(&page.messages[0].body[..], b"and on");
}

#[test]
fn one_room_can_be_exported_alone() {
    let (_data, path) = folder();
    let text = done("export", &path, &["--room", "open"]);
    assert_eq!(text.lines().filter(|line| line.starts_with("{\"room\"")).count(), 1);
    let realm = done("export", &path, &["--realm", "main"]);
    assert!(realm == done("export", &path, &[]));
    let said = run("export", &path, &["--room", "nowhere"]);
    assert_eq!((said.status, said.error.as_str()), (1, "rookery: there is no such room\n"));
    let said = fails("export", &path, &["--room", ""], 78);
    assert!(said.contains("--room"), "{said}");
}

#[test]
fn a_file_that_is_not_whole_imports_nothing() {
    let (_data, path) = folder();
    let root = tempfile::tempdir().unwrap();
    let text = done("export", &path, &[]);
    let lines: Vec<&str> = text.lines().collect();
    let all = lines.len();
    let message = lines.iter().position(|line| line.contains("\"text\":\"message 4\"")).unwrap();
    let spoiled = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        lines.join("\n") + "\n"
    };
    let bad_base = lines[message].replace("\"key\":\"", "\"key\":\"%");
    let bad_place = lines[message].replacen("\"place\":[", "\"place\":[9", 1);
    let bad_word = lines[message].replace("\"kind\":\"text\"", "\"kind\":\"song\"");
    let other_text = lines[message].replace("message 4", "message 6");
    let cases: Vec<(String, usize, &str)> = vec![
        (lines[..all - 1].join("\n") + "\n", all, "was cut"),
        (text[..text.len() - 30].to_owned(), all, "ends too early"),
        (lines[..3].join("\n") + "\n" + &lines[4..].join("\n") + "\n", all - 1, "not those that were written"),
        (spoiled(message, "{\"message\":{\"place\":[1"), message + 1, "column "),
        (spoiled(message, "{\"song\":{}}"), message + 1, "unknown variant"),
        (spoiled(message, &bad_base), message + 1, "not base64"),
        (spoiled(message, &bad_place), message + 1, "there is no place"),
        (spoiled(message, &bad_word), message + 1, "no kind \"song\""),
        (spoiled(message, &other_text), all, "not those that were written"),
        (spoiled(0, "{\"export\":{\"version\":99}}"), 1, "version 99"),
        (text.clone() + lines[1] + "\n", all + 1, "behind the last one"),
        ("not json\n".to_owned(), 1, "column"),
        (String::new(), 1, "no export"),
    ];
    for (n, (bad, line, what)) in cases.into_iter().enumerate() {
        let file = root.path().join(format!("bad {n}.jsonl"));
        std::fs::write(&file, bad).unwrap();
        let target = root.path().join(format!("target {n}"));
        let said = fails("import", &target, &[file.to_str().unwrap()], 65);
        assert!(said.contains(&format!(".jsonl:{line}: ")) && said.contains(what), "{n}: {what}, line {line}: {said}");
        assert!(said.contains(" - ") && said.contains("nothing was imported"), "{said}");
        assert!(!target.exists(), "{said}");
    }
    let said = fails("import", &root.path().join("t"), &["/no/such/file"], 66);
    assert!(said.contains("/no/such/file"), "{said}");
}

/// A room that has become another one is refused, and the others are taken.
#[test]
fn a_room_of_other_events_is_refused_alone() {
    let (_data, path) = folder();
    let data = Folder::new();
    let file = data.path().join("rooms.jsonl");
    export(&path, &file, &[]);
    let node = fill::node(data);
    fill::enter(&node, "zoe").post("office", "I was here first");
    let (_data, target) = fill::stop(node);
    let said = run("import", &target, &[file.to_str().unwrap()]);
    assert_eq!(said.status, 65);
    assert!(said.error.contains("main/office is refused: another event stands at"), "{}", said.error);
    let open = |data: &Path| done("export", data, &["--room", "open"]);
    assert!(open(&target) == open(&path));
    assert!(done("export", &target, &["--room", "office"]).contains("I was here first"));
    done("verify", &target, &[]);
}

/// Killed again and again on its way, it comes to the same end.
#[test]
fn an_import_that_was_killed_goes_on() {
    let data = Folder::new();
    let node = fill::node(data);
    let mut client = fill::enter(&node, "alice");
    let body = |n: u32| format!("{n} {}", "x".repeat(300));
    for first in (0..6000).step_by(100) {
        let post = |n| crate::support::client::post("long", &body(n), None);
        let numbers: Vec<u32> = (first..first + 100).map(|n| client.say(&post(n))).collect();
        for number in numbers {
            assert!(matches!(client.reply(number), Reply::Placed { .. }));
        }
    }
    let (data, path) = fill::stop(node);
    let file = data.path().join("rooms.jsonl");
    let text = export(&path, &file, &[]);
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("target");
    let mut cut = 0;
    for ms in [150, 250, 350, 450] {
        let mut child = command("import", &target)
            .arg(file.to_str().unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The moment of the kill; correctness does not hang on it.
        std::thread::sleep(std::time::Duration::from_millis(ms));
        child.kill().unwrap();
        cut += u32::from(!child.wait().unwrap().success());
        if target.join("format").exists() {
            done("verify", &target, &[]);
        }
    }
    assert!(cut > 0, "never killed in the middle");
    done("import", &target, &[file.to_str().unwrap()]);
    assert!(done("export", &target, &[]) == text);
    assert!(!files(&target).is_empty());
}
