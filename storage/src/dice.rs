//! Seeded chance, for faults and tests: the same seed gives the same story on every machine.

/// SplitMix64: small, well spread, and no secret.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut n = self.0;
        n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    }

    /// A number below the bound; 0 for the bound 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.roll()) * u128::from(bound)) >> 64) as u64
    }

    /// A number of the range, both ends included.
    pub fn between(&mut self, (low, high): (u64, u64)) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times in a thousand.
    pub fn per_mille(&mut self, chance: u32) -> bool {
        self.below(1000) < u64::from(chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_within_its_bounds_and_repeats() {
        let (mut one, mut other) = (Dice::new(7), Dice::new(7));
        let mut seen = [false; 4];
        for _ in 0..200 {
            let n = one.between((3, 6));
            assert_eq!(n, other.between((3, 6)));
            seen[n as usize - 3] = true;
        }
        assert_eq!(seen, [true; 4]);
        assert_eq!(one.below(0), 0);
        assert!(!one.per_mille(0) && one.per_mille(1000));
    }
}
