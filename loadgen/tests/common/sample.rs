//! Records of runs that never were: a lobby of a hundred for a minute, with and without a stall in its middle.

use serde_json::{Value, json};

const STEPS: usize = 40;

/// How deliveries lie around the usual latency, step by step.
const SHAPE: [f64; 12] = [0.002, 0.03, 0.12, 0.2798, 0.3, 0.16, 0.07, 0.025, 0.009, 0.003, 0.001, 0.0002];

/// Seconds in which the stalling target says nothing, and those in which it catches up.
const STALL: std::ops::Range<usize> = 30..32;
const CATCH_UP: usize = 32;

#[derive(Clone, Copy)]
pub struct Sample {
    pub seconds: usize,
    pub stall: bool,
    /// How many steps of a fifth of a decade everything is slower.
    pub slower: usize,
}

/// A minute with a stall of two seconds; every field of a record is filled.
pub fn stall() -> Value {
    record(Sample { seconds: 60, stall: true, slower: 0 })
}

/// The same minute without anything wrong.
pub fn calm() -> Value {
    record(Sample { seconds: 60, stall: false, slower: 0 })
}

/// The calm minute, and everything takes 1.6 times as long.
pub fn slower() -> Value {
    record(Sample { seconds: 60, stall: false, slower: 1 })
}

pub fn record(sample: Sample) -> Value {
    let mut dice = 7u64;
    let mut all = [0u64; STEPS];
    let mut seconds = Vec::new();
    let (mut posts, mut deliveries) = (0, 0);
    for n in 0..sample.seconds {
        let heat = heat_of(sample, n, roll(&mut dice));
        let here: u64 = heat.iter().sum();
        let said = 980 + roll(&mut dice) % 40;
        all.iter_mut().zip(&heat).for_each(|(sum, count)| *sum += count);
        (posts, deliveries) = (posts + said, deliveries + here);
        let one = curve(&heat);
        let listed: Vec<(usize, u64)> = heat.iter().copied().enumerate().filter(|(_, count)| *count > 0).collect();
        seconds.push(json!({
            "at": (n + 1) as f64, "posts": said, "deliveries": here, "acks": if here == 0 { 0 } else { said },
            "joins": roll(&mut dice) % 6, "pages": 10, "cycles": 4,
            "p50_us": one["p50_us"], "p99_us": one["p99_us"], "max_us": one["max_us"], "heat": listed,
            "driver_share": 0.31 + (roll(&mut dice) % 40) as f64 / 1_000.0,
            "server_share": if here == 0 { 0.02 } else { 0.46 + (here as f64 / 1_000_000.0).min(0.5) },
            "server_memory_bytes": 41_000_000 + 120_000 * n as u64 + if sample.stall && n >= 31 { 18_000_000 } else { 0 },
            "faults": if sample.stall && n == CATCH_UP { 3 } else { 0 },
        }));
    }
    let length = sample.seconds as f64;
    let lost = if sample.stall { 3 } else { 0 };
    let main = curve(&all);
    let verdict = verdict(sample, &main, deliveries as f64 / length.max(1.0));
    let p99 = main["p99_us"].clone();
    json!({
        "form": "loadgen.record.v1",
        "loadgen": "0.1.0",
        "command": ["loadgen", "run", "lobby", "--target", "ws://127.0.0.1:7400", "--expect", "p99<10ms"],
        "started_at": 1_791_036_189_000u64,
        "verdict": verdict,
        "scenario": scenario(length),
        "targets": ["ws://127.0.0.1:7400"],
        "languages": ["rookery-json", "rookery-binary"],
        "environment": {
            "cpu": "An 8-core processor at 3.2 GHz", "cores": 8, "kernel": "6.12.0", "memory_bytes": 33_554_432_000u64,
            "driver_cores": [4, 5, 6, 7],
        },
        "totals": {
            "seconds": length, "connections": 101, "posts": posts, "deliveries": deliveries, "acks": posts,
            "joins": 150, "cycles": 240, "pages": 600, "bytes_in": deliveries * 190, "bytes_out": posts * 160,
        },
        "posted": posts + 1_000,
        "carried": {
            "deliveries": deliveries + 90_000, "bytes_in": deliveries * 190, "bytes_out": posts * 160,
            "kernel_bytes_in": deliveries * 190 + 17, "kernel_bytes_out": posts * 160 + 101,
        },
        "faults": {
            "lost": lost, "duplicated": 0, "reordered": 0, "unexpected": 0, "damaged": 0, "refused": 0,
        },
        "first_refusal": if sample.stall { json!("rate_limited: <try> again & later") } else { Value::Null },
        "first_disconnect": if sample.stall { json!("closed by the target: 4001 too <slow>") } else { Value::Null },
        "first_broken_ack": if sample.stall { json!("message 7 of room 0, acked at 1/8: it is not in history") } else { Value::Null },
        "gaps": { "told": 12, "disconnects": 1, "resumed": 4 },
        "acks": { "given": posts, "checked": 5_000, "expired": 40, "broken": 0 },
        "latency": {
            "delivery": main,
            "ack": curve(&scaled(&all, 1, 100)),
            "join": curve(&scaled(&all, 0, 40_000)),
            "page": curve(&scaled(&all, 2, 10_000)),
            "cycle": curve(&scaled(&all, 0, 25_000)),
        },
        "cost": {
            "driver": { "user_seconds": 13.1, "system_seconds": 6.4, "share": 0.325, "memory_bytes": 88_000_000 },
            "server": { "user_seconds": 18.0, "system_seconds": 15.3, "share": 0.555, "memory_bytes": 66_000_000 },
            "server_us_per_delivery": 5.57 * 1.3f64.powf(sample.slower as f64),
            "shard_us_per_delivery": 4.91,
            "server_bytes_per_connection": 2_310.0,
            "headroom": 2.9,
            "stolen_share": 0.004,
            "delivery_overhead_bytes": 71.4,
            "post_overhead_bytes": 48.0,
        },
        "seconds": seconds,
        "marks": [{ "at": 29.6, "text": "disk unplugged" }, { "at": 32.1, "text": "disk <back> & well" }],
        "search": [
            { "rate": 500.0, "held": true, "p99_us": 1_900.0, "why": null },
            { "rate": 1_000.0, "held": true, "p99_us": 2_400.0, "why": null },
            { "rate": 2_000.0, "held": false, "p99_us": 88_000.0, "why": "p99 88.00 ms is above 10 ms" },
            { "rate": 1_500.0, "held": true, "p99_us": 8_100.0, "why": null },
        ],
        "expectations": [
            { "text": "p99<10ms", "found": p99, "held": p99.as_f64() < Some(10_000.0) },
            { "text": "lost=0", "found": lost as f64, "held": !sample.stall },
            { "text": "deliveries/s>50_000", "found": deliveries as f64 / length, "held": true },
        ],
    })
}

fn verdict(sample: Sample, main: &Value, deliveries: f64) -> Value {
    let time = |name: &str| match main[name].as_f64().unwrap_or_default() {
        us if us < 1e6 => format!("{:.2} ms", us / 1e3),
        us => format!("{:.2} s", us / 1e6),
    };
    let word = if sample.stall { "FAIL" } else { "PASS" };
    let reasons = ["3 lost", "first refusal: rate_limited: <try> again & later", "expected p99<10ms, found more"];
    let reasons: &[&str] = if sample.stall { &reasons } else { &[] };
    let (lost, why) = if sample.stall { (3, " — 3 lost, and 2 more") } else { (0, "") };
    let sentence = format!(
        "{word}  101 connections · 1,000 posts/s · {:.0},{:03.0} deliveries/s · p50 {} p99 {} p99.9 {} max {} · \
         lost {lost} dup 0 reordered 0 · server 56 % cpu, generator 33 %{why}",
        (deliveries / 1e3).floor(),
        deliveries.round() % 1e3,
        time("p50_us"),
        time("p99_us"),
        time("p999_us"),
        time("max_us")
    );
    json!({ "word": word, "sentence": sentence, "reasons": reasons })
}

fn scenario(seconds: f64) -> Value {
    json!({
        "name": "lobby", "about": "One room: whatever anybody says, a hundred others hear.",
        "rooms": { "count": 1, "seats": 100, "zipf": 0.0 },
        "members": {
            "slow_share": 0.0, "slow_bytes_per_second": 20_000, "stay_seconds": [20.0, 40.0], "away_seconds": [0.0, 1.0],
            "leave": "politely", "back": "resuming", "history": 20, "typing_rate": 0.0,
        },
        "posts": { "rate": 1_000.0, "in_flight": 0, "senders": 1, "from_seats": false, "body": 128 },
        "pages": { "rate": 10.0, "size": 50, "prepared": 1_000 },
        "storm": { "every_seconds": 0.0, "share": 1.0 },
        "time": { "warm_up_seconds": 2.0, "seconds": seconds },
    })
}

/// Deliveries of one second by step of latency.
fn heat_of(sample: Sample, second: usize, dice: u64) -> [u64; STEPS] {
    let mut heat = [0; STEPS];
    if sample.stall && STALL.contains(&second) {
        return heat;
    }
    if sample.stall && second == CATCH_UP {
        // What waited for up to two and a half seconds comes at once, evenly old.
        for (step, slot) in heat.iter_mut().enumerate().take(32).skip(19) {
            *slot = (10f64.powf(step as f64 / 5.0) / 21.0) as u64;
        }
    }
    let shift = 11 + sample.slower + usize::from(dice.is_multiple_of(9));
    for (n, weight) in SHAPE.iter().enumerate() {
        heat[n + shift] += (weight * (99_000 + dice % 2_000) as f64) as u64;
    }
    heat
}

/// The same shape with fewer of them, so many steps faster.
fn scaled(heat: &[u64; STEPS], faster: usize, divisor: u64) -> [u64; STEPS] {
    let mut out = [0; STEPS];
    for step in faster..STEPS {
        out[step - faster] = heat[step].div_ceil(divisor);
    }
    out
}

/// A distribution as a record keeps it.
fn curve(heat: &[u64; STEPS]) -> Value {
    let count: u64 = heat.iter().sum();
    let middle = |step: usize| 10f64.powf((step as f64 + 0.5) / 5.0);
    let each = |of: &dyn Fn(f64) -> f64| -> f64 {
        let sum: f64 = heat.iter().enumerate().map(|(step, n)| of(middle(step)) * *n as f64).sum();
        sum / count.max(1) as f64
    };
    let mean = each(&|us| us);
    let at = |quantile| value_at(heat, count, quantile);
    let mut points = vec![(0.0, at(0.0), 1)];
    let (mut rest, mut quantile) = (1.0f64, 0.0);
    // Five points for each halving of what is above, until nothing is.
    while count > 0 && rest * count as f64 > 1.0 {
        quantile += rest / 10.0;
        rest = if 1.0 - quantile <= rest / 2.0 { 1.0 - quantile } else { rest };
        points.push((quantile, at(quantile), (quantile * count as f64).ceil() as u64));
    }
    points.push((1.0, at(1.0), count));
    json!({
        "count": count, "mean_us": mean, "stddev_us": each(&|us| (us - mean) * (us - mean)).sqrt(),
        "p50_us": at(0.5), "p90_us": at(0.9), "p99_us": at(0.99), "p999_us": at(0.999), "p9999_us": at(0.9999),
        "max_us": at(1.0), "points": if count == 0 { Vec::new() } else { points },
    })
}

fn value_at(heat: &[u64; STEPS], count: u64, quantile: f64) -> f64 {
    let rank = (quantile * count as f64).max(1.0);
    let mut below = 0.0;
    for (step, &n) in heat.iter().enumerate() {
        if n > 0 && below + n as f64 >= rank {
            return 10f64.powf((step as f64 + (rank - below) / n as f64) / 5.0);
        }
        below += n as f64;
    }
    0.0
}

fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}
