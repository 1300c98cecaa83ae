//! Settings from TOML files of people. What is wrong is said in one line: file, line, column, key, and how to mend it.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

/// Reads a text; `file` is what messages call it.
pub fn read<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let at = position(text, error.span().map_or(0, |span| span.start));
        format!("{file}:{at}: {}", error.message().trim().replace('\n', ", "))
    })
}

/// What is wrong with the value of a key (`posts.rate`, `answers.2.means`), said where it stands.
pub fn complaint(file: &str, text: &str, key: &str, what: impl Display) -> String {
    format!("{file}:{}: {key}: {what}", position(text, offset_of(text, key)))
}

/// Where a key's value stands; where the part of it that is there stands, if the rest only has its default.
fn offset_of(text: &str, key: &str) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 0 };
    let mut parts = key.split('.');
    let Some(mut value) = parts.next().and_then(|part| table.get_ref().get(part)) else { return 0 };
    for part in parts {
        let inner = match part.parse::<usize>() {
            Ok(nth) => value.get_ref().get(nth),
            Err(_) => value.get_ref().get(part),
        };
        let Some(inner) = inner else { break };
        value = inner;
    }
    // A section is where its first line is, not where the key behind it would be.
    if matches!(value.get_ref(), DeValue::Table(_)) { line_of(text, value.span().start) } else { value.span().start }
}

/// Where the line begins that an offset lies in.
fn line_of(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].rfind('\n').map_or(0, |at| at + 1)
}

/// `line:column`, both from 1.
fn position(text: &str, offset: usize) -> String {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_points_at_the_value_or_at_what_there_is_of_its_key() {
        let text = "top = 1\n[posts]\nrate = 5\n\n[[answers]]\nis = 1\n[[answers]]\n  means = 'x'\n";
        let at = |key: &str| complaint("x.toml", text, key, "no").replace(&format!(": {key}: no"), "");
        assert_eq!(at("top"), "x.toml:1:7");
        assert_eq!(at("posts.rate"), "x.toml:3:8");
        assert_eq!(at("posts.body"), "x.toml:2:1");
        assert_eq!(at("answers.1.means"), "x.toml:8:11");
        assert_eq!(at("answers.0.say"), "x.toml:5:1");
        assert_eq!(at("nothing"), "x.toml:1:1");
    }
}
