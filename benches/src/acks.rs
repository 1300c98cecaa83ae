//! Acks: how many in a second, and how long one takes at half of that, beside a bare file with the same bytes and syncs.

use super::line;
use super::shard::Shard;
use bytes::Bytes;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

const BODY: usize = 200;
const GROUP: u64 = 512;
/// Within the bound of what has not settled.
const BURST: u64 = 400 * GROUP;
/// Several times that bound.
const SUSTAINED: u64 = 4000 * GROUP;
/// What the window must have left, as a shard of the broker asks: what is under way is not in the backlog yet.
const TURN_BYTES: usize = 8 << 20;
/// What an entry of such a message has around its body in the journal.
const AROUND: usize = 70;
const PACED: usize = 600;
const ROUNDS: usize = 3;

fn percentile(times: &mut [Duration], per_cent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() - 1) * per_cent / 100]
}

fn bare(folder: &Path, per_sync: usize, syncs: usize) -> f64 {
    let file = tempfile::tempfile_in(folder).unwrap();
    let bytes = vec![b'x'; (BODY + AROUND) * per_sync];
    let begun = Instant::now();
    for n in 0..syncs {
        file.write_all_at(&bytes, (n * bytes.len()) as u64).unwrap();
        file.sync_data().unwrap();
    }
    (per_sync * syncs) as f64 / begun.elapsed().as_secs_f64()
}

/// Messages acked per second with so many groups under way; and with settling waited for.
fn ours(folder: &Path, messages: u64, ahead: u64) -> (f64, f64) {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let body = Bytes::from(vec![b'x'; BODY]);
    let mut shard = Shard::open(folder.path());
    let begun = Instant::now();
    while shard.acked < messages {
        while shard.handed < messages && shard.handed < shard.acked + ahead * GROUP && shard.has_room(TURN_BYTES) {
            shard.hand_in(GROUP, &body);
        }
        shard.take(Duration::from_millis(1));
    }
    let acked = messages as f64 / begun.elapsed().as_secs_f64();
    shard.settle();
    let settled = messages as f64 / begun.elapsed().as_secs_f64();
    shard.close();
    (acked, settled)
}

/// Groups on a schedule; each takes from when it was due until its last message is acked.
fn paced_ours(folder: &Path, every: Duration) -> Vec<Duration> {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let body = Bytes::from(vec![b'x'; BODY]);
    let mut shard = Shard::open(folder.path());
    let begun = Instant::now();
    let mut took = Vec::with_capacity(PACED);
    while took.len() < PACED {
        let due = begun + every * (shard.handed / GROUP) as u32;
        let now = Instant::now();
        if now >= due && (shard.handed / GROUP) < PACED as u64 {
            shard.hand_in(GROUP, &body);
        }
        shard.take(due.saturating_duration_since(now).min(Duration::from_millis(1)).max(Duration::from_micros(20)));
        while took.len() < PACED && shard.acked >= (took.len() as u64 + 1) * GROUP {
            took.push((begun + every * took.len() as u32).elapsed());
        }
    }
    shard.close();
    took
}

fn paced_bare(folder: &Path, every: Duration) -> Vec<Duration> {
    let file: File = tempfile::tempfile_in(folder).unwrap();
    let bytes = vec![b'x'; (BODY + AROUND) * GROUP as usize];
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, (bytes.len() * PACED) as u64).unwrap();
    let begun = Instant::now();
    (0..PACED)
        .map(|n| {
            let due = begun + every * n as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let start = Instant::now();
            file.write_all_at(&bytes, (n * bytes.len()) as u64).unwrap();
            file.sync_data().unwrap();
            start.elapsed()
        })
        .collect()
}

pub fn run(folder: &Path) {
    let mut best = [0f64; 5];
    let (mut bare_times, mut our_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let groups = bare(folder, GROUP as usize, (BURST / GROUP) as usize);
        let each = bare(folder, 1, 1000);
        let (one, _) = ours(folder, BURST, 1);
        let (burst, _) = ours(folder, BURST, 8);
        let (_, settled) = ours(folder, BURST * 2, 8);
        for (best, rate) in best.iter_mut().zip([groups, each, one, burst, settled]) {
            *best = best.max(rate);
        }
        let every = Duration::from_secs_f64(GROUP as f64 * 2.0 / burst);
        bare_times.extend(paced_bare(folder, every));
        our_times.extend(paced_ours(folder, every));
    }
    let [groups, each, one, burst, settled] = best;
    let (sustained, _) = ours(folder, SUSTAINED, 8);
    let rate = |rate: f64| format!("{rate:.0}/s");
    let beside = |rate: f64| format!("{:.2} x the bare file, {:.0} x a sync each", rate / groups, rate / each);
    println!("messages of {BODY} bytes in groups of {GROUP}; best of {ROUNDS} interleaved rounds");
    line("a bare file, the same groups", &rate(groups), "");
    line("a bare file, a sync for each message", &rate(each), "");
    line("acked, a group at a time", &rate(one), &beside(one));
    line("acked, eight groups under way, within the bound", &rate(burst), &format!("{} (target 0.5)", beside(burst)));
    line("acked, beyond the bound", &rate(sustained), &format!("{} (target 0.25)", beside(sustained)));
    line("settled, while it is acked", &rate(settled), "");
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let (bare50, bare99) = (percentile(&mut bare_times, 50), percentile(&mut bare_times, 99));
    let (our50, our99) = (percentile(&mut our_times, 50), percentile(&mut our_times, 99));
    line("write and fdatasync of a group at half load, p50", &ms(bare50), "");
    line("the same, p99", &ms(bare99), "");
    line("ack of a group at half load, p50", &ms(our50), "");
    line("the same, p99", &ms(our99), &format!("(target {})", ms(bare99 * 2 + Duration::from_millis(2))));
}
