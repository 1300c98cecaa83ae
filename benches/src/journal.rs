//! What the journal alone costs beside a bare file.
//!
//! Records of 200 bytes in groups of 512, written and synced; the same by hand into one file; one fdatasync per entry.
//! Then single appends beside the machine's own write and fdatasync of as many bytes, and what the ways to prepare a file
//! cost. Rounds are interleaved, the best of each is shown: the machine has other things to do.

use rookery_storage::journal::{Journal, Listener, Options, RealDisk, Written};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

const BYTES: usize = 200;
const GROUP: usize = 512;
const GROUPS: usize = 400;
const SINGLE: usize = 1500;

struct Ear(Sender<usize>);

impl Listener for Ear {
    fn written(&self, results: &mut Vec<Written>) {
        assert!(results.iter().all(|written| written.result.is_ok()), "the disk failed");
        self.0.send(results.len()).expect("somebody waits for it");
    }
}

fn percentile(times: &mut [Duration], per_cent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() - 1) * per_cent / 100].as_secs_f64() * 1e3
}

fn open(folder: &Path) -> (Journal, Receiver<usize>) {
    let (sender, told) = channel();
    let listener: Arc<dyn Listener> = Arc::new(Ear(sender));
    let options = Options::new(folder.join("journal"));
    let (journal, _) = Journal::open(options, Arc::new(RealDisk), vec![listener]).expect("a journal");
    (journal, told)
}

/// Entries per second, with so many groups handed in ahead of the answers.
fn journal_rate(folder: &Path, ahead: usize) -> f64 {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let (journal, told) = open(folder.path());
    let intake = journal.intake();
    let (mut handed, mut done) = (0, 0);
    let start = Instant::now();
    while done < GROUP * GROUPS {
        while handed < GROUP * GROUPS && handed < done + ahead * GROUP {
            for ticket in handed..handed + GROUP {
                intake.append(0, ticket as u64, vec![b'x'; BYTES]).expect("room");
            }
            handed += GROUP;
        }
        done += told.recv().expect("an answer");
    }
    done as f64 / start.elapsed().as_secs_f64()
}

fn new_file(folder: &Path) -> File {
    tempfile::tempfile_in(folder).expect("a file")
}

fn bare_rate(folder: &Path, per_sync: usize, syncs: usize) -> f64 {
    let file = new_file(folder);
    let bytes = vec![b'x'; BYTES * per_sync];
    let start = Instant::now();
    for n in 0..syncs {
        file.write_all_at(&bytes, (n * bytes.len()) as u64).expect("it writes");
        file.sync_data().expect("it syncs");
    }
    (per_sync * syncs) as f64 / start.elapsed().as_secs_f64()
}

#[derive(Clone, Copy)]
enum Prepared {
    Not,
    Fallocate,
    Zeros,
}

fn bare_times(folder: &Path, prepared: Prepared, bytes: usize, syncs: usize) -> (f64, f64, f64) {
    let file = new_file(folder);
    let size = (bytes * syncs) as u64;
    let start = Instant::now();
    match prepared {
        Prepared::Not => {}
        Prepared::Fallocate => {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, size).expect("room");
        }
        Prepared::Zeros => file.write_all_at(&vec![0; bytes * syncs], 0).expect("room"),
    }
    file.sync_all().expect("it syncs");
    let preparing = start.elapsed().as_secs_f64() * 1e3;
    let block = vec![b'x'; bytes];
    let mut times: Vec<Duration> = (0..syncs)
        .map(|n| {
            let start = Instant::now();
            file.write_all_at(&block, (n * bytes) as u64).expect("it writes");
            file.sync_data().expect("it syncs");
            start.elapsed()
        })
        .collect();
    (preparing, percentile(&mut times, 50), percentile(&mut times, 99))
}

fn single_times(folder: &Path) -> (f64, f64) {
    let folder = tempfile::tempdir_in(folder).expect("a folder");
    let (journal, told) = open(folder.path());
    let intake = journal.intake();
    let mut times: Vec<Duration> = (0..SINGLE)
        .map(|ticket| {
            let start = Instant::now();
            intake.append(0, ticket as u64, vec![b'x'; BYTES]).expect("room");
            told.recv().expect("an answer");
            start.elapsed()
        })
        .collect();
    (percentile(&mut times, 50), percentile(&mut times, 99))
}

pub fn run(folder: &Path) {
    let mut best = [0f64; 4];
    for _ in 0..5 {
        let round = [
            bare_rate(folder, GROUP, GROUPS),
            bare_rate(folder, 1, SINGLE),
            journal_rate(folder, 1),
            journal_rate(folder, 8),
        ];
        for (best, rate) in best.iter_mut().zip(round) {
            *best = best.max(rate);
        }
    }
    let [bare, each, one, eight] = best;
    println!("{BYTES} bytes in groups of {GROUP}, entries per second");
    println!("  a bare file, the same groups     {bare:>10.0}");
    println!("  a bare file, a sync per entry    {each:>10.0}");
    for (what, rate) in [("journal, a group at a time", one), ("journal, eight groups ahead", eight)] {
        println!("  {what:<32} {rate:>10.0}   {:.2} x the bare file, {:.0} x a sync each", rate / bare, rate / each);
    }
    println!("one entry at a time, milliseconds");
    for _ in 0..2 {
        let (_, p50, p99) = bare_times(folder, Prepared::Fallocate, BYTES, SINGLE);
        let (own50, own99) = single_times(folder);
        println!("  write and fdatasync  p50 {p50:.3} p99 {p99:.3}   journal  p50 {own50:.3} p99 {own99:.3}");
    }
    println!("ways to prepare a file, milliseconds: to prepare it, then p50 and p99 of write and fdatasync");
    for bytes in [300, 110_000] {
        for (what, prepared) in
            [("not at all", Prepared::Not), ("fallocate", Prepared::Fallocate), ("zeros", Prepared::Zeros)]
        {
            let (preparing, p50, p99) = bare_times(folder, prepared, bytes, 300);
            println!("  {bytes:>7} bytes  {what:<10}  {preparing:>7.2}   {p50:.3} {p99:.3}");
        }
    }
}
