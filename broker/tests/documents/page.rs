//! A page of Markdown, as far as its checks need it: prose, headings, spans of code, fenced blocks.

use std::path::{Path, PathBuf};

pub struct Page {
    /// From the repository's root.
    pub name: String,
    pub path: PathBuf,
    /// Lines outside of fences, with their numbers.
    pub prose: Vec<(usize, String)>,
    pub fences: Vec<Fence>,
}

/// A fenced block.
#[derive(Debug)]
pub struct Fence {
    /// Of its first line.
    pub line: usize,
    /// What stands behind the opening fence.
    pub info: String,
    pub text: String,
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every page of the repository.
pub fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found.sort();
    found.iter().map(|path| Page::read(path)).collect()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !path.is_symlink() {
            // Made, fetched, or somebody else's.
            if !name.starts_with('.') && !["target", "node_modules", "data"].contains(&name) {
                walk(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

impl Page {
    pub fn read(path: &Path) -> Page {
        let text = std::fs::read_to_string(path).unwrap();
        let (mut prose, mut fences) = (Vec::new(), Vec::new());
        let mut open: Option<Fence> = None;
        for (index, line) in text.lines().enumerate() {
            let fence = line.trim_start().strip_prefix("```");
            match (&mut open, fence) {
                (None, Some(info)) => {
                    open = Some(Fence { line: index + 2, info: info.trim().to_owned(), text: String::new() });
                }
                (Some(_), Some("")) => fences.extend(open.take()),
                (Some(block), _) => {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
                (None, None) => prose.push((index + 1, line.to_owned())),
            }
        }
        assert!(open.is_none(), "{}: a fence that does not end", path.display());
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        Page { name, path: path.to_owned(), prose, fences }
    }

    /// Spans of code in the prose, with their lines' numbers.
    pub fn spans(&self) -> impl Iterator<Item = (usize, &str)> {
        self.prose.iter().flat_map(|(number, line)| line.split('`').skip(1).step_by(2).map(move |span| (*number, span)))
    }

    /// Blocks whose first word is one of these.
    pub fn blocks<'a>(&'a self, languages: &'a [&str]) -> impl Iterator<Item = &'a Fence> {
        self.fences.iter().filter(|fence| languages.contains(&fence.language()))
    }

    /// What a heading is linked by, as the common renderers make it.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        let headings = self.prose.iter().filter_map(|(_, line)| {
            let text = line.trim_start_matches('#');
            (text.len() < line.len() && text.starts_with(' ')).then(|| text.trim())
        });
        for heading in headings {
            let slug: String = heading
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect();
            let twins = anchors.iter().filter(|known| **known == slug).count();
            anchors.push(if twins == 0 { slug } else { format!("{slug}-{twins}") });
        }
        anchors
    }
}

impl Fence {
    pub fn language(&self) -> &str {
        self.info.split_whitespace().next().unwrap_or("")
    }
}
