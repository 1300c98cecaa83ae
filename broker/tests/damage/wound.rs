//! One change to one file, of whatever kind.

use super::made::{self, Made};
use super::support::Folder;
use rookery_storage::dice::Dice;
use std::fmt;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BLOCK: usize = 4096;

#[derive(Clone, Copy, Debug)]
enum Kind {
    BitFlip,
    Truncate,
    ZeroBlock,
    DuplicateBlock,
}

pub struct Wound {
    kind: Kind,
    /// Inside the data folder.
    pub file: PathBuf,
    pub range: Range<usize>,
    /// What stood in the file.
    pub before: Vec<u8>,
}

impl fmt::Display for Wound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {} at {:?}", self.kind, self.file.display(), self.range)
    }
}

impl Wound {
    /// A damaged copy. Each kind of file is as likely as any other. `whole`: files that only a whole node looks at, too.
    pub fn inflict(made: &Made, whole: bool, dice: &mut Dice) -> (Arc<Folder>, Wound) {
        let copy = Folder::new();
        made::copy(made.data.path(), copy.path());
        let mut kinds: Vec<(String, Vec<PathBuf>)> = Vec::new();
        for file in files(copy.path()) {
            let kind = kind_of(&file);
            let beside = file.parent() == Some(copy.path());
            // Nothing is in a lock.
            if kind.ends_with("lock") || (beside && !whole) || made::used(&file).is_empty() {
                continue;
            }
            match kinds.iter_mut().find(|(other, _)| *other == kind) {
                Some((_, files)) => files.push(file),
                None => kinds.push((kind, vec![file])),
            }
        }
        if dice.per_mille(500) {
            // Where messages are.
            kinds.retain(|(kind, _)| ["segment", "tables"].iter().any(|word| kind.contains(&letters(word))));
        }
        let (_, files) = &kinds[dice.below(kinds.len() as u64) as usize];
        let path = &files[dice.below(files.len() as u64) as usize];
        let before = made::used(path);
        let wound = loop {
            let kind = match dice.below(4) {
                0 => Kind::BitFlip,
                1 => Kind::Truncate,
                2 => Kind::ZeroBlock,
                _ => Kind::DuplicateBlock,
            };
            if let Some(range) = change(path, &before, kind, dice) {
                break Wound { kind, file: path.strip_prefix(copy.path()).unwrap().to_owned(), range, before };
            }
        };
        (copy, wound)
    }

    /// Whether these bytes stood where the damage is, or so near that they share a block with it.
    pub fn hit(&self, needle: &[u8]) -> bool {
        let from = self.range.start.saturating_sub(2 * BLOCK);
        let until = self.range.end.saturating_add(2 * BLOCK).min(self.before.len());
        self.before[from.min(until)..until].windows(needle.len()).any(|bytes| bytes == needle)
    }

    /// Whether these bytes stood in the damage or anywhere behind it.
    pub fn hit_or_before(&self, needle: &[u8]) -> bool {
        self.before[self.range.start.saturating_sub(2 * BLOCK)..].windows(needle.len()).any(|bytes| bytes == needle)
    }

    pub fn of_a_table(&self) -> bool {
        self.file.parent().is_some_and(|parent| parent.ends_with("tree/tables"))
    }

    pub fn of_the_journal(&self) -> bool {
        self.file.extension().is_some_and(|end| end == "segment")
    }
}

/// What was changed; None where nothing would be.
fn change(path: &Path, before: &[u8], kind: Kind, dice: &mut Dice) -> Option<Range<usize>> {
    let file = std::fs::File::options().write(true).open(path).unwrap();
    let at = dice.below(before.len() as u64) as usize;
    let block = |at: usize| at / BLOCK * BLOCK..before.len().min((at / BLOCK + 1) * BLOCK);
    let (range, bytes) = match kind {
        Kind::BitFlip => (at..at + 1, vec![before[at] ^ (1 << dice.below(8))]),
        Kind::Truncate => {
            file.set_len(at as u64).unwrap();
            return Some(at..before.len());
        }
        Kind::ZeroBlock => (block(at), vec![0; block(at).len()]),
        Kind::DuplicateBlock => {
            let (from, to) = (block(dice.below(before.len() as u64) as usize), block(at));
            let length = from.len().min(to.len());
            (to.start..to.start + length, before[from.start..from.start + length].to_vec())
        }
    };
    if before[range.clone()] == bytes[..] {
        return None;
    }
    file.write_all_at(&bytes, range.start as u64).unwrap();
    Some(range)
}

/// Files are of a kind if their names differ in digits only.
fn kind_of(path: &Path) -> String {
    let parent = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!("{}/{}", letters(&parent), if name.ends_with("lock") { "lock".to_owned() } else { letters(&name) })
}

/// Without what may be a digit.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_ascii_hexdigit()).collect()
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}
