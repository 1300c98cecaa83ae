//! The bytes of a record, version 1. `docs/storage/records.md` has them as a table, with examples that a test reads.
//!
//! ```text
//! 0  4  CRC32C of everything behind it, little-endian
//! 4  1  version of the layout: 1          (these five bytes keep their meaning in every version)
//! 5  1  kind in bits 0-3, state in bits 4-7
//! 6  1  flags
//! 7     numbers (LEB128, shortest form), in this order, those in brackets only with their flag:
//!       epoch, seq, time, [ordinal], [version's epoch, version's seq], [expiry], [thread's epoch, thread's seq],
//!       [target's epoch, target's seq], [length of key], length of payload
//!       [key], payload
//! ```

use super::{Kind, Record, State, Touches};
use crate::limits::{KEY_BYTES, PAYLOAD_BYTES};
use crate::{Epoch, Place, Seq};
use bytes::Bytes;
use std::fmt;

/// The layout that is written.
pub const VERSION: u8 = 1;
/// Checksum, version, kind, flags.
const HEAD_BYTES: usize = 7;

const MESSAGE: u8 = 1;
const CHANGE: u8 = 2;
const VOID: u8 = 3;

/// The version is not the place of the record: it was rewritten.
const HAS_VERSION: u8 = 1;
const HAS_EXPIRY: u8 = 2;
const HAS_KEY: u8 = 4;
/// The change marks a message.
const MARKS: u8 = 8;
/// The change rewrites a message.
const REWRITES: u8 = 16;
/// The message belongs to a thread.
const HAS_THREAD: u8 = 32;
const ALL_FLAGS: u8 = HAS_VERSION | HAS_EXPIRY | HAS_KEY | MARKS | REWRITES | HAS_THREAD;

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRecord {
    /// The checksum does not fit: written by nobody, or damaged since.
    Damaged,
    /// The checksum fits, but this layout is newer than the program.
    NewerVersion(u8),
    /// The checksum fits, but the fields are impossible: written by a program with a fault.
    Impossible,
}

impl fmt::Display for BadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadRecord::Damaged => f.write_str("the record is damaged"),
            BadRecord::NewerVersion(version) => write!(f, "the record's layout {version} is newer than this program"),
            BadRecord::Impossible => f.write_str("the record says something impossible"),
        }
    }
}

impl std::error::Error for BadRecord {}

impl Record {
    /// Appends the bytes of the record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.reserve(self.encoded_size());
        out.extend_from_slice(&[0, 0, 0, 0, VERSION]);
        let (kind, flags) = self.head();
        out.extend_from_slice(&[kind, flags]);
        self.numbers(|n| put_number(out, n));
        if let Some(key) = &self.key {
            out.extend_from_slice(key);
        }
        out.extend_from_slice(&self.payload);
        let sum = crc32c::crc32c(&out[start + 4..]);
        out[start..start + 4].copy_from_slice(&sum.to_le_bytes());
    }

    pub fn encoded_size(&self) -> usize {
        let mut size = HEAD_BYTES + self.payload.len() + self.key.as_ref().map_or(0, Bytes::len);
        self.numbers(|n| size += number_size(n));
        size
    }

    fn head(&self) -> (u8, u8) {
        let (kind, flags) = match self.kind {
            Kind::Message { version, state, expires, thread, .. } => {
                let rewritten = if version == self.place { 0 } else { HAS_VERSION };
                let expiring = if expires.is_some() { HAS_EXPIRY } else { 0 };
                let threaded = if thread.is_some() { HAS_THREAD } else { 0 };
                (MESSAGE | (state as u8) << 4, rewritten | expiring | threaded)
            }
            Kind::Change { touches: Touches::Nothing } => (CHANGE, 0),
            Kind::Change { touches: Touches::Marks(_) } => (CHANGE, MARKS),
            Kind::Change { touches: Touches::Rewrites(_) } => (CHANGE, REWRITES),
            Kind::Void => (VOID, 0),
        };
        (kind, flags | if self.key.is_some() { HAS_KEY } else { 0 })
    }

    /// Every number of the layout in its order: the one list that writing and measuring go by.
    fn numbers(&self, mut put: impl FnMut(u64)) {
        put(self.place.epoch.0);
        put(self.place.seq.0);
        put(self.time);
        match self.kind {
            Kind::Message { ordinal, version, state: _, expires, thread } => {
                put(ordinal);
                if version != self.place {
                    put(version.epoch.0);
                    put(version.seq.0);
                }
                if let Some(expires) = expires {
                    put(expires);
                }
                if let Some(thread) = thread {
                    put(thread.epoch.0);
                    put(thread.seq.0);
                }
            }
            Kind::Change { touches: Touches::Marks(target) | Touches::Rewrites(target) } => {
                put(target.epoch.0);
                put(target.seq.0);
            }
            Kind::Change { touches: Touches::Nothing } | Kind::Void => {}
        }
        if let Some(key) = &self.key {
            put(key.len() as u64);
        }
        put(self.payload.len() as u64);
    }

    /// Reads the record that these bytes are, to the last byte. Key and payload share the bytes they came in.
    pub fn decode(bytes: &Bytes) -> Result<Record, BadRecord> {
        let (sum, summed) = bytes.split_first_chunk::<4>().ok_or(BadRecord::Damaged)?;
        if crc32c::crc32c(summed) != u32::from_le_bytes(*sum) {
            return Err(BadRecord::Damaged);
        }
        // What follows was written by a program of ours; still nothing in it is trusted to be possible.
        match summed.first() {
            None | Some(0) => return Err(BadRecord::Impossible),
            Some(&VERSION) => {}
            Some(&newer) => return Err(BadRecord::NewerVersion(newer)),
        }
        Reader { bytes, at: 5 }.record().ok_or(BadRecord::Impossible)
    }
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn record(mut self) -> Option<Record> {
        let kind = self.byte()?;
        let flags = self.byte()?;
        let place = self.place()?;
        let time = self.number()?;
        let kind = match kind & 0x0f {
            MESSAGE if flags & (MARKS | REWRITES) == 0 => {
                let ordinal = self.number()?;
                let version = if flags & HAS_VERSION != 0 { self.place()? } else { place };
                if flags & HAS_VERSION != 0 && version == place {
                    return None;
                }
                let expires = if flags & HAS_EXPIRY != 0 { Some(self.number()?) } else { None };
                let thread = if flags & HAS_THREAD != 0 { Some(self.place()?) } else { None };
                let state = match kind >> 4 {
                    0 => State::Present,
                    1 => State::Deleted,
                    2 => State::Expired,
                    _ => return None,
                };
                Kind::Message { ordinal, version, state, expires, thread }
            }
            CHANGE if kind >> 4 == 0 => match flags & !HAS_KEY {
                0 => Kind::Change { touches: Touches::Nothing },
                MARKS => Kind::Change { touches: Touches::Marks(self.place()?) },
                REWRITES => Kind::Change { touches: Touches::Rewrites(self.place()?) },
                _ => return None,
            },
            VOID if kind >> 4 == 0 && flags == 0 => Kind::Void,
            _ => return None,
        };
        let key_length = if flags & HAS_KEY != 0 { Some(self.number()?) } else { None };
        let payload_length = self.number()?;
        let key = match key_length {
            Some(length) => Some(self.slice(length, KEY_BYTES)?),
            None => None,
        };
        let payload = self.slice(payload_length, PAYLOAD_BYTES)?;
        let known = flags & !ALL_FLAGS == 0;
        (known && self.at == self.bytes.len()).then_some(Record { place, time, kind, key, payload })
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn place(&mut self) -> Option<Place> {
        Some(Place { epoch: Epoch(self.number()?), seq: Seq(self.number()?) })
    }

    /// Each number has one form: a longer one is refused, so that equal records have equal bytes.
    fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return (byte != 0 || shift == 0).then_some(value);
            }
        }
        None
    }

    fn slice(&mut self, length: u64, most: usize) -> Option<Bytes> {
        let length = usize::try_from(length).ok().filter(|length| *length <= most)?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Some(slice)
    }
}

fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

pub(crate) fn number_size(n: u64) -> usize {
    (n.max(1).ilog2() as usize) / 7 + 1
}
