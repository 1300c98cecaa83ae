//! The languages that come with the program as templates: the files of `configs/load/peers/`, compiled in, by their names.

use super::file::{self, Template};

pub const SHIPPED: &[(&str, &str)] = &[
    ("websocket", include_str!("../../../../configs/load/peers/websocket.toml")),
    ("socketio", include_str!("../../../../configs/load/peers/socketio.toml")),
    ("centrifugo", include_str!("../../../../configs/load/peers/centrifugo.toml")),
    ("pusher", include_str!("../../../../configs/load/peers/pusher.toml")),
];

/// The template of this name. None: there is none.
pub fn shipped(name: &str) -> Option<Result<Template, String>> {
    let (_, text) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
    Some(file::parse(&format!("configs/load/peers/{name}.toml"), name.to_owned(), text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_is_listed_and_can_be_read() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/load/peers");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<String> =
            files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        files.sort();
        let mut listed: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(files, listed);
        for (name, _) in SHIPPED {
            assert_eq!(shipped(name).unwrap().map(|template| template.name), Ok((*name).to_owned()));
        }
    }
}
