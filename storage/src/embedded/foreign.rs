//! The engine's journal as it stands on disk (fjall, format 3), read to tell a torn end from damage.
//!
//! ```text
//! start  1 | items u32 | number u64
//! item   2 | type u8 | compression u8 | keyspace u64 | key u16 | value u32 | stored value u32 | key | stored value
//! clear  4 | keyspace u64
//! end    3 | XXH3 of all items and clears u64 | "FJL" 3
//! ```
//! All numbers are little-endian. A batch is a start, its items, an end; after the last comes nothing but zeros.

use super::marks;
use xxhash_rust::xxh3::xxh3_64;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    Whole,
    /// What begins here was being written when the machine went down.
    Torn(usize),
    /// What begins here had been synced.
    Damaged(usize),
}

/// Reads a journal to its end. `last` is the number of the last batch before it: numbers rise.
pub fn judge(bytes: &[u8], last: &mut Option<u64>) -> Judgement {
    let mut at = 0;
    while let Some(batch) = batch(bytes, at, *last) {
        *last = Some(batch.number);
        at = batch.end;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.iter().all(|byte| *byte == 0) {
        return Judgement::Whole;
    }
    // A watermark is written only after the one before it was synced, and all that stood before that. So two of them
    // behind the bad place say that it was on disk once.
    let (mut watermarks, mut next) = (0, at);
    while next < bytes.len() && watermarks < 2 {
        // Whatever its number: the one that was read last may be the damaged one.
        match batch(bytes, next, None) {
            Some(batch) => {
                watermarks += u32::from(batch.is_watermark);
                next = batch.end;
            }
            None => next += 1,
        }
    }
    if watermarks < 2 { Judgement::Torn(at) } else { Judgement::Damaged(at) }
}

struct Batch {
    number: u64,
    end: usize,
    is_watermark: bool,
}

/// The batch that stands here, whole and with a number above the last one.
fn batch(bytes: &[u8], at: usize, last: Option<u64>) -> Option<Batch> {
    let mut reader = Reader { bytes, at };
    if reader.byte()? != START {
        return None;
    }
    let items = reader.four()?;
    let number = reader.eight()?;
    if last.is_some_and(|last| number <= last) {
        return None;
    }
    let begin = reader.at;
    let mut is_watermark = false;
    for _ in 0..items {
        match reader.byte()? {
            ITEM => {
                let key = reader.item()?;
                is_watermark |= key == marks::watermark_key();
            }
            CLEAR => drop(reader.eight()?),
            _ => return None,
        }
    }
    let summed = bytes.get(begin..reader.at)?;
    let whole = reader.byte()? == END && reader.eight()? == xxh3_64(summed) && reader.take(TRAILER.len())? == TRAILER;
    whole.then_some(Batch { number, end: reader.at, is_watermark })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn four(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn eight(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    /// The rest of an item; its key.
    fn item(&mut self) -> Option<&'a [u8]> {
        self.take(2 + 8)?;
        let key = u16::from_le_bytes(*self.take(2)?.first_chunk()?);
        self.take(4)?;
        let stored = self.four()?;
        let key = self.take(usize::from(key))?;
        self.take(usize::try_from(stored).ok()?)?;
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(out: &mut Vec<u8>, number: u64, key: &[u8]) {
        let mut item = vec![ITEM, 0, 0];
        item.extend_from_slice(&7u64.to_le_bytes());
        item.extend_from_slice(&(key.len() as u16).to_le_bytes());
        item.extend_from_slice(&[3, 0, 0, 0, 3, 0, 0, 0]);
        item.extend_from_slice(key);
        item.extend_from_slice(b"abc");
        out.extend_from_slice(&[START, 1, 0, 0, 0]);
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&item);
        out.push(END);
        out.extend_from_slice(&xxh3_64(&item).to_le_bytes());
        out.extend_from_slice(TRAILER);
    }

    fn journal(keys: &[&[u8]]) -> (Vec<u8>, Vec<usize>) {
        let (mut out, mut ends) = (Vec::new(), Vec::new());
        for (number, key) in (5..).zip(keys) {
            write(&mut out, number, key);
            ends.push(out.len());
        }
        out.extend_from_slice(&[0; 100]);
        (out, ends)
    }

    #[test]
    fn a_torn_end_is_told_from_damage() {
        let mark = marks::watermark_key();
        let (bytes, ends) = journal(&[b"a", &mark, b"b", &mark, b"c"]);
        let judged = |bytes: &[u8]| judge(bytes, &mut None);
        assert_eq!(judged(&bytes), Judgement::Whole);
        assert_eq!(judge(&bytes, &mut Some(5)), Judgement::Damaged(0), "numbers fall");
        let begins = [0, ends[0], ends[1], ends[2], ends[3]];
        for (n, (begin, end)) in begins.into_iter().zip(ends).enumerate() {
            for at in begin..end {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x11;
                // Two watermarks behind the first batch, one behind the next two, none behind the last.
                let want = if n == 0 { Judgement::Damaged(begin) } else { Judgement::Torn(begin) };
                let got = judged(&damaged);
                if !(begin + 5..begin + 13).contains(&at) {
                    assert_eq!(got, want, "byte {at}");
                } else if n < 4 {
                    // One that rises too far shows in the next one.
                    assert_ne!(got, Judgement::Whole, "byte {at}");
                }
                assert_eq!(judged(&bytes[..at]), if at == begin { Judgement::Whole } else { Judgement::Torn(begin) });
            }
        }
    }
}
