//! What the settled store reads from the journal's last segment is there after a crash, though the journal writes the end of
//! that segment again.
#![allow(clippy::unwrap_used)]

use rookery_storage::ask::Ask;
use rookery_storage::conformance::say::{events, message, room};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{Options, Persistent, Wake};
use rookery_storage::settled::Settled;
use rookery_storage::{Completion, Outcome, Place, Store, Ticket};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const EACH: u64 = 8;

fn open(folder: &Path) -> (Persistent, Receiver<()>) {
    let store = folder.join("store");
    let open_settled = move || Ok(Arc::new(Embedded::open(&store, &EmbeddedOptions::default())?) as Arc<dyn Settled>);
    let (call, called) = channel();
    let wake: Wake = Box::new(move || {
        let _ = call.send(());
    });
    let options = Options::new(journal::Options::new(folder.join("journal")));
    (Persistent::open(options, Arc::new(RealDisk), Box::new(open_settled), vec![wake]).unwrap(), called)
}

/// A batch for a room, acked.
fn post(persistent: &Persistent, called: &Receiver<()>, first: u64) {
    let mut store = persistent.shard(0).unwrap();
    let posted = (first..first + EACH).map(|seq| message((1, seq), seq, &format!("text {seq}"))).collect();
    store.submit(events(&room("a"), posted), Ticket(first));
    let mut done: Vec<Completion> = Vec::new();
    while done.is_empty() {
        called.recv_timeout(Duration::from_secs(10)).unwrap();
        store.poll(&mut done);
    }
    assert!(done.iter().all(|completion| matches!(completion.outcome, Outcome::Stored(_))), "{done:?}");
}

/// The files as a kill leaves them: one with two names stays one.
fn copy(from: &Path, to: &Path, done: &mut BTreeMap<u64, PathBuf>) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target, done);
            continue;
        }
        match done.get(&entry.metadata().unwrap().ino()) {
            Some(first) => std::fs::hard_link(first, &target).unwrap(),
            None => {
                std::fs::copy(&path, &target).unwrap();
                done.insert(entry.metadata().unwrap().ino(), target);
            }
        }
    }
}

fn judge(persistent: &Persistent, until: u64) {
    let places = (1..until).map(|seq| Place::new(1, seq)).collect();
    let fetched = persistent.reader().answer(&Ask::Fetch { room: room("a"), places, now: 0 }).unwrap();
    let Outcome::Fetched(records) = fetched else { panic!("not fetched: {fetched:?}") };
    let texts: Vec<_> = records.iter().map(|record| record.as_ref().map(|record| record.payload.to_vec())).collect();
    let want: Vec<_> = (1..until).map(|seq| Some(format!("text {seq}").into_bytes())).collect();
    assert_eq!(texts, want);
}

#[test]
fn what_is_written_again_stays_where_it_was_read() {
    let root = tempfile::tempdir().unwrap();
    let mut next = 1;
    for life in 0..3 {
        let (folder, left) = (root.path().join(life.to_string()), root.path().join((life + 1).to_string()));
        let (persistent, called) = open(&folder);
        judge(&persistent, next);
        for _ in 0..3 {
            post(&persistent, &called, next);
            next += EACH;
        }
        // Everything has settled, and durably; nothing behind it in the journal says that its last group was synced.
        persistent.moving().copy_settled(&root.path().join(format!("copy {life}")), &mut |_| true).unwrap();
        copy(&folder, &left, &mut BTreeMap::new());
        judge(&persistent, next);
        persistent.close();
    }
    let (persistent, _) = open(&root.path().join("3"));
    judge(&persistent, next);
    persistent.close();
}
