//! The bytes of a segment, version 1. `docs/storage/journal.md` has them as tables, with examples that a test reads.
//!
//! ```text
//! segment   head (in a block of 4096 bytes of its own), then groups, one behind the other
//!  0  8  magic "rookjrnl"                 (these 16 bytes keep their meaning in every version,
//!  8  4  version of the layout: 1          and a head has 64 bytes in every version)
//! 12  4  CRC-32C of bytes 0-11 and 16-63
//! 16  8  number of the segment
//! 24  8  position of its first entry; whatever earlier segments hold there or above is dead
//! 32  8  nonce
//! 40 24  zeros
//!
//! group     head, then its entries
//!  0  4  magic "rkgp"
//!  4  4  CRC-32C of bytes 8-39
//!  8  8  nonce of the segment
//! 16  8  position of the first entry
//! 24  8  the highest position that an earlier fdatasync had reached
//! 32  4  number of entries
//! 36  4  bytes of all its entries, their heads included
//!
//! entry     head, then its body
//!  0  4  CRC-32C of the segment's nonce (8 bytes) and of bytes 4-19
//!  4  4  bytes of the body
//!  8  8  position
//! 16  4  CRC-32C of the body
//! ```

use std::ops::Range;

/// The layout that is written.
pub const VERSION: u32 = 1;

/// A block of its own, so that no write of a group ever touches it.
pub const SEGMENT_HEAD: usize = 4096;
/// What of the block is used.
pub const SEGMENT_HEAD_USED: usize = 64;
pub const GROUP_HEAD: usize = 40;
pub const ENTRY_HEAD: usize = 20;

const MAGIC: &[u8; 8] = b"rookjrnl";
const GROUP_MAGIC: &[u8; 4] = b"rkgp";

/// The largest body of an entry: a batch at its limit, with room for a layout that needs more bytes.
pub const ENTRY_BYTES: usize = 2 * crate::limits::BATCH_BYTES;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHead {
    pub number: u64,
    pub first: u64,
    pub nonce: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupHead {
    pub nonce: u64,
    pub first: u64,
    pub synced: u64,
    pub count: u32,
    pub length: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryHead {
    pub length: u32,
    pub position: u64,
    pub body_sum: u32,
}

/// Why bytes are no head of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadHead {
    /// Never finished, or damaged since.
    Damaged,
    /// Whole, but of a layout that is newer than the program.
    Newer(u32),
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn set<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

/// What the sum of a segment's head covers.
const HEAD_SUMMED: [Range<usize>; 2] = [0..12, 16..SEGMENT_HEAD_USED];

fn head_sum(bytes: &[u8; SEGMENT_HEAD_USED]) -> u32 {
    HEAD_SUMMED.into_iter().fold(0, |sum, range| crc32c::crc32c_append(sum, &bytes[range]))
}

impl SegmentHead {
    pub fn encode(&self) -> [u8; SEGMENT_HEAD_USED] {
        let mut bytes = [0; SEGMENT_HEAD_USED];
        set(&mut bytes, 0, *MAGIC);
        set(&mut bytes, 8, VERSION.to_le_bytes());
        set(&mut bytes, 16, self.number.to_le_bytes());
        set(&mut bytes, 24, self.first.to_le_bytes());
        set(&mut bytes, 32, self.nonce.to_le_bytes());
        let sum = head_sum(&bytes);
        set(&mut bytes, 12, sum.to_le_bytes());
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Result<SegmentHead, BadHead> {
        let bytes: &[u8; SEGMENT_HEAD_USED] = bytes.first_chunk().ok_or(BadHead::Damaged)?;
        let number = |at| u64_at(bytes, at).ok_or(BadHead::Damaged);
        if &bytes[..8] != MAGIC || u32_at(bytes, 12) != Some(head_sum(bytes)) {
            return Err(BadHead::Damaged);
        }
        match u32_at(bytes, 8) {
            Some(VERSION) => {}
            None | Some(0) => return Err(BadHead::Damaged),
            Some(newer) => return Err(BadHead::Newer(newer)),
        }
        let head = SegmentHead { number: number(16)?, first: number(24)?, nonce: number(32)? };
        let possible = head.first > 0 && bytes[40..].iter().all(|byte| *byte == 0);
        if possible { Ok(head) } else { Err(BadHead::Damaged) }
    }
}

impl GroupHead {
    pub fn encode(&self) -> [u8; GROUP_HEAD] {
        let mut bytes = [0; GROUP_HEAD];
        set(&mut bytes, 0, *GROUP_MAGIC);
        set(&mut bytes, 8, self.nonce.to_le_bytes());
        set(&mut bytes, 16, self.first.to_le_bytes());
        set(&mut bytes, 24, self.synced.to_le_bytes());
        set(&mut bytes, 32, self.count.to_le_bytes());
        set(&mut bytes, 36, self.length.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[8..]);
        set(&mut bytes, 4, sum.to_le_bytes());
        bytes
    }

    /// The head that stands at the beginning of these bytes, of whatever segment.
    pub fn decode(bytes: &[u8]) -> Option<GroupHead> {
        let bytes: &[u8; GROUP_HEAD] = bytes.first_chunk()?;
        if &bytes[..4] != GROUP_MAGIC || u32_at(bytes, 4)? != crc32c::crc32c(&bytes[8..]) {
            return None;
        }
        let head = GroupHead {
            nonce: u64_at(bytes, 8)?,
            first: u64_at(bytes, 16)?,
            synced: u64_at(bytes, 24)?,
            count: u32_at(bytes, 32)?,
            length: u32_at(bytes, 36)?,
        };
        (head.first > 0 && head.synced < head.first).then_some(head)
    }
}

impl EntryHead {
    pub fn new(position: u64, body: &[u8]) -> EntryHead {
        EntryHead { length: body.len() as u32, position, body_sum: crc32c::crc32c(body) }
    }

    pub fn encode(&self, nonce: u64) -> [u8; ENTRY_HEAD] {
        let mut bytes = [0; ENTRY_HEAD];
        set(&mut bytes, 4, self.length.to_le_bytes());
        set(&mut bytes, 8, self.position.to_le_bytes());
        set(&mut bytes, 16, self.body_sum.to_le_bytes());
        let sum = entry_sum(nonce, &bytes);
        set(&mut bytes, 0, sum.to_le_bytes());
        bytes
    }

    /// The head that stands at the beginning of these bytes, if one of this segment does.
    pub fn decode(bytes: &[u8], nonce: u64) -> Option<EntryHead> {
        let bytes: &[u8; ENTRY_HEAD] = bytes.first_chunk()?;
        let head = EntryHead { length: u32_at(bytes, 4)?, position: u64_at(bytes, 8)?, body_sum: u32_at(bytes, 16)? };
        // The cheap questions first: a search asks them at every byte.
        let fits = head.position > 0 && head.length as usize <= ENTRY_BYTES;
        (fits && u32_at(bytes, 0)? == entry_sum(nonce, bytes)).then_some(head)
    }

    pub fn is_body(&self, body: &[u8]) -> bool {
        body.len() == self.length as usize && crc32c::crc32c(body) == self.body_sum
    }
}

fn entry_sum(nonce: u64, bytes: &[u8; ENTRY_HEAD]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&nonce.to_le_bytes()), &bytes[4..])
}

const _: () = {
    assert!(SEGMENT_HEAD_USED <= SEGMENT_HEAD);
    // Lengths are counted in four bytes, those of a whole group too.
    assert!(ENTRY_BYTES * 2 < u32::MAX as usize);
};
