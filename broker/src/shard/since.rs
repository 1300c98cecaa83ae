//! Since when what a turn carries has been under way: the earliest of it, so that one reading of the clock at the turn's end
//! says how long its slowest took. It goes along with parcels, so a message that crosses shards is counted whole.

use rookery_protocol::ids::AckLevel;

/// Microseconds of the node's clock, which all shards share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Since {
    read: u64,
    /// By level; the first is never used.
    stored: [u64; AckLevel::ALL.len()],
}

const NOTHING: u64 = u64::MAX;

impl Default for Since {
    fn default() -> Since {
        Since { read: NOTHING, stored: [NOTHING; AckLevel::ALL.len()] }
    }
}

impl Since {
    /// Something was read at this time.
    #[inline]
    pub fn read(&mut self, at: u64) {
        self.read = self.read.min(at);
    }

    /// What was read at this time has reached a level, and those below it.
    pub fn stored(&mut self, level: AckLevel, at: u64) {
        for reached in &mut self.stored[..=level as usize] {
            *reached = at.min(*reached);
        }
    }

    pub fn join(&mut self, other: &Since) {
        self.read(other.read);
        for (own, other) in self.stored.iter_mut().zip(other.stored) {
            *own = other.min(*own);
        }
    }

    /// When the first of it was read.
    pub fn began(&self) -> Option<u64> {
        Some(self.read).filter(|at| *at != NOTHING)
    }

    /// When the first of what is acked at this level was read. An ack that waited for nothing, as a repeated one, was read in
    /// this turn.
    pub fn acked(&self, level: AckLevel) -> Option<u64> {
        let stored = if level == AckLevel::Accepted { NOTHING } else { self.stored[level as usize] };
        Some(stored).filter(|at| *at != NOTHING).or(self.began())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_counts_for_each_level_that_was_reached() {
        let mut since = Since::default();
        assert_eq!((since.began(), since.acked(AckLevel::Local)), (None, None));
        since.read(70);
        since.read(80);
        since.stored(AckLevel::Local, 20);
        let levels = |since: &Since| AckLevel::ALL.map(|level| since.acked(level));
        assert_eq!(levels(&since), [Some(70), Some(20), Some(70)]);
        let mut other = Since::default();
        other.stored(AckLevel::Durable, 30);
        other.join(&since);
        assert_eq!(levels(&other), [Some(70), Some(20), Some(30)]);
        assert_eq!(other.began(), Some(70));
    }
}
