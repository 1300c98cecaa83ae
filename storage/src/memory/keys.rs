//! Duplicate keys of a room: from a key's hash to the seq of its record, which holds the key itself.

use crate::Seq;
use bytes::Bytes;
use hashbrown::HashTable;
use std::hash::BuildHasher;

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u64,
    seq: Seq,
}

#[derive(Debug, Default)]
pub(super) struct Keys {
    entries: HashTable<Entry>,
}

impl Keys {
    pub fn add(&mut self, hasher: &impl BuildHasher, key: &Bytes, seq: Seq) {
        let hash = hash(hasher, key);
        self.entries.insert_unique(hash, Entry { hash, seq }, |entry| entry.hash);
    }

    pub fn remove(&mut self, hasher: &impl BuildHasher, key: &Bytes, seq: Seq) {
        if let Ok(entry) = self.entries.find_entry(hash(hasher, key), |entry| entry.seq == seq) {
            entry.remove();
        }
        // A burst of keys that is over does not hold its memory.
        if self.entries.len() < self.entries.capacity() / 8 {
            self.entries.shrink_to(self.entries.len() * 2, |entry| entry.hash);
        }
    }

    /// Seqs whose records may carry the key: nearly always one.
    pub fn candidates(&self, hasher: &impl BuildHasher, key: &[u8]) -> impl Iterator<Item = Seq> {
        let hash = hash(hasher, key);
        self.entries.iter_hash(hash).filter(move |entry| entry.hash == hash).map(|entry| entry.seq)
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

fn hash(hasher: &impl BuildHasher, key: &[u8]) -> u64 {
    hasher.hash_one(key)
}
