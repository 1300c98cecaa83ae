//! Reading and writing the atoms: integers, bytes, and stretches that know their length.

use crate::wire::bad::Bad;
use crate::wire::{check, varint};

/// What is left of a frame. Every read is bounded by it; none allocates.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Any 64 bits.
    #[inline]
    pub fn wide(&mut self) -> Result<u64, Bad> {
        match varint::take(self.rest) {
            Ok((n, size)) => {
                self.rest = &self.rest[size..];
                Ok(n)
            }
            Err(bad) => Err(Bad::malformed(bad.sentence())),
        }
    }

    #[inline]
    pub fn int(&mut self) -> Result<u64, Bad> {
        check::integer(self.wide()?)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, Bad> {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                Ok(byte)
            }
            None => Err(short()),
        }
    }

    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Bad> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(short()),
        }
    }

    /// An integer and as many bytes.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Bad> {
        let length = self.wide()?;
        self.take(usize::try_from(length).map_err(|_| short())?)
    }

    #[inline]
    pub fn text(&mut self) -> Result<&'a str, Bad> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Bad::malformed("not UTF-8"))
    }
}

#[cold]
fn short() -> Bad {
    Bad::malformed(varint::BadVarint::Short.sentence())
}

#[inline]
pub fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    varint::put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Writes something and its length in front. `guess` is how many bytes the length probably takes; a wrong guess costs
/// a copy.
#[inline]
pub fn measured(guess: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; varint::MAX_BYTES][..guess]);
    let start = out.len();
    write(out);
    let length = out.len() - start;
    let size = varint::size(length as u64);
    if size > guess {
        out.resize(out.len() + size - guess, 0);
    }
    if size != guess {
        out.copy_within(start..start + length, at + size);
        out.truncate(at + size + length);
    }
    let mut n = length;
    for slot in &mut out[at..at + size] {
        *slot = n as u8 | 0x80;
        n >>= 7;
    }
    out[at + size - 1] &= 0x7f;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_whatever_was_guessed() {
        for length in [0usize, 1, 127, 128, 300, 16383, 16384, 70000] {
            for guess in 1..4 {
                let mut out = b"before".to_vec();
                measured(guess, &mut out, |out| out.extend((0..length).map(|i| i as u8)));
                let mut reader = Reader::new(&out[6..]);
                let taken = reader.bytes().unwrap();
                assert!(reader.is_empty());
                assert_eq!(taken, (0..length).map(|i| i as u8).collect::<Vec<_>>());
            }
        }
    }
}
