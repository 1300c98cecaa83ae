//! What one thread counts and times, a second at a time; the run adds them up.

use hdrhistogram::Histogram;

use super::line::UNTIMED;
use crate::record::What;

const LOWEST_NS: u64 = 100;
const HIGHEST_NS: u64 = 120_000_000_000;

pub const KINDS: [What; 5] = [What::Delivery, What::Ack, What::Join, What::Page, What::Cycle];

/// Counts of some stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub posts: u64,
    pub deliveries: u64,
    pub acks: u64,
    pub joins: u64,
    pub cycles: u64,
    pub pages: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        let Counts { posts, deliveries, acks, joins, cycles, pages, bytes_in, bytes_out } = other;
        self.posts += posts;
        self.deliveries += deliveries;
        self.acks += acks;
        self.joins += joins;
        self.cycles += cycles;
        self.pages += pages;
        self.bytes_in += bytes_in;
        self.bytes_out += bytes_out;
    }
}

pub fn histogram() -> Histogram<u64> {
    // Cannot fail: the bounds are in order and three digits are allowed.
    Histogram::new_with_bounds(LOWEST_NS, HIGHEST_NS, 3).unwrap_or_else(|_| unreachable!("constant bounds"))
}

#[derive(Default)]
pub struct Tally {
    pub counts: Counts,
    histograms: [Option<Box<Histogram<u64>>>; KINDS.len()],
    /// Deliveries with equal send times are entered as one, so that a delivery costs a comparison.
    run_sent_ns: u64,
    run_length: u64,
}

impl Tally {
    /// One delivery, read at `now_ns`, of a message that was to be sent at `sent_ns`.
    #[inline]
    pub fn delivery(&mut self, sent_ns: u64, now_ns: u64) {
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
            self.counts.deliveries += self.run_length;
            if self.run_sent_ns != UNTIMED {
                self.record(What::Delivery, now_ns.saturating_sub(self.run_sent_ns), self.run_length);
            }
            self.run_length = 0;
        }
    }

    /// A delivery to somebody who is slow on purpose.
    pub fn untimed(&mut self) {
        self.counts.deliveries += 1;
    }

    pub fn time(&mut self, what: What, nanos: u64) {
        self.record(what, nanos, 1);
    }

    fn record(&mut self, what: What, nanos: u64, count: u64) {
        let histogram = self.histograms[what as usize].get_or_insert_with(|| Box::new(histogram()));
        // Cannot fail: the value lies within the bounds.
        let _ = histogram.record_n(nanos.clamp(LOWEST_NS, HIGHEST_NS), count);
    }

    pub fn of(&self, what: What) -> Option<&Histogram<u64>> {
        self.histograms[what as usize].as_deref()
    }

    pub fn add(&mut self, other: &Tally) {
        self.counts.add(&other.counts);
        for (own, other) in self.histograms.iter_mut().zip(&other.histograms) {
            if let Some(other) = other {
                // Cannot fail: all have the same bounds.
                let _ = own.get_or_insert_with(|| Box::new(histogram())).add(other.as_ref());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_count_each_delivery() {
        let mut tally = Tally::default();
        for sent in [10_000, 10_000, 10_000, 60_000, UNTIMED] {
            tally.delivery(sent, 110_000);
        }
        tally.end_read(110_000);
        tally.untimed();
        assert_eq!(tally.counts.deliveries, 6);
        let histogram = tally.of(What::Delivery).unwrap();
        assert_eq!(histogram.len(), 4);
        assert!(histogram.value_at_quantile(0.5).abs_diff(100_000) < 200);
        let mut sum = Tally::default();
        sum.add(&tally);
        sum.add(&tally);
        assert_eq!((sum.counts.deliveries, sum.of(What::Delivery).unwrap().len()), (12, 8));
    }

    #[test]
    fn each_kind_has_its_own_histogram() {
        for (index, what) in KINDS.into_iter().enumerate() {
            assert_eq!(what as usize, index);
        }
    }
}
