//! Acks: how many in a second, and how long one takes at half of that, beside a bare file with the same bytes and syncs.

use super::line;
use super::quiet::{Machine, QUIET};
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
/// Rooms that a turn's messages are for. A room's messages of one turn are one batch.
const TURN_ROOMS: u64 = 64;
const PACED: usize = 2400;
const ROUNDS: usize = 3;
/// So many are tried until there are enough that nobody disturbed.
const MOST_ROUNDS: usize = 9;
/// Groups under way at a time.
const AHEAD: u64 = 8;

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

/// Messages acked per second, a group being a turn of so many rooms, with so many groups under
/// way.
fn ours(folder: &Path, messages: u64, rooms: u64, ahead: u64) -> f64 {
    let folder = tempfile::tempdir_in(folder).unwrap();
    let body = Bytes::from(vec![b'x'; BODY]);
    let mut shard = Shard::open(folder.path());
    let begun = Instant::now();
    while shard.acked < messages {
        while shard.handed < messages && shard.handed < shard.acked + ahead * GROUP && shard.has_room(TURN_BYTES) {
            shard.hand_in(rooms, GROUP / rooms, &body);
        }
        shard.take(Duration::from_millis(1));
    }
    let acked = messages as f64 / begun.elapsed().as_secs_f64();
    shard.close();
    acked
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
            shard.hand_in(TURN_ROOMS, GROUP / TURN_ROOMS, &body);
        }
        shard.take(due.saturating_duration_since(now).min(Duration::from_millis(1)).max(Duration::from_micros(20)));
        while took.len() < PACED && shard.acked >= (took.len() as u64 + 1) * GROUP {
            took.push((begun + every * took.len() as u32).elapsed());
        }
    }
    shard.close();
    took
}

/// What each write and sync takes, and how long it takes from when it was due: one that is late makes the next one late.
fn paced_bare(folder: &Path, every: Duration) -> Vec<(Duration, Duration)> {
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
            (start.elapsed(), due.elapsed())
        })
        .collect()
}

/// Everything once, one after the other.
struct Round {
    rates: [f64; 6],
    bare: Vec<Duration>,
    due: Vec<Duration>,
    ours: Vec<Duration>,
    quarter: Vec<Duration>,
    stolen: f64,
}

fn round(folder: &Path) -> Round {
    let machine = Machine::now();
    let groups = bare(folder, GROUP as usize, (BURST / GROUP) as usize);
    let each = bare(folder, 1, 1000);
    let [few, turn, alone] = [8, TURN_ROOMS, GROUP].map(|rooms| ours(folder, BURST, rooms, AHEAD));
    let sustained = ours(folder, SUSTAINED, TURN_ROOMS, AHEAD);
    let every = Duration::from_secs_f64(GROUP as f64 / sustained);
    let (bare, due) = paced_bare(folder, every * 2).into_iter().unzip();
    let (ours, quarter) = (paced_ours(folder, every * 2), paced_ours(folder, every * 4));
    Round { rates: [groups, each, few, turn, alone, sustained], bare, due, ours, quarter, stolen: machine.stolen() }
}

/// The rounds that others disturbed least. What they found has no say in that.
fn rounds(folder: &Path) -> Vec<Round> {
    let mut rounds = Vec::new();
    while rounds.len() < MOST_ROUNDS && rounds.iter().filter(|round: &&Round| round.stolen <= QUIET).count() < ROUNDS {
        rounds.push(round(folder));
    }
    rounds.sort_by(|a, b| a.stolen.total_cmp(&b.stolen));
    rounds.truncate(ROUNDS);
    rounds
}

pub fn run(folder: &Path) {
    let rounds = rounds(folder);
    let best: [f64; 6] = std::array::from_fn(|at| rounds.iter().map(|round| round.rates[at]).fold(0.0, f64::max));
    let all = |of: fn(&Round) -> &Vec<Duration>| rounds.iter().flat_map(of).copied().collect::<Vec<_>>();
    let (mut bare_times, mut due_times) = (all(|round| &round.bare), all(|round| &round.due));
    let (mut our_times, mut quarter_times) = (all(|round| &round.ours), all(|round| &round.quarter));
    let stolen = rounds.iter().map(|round| round.stolen).fold(0.0, f64::max) * 100.0;
    let [groups, each, few, turn, alone, sustained] = best;
    let rate = |rate: f64| format!("{rate:.0}/s");
    let beside = |rate: f64| format!("{:.2} x the bare file, {:.0} x a sync each", rate / groups, rate / each);
    println!("messages of {BODY} bytes in groups of {GROUP}; best of {ROUNDS} interleaved rounds");
    line("taken of the machine's CPU by others meanwhile, at most", &format!("{stolen:.1} %"), "");
    line("a bare file, the same groups", &rate(groups), "");
    line("a bare file, a sync for each message", &rate(each), "");
    line("acked in a burst, 8 rooms a group", &rate(few), &beside(few));
    line("acked in a burst, 64 rooms a group", &rate(turn), &format!("{} (target 0.5)", beside(turn)));
    line("acked in a burst, each message a batch of its own", &rate(alone), &beside(alone));
    line("acked beyond the bound, 64 rooms a group", &rate(sustained), &format!("{} (target 0.25)", beside(sustained)));
    let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
    let (bare50, bare99) = (percentile(&mut bare_times, 50), percentile(&mut bare_times, 99));
    let (our50, our99) = (percentile(&mut our_times, 50), percentile(&mut our_times, 99));
    line("write and fdatasync of a group at half load, p50", &ms(bare50), "");
    line("the same, p99", &ms(bare99), "");
    let due99 = percentile(&mut due_times, 99);
    line("the same from when it was due, p99", &ms(due99), "");
    line("ack of a group from when it was due, at half load, p50", &ms(our50), "");
    // The bare file's times must count what a hold-up does to the writes behind it, as ours do.
    line("the same, p99", &ms(our99), &format!("(target {})", ms(due99 * 2 + Duration::from_millis(2))));
    line("the same at a quarter of the load, p99", &ms(percentile(&mut quarter_times, 99)), "");
}
