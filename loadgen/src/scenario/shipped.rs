//! The scenarios that come with the program: the files of `configs/load/`, compiled in, by their names.

use super::{Scenario, file};

/// Name and text, in the order in which they are listed.
pub const SHIPPED: &[(&str, &str)] = &[
    ("lobby", include_str!("../../../configs/load/lobby.toml")),
    ("rooms", include_str!("../../../configs/load/rooms.toml")),
    ("zipf", include_str!("../../../configs/load/zipf.toml")),
    ("chat", include_str!("../../../configs/load/chat.toml")),
    ("storm", include_str!("../../../configs/load/storm.toml")),
    ("churn", include_str!("../../../configs/load/churn.toml")),
    ("slow", include_str!("../../../configs/load/slow.toml")),
    ("idle", include_str!("../../../configs/load/idle.toml")),
    ("pages", include_str!("../../../configs/load/pages.toml")),
    ("mixed", include_str!("../../../configs/load/mixed.toml")),
    ("a", include_str!("../../../configs/load/a.toml")),
    ("f1", include_str!("../../../configs/load/f1.toml")),
    ("f2", include_str!("../../../configs/load/f2.toml")),
    ("f3", include_str!("../../../configs/load/f3.toml")),
    ("f4", include_str!("../../../configs/load/f4.toml")),
];

/// The scenario of this name. None: there is none.
pub fn shipped(name: &str) -> Option<Result<Scenario, String>> {
    let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
    Some(
        file::parse(&format!("configs/load/{name}.toml"), text)
            .map(|scenario| Scenario { name: name.to_owned(), ..scenario }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_is_listed_can_be_read_and_says_what_it_shows() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/load");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let mut listed: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(files, listed);
        for (name, _) in SHIPPED {
            let scenario = shipped(name).unwrap().unwrap();
            assert!(!scenario.about.is_empty() && scenario.name == *name, "{name}");
        }
    }
}
