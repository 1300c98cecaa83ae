//! A token bucket: exact in whole thousandths of an event.

/// Full at the beginning; `rate` per second flow in, up to `burst`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    /// In thousandths: one per millisecond and event per second.
    level: u64,
    at: u64,
}

impl Bucket {
    pub fn full(burst: u32, now: u64) -> Bucket {
        Bucket { level: u64::from(burst) * 1000, at: now }
    }

    /// Takes `count` events, or says after how many milliseconds it could.
    pub fn take(&mut self, count: u32, rate: u32, burst: u32, now: u64) -> Result<(), u32> {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        let most = u64::from(burst) * 1000;
        self.level = self.level.saturating_add(passed.saturating_mul(u64::from(rate))).min(most);
        let wanted = u64::from(count) * 1000;
        match self.level.checked_sub(wanted) {
            Some(left) => {
                self.level = left;
                Ok(())
            }
            None => Err((wanted - self.level).div_ceil(u64::from(rate.max(1))).try_into().unwrap_or(u32::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_burst_and_rate_to_the_event() {
        let mut bucket = Bucket::full(10, 0);
        let mut taken = 0;
        for ms in 0..=10_000 {
            while bucket.take(1, 5, 10, ms).is_ok() {
                taken += 1;
            }
        }
        assert_eq!(taken, 10 + 50);
    }

    #[test]
    fn says_when_to_come_back() {
        let mut bucket = Bucket::full(1, 0);
        assert_eq!(bucket.take(1, 3, 1, 0), Ok(()));
        assert_eq!(bucket.take(1, 3, 1, 0), Err(334));
        assert!(bucket.take(1, 3, 1, 333).is_err());
        assert_eq!(bucket.take(1, 3, 1, 334), Ok(()));
        // A clock that goes back takes nothing and gives nothing.
        assert!(bucket.take(1, 3, 1, 5).is_err());
    }
}
