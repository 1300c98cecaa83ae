//! Which shard of a node a room lives on: a pure, keyed function of its key and the number of shards.

use crate::message::ShardId;
use rookery_protocol::ids::{RoomHandle, RoomKey};

/// The same for every shard of a node; another node (or another start) may answer otherwise.
pub fn shard_of(key: &RoomKey, placement_key: u64, shards: u8) -> ShardId {
    if shards <= 1 {
        return ShardId(0);
    }
    let mut hash = Mixer(placement_key ^ 0x9e37_79b9_7f4a_7c15);
    hash.bytes(key.realm.as_str().as_bytes());
    hash.word(key.kind as u64);
    hash.bytes(key.name.as_str().as_bytes());
    // The high bits are the well mixed ones.
    ShardId(((u128::from(hash.finish()) * u128::from(shards)) >> 64) as u8)
}

/// A handle says where its room lives, so an edge needs no table.
pub fn shard_of_handle(handle: RoomHandle, shards: u8) -> ShardId {
    ShardId((handle.0 % u32::from(shards.max(1))) as u8)
}

/// The `n`th handle (from 1) that a shard gives out.
pub fn handle(n: u32, shard: ShardId, shards: u8) -> Option<RoomHandle> {
    n.checked_mul(u32::from(shards.max(1)))?.checked_add(u32::from(shard.0)).map(RoomHandle)
}

/// A keyed multiply-and-fold hash. Not secret-grade: the key only has to be unknown to those who choose names.
struct Mixer(u64);

impl Mixer {
    fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * 0xd6e8_feb8_6659_fd93_u128;
        self.0 = (wide as u64) ^ ((wide >> 64) as u64) ^ self.0.rotate_left(23);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        let (words, tail) = bytes.as_chunks();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
        if !tail.is_empty() {
            self.word(tail.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    fn finish(mut self) -> u64 {
        self.word(0x2545_f491_4f6c_dd1d);
        self.word(0x1234_5678_9abc_def1);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rookery_protocol::ids::{Name, RoomKind};

    #[test]
    fn rooms_spread_and_handles_point_home() {
        let mut counts = [0u32; 4];
        for i in 0..4000 {
            let key = RoomKey {
                realm: Name::literal("main"),
                kind: RoomKind::Room,
                name: Name::new(&format!("room-{i}")).unwrap(),
            };
            counts[usize::from(shard_of(&key, 7, 4).0)] += 1;
        }
        assert!(counts.iter().all(|c| (800..1200).contains(c)), "{counts:?}");
        for n in 1..100 {
            for shard in 0..4 {
                let handle = handle(n, ShardId(shard), 4).unwrap();
                assert_eq!(shard_of_handle(handle, 4), ShardId(shard));
            }
        }
    }
}
