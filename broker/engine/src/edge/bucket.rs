//! A token bucket in whole numbers: nothing is lost to rounding, however often it is asked.

/// Millitokens, or with a share of `of` shards, `1 / (1000 * of)` tokens: `rate` units come in each millisecond.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    level: u64,
    at: u64,
}

/// How fast a bucket fills and how much it holds. A rate of 0 means: no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    pub per_second: u32,
    pub burst: u32,
    /// This bucket is one of so many that share the pace.
    pub of: u32,
}

impl Pace {
    fn token(self) -> u64 {
        1000 * u64::from(self.of.max(1))
    }

    fn full(self) -> u64 {
        // A share of less than one token would refuse for ever.
        (1000 * u64::from(self.burst)).max(self.token())
    }
}

impl Bucket {
    pub fn full(now: u64, pace: Pace) -> Bucket {
        Bucket { level: pace.full(), at: now }
    }

    /// Whether a token is there; else after how many milliseconds it will be.
    pub fn check(&mut self, now: u64, pace: Pace) -> Result<(), u32> {
        if pace.per_second == 0 {
            return Ok(());
        }
        let gained = now.saturating_sub(self.at).saturating_mul(u64::from(pace.per_second));
        self.level = self.level.saturating_add(gained).min(pace.full());
        self.at = self.at.max(now);
        match pace.token().checked_sub(self.level) {
            None | Some(0) => Ok(()),
            Some(missing) => Err(u32::try_from(missing.div_ceil(u64::from(pace.per_second))).unwrap_or(u32::MAX)),
        }
    }

    /// Whether it says no more than a new one.
    pub fn is_full(&mut self, now: u64, pace: Pace) -> bool {
        pace.per_second == 0 || (self.check(now, pace).is_ok() && self.level >= pace.full())
    }

    /// Only after [`Bucket::check`] said yes.
    pub fn take(&mut self, pace: Pace) {
        if pace.per_second != 0 {
            self.level = self.level.saturating_sub(pace.token());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, now: u64, pace: Pace) -> u32 {
        let mut n = 0;
        while bucket.check(now, pace).is_ok() {
            bucket.take(pace);
            n += 1;
        }
        n
    }

    #[test]
    fn a_burst_then_the_rate_to_the_token() {
        let pace = Pace { per_second: 200, burst: 1000, of: 1 };
        let mut bucket = Bucket::full(0, pace);
        assert_eq!(taken(&mut bucket, 0, pace), 1000);
        assert_eq!(bucket.check(0, pace), Err(5));
        assert_eq!(bucket.check(4, pace), Err(1));
        let mut sum = 0;
        for ms in 1..=1000 {
            sum += taken(&mut bucket, ms, pace);
        }
        assert_eq!(sum, 200);
        assert_eq!(taken(&mut bucket, 1_000_000, pace), 1000);
    }

    #[test]
    fn odd_rates_lose_nothing() {
        let pace = Pace { per_second: 7, burst: 3, of: 1 };
        let mut bucket = Bucket::full(0, pace);
        assert_eq!(taken(&mut bucket, 0, pace), 3);
        let sum: u32 = (1..=10_000).map(|ms| taken(&mut bucket, ms, pace)).sum();
        assert_eq!(sum, 70);
    }

    #[test]
    fn what_is_told_to_wait_is_enough_and_not_too_much() {
        let pace = Pace { per_second: 3, burst: 1, of: 1 };
        let mut bucket = Bucket::full(0, pace);
        bucket.take(pace);
        let wait = bucket.check(0, pace).unwrap_err();
        assert!(bucket.check(u64::from(wait) - 1, pace).is_err());
        assert!(bucket.check(u64::from(wait), pace).is_ok());
    }

    #[test]
    fn shares_add_up() {
        let whole = Pace { per_second: 100, burst: 90, of: 1 };
        let third = Pace { of: 3, ..whole };
        let mut shares = [Bucket::full(0, third); 3];
        let mut sum: u32 = shares.iter_mut().map(|b| taken(b, 0, third)).sum();
        assert_eq!(sum, 90);
        sum = (1..=3000).map(|ms| shares.iter_mut().map(|b| taken(b, ms, third)).sum::<u32>()).sum();
        assert_eq!(sum, 300);
    }

    #[test]
    fn no_rate_is_no_limit_and_time_may_stand() {
        let pace = Pace { per_second: 0, burst: 0, of: 1 };
        let mut bucket = Bucket::full(9, pace);
        for _ in 0..5 {
            assert!(bucket.check(0, pace).is_ok());
            bucket.take(pace);
        }
    }
}
