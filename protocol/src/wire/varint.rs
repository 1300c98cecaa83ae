//! Integers of variable length: LEB128, seven bits per byte, least significant first, in the shortest form only.

/// Most bytes that one integer takes.
pub const MAX_BYTES: usize = 10;

/// Why there is no integer here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadVarint {
    /// The bytes end within it.
    Short,
    /// More than ten bytes, or more than 64 bits.
    Long,
    /// A shorter form of the same number exists.
    NotMinimal,
}

impl BadVarint {
    pub const fn sentence(self) -> &'static str {
        match self {
            BadVarint::Short => "ends early",
            BadVarint::Long => "an integer has at most 64 bits",
            BadVarint::NotMinimal => "an integer is written in its shortest form",
        }
    }
}

#[inline]
pub fn put(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// The integer at the start of `bytes` and how many bytes it takes.
#[inline]
pub fn take(bytes: &[u8]) -> Result<(u64, usize), BadVarint> {
    match bytes.first() {
        Some(&b) if b < 0x80 => Ok((u64::from(b), 1)),
        Some(_) => take_long(bytes),
        None => Err(BadVarint::Short),
    }
}

fn take_long(bytes: &[u8]) -> Result<(u64, usize), BadVarint> {
    let mut n = 0u64;
    for (i, &b) in bytes.iter().take(MAX_BYTES).enumerate() {
        // The tenth byte holds the 64th bit alone.
        if i == MAX_BYTES - 1 && b > 1 {
            return Err(BadVarint::Long);
        }
        n |= u64::from(b & 0x7f) << (7 * i);
        if b < 0x80 {
            return if b == 0 && i > 0 { Err(BadVarint::NotMinimal) } else { Ok((n, i + 1)) };
        }
    }
    Err(if bytes.len() >= MAX_BYTES { BadVarint::Long } else { BadVarint::Short })
}

pub const fn size(n: u64) -> usize {
    if n == 0 { 1 } else { (64 - n.leading_zeros() as usize).div_ceil(7) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_at_every_width_and_cut_at_every_byte() {
        for shift in 0..64 {
            for n in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put(n, &mut out);
                assert_eq!(out.len(), size(n), "{n}");
                assert_eq!(take(&out), Ok((n, out.len())));
                for cut in 0..out.len() {
                    assert_eq!(take(&out[..cut]), Err(BadVarint::Short));
                }
            }
        }
    }

    #[test]
    fn longer_forms_are_refused() {
        assert_eq!(take(&[0x80, 0x00]), Err(BadVarint::NotMinimal));
        assert_eq!(take(&[0xff, 0x80, 0x00]), Err(BadVarint::NotMinimal));
        assert_eq!(take(&[0x80; 9]), Err(BadVarint::Short));
        assert_eq!(take(&[0x80; 10]), Err(BadVarint::Long));
        assert_eq!(take(&[0xff; 11]), Err(BadVarint::Long));
        let mut eleven = [0x80; 11];
        eleven[10] = 1;
        assert_eq!(take(&eleven), Err(BadVarint::Long));
        let mut over = [0xff; 10];
        over[9] = 2;
        assert_eq!(take(&over), Err(BadVarint::Long));
        over[9] = 1;
        assert_eq!(take(&over), Ok((u64::MAX, 10)));
    }
}
