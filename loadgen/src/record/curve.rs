//! A distribution of latencies as a record keeps it: the well-known percentiles, and enough points to draw its curve.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Points per halving of the rest, as the usual `.hgrm` files have.
const TICKS: u32 = 5;

/// Latency maps have five steps for each power of ten, from a microsecond to a hundred seconds.
pub const HEAT_STEPS: u16 = 40;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    pub count: u64,
    pub mean_us: f64,
    pub stddev_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub p9999_us: f64,
    pub max_us: f64,
    /// Quantile (of one), microseconds, and how many were not above; rising.
    pub points: Vec<(f64, f64, u64)>,
}

impl Curve {
    /// From a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Curve {
        if histogram.is_empty() {
            return Curve::default();
        }
        let us = |nanos: u64| nanos as f64 / 1_000.0;
        let at = |quantile| us(histogram.value_at_quantile(quantile));
        let mut below = 0;
        let points = histogram
            .iter_quantiles(TICKS)
            .map(|step| {
                below += step.count_since_last_iteration();
                (step.quantile_iterated_to(), us(step.value_iterated_to()), below)
            })
            .collect();
        Curve {
            count: histogram.len(),
            mean_us: histogram.mean() / 1_000.0,
            stddev_us: histogram.stdev() / 1_000.0,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            p999_us: at(0.999),
            p9999_us: at(0.9999),
            max_us: us(histogram.max()),
            points,
        }
    }
}

/// The step of a latency map in which this many nanoseconds lie.
pub fn heat_step(nanos: u64) -> u16 {
    let step = (nanos as f64 / 1_000.0).max(1.0).log10() * 5.0;
    (step as u16).min(HEAT_STEPS - 1)
}

/// Where a step begins, in microseconds.
pub fn heat_begin_us(step: u16) -> f64 {
    10f64.powf(f64::from(step) / 5.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_says_what_its_histogram_says() {
        let mut histogram = Histogram::<u64>::new_with_bounds(100, 60_000_000_000, 3).unwrap();
        (1..=10_000u64).for_each(|n| histogram.record(n * 1_000).unwrap());
        let curve = Curve::of(&histogram);
        assert_eq!(curve.count, 10_000);
        // Of 1 to 10,000, evenly: the square root of (10,000² - 1) / 12.
        assert!((curve.stddev_us - 2_886.8).abs() < 5.0, "{}", curve.stddev_us);
        for (seen, meant) in [(curve.p50_us, 5_000.0), (curve.p99_us, 9_900.0), (curve.p9999_us, 9_999.0)] {
            assert!((seen - meant).abs() < meant * 0.002, "{seen} for {meant}");
        }
        assert_eq!(curve.points.last().map(|point| point.2), Some(10_000));
        assert!(curve.points.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1));
        assert_eq!(Curve::of(&Histogram::new(3).unwrap()), Curve::default());
    }

    #[test]
    fn steps_of_a_latency_map_hold_what_lies_between_their_ends() {
        for nanos in [1, 1_000, 1_584, 1_586, 63_000, 5_000_000, 99_000_000_000, u64::MAX] {
            let step = heat_step(nanos);
            let us = (nanos as f64 / 1_000.0).max(1.0);
            assert!(
                heat_begin_us(step) <= us * 1.000_001 && (us < heat_begin_us(step + 1) || step == HEAT_STEPS - 1),
                "{nanos}"
            );
        }
    }
}
