//! A feed finds what it has not passed, after any number of starts, unless it stayed behind its bound: then it is told.
#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm)]

use rookery_storage::ask::Position;
use rookery_storage::conformance::say::{events, message, room};
use rookery_storage::embedded::{Embedded, EmbeddedOptions};
use rookery_storage::journal::{self, RealDisk};
use rookery_storage::persistent::{Feed, FeedError, OpenError, Options, Persistent, Wake};
use rookery_storage::settled::Settled;
use rookery_storage::{Completion, Outcome, Store, Ticket};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

const BATCHES: u64 = 60;

fn try_open(folder: &Path) -> Result<(Persistent, Receiver<()>), OpenError> {
    let mut journal = journal::Options::new(folder.join("journal"));
    journal.segment_bytes = 64 << 10;
    let store = folder.join("store");
    let open_settled = move || Ok(Arc::new(Embedded::open(&store, &EmbeddedOptions::default())?) as Arc<dyn Settled>);
    let (call, called) = channel();
    let wake: Wake = Box::new(move || {
        let _ = call.send(());
    });
    Persistent::open(Options::new(journal), Arc::new(RealDisk), Box::new(open_settled), vec![wake])
        .map(|persistent| (persistent, called))
}

fn open(folder: &Path) -> (Persistent, Receiver<()>) {
    try_open(folder).unwrap()
}

/// A start releases what nobody needs; after it, that is gone.
fn reopen(persistent: Persistent, folder: &Path) -> (Persistent, Receiver<()>) {
    persistent.close();
    open(folder).0.close();
    open(folder)
}

/// Writes batches of 10 KiB, each for itself, from this seq on.
fn write(persistent: &Persistent, called: &Receiver<()>, from: u64) {
    let mut store = persistent.shard(0).unwrap();
    let mut done: Vec<Completion> = Vec::new();
    for seq in from..from + BATCHES {
        store.submit(events(&room("a"), vec![message((1, seq), seq, &"x".repeat(10 << 10))]), Ticket(seq));
        while done.is_empty() {
            called.recv_timeout(Duration::from_secs(10)).unwrap();
            store.poll(&mut done);
        }
        assert!(done.drain(..).all(|completion| matches!(completion.outcome, Outcome::Stored(_))));
    }
}

/// Seqs behind a position, as far as a feed finds them, and the gap before them.
fn seqs(feed: &Feed, after: Position) -> (Vec<u64>, Option<Position>) {
    let (mut at, mut found, mut gap) = (after, Vec::new(), None);
    loop {
        let page = feed.read(at, 16).unwrap();
        gap = gap.or(page.gap);
        let Some((last, _)) = page.batches.last() else { return (found, gap) };
        at = *last;
        found.extend(page.batches.iter().map(|(_, batch)| batch.events[0].place.seq.0));
    }
}

#[test]
fn what_a_feed_has_not_passed_is_kept_over_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (persistent, called) = open(folder.path());
    write(&persistent, &called, 1);
    let feed = persistent.feed("search", u64::MAX).unwrap();
    let begun = feed.cursor();
    write(&persistent, &called, BATCHES + 1);
    drop(feed);
    let (persistent, called) = reopen(persistent, folder.path());
    write(&persistent, &called, 2 * BATCHES + 1);
    let feed = persistent.feed("search", u64::MAX).unwrap();
    assert_eq!(feed.cursor(), begun);
    assert_eq!(seqs(&feed, begun), ((BATCHES + 1..=3 * BATCHES).collect(), None));
    // What it has passed is not kept any longer than for others.
    let passed = Position(begun.0 + BATCHES + 5);
    feed.pass(passed).unwrap();
    drop(feed);
    let (persistent, _) = reopen(persistent, folder.path());
    let feed = persistent.feed("search", u64::MAX).unwrap();
    assert_eq!(feed.cursor(), passed);
    assert_eq!(seqs(&feed, passed), ((2 * BATCHES + 6..=3 * BATCHES).collect(), None));
    let (left, gap) = seqs(&feed, begun);
    assert!(gap.is_some_and(|gap| gap > begun && gap <= passed), "{gap:?}");
    assert!(left.len() < 2 * BATCHES as usize);
    // A feed that is over keeps nothing.
    feed.end().unwrap();
    let (persistent, _) = reopen(persistent, folder.path());
    let feed = persistent.feed("another", u64::MAX).unwrap();
    assert!(seqs(&feed, passed).1.is_some(), "kept for nobody");
    drop(feed);
    persistent.close();
}

#[test]
fn a_feed_beyond_its_bound_is_overtaken_and_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let (persistent, called) = open(folder.path());
    let feed = persistent.feed("slow", 200 << 10).unwrap();
    let begun = feed.cursor();
    write(&persistent, &called, 1);
    drop(feed);
    let (persistent, _) = reopen(persistent, folder.path());
    let feed = persistent.feed("slow", 200 << 10).unwrap();
    let (left, gap) = seqs(&feed, begun);
    assert!(gap.is_some_and(|gap| gap > begun), "{gap:?}");
    assert!(left.len() < BATCHES as usize);
    drop(feed);
    persistent.close();
}

#[test]
fn a_cursor_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (persistent, _) = open(folder.path());
    assert!(matches!(persistent.feed("no/name", 1), Err(FeedError::Name(_))));
    persistent.feed("search", 1).unwrap();
    persistent.close();
    let path = folder.path().join("feeds/search");
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&path, bytes).unwrap();
        let error = try_open(folder.path()).map(|_| ()).unwrap_err();
        assert!(matches!(&error, OpenError::Feeds(FeedError::Damaged(named)) if *named == path), "{error}");
    }
    // One that was being written is none.
    std::fs::write(&path, whole).unwrap();
    std::fs::write(path.with_extension("next"), b"half").unwrap();
    open(folder.path()).0.close();
}
