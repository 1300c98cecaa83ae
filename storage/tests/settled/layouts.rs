//! Folders of every layout, as the release that had it wrote them: each opens, answers, takes more, and can be copied.

use crate::rig::{copy, keys, small};
use crate::told::{Listener, questions, scans};
use crate::written::write;
use rookery_storage::ask::Position;
use rookery_storage::conformance::say::{events, keyed, message, put, reply, rewrite, rewrites, room, rows};
use rookery_storage::embedded::Embedded;
use rookery_storage::settled::Entry;
use rookery_storage::{Ask, Outcome, RoomKey, Settled, Store, Table, Ticket};
use std::path::{Path, PathBuf};

/// A new one gets a folder, which is written by this test where this is set, and never again.
const WRITE: &str = "KEEP_LAYOUT";
const LAYOUTS: [u8; 2] = [2, 3];

fn kept(layout: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/settled/layouts").join(layout.to_string())
}

fn named() -> [RoomKey; 2] {
    [room("runs"), room("single")]
}

/// What was written to each of them. It never changes.
fn told() -> Listener {
    let [runs, single] = named();
    let mut heard = Listener::new();
    let mut say = |batch| heard.submit(batch, Ticket(0));
    for first in (1..=60).step_by(5) {
        let some =
            (first..first + 5).map(|seq| keyed(message((1, seq), seq, &format!("text {seq}")), &format!("key {seq}")));
        say(events(&runs, some.collect()));
    }
    for seq in 1..=20 {
        say(events(&single, vec![message((1, seq), seq, &format!("text {seq}"))]));
    }
    say(events(&single, vec![reply((1, 21), 21, (1, 4), "a reply")]));
    say(rewrites(&runs, vec![rewrite((1, 33), (1, 60), "written anew")]));
    say(rows(&single, vec![put(Table::Members, "ann", "since then")]));
    heard
}

/// By the name of its place or whole, as each is kept.
fn entries(heard: &mut Listener, folder: &Path) -> Vec<Entry> {
    let journal = write(folder, heard.entries());
    let [_, single] = named();
    let mut entries: Vec<Entry> = heard.entries().map(|entry| entry.clone()).collect();
    entries.iter_mut().filter(|entry| entry.batch.room == single).for_each(|entry| entry.spot = None);
    drop(journal);
    entries
}

fn write_folder(folder: &Path) {
    let files = tempfile::tempdir().unwrap();
    let entries = entries(&mut told(), files.path());
    let settled = Embedded::open(folder, &small()).unwrap();
    let (half, end) = (entries.len() / 2, entries.last().unwrap().position);
    let middle = entries[half - 1].position;
    settled.apply(entries[..half].to_vec()).unwrap();
    settled.sync(middle).unwrap();
    settled.apply(entries[half..].to_vec()).unwrap();
    settled.sync(end).unwrap();
}

fn assert_same(heard: &mut Listener, settled: &Embedded, layout: u8) {
    let mut asked: Vec<Ask> = scans();
    for room in named() {
        asked.extend(questions(heard, &room, 5000));
    }
    assert!(asked.len() > 300);
    for ask in asked {
        let want = heard.ask(ask.clone());
        assert!(!matches!(want, Outcome::Failed(_)), "{ask:?}");
        assert_eq!(settled.answer(&ask), Ok(want), "layout {layout}: {ask:?}");
    }
}

fn has_seconds(folder: &Path) -> bool {
    keys(folder).iter().any(|key| key.starts_with(&[0, 0]))
}

#[test]
fn a_folder_of_every_layout_goes_on() {
    for layout in LAYOUTS {
        let kept = kept(layout);
        if std::env::var_os(WRITE).is_some() && !kept.exists() {
            write_folder(&kept);
        }
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("store");
        copy(&kept, &folder);
        let mut heard = told();
        let settled = Embedded::open(&folder, &small()).unwrap();
        assert_same(&mut heard, &settled, layout);
        // It takes more, also for the rooms that it has, and is merged.
        let [runs, single] = named();
        let end = settled.watermark();
        assert_eq!(end, heard.entries().last().unwrap().position);
        let more =
            [events(&runs, vec![message((1, 61), 61, "more")]), events(&single, vec![message((1, 22), 22, "more")])];
        for (n, batch) in more.into_iter().enumerate() {
            heard.submit(batch.clone(), Ticket(0));
            settled.apply(vec![Entry::new(Position(end.0 + 1 + n as u64), batch)]).unwrap();
        }
        settled.sync(Position(end.0 + 2)).unwrap();
        assert_same(&mut heard, &settled, layout);
        settled.compact().unwrap();
        let copied = root.path().join("copy");
        settled.copy_to(&copied, &mut |_| true).unwrap();
        drop(settled);
        // Nothing stands twice in a store of layout 2. A copy is of the present one.
        assert_eq!(has_seconds(&folder), layout >= 3);
        assert!(has_seconds(&copied));
        for folder in [folder, copied] {
            let settled = Embedded::open(&folder, &small()).unwrap();
            assert_same(&mut heard, &settled, layout);
        }
    }
}
