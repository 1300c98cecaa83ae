//! What a room's last commit still has to do, as bytes beside it.
//!
//! ```text
//! sealed (CRC32C, version 1): number of writes, then of each, as numbers (LEB128):
//!   verb, moment, five numbers, length of key, length of value
//! behind all of them their keys and values, in the same order
//! ```

use super::statements::Verb;
use super::write::Write;
use crate::sealed::{self, Bad, Reader, put_number};
use bytes::Bytes;

const VERSION: u8 = 1;

pub fn encode(writes: &[Write]) -> Vec<u8> {
    if writes.is_empty() {
        return Vec::new();
    }
    let mut out = sealed::begin(VERSION);
    put_number(&mut out, writes.len() as u64);
    for write in writes {
        put_number(&mut out, write.verb as u64);
        put_number(&mut out, write.at.cast_unsigned());
        write.numbers.iter().for_each(|n| put_number(&mut out, *n));
        put_number(&mut out, write.key.len() as u64);
        put_number(&mut out, write.value.len() as u64);
    }
    for write in writes {
        out.extend_from_slice(&write.key);
        out.extend_from_slice(&write.value);
    }
    sealed::end(out)
}

pub fn decode(bytes: &Bytes) -> Result<Vec<Write>, Bad> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut reader = sealed::open(bytes, VERSION)?;
    let count = reader.number().ok_or(Bad::Damaged)?;
    let mut writes = Vec::new();
    for _ in 0..count {
        writes.push(head(&mut reader).ok_or(Bad::Damaged)?);
    }
    let mut at = bytes.len() - reader.rest().len();
    let mut slice = |length: u64| {
        let end = usize::try_from(length).ok().and_then(|length| at.checked_add(length))?;
        let slice = (end <= bytes.len()).then(|| bytes.slice(at..end))?;
        at = end;
        Some(slice)
    };
    let mut whole = Vec::with_capacity(writes.len());
    for (write, key, value) in writes {
        let (key, value) = (slice(key).ok_or(Bad::Damaged)?, slice(value).ok_or(Bad::Damaged)?);
        whole.push(Write { key, value, ..write });
    }
    if at == bytes.len() { Ok(whole) } else { Err(Bad::Damaged) }
}

/// A write without its bytes, and how many those are.
fn head(reader: &mut Reader<'_>) -> Option<(Write, u64, u64)> {
    let verb = Verb::from_number(reader.number()?)?;
    let at = reader.number()?.cast_signed();
    let mut numbers = [0; 5];
    for number in &mut numbers {
        *number = reader.number()?;
    }
    Some((Write::new(verb, at, &numbers), reader.number()?, reader.number()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use crate::table::Table;

    #[test]
    fn comes_back_as_it_was_and_every_damage_is_seen() {
        let writes = vec![
            Write::of_row(Verb::PutRow, Table::Members, b"ann", b"owner".to_vec(), i64::MAX),
            Write::drop_rows(Table::Reactions, Place::new(1, 2), Place::new(1, 3), -1),
            Write::new(Verb::DropThread, 7, &[1, 2, 3, u64::MAX]),
        ];
        assert_eq!(decode(&Bytes::from(encode(&[]))), Ok(Vec::new()));
        let bytes = encode(&writes);
        assert_eq!(decode(&Bytes::from(bytes.clone())), Ok(writes));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x21;
            assert_eq!(decode(&Bytes::from(damaged)), Err(Bad::Damaged), "byte {at}");
            if at > 0 {
                assert_eq!(decode(&Bytes::copy_from_slice(&bytes[..at])), Err(Bad::Damaged), "{at} bytes");
            }
        }
    }
}
