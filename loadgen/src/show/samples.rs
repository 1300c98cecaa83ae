//! Pulses that tests show.

use std::collections::VecDeque;

use super::{Phase, Pulse};
use crate::drive::Faults;
use crate::record::curve::{HEAT_STEPS, heat_step};
use crate::record::{Gaps, Second, Totals};

/// Where nothing is wrong: the n-th second of a window of thirty.
pub fn fan_out(n: u32) -> Pulse {
    let at = f64::from(n);
    // A bell around 40 µs with a long tail.
    let heat: Vec<u64> = (0..HEAT_STEPS)
        .map(|step| match step {
            4..=22 => (1e6 * (-((f64::from(step) - 8.0) / 2.2).powi(2)).exp()) as u64 + u64::from(22 - step),
            _ => 0,
        })
        .collect();
    let posts = 12_400 + u64::from(n);
    Pulse {
        phase: Phase::Window,
        at,
        lasts: 30.0,
        connections: 10_000,
        rate: Some(12_400.0),
        totals: Totals {
            seconds: at,
            connections: 10_000,
            posts: posts * u64::from(n),
            deliveries: posts * 100 * u64::from(n),
            ..Totals::default()
        },
        second: Some(Second {
            at,
            posts,
            deliveries: posts * 100,
            acks: posts,
            p50_us: 38.0,
            p99_us: 141.2,
            max_us: 1_900.0,
            heat: heat.iter().enumerate().filter(|(_, n)| **n > 0).map(|(step, n)| (step as u16, *n)).collect(),
            driver_share: 0.41,
            server_share: Some(0.82),
            server_memory_bytes: Some(340 << 20),
            ..Second::default()
        }),
        heat,
        ..Pulse::default()
    }
}

/// The largest that may ever be, with every fault.
pub fn extreme() -> Pulse {
    let much = 10_000_000;
    let mut heat = vec![0; usize::from(HEAT_STEPS)];
    for nanos in [1_000, 900_000, 60_000_000_000] {
        heat[usize::from(heat_step(nanos))] = much;
    }
    let totals = Totals {
        seconds: 3_600.0,
        connections: much,
        posts: u64::MAX,
        deliveries: u64::MAX,
        acks: u64::MAX,
        joins: u64::MAX,
        cycles: u64::MAX,
        pages: u64::MAX,
        bytes_in: u64::MAX,
        bytes_out: u64::MAX,
    };
    Pulse {
        phase: Phase::Window,
        at: 3_599.5,
        lasts: 3_600.0,
        connections: much,
        rate: None,
        totals,
        faults: Faults {
            lost: much,
            duplicated: much,
            reordered: much,
            unexpected: much,
            damaged: much,
            refused: u64::MAX,
        },
        gaps: Gaps { told: u64::MAX, disconnects: much, resumed: much },
        second: Some(Second {
            at: 3_599.0,
            posts: much,
            deliveries: much,
            acks: much,
            joins: much,
            pages: much,
            cycles: much,
            p50_us: 1.0,
            p99_us: 99_990.0,
            max_us: 60e6,
            heat: heat.iter().enumerate().map(|(step, n)| (step as u16, *n)).collect(),
            driver_share: 128.0,
            server_share: Some(512.0),
            server_memory_bytes: Some(u64::MAX),
            faults: much,
        }),
        heat,
    }
}

/// A minute in which the rate rose and fell, some seconds were slow, and one was silent.
pub fn minute() -> VecDeque<Second> {
    (1..=60)
        .map(|n| {
            let share = 0.5 + 0.5 * (f64::from(n) / 6.0).sin();
            let slow = if n % 20 == 0 { 30.0 } else { 1.0 };
            let second = fan_out(n).second.unwrap_or_default();
            if n == 45 {
                return Second { at: f64::from(n), ..Second::default() };
            }
            Second {
                posts: (second.posts as f64 * share) as u64,
                deliveries: (second.deliveries as f64 * share) as u64,
                p99_us: second.p99_us * slow,
                max_us: second.max_us * slow,
                server_share: second.server_share.map(|all| all * share),
                ..second
            }
        })
        .collect()
}
