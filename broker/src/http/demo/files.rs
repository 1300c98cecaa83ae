//! The files of the demo, as they were when the binary was built: its page, and our JavaScript client as it is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use std::sync::OnceLock;

pub struct File {
    path: &'static str,
    pub media: &'static str,
    pub body: &'static [u8],
    tag: OnceLock<String>,
}

impl File {
    const fn new(path: &'static str, media: &'static str, body: &'static [u8]) -> File {
        File { path, media, body, tag: OnceLock::new() }
    }

    /// Of its content, so that it changes with it and with nothing else.
    pub fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let hash = digest(&SHA256, self.body);
            format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash.as_ref().get(..15).unwrap_or_default()))
        })
    }
}

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

macro_rules! demo {
    ($name:literal, $media:ident) => {
        File::new(concat!("/demo/", $name), $media, include_bytes!(concat!("../../../web/", $name)))
    };
}

macro_rules! client {
    ($name:literal) => {
        File::new(
            concat!("/demo/client/", $name),
            SCRIPT,
            include_bytes!(concat!("../../../../clients/javascript/src/", $name)),
        )
    };
}

static FILES: [File; 24] = [
    File::new("/", HTML, include_bytes!("../../../web/index.html")),
    demo!("app.js", SCRIPT),
    demo!("dom.js", SCRIPT),
    demo!("entry.js", SCRIPT),
    demo!("icon.svg", PICTURE),
    demo!("messages.js", SCRIPT),
    demo!("network.js", SCRIPT),
    demo!("status.js", SCRIPT),
    demo!("style.css", STYLE),
    client!("backoff.js"),
    client!("client.js"),
    client!("clock.js"),
    client!("delivery.js"),
    client!("emitter.js"),
    client!("errors.js"),
    client!("here.js"),
    client!("index.js"),
    client!("link.js"),
    client!("options.js"),
    client!("place.js"),
    client!("room.js"),
    client!("sender.js"),
    client!("timeline.js"),
    client!("token.js"),
];

pub fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn every_file_is_served_under_its_name() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = [(here.join("web"), "/demo/"), (here.join("../clients/javascript/src"), "/demo/client/")];
        let mut count = 0;
        for (folder, below) in folders {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                // One is for types only, the other is at `/`.
                if ["types.js", "index.html"].contains(&name.as_str()) {
                    continue;
                }
                let file = find(&format!("{below}{name}")).unwrap_or_else(|| panic!("{below}{name} is not served"));
                assert!(file.body == std::fs::read(&path).unwrap(), "{name} is served as another one");
                count += 1;
            }
        }
        assert_eq!(count + 1, FILES.len());
    }

    #[test]
    fn tags_tell_files_apart() {
        let mut tags: Vec<_> = FILES.iter().map(File::tag).collect();
        tags.sort_unstable();
        tags.dedup();
        assert_eq!(tags.len(), FILES.len());
        assert!(tags.iter().all(|tag| tag.len() == 22), "{tags:?}");
    }
}
