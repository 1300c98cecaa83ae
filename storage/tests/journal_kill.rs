//! `kill -9` in the middle of writing, again and again: what had been answered is there, under its position.
//!
//! The test starts itself as the process that is killed; that one says through a pipe what it was told.
#![allow(clippy::unwrap_used)]

use rookery_storage::Position;
use rookery_storage::journal::{Journal, Listener, Options, RealDisk, Written};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const FOLDER: &str = "ROOKERY_TEST_JOURNAL_FOLDER";
const ROUND: &str = "ROOKERY_TEST_JOURNAL_ROUND";
const THREADS: u64 = 4;
const ROUNDS: u64 = 20;

struct Pipe {
    source: u64,
}

impl Listener for Pipe {
    fn written(&self, results: &mut Vec<Written>) {
        let mut lines = String::new();
        for written in results.iter() {
            let position = written.result.expect("a disk that works").0;
            lines += &format!("told {} {} {position}\n", self.source, written.ticket);
        }
        // Past the test harness, which would keep it; the parent has gone if this fails.
        let _ = std::io::stderr().write_all(lines.as_bytes());
    }
}

fn options(folder: &Path) -> Options {
    Options { segment_bytes: 128 << 10, queue_bytes: 256 << 10, ..Options::new(folder.to_owned()) }
}

fn entry(round: u64, source: u64, ticket: u64) -> Vec<u8> {
    let mut entry = [round, source, ticket].map(u64::to_le_bytes).concat();
    entry.resize(24 + (ticket * 37 % 400) as usize, source as u8);
    entry
}

#[test]
#[ignore = "not a test of its own: what the killed process does"]
fn child() {
    let (folder, round) = (std::env::var(FOLDER).unwrap(), std::env::var(ROUND).unwrap());
    let round: u64 = round.parse().unwrap();
    let listeners = (0..THREADS).map(|source| Arc::new(Pipe { source }) as Arc<dyn Listener>).collect();
    let (journal, _) = Journal::open(options(Path::new(&folder)), Arc::new(RealDisk), listeners).unwrap();
    std::thread::scope(|scope| {
        for source in 0..THREADS {
            let intake = journal.intake();
            scope.spawn(move || {
                // Bounded, should nobody kill it.
                for ticket in 0..200_000 {
                    while intake.append(source as usize, ticket, entry(round, source, ticket)).is_err() {
                        std::thread::yield_now();
                    }
                }
            });
        }
    });
}

#[test]
fn nothing_that_was_answered_is_lost_by_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut told: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let mut last_seen: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"])
            .envs([(FOLDER, folder.path().to_str().unwrap()), (ROUND, &round.to_string())])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Killed after so many answers: in the middle of whatever it does then.
        let enough = 200 + round * 317 % 3000;
        let mut count = 0;
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            let numbers: Vec<u64> = line.split(' ').skip(1).filter_map(|word| word.parse().ok()).collect();
            // The last line may be cut by the kill.
            let ([source, ticket, position], true) = (&numbers[..], line.starts_with("told ")) else { continue };
            if count < enough {
                assert_eq!(told.insert(*position, entry(round, *source, *ticket)), None, "no position twice");
            }
            count += 1;
            if count == enough {
                child.kill().unwrap();
                break;
            }
        }
        child.wait().unwrap();
        assert_eq!(count, enough, "round {round}: it wrote until it was killed");

        let (journal, found) = Journal::open(options(folder.path()), Arc::new(RealDisk), Vec::new()).unwrap();
        assert_eq!(found.damaged, []);
        let (log, mut after, mut read) = (journal.log(), Position(0), BTreeMap::new());
        while after < found.end {
            let page = log.read(after, 1 << 20).unwrap();
            assert_eq!((page.gap, page.damaged.len()), (None, 0));
            read.extend(page.entries.into_iter().map(|(position, body)| (position.0, body.to_vec())));
            after = page.reached;
        }
        assert_eq!(read.len() as u64, found.end.0, "dense");
        for (position, entry) in told.iter().chain(&last_seen) {
            assert!(read.get(position) == Some(entry), "round {round}: {position} was told");
        }
        let mut bodies: Vec<&Vec<u8>> = read.values().collect();
        bodies.sort_unstable();
        bodies.dedup();
        assert_eq!(bodies.len(), read.len(), "round {round}: nothing twice");
        // What was read once counts as told: whoever read it may have acted on it.
        last_seen = read;
    }
    assert!(told.len() as u64 > ROUNDS * 200);
}
