//! A queue of records in segments of a fixed size: appending never moves what is there, and trimming gives memory back.

use std::collections::VecDeque;

/// Records per segment: some 20 KiB, so that a room of a million records is no single allocation.
const SEGMENT: usize = 128;

/// All segments but the first and the last are full.
#[derive(Debug)]
pub(super) struct Log<T> {
    segments: VecDeque<VecDeque<T>>,
    len: usize,
}

impl<T> Default for Log<T> {
    fn default() -> Log<T> {
        Log { segments: VecDeque::new(), len: 0 }
    }
}

impl<T> Log<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn push(&mut self, item: T) {
        match self.segments.back_mut() {
            // The first segment is grown as needed: most rooms never fill it.
            Some(last) if last.len() < SEGMENT => last.push_back(item),
            Some(_) => {
                let mut next = VecDeque::with_capacity(SEGMENT);
                next.push_back(item);
                self.segments.push_back(next);
            }
            None => self.segments.push_back(VecDeque::from([item])),
        }
        self.len += 1;
    }

    pub fn first(&self) -> Option<&T> {
        self.segments.front()?.front()
    }

    pub fn last(&self) -> Option<&T> {
        self.segments.back()?.back()
    }

    pub fn pop_first(&mut self) -> Option<T> {
        let first = self.segments.front_mut()?;
        let item = first.pop_front();
        if first.is_empty() {
            self.segments.pop_front();
        }
        self.len -= usize::from(item.is_some());
        item
    }

    pub fn pop_last(&mut self) -> Option<T> {
        let last = self.segments.back_mut()?;
        let item = last.pop_back();
        if last.is_empty() {
            self.segments.pop_back();
        }
        self.len -= usize::from(item.is_some());
        item
    }

    pub fn get(&self, index: usize) -> Option<&T> {
        let (segment, offset) = self.split(index)?;
        self.segments.get(segment)?.get(offset)
    }

    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let (segment, offset) = self.split(index)?;
        self.segments.get_mut(segment)?.get_mut(offset)
    }

    /// How many items, from the first, fulfil a predicate that holds for a prefix.
    pub fn partition_point(&self, mut holds: impl FnMut(&T) -> bool) -> usize {
        let whole = self.segments.partition_point(|segment| segment.front().is_some_and(&mut holds));
        // The boundary lies in the last segment that begins with an item that holds.
        let Some(last) = whole.checked_sub(1).and_then(|i| self.segments.get(i)) else { return 0 };
        self.before(whole - 1) + last.partition_point(holds)
    }

    /// Items in front of a segment.
    fn before(&self, segment: usize) -> usize {
        match segment {
            0 => 0,
            _ => self.segments.front().map_or(0, VecDeque::len) + (segment - 1) * SEGMENT,
        }
    }

    fn split(&self, index: usize) -> Option<(usize, usize)> {
        let first = self.segments.front()?.len();
        match index.checked_sub(first) {
            None => Some((0, index)),
            Some(rest) => Some((1 + rest / SEGMENT, rest % SEGMENT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_like_one_queue() {
        let (mut log, mut plain) = (Log::default(), VecDeque::new());
        let mut next = 0u32;
        let mut dice = 1u32;
        for _ in 0..20_000 {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            match dice >> 29 {
                0..=4 => {
                    log.push(next);
                    plain.push_back(next);
                    next += 1;
                }
                5 => assert_eq!(log.pop_first(), plain.pop_front()),
                6 => assert_eq!(log.pop_last(), plain.pop_back()),
                _ => {
                    let at = dice as usize % (plain.len() + 2);
                    assert_eq!(log.get(at), plain.get(at));
                    assert_eq!(log.get_mut(at), plain.get_mut(at));
                    let bound = plain.get(at).copied().unwrap_or(next);
                    assert_eq!(log.partition_point(|n| *n < bound), plain.partition_point(|n| *n < bound));
                    assert_eq!(log.partition_point(|n| *n <= bound), plain.partition_point(|n| *n <= bound));
                }
            }
            assert_eq!(log.len(), plain.len());
            assert_eq!((log.first(), log.last()), (plain.front(), plain.back()));
        }
        assert!(log.segments.len() > 3, "more than one segment was in play");
        while log.pop_first().is_some() {}
        assert_eq!((log.len(), log.segments.len()), (0, 0));
    }
}
