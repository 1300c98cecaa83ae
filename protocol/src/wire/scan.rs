//! A checking reader of JSON that builds nothing: it finds where each value begins and ends, and refuses what is none.
//!
//! Values are handed out as their own text and looked at where they are needed, so a message is walked about once and
//! nothing is allocated for what nobody asks for. Nesting is bounded, so is recursion.

use super::bad::Bad;
use super::json::first_special;

/// More than anything that a server writes is nested.
pub const DEEP: usize = 64;

pub struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// How many more levels may open.
    levels: usize,
}

impl<'a> Scan<'a> {
    pub fn new(text: &'a str, levels: usize) -> Scan<'a> {
        Scan { text, at: 0, levels }
    }

    /// Hands out each field's name, as raw text with its quotes, and its value, in their order.
    #[inline]
    pub fn object(&mut self, mut each: impl FnMut(&'a str, &'a str) -> Result<(), Bad>) -> Result<(), Bad> {
        self.open(b'{', "an object")?;
        if self.space() == Some(b'}') {
            return self.close();
        }
        loop {
            if self.space() != Some(b'"') {
                return Err(self.bad("expected a field name"));
            }
            let name = self.string()?;
            if self.space() != Some(b':') {
                return Err(self.bad("expected `:`"));
            }
            self.at += 1;
            let value = self.value()?;
            each(name, value)?;
            match self.space() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.close(),
                _ => return Err(self.bad("expected `,` or `}`")),
            }
        }
    }

    /// Hands out each item's raw text.
    pub fn array(&mut self, mut each: impl FnMut(&'a str) -> Result<(), Bad>) -> Result<(), Bad> {
        self.open(b'[', "an array")?;
        if self.space() == Some(b']') {
            return self.close();
        }
        loop {
            let value = self.value()?;
            each(value)?;
            match self.space() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.close(),
                _ => return Err(self.bad("expected `,` or `]`")),
            }
        }
    }

    /// One value of any kind, as its own text.
    #[inline]
    pub fn value(&mut self) -> Result<&'a str, Bad> {
        let first = self.space();
        let from = self.at;
        match first {
            Some(b'"') => return self.string(),
            Some(b'0'..=b'9' | b'-') => self.number()?,
            Some(b'{') => self.object(|_, _| Ok(()))?,
            Some(b'[') => self.array(|_| Ok(()))?,
            Some(b't') => self.literal("true")?,
            Some(b'f') => self.literal("false")?,
            Some(b'n') => self.literal("null")?,
            _ => return Err(self.bad("expected a value")),
        }
        Ok(&self.text[from..self.at])
    }

    /// Nothing but white space may follow.
    pub fn end(&mut self) -> Result<(), Bad> {
        match self.space() {
            None => Ok(()),
            Some(_) => Err(self.bad("something follows the value")),
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space.
    #[inline]
    fn space(&mut self) -> Option<u8> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.at += 1,
                other => return other,
            }
        }
    }

    fn open(&mut self, bracket: u8, what: &str) -> Result<(), Bad> {
        if self.space() != Some(bracket) {
            return Err(self.bad(&format!("expected {what}")));
        }
        self.levels = self.levels.checked_sub(1).ok_or_else(|| self.bad("nested too deep"))?;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Result<(), Bad> {
        self.levels += 1;
        self.at += 1;
        Ok(())
    }

    /// From quote to quote. Escapes are checked for their form; what they stand for is looked at by who needs it.
    #[inline]
    fn string(&mut self) -> Result<&'a str, Bad> {
        let bytes = self.text.as_bytes();
        let from = self.at;
        self.at += 1;
        loop {
            match first_special(&bytes[self.at..]) {
                Some(run) => self.at += run,
                None => {
                    self.at = bytes.len();
                    return Err(self.bad("a string is not closed"));
                }
            }
            match bytes[self.at] {
                b'"' => {
                    self.at += 1;
                    return Ok(&self.text[from..self.at]);
                }
                b'\\' => self.escape()?,
                _ => return Err(self.bad("a control character in a string is written as an escape")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Bad> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        let length = match rest.first() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') if rest.get(1..5).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => 5,
            _ => return Err(self.bad("no such escape")),
        };
        self.at += 1 + length;
        Ok(())
    }

    /// `-`, digits without a leading zero, a fraction, an exponent.
    #[inline]
    fn number(&mut self) -> Result<(), Bad> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Bad> {
        let from = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == from { Err(self.bad("expected a digit")) } else { Ok(()) }
    }

    fn literal(&mut self, word: &str) -> Result<(), Bad> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.bad("expected a value"));
        }
        self.at += word.len();
        Ok(())
    }

    #[cold]
    fn bad(&self, what: &str) -> Bad {
        Bad::malformed(format!("not JSON at byte {}: {what}", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_value(text: &str) -> bool {
        let mut scan = Scan::new(text, DEEP);
        scan.value().and_then(|_| scan.end()).is_ok()
    }

    fn serde_agrees(text: &str) {
        let theirs = serde_json::from_str::<&serde_json::value::RawValue>(text);
        assert_eq!(is_value(text), theirs.is_ok(), "{text:?} {theirs:?}");
        let mut scan = Scan::new(text, DEEP);
        if let (Ok(ours), Ok(theirs)) = (scan.value(), theirs) {
            assert_eq!(ours, theirs.get());
        }
    }

    #[test]
    fn values_and_what_is_none() {
        for text in [
            "0",
            "-0",
            "10",
            "1.5",
            "1e5",
            "1E+5",
            "-1.25e-3",
            "\"\"",
            "\"a\\u00e9\\n\\/\"",
            "true",
            "false",
            "null",
            "[]",
            "{}",
            " [ 1 , [ ] , { \"a\" : { } } ] ",
            "{\"a\":1,\"a\":2}",
            "\"\\ud800\"",
            "\u{7f}\"",
            "\"\u{7f}é🐦\"",
            "",
            " ",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "1e+",
            "+1",
            "tru",
            "nul",
            "truee",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\\u12\"",
            "\"a\nb\"",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[",
            "]",
            "{",
            "}",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{\"a\":1,}",
            "{1:2}",
            "[}",
            "{]",
            "1 2",
            "\u{feff}1",
            "NaN",
            "Infinity",
            "'a'",
            "[1]//",
            "\"\\",
        ] {
            serde_agrees(text);
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Scan::new(&nested(16), 16).value().is_ok());
        assert!(Scan::new(&nested(17), 16).value().is_err());
        assert!(Scan::new(&"[".repeat(100_000), 16).value().is_err());
        // Side by side is not nested.
        assert!(Scan::new("[[],[],[[]],{\"a\":[]}]", 3).value().is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn another_reader_agrees(text in "[\\[\\]{}\",:\\\\ 0-9eE+.atruflsn/-]{0,24}") {
            serde_agrees(&text);
        }

        #[test]
        fn another_reader_agrees_on_whole_values(depth in 0..4usize, seed in any::<u64>(), cut in any::<u16>()) {
            let text = value(depth, &mut { seed });
            serde_agrees(&text);
            let cut = usize::from(cut) % (text.len() + 1);
            if text.is_char_boundary(cut) {
                serde_agrees(&text[..cut]);
            }
        }
    }

    /// Some value, as a text with white space in odd places.
    fn value(depth: usize, seed: &mut u64) -> String {
        *seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let pick = (*seed >> 33) as usize;
        let leaf =
            ["1", "-2.5e10", "\"x\"", "\"\\u0041\\\"é\"", "true", "null", " \"\\\\\" ", "0"][pick % 8].to_owned();
        if depth == 0 {
            return leaf;
        }
        let items: Vec<_> = (0..pick % 4).map(|_| value(depth - 1, seed)).collect();
        match pick % 3 {
            0 => format!("[ {}]", items.join(" ,")),
            1 => format!("{{{}}}", items.iter().map(|i| format!("\"k\" :{i}\t")).collect::<Vec<_>>().join(",")),
            _ => leaf,
        }
    }
}
