//! The percentiles that people read, and which of them a run of this size can know.

use crate::record::What;
use crate::record::curve::Curve;

/// With fewer samples than this above it, a percentile is an anecdote.
pub const ABOVE_LEAST: u64 = 10;

pub struct Percentile {
    pub name: &'static str,
    /// Of ten thousand.
    rank: u16,
    pub of: fn(&Curve) -> f64,
}

pub const PERCENTILES: [Percentile; 6] = [
    Percentile { name: "p50", rank: 5_000, of: |curve| curve.p50_us },
    Percentile { name: "p90", rank: 9_000, of: |curve| curve.p90_us },
    Percentile { name: "p99", rank: 9_900, of: |curve| curve.p99_us },
    Percentile { name: "p99.9", rank: 9_990, of: |curve| curve.p999_us },
    Percentile { name: "p99.99", rank: 9_999, of: |curve| curve.p9999_us },
    Percentile { name: "max", rank: 10_000, of: |curve| curve.max_us },
];

impl Percentile {
    pub fn quantile(&self) -> f64 {
        f64::from(self.rank) / 10_000.0
    }

    /// Whether enough samples lie above it to rest anything on it.
    pub fn is_known(&self, curve: &Curve) -> bool {
        let above = u128::from(curve.count) * u128::from(10_000 - self.rank) / 10_000;
        above >= u128::from(ABOVE_LEAST)
    }

    /// From where to where the true value may lie, for chance alone: two standard errors of the rank, either way.
    pub fn margin(&self, curve: &Curve) -> (f64, f64) {
        let quantile = self.quantile();
        let error = 2.0 * (quantile * (1.0 - quantile) / (curve.count.max(1) as f64)).sqrt();
        let value = (self.of)(curve);
        let low = between(curve, quantile - error).unwrap_or(value);
        let high = between(curve, quantile + error).unwrap_or(value);
        // The points have a coarser grain than the percentile itself.
        (low.min(value), high.max(value))
    }
}

/// The latency at a quantile, on the straight line between the two points beside it.
pub fn between(curve: &Curve, quantile: f64) -> Option<f64> {
    let next = curve.points.iter().position(|(at, _, _)| *at >= quantile).unwrap_or(curve.points.len());
    let (above, below) = (curve.points.get(next).or(curve.points.last())?, curve.points.get(next.saturating_sub(1))?);
    let width = above.0 - below.0;
    if width <= 0.0 {
        return Some(above.1);
    }
    Some(below.1 + (above.1 - below.1) * ((quantile - below.0) / width).clamp(0.0, 1.0))
}

pub const KINDS: [What; 5] = [What::Delivery, What::Ack, What::Join, What::Page, What::Cycle];

pub fn name(what: What) -> &'static str {
    match what {
        What::Delivery => "delivery",
        What::Ack => "ack",
        What::Join => "join",
        What::Page => "page",
        What::Cycle => "cycle",
    }
}

/// What the time is taken of, in words.
pub fn meaning(what: What) -> &'static str {
    match what {
        What::Delivery => "from the intended time of a message to a listener’s reading it",
        What::Ack => "from the intended time of a message to its ack",
        What::Join => "from a connection’s first packet until its room answered",
        What::Page => "from asking for a page of history to having it",
        What::Cycle => "connect, join, leave, close",
    }
}

/// A kind by its name, as the command line gives it.
pub fn parse_kind(text: &str) -> Result<What, String> {
    let found = KINDS.into_iter().find(|what| name(*what) == text);
    found.ok_or_else(|| format!("must be one of {}", KINDS.map(name).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(count: u64) -> Curve {
        let points = (0..=100).map(|n| (f64::from(n) / 100.0, f64::from(n) * 10.0, count / 100 * n as u64)).collect();
        Curve { count, p50_us: 500.0, p90_us: 900.0, p99_us: 990.0, max_us: 1_000.0, points, ..Curve::default() }
    }

    #[test]
    fn a_percentile_is_known_by_ten_samples_above_it() {
        let known = |count| PERCENTILES.iter().filter(|one| one.is_known(&even(count))).map(|one| one.name).next_back();
        assert_eq!(
            [19, 20, 999, 1_000, 9_999, 10_000].map(known),
            [None, Some("p50"), Some("p90"), Some("p99"), Some("p99"), Some("p99.9")]
        );
        assert_eq!(known(u64::MAX / 2), Some("p99.99"), "the greatest has none above, however many there are");
    }

    #[test]
    fn the_margin_narrows_with_the_samples_and_holds_the_value() {
        let width = |count| {
            let (low, high) = PERCENTILES[0].margin(&even(count));
            assert!(low <= 500.0 && high >= 500.0);
            high - low
        };
        assert!((width(100) - 200.0).abs() < 1.0 && (width(1_000_000) - 2.0).abs() < 0.1);
        assert_eq!(PERCENTILES[5].margin(&even(10)), (1_000.0, 1_000.0));
        assert_eq!(between(&Curve::default(), 0.5), None);
        assert_eq!(between(&even(10), 2.0), Some(1_000.0));
    }

    #[test]
    fn kinds_have_the_names_that_the_record_gives_them() {
        for what in KINDS {
            assert_eq!(serde_json::to_value(what).unwrap(), name(what));
            assert_eq!(parse_kind(name(what)), Ok(what));
        }
        assert!(parse_kind("all").unwrap_err().contains("delivery, ack"));
    }
}
