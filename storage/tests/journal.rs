//! The journal with its thread, on the real disk: groups, bounds, answers to all, and outages that end by themselves.
#![allow(clippy::unwrap_used)]

use rookery_storage::journal::faulty::{Faults, FaultyDisk};
use rookery_storage::journal::{Disk, ENTRY_BYTES, Journal, Listener, Options, RealDisk, State, Written};
use rookery_storage::{Failure, Position};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Hands on what it is told.
struct Ear(Mutex<Sender<Vec<Written>>>);

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        // A test that has seen enough no longer listens.
        let _ = self.0.lock().unwrap().send(std::mem::take(results));
    }
}

type Told = Receiver<Vec<Written>>;

fn ears(sources: usize) -> (Vec<Arc<dyn Listener>>, Vec<Told>) {
    let pair = |_| {
        let (sender, receiver) = channel();
        (Arc::new(Ear(Mutex::new(sender))) as Arc<dyn Listener>, receiver)
    };
    (0..sources).map(pair).unzip()
}

fn options(folder: &Path) -> Options {
    let retry = Duration::from_millis(5);
    Options { segment_bytes: 256 << 10, retry, ..Options::new(folder.to_owned()) }
}

const PATIENCE: Duration = Duration::from_secs(20);

fn heard(ear: &Told, count: usize) -> Vec<Written> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(ear.recv_timeout(PATIENCE).expect("an answer"));
    }
    all
}

#[test]
fn four_threads_share_groups_and_everything_is_there_after_reopening() {
    const EACH: u64 = 2000;
    let folder = tempfile::tempdir().unwrap();
    let (listeners, ears) = ears(4);
    let (journal, found) = Journal::open(options(folder.path()), Arc::new(RealDisk), listeners).unwrap();
    assert_eq!((found.first, found.end, found.torn), (Position(1), Position(0), false));
    let mut expected = BTreeMap::new();
    std::thread::scope(|scope| {
        let (intake, threads) = (journal.intake(), ears.iter().zip(0u64..));
        let threads: Vec<_> = threads
            .map(|(ear, source)| {
                let intake = intake.clone();
                let append = move || {
                    for ticket in 0..EACH {
                        let entry = [source.to_le_bytes(), ticket.to_le_bytes()].concat();
                        intake.append(source as usize, ticket, entry).unwrap();
                    }
                };
                (scope.spawn(append), ear, source)
            })
            .collect();
        for (thread, ear, source) in threads {
            thread.join().unwrap();
            let mut before = Position(0);
            for (written, ticket) in heard(ear, EACH as usize).into_iter().zip(0..) {
                let position = written.result.unwrap();
                assert!(written.ticket == ticket && position > before, "in the order in which it was handed in");
                before = position;
                expected.insert(position.0, [source.to_le_bytes(), ticket.to_le_bytes()].concat());
            }
        }
    });
    assert_eq!(expected.len() as u64, 4 * EACH, "no position twice");
    let counts = journal.counts();
    assert!(counts.groups < counts.entries / 2, "{counts:?}");
    assert_eq!((counts.entries, counts.queued, counts.failed), (4 * EACH, 0, 0));
    assert!(counts.sync_p50 > 0 && counts.sync_max >= counts.sync_p99);
    journal.close();

    let (journal, found) = Journal::open(options(folder.path()), Arc::new(RealDisk), Vec::new()).unwrap();
    assert_eq!((found.end, found.torn, found.damaged.len()), (Position(4 * EACH), false, 0));
    let (log, mut after, mut read) = (journal.log(), Position(0), BTreeMap::new());
    while after < found.end {
        let page = log.read(after, 10_000).unwrap();
        assert_eq!((page.gap, page.damaged.len()), (None, 0));
        read.extend(page.entries.into_iter().map(|(position, body)| (position.0, body.to_vec())));
        after = page.reached;
    }
    assert!(read == expected, "all of it, whole, each under its position");
}

#[test]
fn what_cannot_be_taken_is_said_at_once() {
    let disk = FaultyDisk::new(1);
    let (listeners, ears) = ears(1);
    let options = Options { queue_bytes: 1000, ..options(Path::new("journal")) };
    let (journal, _) = Journal::open(options, Arc::new(disk), listeners).unwrap();
    let intake = journal.intake();
    let room = intake.room();
    assert!(room > 500 && room < 1000);
    assert_eq!(intake.append(0, 1, vec![0; room + 1]), Err(Failure::Full));
    assert_eq!(intake.append(0, 2, vec![0; ENTRY_BYTES + 1]), Err(Failure::Invalid));
    assert_eq!(intake.append(1, 3, vec![0; 1]), Err(Failure::Invalid), "there is no such source");
    assert_eq!(intake.append(0, 4, vec![0; room]), Ok(()));
    let told = heard(&ears[0], 1);
    assert_eq!(told.iter().map(|one| (one.ticket, one.result)).collect::<Vec<_>>(), [(4, Ok(Position(1)))]);
    assert_eq!(intake.room(), room, "and whoever was told finds the room again");
    journal.close();
    assert_eq!(intake.append(0, 5, vec![0; 1]), Err(Failure::Unavailable));
}

#[test]
fn closing_answers_everybody_who_was_taken() {
    for round in 0..50 {
        let (listeners, ears) = ears(1);
        let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(round));
        let (journal, _) = Journal::open(options(Path::new("journal")), disk, listeners).unwrap();
        let intake = journal.intake();
        let taken = std::thread::scope(|scope| {
            let appending =
                scope.spawn(move || (0..2000).take_while(|n| intake.append(0, *n, vec![1]).is_ok()).count());
            while ears[0].try_recv().is_err() {
                std::thread::yield_now();
            }
            journal.close();
            appending.join().unwrap()
        });
        let first = 1;
        let rest: usize = ears[0].try_iter().map(|told| told.len()).sum();
        assert!(rest < taken && rest + first <= taken, "{rest} of {taken}");
    }
}

#[test]
fn an_outage_ends_by_itself() {
    for (faults, why) in [
        (Faults { failed_sync: 1000, ..Faults::default() }, Failure::Unavailable),
        (Faults { failed_write: 1000, ..Faults::default() }, Failure::Unavailable),
        (Faults { space: Some(0), ..Faults::default() }, Failure::Full),
    ] {
        let disk = FaultyDisk::new(9);
        let (listeners, ears) = ears(1);
        let options = Options { segment_bytes: 8192, ..options(Path::new("journal")) };
        let (journal, _) = Journal::open(options, Arc::new(disk.clone()), listeners).unwrap();
        let intake = journal.intake();
        disk.set_faults(faults);
        let mut ticket = 0;
        let result = loop {
            intake.append(0, ticket, vec![1; 1000]).unwrap();
            ticket += 1;
            if let Err(failure) = heard(&ears[0], 1)[0].result {
                break failure;
            }
            assert!(ticket < 20, "it fails once the room taken before is used up");
        };
        assert_eq!(result, why);
        let State::Down { why: said, .. } = journal.state() else { panic!("it is down") };
        assert_eq!(said, why);
        disk.set_faults(Faults::default());
        let start = Instant::now();
        while journal.state() != State::Writing {
            assert!(start.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        intake.append(0, 99, vec![2]).unwrap();
        let heard = heard(&ears[0], 1);
        assert_eq!((heard.len(), heard[0].ticket, heard[0].result), (1, 99, Ok(Position(ticket))));
    }
}

#[test]
fn released_segments_go_from_the_real_disk_too() {
    let folder = tempfile::tempdir().unwrap();
    let (listeners, ears) = ears(1);
    let (journal, _) = Journal::open(options(folder.path()), Arc::new(RealDisk), listeners).unwrap();
    let (intake, log) = (journal.intake(), journal.log());
    for ticket in 0..40 {
        intake.append(0, ticket, vec![7; 50_000]).unwrap();
        heard(&ears[0], 1);
    }
    let segments = || {
        let names = RealDisk.list(folder.path()).unwrap();
        names.iter().filter(|name| name.ends_with(".segment")).count()
    };
    assert!(segments() >= 8);
    log.release(Position(40));
    log.seal();
    log.release(Position(40));
    intake.append(0, 41, vec![1]).unwrap();
    assert_eq!(heard(&ears[0], 1)[0].result, Ok(Position(41)));
    assert_eq!((segments(), log.first(), log.end()), (1, Position(41), Position(41)));
    let page = log.read(Position(0), 100).unwrap();
    assert_eq!((page.gap, page.entries.len()), (Some(Position(40)), 1));
}
