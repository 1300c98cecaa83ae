//! Counts by the numbers of a closed list: errors, commands, reasons.

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally<const N: usize>([u64; N]);

impl<const N: usize> Default for Tally<N> {
    fn default() -> Self {
        Tally([0; N])
    }
}

impl<const N: usize> Tally<N> {
    /// A number beyond the list is nobody's: whoever makes the list sees to it that there is none.
    #[inline]
    pub fn add(&mut self, number: usize) {
        debug_assert!(number < N, "{number} of {N}");
        if let Some(count) = self.0.get_mut(number) {
            *count += 1;
        }
    }

    pub fn of(&self, number: usize) -> u64 {
        self.0.get(number).copied().unwrap_or_default()
    }

    pub fn sum(&self) -> u64 {
        self.0.iter().sum()
    }
}
