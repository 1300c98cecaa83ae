//! Verify and stats: what is sound is found sound, every damage is found, and nothing is changed.

use crate::fill::{self, folder};
use crate::support::Folder;
use crate::tool::{copy, done, fails, files, run};

#[test]
fn a_sound_folder_is_found_sound_and_stays_as_it_is() {
    let (_data, path) = folder();
    let before = files(&path);
    let said = done("verify", &path, &[]);
    assert!(said.lines().next_back() == Some("sound"), "{said}");
    assert!(said.contains(" messages"), "{said}");
    let table = done("stats", &path, &[]);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("main/office"), "{table}");
    let stats: serde_json::Value = serde_json::from_str(&done("stats", &path, &["--json"])).unwrap();
    // 81 of the talk, an answer, bytes, an edited and a deleted one, in each of two rooms.
    assert_eq!(stats["messages"], 170, "{stats}");
    assert_eq!(stats["kinds"]["room"]["rooms"], 2, "{stats}");
    assert_eq!(stats["journal"]["unsettled_entries"], 0, "{stats}");
    assert!(stats["tables"]["members"]["rows"].as_u64().unwrap() >= 2, "{stats}");
    let same = files(&path) == before;
    assert!(same, "a look has changed something");
}

/// Killed in the middle: what had not settled is looked at as well.
#[test]
fn a_killed_nodes_folder_is_sound() {
    let node = fill::node(Folder::new());
    fill::talk(&node);
    node.signal("-KILL");
    let data = node.over();
    let before = files(data.path());
    done("verify", data.path(), &[]);
    let stats: serde_json::Value = serde_json::from_str(&done("stats", data.path(), &["--json"])).unwrap();
    assert_eq!(stats["messages"], 170, "{stats}");
    let same = files(data.path()) == before;
    assert!(same, "a look has changed something");
}

#[test]
fn a_running_nodes_folder_and_no_folder_are_refused() {
    let node = fill::node(Folder::new());
    for verb in ["verify", "stats", "export"] {
        let said = fails(verb, node.data.path(), &[], 78);
        assert!(said.contains("a node runs on this data folder"), "{said}");
        let nowhere = node.data.path().join("nowhere");
        let said = fails(verb, &nowhere, &[], 78);
        assert!(said.contains("no data folder"), "{said}");
        assert!(!nowhere.exists());
    }
    let said = run("verify", node.data.path(), &["--no-such-flag"]);
    assert_eq!(said.status, 2);
}

/// A flip in each file of the journal and of the settled store.
#[test]
fn every_damage_is_found() {
    let (data, path) = folder();
    // Tables, too: by a compaction.
    done("compact", &path, &[]);
    let node = fill::node(data);
    fill::enter(&node, "carol").post("late", "in the journal");
    let (_data, path) = fill::stop(node);
    let all = files(&path);
    let mut flipped = 0;
    for (file, bytes) in &all {
        let name = file.strip_prefix(&path).unwrap().to_str().unwrap().to_owned();
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let number = file.file_name().unwrap().to_str().unwrap().strip_prefix('v').and_then(|n| n.parse::<u64>().ok());
        let current = || std::fs::read(file.with_file_name("current")).unwrap();
        // A version that nothing names any more is removed by whoever opens the folder: no damage.
        let old_version = number.is_some_and(|number| current()[..8] != number.to_le_bytes());
        let looked_at = name.ends_with(".segment") || name.starts_with("store/");
        if used == 0 || !looked_at || old_version {
            continue;
        }
        let copied = tempfile::tempdir().unwrap();
        copy(&path, copied.path());
        let target = copied.path().join(&name);
        let mut bad = std::fs::read(&target).unwrap();
        let at = used * 2 / 3;
        bad[at] ^= 0x10;
        std::fs::write(&target, bad).unwrap();
        let said = run("verify", copied.path(), &[]);
        let noted = said.out.lines().any(|line| line.starts_with("note: "));
        assert!(said.status == 1 || (said.status == 0 && noted), "byte {at} of {name}: {}{}", said.out, said.error);
        flipped += 1;
    }
    assert!(flipped > 5, "{flipped} files");
}
