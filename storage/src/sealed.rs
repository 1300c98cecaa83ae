//! Values of our own beside records: a checksum, a version, then what is said.
//!
//! ```text
//! 0  4  CRC32C of everything behind it, little-endian
//! 4  1  version
//! 5     the rest; numbers as in records (LEB128)
//! ```

/// Why a value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    Damaged,
    Newer(u8),
}

pub fn begin(version: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, version]
}

pub fn end(mut value: Vec<u8>) -> Vec<u8> {
    if let Some((sum, rest)) = value.split_first_chunk_mut::<4>() {
        *sum = crc32c::crc32c(rest).to_le_bytes();
    }
    value
}

pub fn open(value: &[u8], version: u8) -> Result<Reader<'_>, Bad> {
    let (sum, rest) = value.split_first_chunk::<4>().ok_or(Bad::Damaged)?;
    if crc32c::crc32c(rest) != u32::from_le_bytes(*sum) {
        return Err(Bad::Damaged);
    }
    match rest.split_first() {
        Some((own, rest)) if *own == version => Ok(Reader(rest)),
        Some((newer, _)) if *newer > version => Err(Bad::Newer(*newer)),
        Some(_) | None => Err(Bad::Damaged),
    }
}

/// A value that is one number.
pub fn number_value(number: u64) -> Vec<u8> {
    let mut value = begin(1);
    put_number(&mut value, number);
    end(value)
}

pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Of what was opened as a part of something else.
    pub fn of(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn number(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

pub fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A row's value: a checksum over its key and itself, so that a row is never taken for another's.
pub fn seal_row(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 4);
    out.extend_from_slice(&row_sum(key, value).to_le_bytes());
    out.extend_from_slice(value);
    out
}

/// Whether the bytes are a row's value under this key; the value is all but the first four.
pub fn is_row(key: &[u8], sealed: &[u8]) -> bool {
    sealed.split_first_chunk::<4>().is_some_and(|(sum, value)| row_sum(key, value) == u32::from_le_bytes(*sum))
}

fn row_sum(key: &[u8], value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key), value)
}
