//! Scenarios from TOML. What is wrong is said in one line: file, line, column, key, and how to mend it.

use std::path::Path;

use toml::de::DeTable;

use super::Scenario;
use super::check::check;

/// Reads and checks the scenario of a file.
pub fn load(path: &Path) -> Result<Scenario, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut scenario = parse(&path.display().to_string(), &text)?;
    if scenario.name.is_empty() {
        scenario.name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    }
    Ok(scenario)
}

/// `file` is what messages call the text.
pub fn parse(file: &str, text: &str) -> Result<Scenario, String> {
    let scenario: Scenario = toml::from_str(text).map_err(|error| {
        let at = position(text, error.span().map_or(0, |span| span.start));
        format!("{file}:{at}: {}", error.message().trim().replace('\n', ", "))
    })?;
    check(&scenario)
        .map_err(|(key, what)| format!("{file}:{}: {key}: {what}", position(text, offset_of(text, key))))?;
    Ok(scenario)
}

/// Where a key stands; the beginning where it only has its default.
fn offset_of(text: &str, key: &str) -> usize {
    let Ok(table) = DeTable::parse(text) else { return 0 };
    let Some((section, key)) = key.split_once('.') else { return 0 };
    let value = table.get_ref().get(section).and_then(|section| section.get_ref().get(key));
    value.map_or(0, |value| value.span().start)
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
    fn a_mistake_is_pointed_at() {
        let wrong = |text: &str| parse("x.toml", text).unwrap_err();
        let unknown = wrong("[rooms]\ncount = 1\nseat = 5\n");
        assert!(
            unknown.starts_with("x.toml:3:1: ") && unknown.contains("`seat`") && unknown.contains("seats"),
            "{unknown}"
        );
        let kind = wrong("[rooms]\ncount = \"many\"\n");
        assert!(kind.starts_with("x.toml:2:9: "), "{kind}");
        let value = wrong("[rooms]\ncount = 1\n\n[posts]\nrate = 1.0\nsenders = 9\n");
        assert!(value.starts_with("x.toml:6:11: posts.senders: 9 senders for 1 rooms"), "{value}");
        assert!(wrong("[rooms\n").starts_with("x.toml:1:"));
    }
}
