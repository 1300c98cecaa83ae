//! How long things took, in steps from 25 µs to 10 s: plain counts of one thread, or what came of adding up several.

/// Microseconds. What took exactly as long as a bound lies below it, as Prometheus' `le` wants it.
pub const BOUNDS: [u64; 18] = [
    25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

/// A count for each bound, one for what lies above all, and the sum of microseconds.
pub const CELLS: usize = BOUNDS.len() + 2;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread([u64; CELLS]);

impl Spread {
    /// So many things took so long, each.
    #[inline]
    pub fn add(&mut self, micros: u64, times: u64) {
        if times == 0 {
            return;
        }
        let step = BOUNDS.partition_point(|bound| *bound < micros);
        self.0[step] += times;
        self.0[CELLS - 1] = self.0[CELLS - 1].saturating_add(micros.saturating_mul(times));
    }

    /// From counts of what lies at or below each bound, of all, and the sum.
    pub fn of(upto: &[u64], all: u64, sum: u64) -> Spread {
        let mut spread = Spread::default();
        let mut below = 0;
        for (cell, upto) in spread.0.iter_mut().zip(upto.iter().chain([&all])) {
            *cell = upto.saturating_sub(below);
            below = below.max(*upto);
        }
        spread.0[CELLS - 1] = sum;
        spread
    }

    pub fn from_cells(cells: [u64; CELLS]) -> Spread {
        Spread(cells)
    }

    pub fn cells(&self) -> &[u64; CELLS] {
        &self.0
    }

    /// How many things there were at or below each bound, and at last all.
    pub fn upto(&self) -> impl Iterator<Item = u64> {
        self.0[..CELLS - 1].iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    /// How long all of them took together.
    pub fn sum(&self) -> u64 {
        self.0[CELLS - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_what_lies_below_it() {
        let mut spread = Spread::default();
        spread.add(25, 2);
        spread.add(26, 1);
        spread.add(u64::MAX, 1);
        spread.add(7, 0);
        let upto: Vec<u64> = spread.upto().collect();
        assert_eq!((upto[0], upto[1], upto[BOUNDS.len() - 1], upto[BOUNDS.len()]), (2, 3, 3, 4));
        assert_eq!(Spread::of(&upto[..BOUNDS.len()], 4, spread.sum()), spread);
    }
}
