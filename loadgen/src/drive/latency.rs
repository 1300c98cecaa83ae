//! Latencies of deliveries: runs of equal send times are recorded as one entry, so that a delivery costs a comparison.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

const LOWEST_NS: u64 = 100;
const HIGHEST_NS: u64 = 60_000_000_000;

/// Percentiles in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

pub struct Latencies {
    histogram: Histogram<u64>,
    recording: bool,
    run_sent_ns: u64,
    run_length: u64,
}

impl Latencies {
    pub fn new() -> Result<Latencies, hdrhistogram::CreationError> {
        let histogram = Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3)?;
        Ok(Latencies { histogram, recording: false, run_sent_ns: 0, run_length: 0 })
    }

    /// Outside the measured window nothing is recorded.
    pub fn set_recording(&mut self, on: bool) {
        self.recording = on;
    }

    /// One delivery, read at `now_ns`, of a message sent at `sent_ns`.
    #[inline]
    pub fn note(&mut self, sent_ns: u64, now_ns: u64) {
        if sent_ns != self.run_sent_ns {
            self.end_read(now_ns);
            self.run_sent_ns = sent_ns;
        }
        self.run_length += 1;
    }

    /// Writes the open run down; to be called before `now_ns` changes.
    #[inline]
    pub fn end_read(&mut self, now_ns: u64) {
        if self.run_length > 0 {
            if self.recording {
                let value = now_ns.saturating_sub(self.run_sent_ns).clamp(LOWEST_NS, HIGHEST_NS);
                self.histogram.saturating_record(value);
                if self.run_length > 1 {
                    // Cannot fail: the value was clamped to the histogram's bounds.
                    let _ = self.histogram.record_n(value, self.run_length - 1);
                }
            }
            self.run_length = 0;
        }
    }

    pub fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Percentiles { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.histogram.max() as f64 / 1_000.0 }
    }

    #[cfg(test)]
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_count_each_delivery_and_only_inside_the_window() {
        let mut latencies = Latencies::new().unwrap();
        latencies.note(0, 50_000);
        latencies.end_read(50_000);
        assert_eq!(latencies.count(), 0);
        latencies.set_recording(true);
        for sent in [10_000, 10_000, 10_000, 60_000] {
            latencies.note(sent, 110_000);
        }
        latencies.end_read(110_000);
        assert_eq!(latencies.count(), 4);
        let seen = latencies.percentiles();
        assert!((seen.p50 - 100.0).abs() < 0.2, "{seen:?}");
        assert!((seen.max - 100.0).abs() < 0.2, "{seen:?}");
    }
}
