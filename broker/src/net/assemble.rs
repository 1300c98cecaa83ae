//! A message that arrives in fragments: its payload so far, and the checks that run while it grows.

use super::violation::Violation;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Binary,
}

/// The fragments received so far. Grows with received bytes only.
#[derive(Debug)]
pub struct Assembly {
    kind: Kind,
    bytes: Vec<u8>,
    /// Text: everything before this offset is UTF-8. At most three bytes behind `bytes.len()`.
    checked: usize,
    fragments: u32,
    /// When its first fragment was complete, on the clock of the caller.
    since: u64,
}

/// A message that has its last fragment.
#[derive(Debug, PartialEq, Eq)]
pub enum Assembled<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl Assembly {
    pub fn new(kind: Kind, since: u64) -> Assembly {
        Assembly { kind, bytes: Vec::new(), checked: 0, fragments: 0, since }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes of memory held.
    pub fn held(&self) -> usize {
        self.bytes.capacity()
    }

    /// Fragments so far; empty ones count, since each costs its header's work.
    pub fn fragments(&self) -> u32 {
        self.fragments
    }

    pub fn since(&self) -> u64 {
        self.since
    }

    /// Adds a fragment. A text that can no longer become UTF-8 is refused now and not at its end.
    pub fn add(&mut self, payload: &[u8]) -> Result<(), Violation> {
        self.bytes.extend_from_slice(payload);
        self.fragments = self.fragments.saturating_add(1);
        match self.kind {
            Kind::Binary => Ok(()),
            Kind::Text => self.check(),
        }
    }

    fn check(&mut self) -> Result<(), Violation> {
        match simdutf8::compat::from_utf8(&self.bytes[self.checked..]) {
            Ok(_) => self.checked = self.bytes.len(),
            // The end may lie inside a character.
            Err(e) if e.error_len().is_none() => self.checked += e.valid_up_to(),
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }

    /// The whole message, once the fragment with FIN was added.
    pub fn finish(&self) -> Result<Assembled<'_>, Violation> {
        match self.kind {
            Kind::Binary => Ok(Assembled::Binary(&self.bytes)),
            // Once more and as a whole: this is what makes it a `str`, and finds an end inside a character.
            Kind::Text => match simdutf8::basic::from_utf8(&self.bytes) {
                Ok(text) => Ok(Assembled::Text(text)),
                Err(_) => Err(Violation::NotUtf8),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_may_be_cut_anywhere_but_not_at_the_end() {
        let text = "a é € 𝄞";
        for cut in 0..=text.len() {
            let mut whole = Assembly::new(Kind::Text, 7);
            whole.add(&text.as_bytes()[..cut]).unwrap();
            let at_a_boundary = text.is_char_boundary(cut);
            assert_eq!(whole.finish().is_ok(), at_a_boundary, "cut at {cut}");
            whole.add(&text.as_bytes()[cut..]).unwrap();
            assert_eq!(whole.finish(), Ok(Assembled::Text(text)));
            assert_eq!((whole.fragments(), whole.len(), whole.since()), (2, text.len(), 7));
        }
    }

    #[test]
    fn what_cannot_become_utf8_is_refused_at_once() {
        for bad in [&b"\xC0"[..], b"\xED\xA0", b"\xF4\x90", b"ok\xFF", b"\x80", b"\xE2\x28"] {
            let mut text = Assembly::new(Kind::Text, 0);
            assert_eq!(text.add(bad), Err(Violation::NotUtf8), "{bad:?}");
            let mut binary = Assembly::new(Kind::Binary, 0);
            assert_eq!(binary.add(bad), Ok(()));
            assert_eq!(binary.finish(), Ok(Assembled::Binary(bad)));
        }
    }
}
