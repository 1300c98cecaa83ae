//! How long a shard's turns took, and what they carried: a few additions for each turn, whatever its receivers are.

use super::since::Since;
use crate::metrics::spread::Spread;
use rookery_engine::edge::Counters;
use rookery_protocol::ids::AckLevel;

#[derive(Debug, Default)]
pub struct Spent {
    turns: Spread,
    acks: [Spread; AckLevel::ALL.len()],
    deliveries: Spread,
    /// What was counted up to the end of the turn before.
    acked: [u64; AckLevel::ALL.len()],
    delivered: u64,
}

impl Spent {
    /// A turn has ended, and what it had is with those sockets that take bytes.
    pub fn turn(&mut self, began: u64, ended: u64, since: &Since, counters: &Counters) {
        let took = |since: Option<u64>| ended.saturating_sub(since.unwrap_or(began));
        self.turns.add(took(None), 1);
        let delivered = counters.deliveries - std::mem::replace(&mut self.delivered, counters.deliveries);
        self.deliveries.add(took(since.began()), delivered);
        for level in AckLevel::ALL {
            let all = counters.acked(level);
            let acked = all - std::mem::replace(&mut self.acked[level as usize], all);
            self.acks[level as usize].add(took(since.acked(level)), acked);
        }
    }

    pub fn turns(&self) -> &Spread {
        &self.turns
    }

    pub fn deliveries(&self) -> &Spread {
        &self.deliveries
    }

    pub fn acks(&self, level: AckLevel) -> &Spread {
        &self.acks[level as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_counts_what_came_since_the_one_before() {
        let (mut spent, mut counters, mut since) = (Spent::default(), Counters::default(), Since::default());
        since.read(1_000);
        counters.deliveries = 5;
        spent.turn(1_040, 1_060, &since, &counters);
        spent.turn(2_000, 2_010, &Since::default(), &counters);
        counters.deliveries = 7;
        spent.turn(3_000, 3_400, &Since::default(), &counters);
        let of = |spread: &Spread| (spread.upto().last().unwrap_or_default(), spread.sum());
        assert_eq!(of(spent.deliveries()), (7, 5 * 60 + 2 * 400));
        assert_eq!(of(spent.turns()), (3, 20 + 10 + 400));
    }
}
