//! Times ours through criterion and the floor beside each of its samples, and prints both.
//!
//! So both halves of a sample have met the same machine: what slows one down for a while slows down the other, and the
//! ratio stays.

use super::quiet::{Machine, QUIET};
use super::subjects::{Pair, Visit};
use criterion::{Bencher, Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;

/// Of each pair.
pub const SAMPLES: usize = 30;

/// Nanoseconds of one.
#[derive(Clone, Copy)]
struct Sample {
    ours: f64,
    floor: f64,
}

struct Line {
    name: String,
    one: String,
    samples: Vec<Sample>,
    disturbed: bool,
}

pub struct Beside<'a> {
    criterion: &'a mut Criterion,
    lines: Vec<Line>,
}

impl Line {
    fn median(&self, of: impl Fn(&Sample) -> f64) -> f64 {
        let mut values: Vec<f64> = self.samples.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
    }
}

/// Only differences mean something.
fn clock<P: Pair>() -> Duration {
    let id = if P::WAITS { ClockId::Monotonic } else { ClockId::ThreadCPUTime };
    let now = clock_gettime(id);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// Runs so many rounds, and stops the clock where the pair wants to.
fn time<P: Pair>(pair: &mut P, rounds: u64, half: impl Fn(&mut P, P::Input)) -> Duration {
    let (mut left, mut took) = (rounds, Duration::ZERO);
    while left > 0 {
        let now = left.min(pair.rounds());
        let inputs: Vec<P::Input> = (0..now).map(|_| pair.input()).collect();
        let begun = clock::<P>();
        for input in inputs {
            half(pair, black_box(input));
            black_box(&mut *pair);
        }
        took += clock::<P>() - begun;
        pair.between();
        left -= now;
    }
    took
}

/// What does not do the same is not held against each other.
fn sound<P: Pair>(mut pair: P) -> P {
    let [ours, floor] = pair.left();
    assert!(ours == floor, "ours and the floor leave different things behind");
    pair.between();
    pair
}

impl<'a> Beside<'a> {
    pub fn new(criterion: &'a mut Criterion) -> Beside<'a> {
        Beside { criterion, lines: Vec::new() }
    }

    /// Medians. That of the ratios is not always the ratio of the others.
    pub fn print(&self) {
        let width = self.lines.iter().map(|line| line.name.len()).max().unwrap_or_default();
        println!("\n{:<width$}  {:>10}  {:>10}  {:>6}   one", "nanoseconds of one", "ours", "floor", "ratio");
        for line in &self.lines {
            let (ours, floor) = (line.median(|sample| sample.ours), line.median(|sample| sample.floor));
            let ratio = line.median(|sample| sample.ours / sample.floor);
            let (name, one, mark) = (&line.name, &line.one, if line.disturbed { "*" } else { " " });
            println!("{name:<width$}  {ours:>10.1}  {floor:>10.1}  {ratio:>6.2} {mark} {one}");
        }
    }
}

impl Visit for Beside<'_> {
    fn pair<P: Pair>(&mut self, name: &str, one: &str, count: u64, mut make: impl FnMut() -> P) {
        let machine = Machine::now();
        let mut made: Option<P> = None;
        let mut samples = Vec::new();
        let mut group = self.criterion.benchmark_group("parts");
        group.throughput(Throughput::Elements(count));
        group.bench_function(name, |bencher: &mut Bencher<'_>| {
            let pair = made.get_or_insert_with(|| sound(make()));
            bencher.iter_custom(|rounds| {
                let [ours, floor] = [time(pair, rounds, P::ours), time(pair, rounds, P::floor)];
                let [ours_ns, floor_ns] = [ours, floor].map(|took| took.as_nanos() as f64 / (rounds * count) as f64);
                samples.push(Sample { ours: ours_ns, floor: floor_ns });
                ours
            });
        });
        group.finish();
        // What came before the samples was for warming up; and what was not chosen has none.
        if let Some(first) = samples.len().checked_sub(SAMPLES) {
            let disturbed = machine.stolen() > QUIET;
            let samples = samples.split_off(first);
            self.lines.push(Line { name: name.into(), one: one.into(), samples, disturbed });
        }
    }
}
