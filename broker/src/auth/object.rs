//! A part of a token, or a key set, as a JSON object that says each thing once and is not nested without end. Readers
//! differ in what they make of anything else, and such a difference is what a forger looks for.

use super::why::Why;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rookery_protocol::limits;
use rookery_protocol::wire::bad::Bad;
use rookery_protocol::wire::json;
use rookery_protocol::wire::scan::Scan;
use std::borrow::Cow;
use std::collections::HashSet;

/// The names of an object and the raw text of their values.
#[derive(Debug, Default)]
pub struct Object<'a> {
    fields: Vec<(Cow<'a, str>, &'a str)>,
}

/// As RFC 7515 has it: no padding, no other alphabet, no bits left over.
pub fn decoded(text: &str, part: &'static str) -> Result<Vec<u8>, Why> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Why::Encoding { part })
}

impl<'a> Object<'a> {
    pub fn parse(bytes: &'a [u8], part: &'static str) -> Result<Object<'a>, Why> {
        let json = |why: String| Why::Json { part, why };
        let text = std::str::from_utf8(bytes).map_err(|_| json("it is not UTF-8".to_owned()))?;
        check(text, limits::JSON_DEPTH as usize).map_err(|wrong| match wrong {
            Wrong::Bad(bad) => json(bad.refusal().detail),
            Wrong::Repeated(name) => Why::Repeated { part, name },
        })?;
        let mut fields = Vec::new();
        let mut scan = Scan::new(text, limits::JSON_DEPTH as usize);
        let each = |name: &'a str, value: &'a str| {
            fields.push((json::text(name)?, value));
            Ok(())
        };
        let read = scan.object(each).and_then(|()| scan.end());
        read.map_err(|bad| json(bad.refusal().detail))?;
        Ok(Object { fields })
    }

    /// The raw text of a value.
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
    }

    pub fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Why> {
        let text = |raw| json::text(raw).map_err(|_| Why::claim(name, "is not a text"));
        self.raw(name).map(text).transpose()
    }

    pub fn flag(&self, name: &str) -> Result<bool, Why> {
        let flag = |raw| json::flag(raw).map_err(|_| Why::claim(name, "is neither true nor false"));
        self.raw(name).map_or(Ok(false), flag)
    }

    /// Seconds since 1970. RFC 7519 allows fractions; they are left off.
    pub fn seconds(&self, name: &str) -> Result<Option<u64>, Why> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        let wrong = || Why::claim(name, "is not a time in seconds since 1970");
        let whole = match raw.split_once('.') {
            Some((whole, part)) if part.bytes().all(|b| b.is_ascii_digit()) => whole,
            Some(_) => return Err(wrong()),
            None => raw,
        };
        json::int(whole).map(Some).map_err(|_| wrong())
    }

    /// A list of texts.
    pub fn texts(&self, name: &str) -> Result<Vec<Cow<'a, str>>, Why> {
        let mut out = Vec::new();
        let Some(raw) = self.raw(name) else { return Ok(out) };
        let each = |item| {
            out.push(json::text(item)?);
            Ok(())
        };
        json::items(raw, limits::TOKEN_PATTERNS as usize, each)
            .map_err(|bad| Why::claim(name, format!("is not a list of texts: {}", bad.refusal().detail)))?;
        Ok(out)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| &**name)
    }
}

enum Wrong {
    Bad(Bad),
    Repeated(String),
}

/// Well formed, nowhere nested deeper than that, and no object says anything twice, in whatever spelling.
fn check(text: &str, levels: usize) -> Result<(), Wrong> {
    let mut inner = Vec::new();
    let mut names = HashSet::new();
    let mut repeated = None;
    let mut scan = Scan::new(text, levels);
    let done = match text.trim_start().as_bytes().first() {
        Some(b'{') => scan.object(|name, value| {
            let name = json::text(name)?.into_owned();
            inner.push(value);
            if let Some(twice) = names.replace(name) {
                repeated = Some(twice);
            }
            Ok(())
        }),
        Some(b'[') => scan.array(|item| {
            inner.push(item);
            Ok(())
        }),
        Some(_) | None => scan.value().map(|_| ()),
    };
    done.and_then(|()| scan.end()).map_err(Wrong::Bad)?;
    if let Some(name) = repeated {
        return Err(Wrong::Repeated(name));
    }
    let is_nested = |value: &&str| value.starts_with(['{', '[']);
    inner.into_iter().filter(is_nested).try_for_each(|value| check(value, levels.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Why {
        Object::parse(text.as_bytes(), "claims").unwrap_err()
    }

    #[test]
    fn what_is_said_twice_is_refused_at_every_depth_and_in_every_spelling() {
        for text in [
            r#"{"sub":"ann","sub":"bob"}"#,
            r#"{"sub":"ann","\u0073ub":"bob"}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            r#"{"a":[[{"b":1,"b":2}]]}"#,
        ] {
            assert!(matches!(refused(text), Why::Repeated { .. }), "{text}");
        }
        assert!(Object::parse(br#"{"a":{"b":1},"b":[{"b":1},{"b":1}]}"#, "claims").is_ok());
    }

    #[test]
    fn what_is_no_object_or_nested_too_deep_is_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        for text in ["", "null", "[]", "1", "{", "{}{}", "{}x", r#"{"a":01}"#, r#"{"a":NaN}"#, "{'a':1}", &deep] {
            assert!(matches!(refused(text), Why::Json { .. }), "{text:.30}");
        }
        assert!(matches!(Object::parse(b"{\"a\":\"\xff\"}", "claims"), Err(Why::Json { .. })));
    }

    #[test]
    fn times_are_numbers() {
        let seconds = |text: &str| Object::parse(format!("{{\"exp\":{text}}}").as_bytes(), "claims")?.seconds("exp");
        assert_eq!(seconds("1700000000"), Ok(Some(1_700_000_000)));
        assert_eq!(seconds("1700000000.75"), Ok(Some(1_700_000_000)));
        for bad in ["null", "\"1700000000\"", "-1", "1e9", "1.5e3", "true", "[1]", "{}", "99999999999999999999"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
