//! Which moments of the tree are being read: what was overwritten is kept for them.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every moment that somebody holds, with how many times it was begun.
#[derive(Default)]
pub struct Moments(Mutex<BTreeMap<u64, usize>>);

/// All that was committed with a lower number.
pub struct Moment {
    number: u64,
    all: Arc<Moments>,
}

impl Moments {
    pub fn begin(all: &Arc<Moments>, number: u64) -> Arc<Moment> {
        *all.0.lock().entry(number).or_default() += 1;
        Arc::new(Moment { number, all: all.clone() })
    }

    /// Nobody reads an earlier one.
    pub fn oldest(&self) -> u64 {
        self.0.lock().first_key_value().map_or(0, |(number, _)| *number)
    }
}

impl Moment {
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Moment {
    fn drop(&mut self) {
        let mut all = self.all.0.lock();
        if let Some(count) = all.get_mut(&self.number) {
            *count -= 1;
            if *count == 0 {
                all.remove(&self.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_what_somebody_holds() {
        let all = Arc::new(Moments::default());
        let (five, again) = (Moments::begin(&all, 5), Moments::begin(&all, 5));
        let seven = Moments::begin(&all, 7);
        drop(five);
        assert_eq!(all.oldest(), 5);
        drop(again);
        assert_eq!(all.oldest(), 7);
        drop(seven);
        assert_eq!(all.oldest(), 0);
    }
}
