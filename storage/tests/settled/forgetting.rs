//! A deleted body is in no file after compaction.

use crate::rig::small;
use crate::written::write;
use rookery_storage::ask::{Ask, Keep, Position};
use rookery_storage::batch::{Batch, Cut};
use rookery_storage::conformance::say::{deletion, edit, events, expiring, message, rewrite, room};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::{Entry, Outcome, Settled};
use std::path::Path;

/// Where these bytes stand, in any file below the folder.
fn find(folder: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, needle));
            continue;
        }
        match std::fs::read(&path) {
            Ok(bytes) if bytes.windows(needle.len()).any(|bytes| bytes == needle) => {
                found.push(path.display().to_string());
            }
            Ok(_) => {}
            // The engine works on: what has gone by now holds nothing.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
        }
    }
    found
}

/// Blocks and journal are not compressed here, so that a search of the files sees every byte that is kept.
#[test]
fn what_was_deleted_edited_trimmed_or_expired_is_in_no_file() {
    forget(false);
    forget(true);
}

fn forget(in_runs: bool) {
    let folder = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions { compress: false, ..small() };
    let settled = Embedded::open(folder.path(), &options).unwrap();
    let (a, b) = (room("a"), room("b"));
    let (mut position, mut journals) = (0, Vec::new());
    let mut apply = |batch: Batch| {
        position += 1;
        let mut entry = Entry::new(Position(position), batch);
        if in_runs && position < 3 {
            // One of its own, which had this position first.
            let files = tempfile::tempdir().unwrap();
            entry.position = Position(1);
            journals.push((write(files.path(), std::iter::once(&mut entry)), files));
            entry.position = Position(position);
        }
        settled.apply(vec![entry]).unwrap();
    };
    let texts = ["TRIMMED-BODY", "DELETED-BODY", "EDITED-BODY", "EXPIRED-BODY", "KEPT-BODY"];
    let mut posted: Vec<_> = (1..).zip(texts).map(|(seq, text)| message((1, seq), seq, text)).collect();
    posted[3] = expiring((1, 4), 4, texts[3], 50);
    apply(events(&a, posted));
    apply(events(&b, vec![message((1, 1), 1, "REMOVED-ROOM")]));
    // Enough to have some of it in tables, and some on top of it.
    for seq in 6..600 {
        apply(events(&a, vec![message((1, seq), seq, &"filling".repeat(100))]));
    }
    let all = [&texts[..], &["REMOVED-ROOM"]].concat();
    settled.sync(Position(1)).unwrap();
    for text in &all {
        assert!(!find(folder.path(), text.as_bytes()).is_empty(), "{text} can be found at all");
    }
    apply(Batch {
        events: vec![edit((1, 600), (1, 2)), edit((1, 601), (1, 3))],
        rewrites: vec![deletion((1, 2), (1, 600), "STUB"), rewrite((1, 3), (1, 601), "edited")],
        ..Batch::new(a.clone())
    });
    apply(Batch { cut: Cut::Everything, ..Batch::new(b) });
    let trim = Ask::Trim { room: a.clone(), keep: Keep { messages: 598, ..Keep::ALL }, now: 60 };
    let Outcome::Trimmed(trimmed) = settled.answer(&trim).unwrap() else { panic!("not trimmed") };
    assert_eq!((trimmed.messages, trimmed.expired), (1, 1));
    settled.compact().unwrap();
    for text in all {
        let found = find(folder.path(), text.as_bytes());
        assert_eq!(found.is_empty(), text != "KEPT-BODY", "{text} in {found:?}");
    }
    // And all the rest is still there, now and when it is opened again.
    let fetch =
        Ask::Fetch { room: a, places: (2..600).map(|seq| rookery_storage::Place::new(1, seq)).collect(), now: 60 };
    let before = settled.answer(&fetch).unwrap();
    drop(settled);
    let settled = Embedded::open(folder.path(), &options).unwrap();
    assert_eq!(settled.answer(&fetch).unwrap(), before);
    let Outcome::Fetched(records) = before else { panic!("not fetched") };
    assert_eq!(records.iter().flatten().count(), 598);
}
