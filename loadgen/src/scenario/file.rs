//! Scenarios from files.

use std::path::Path;

use super::Scenario;
use super::check::check;
use crate::toml_file;

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
    let scenario: Scenario = toml_file::read(file, text)?;
    check(&scenario).map_err(|(key, what)| toml_file::complaint(file, text, key, what))?;
    Ok(scenario)
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
