//! A journal's tail as a power cut may leave it: the next group was being written, later blocks of it are there, earlier
//! ones are not.

use rookery_storage::dice::Dice;
use rookery_storage::journal::layout::{ENTRY_HEAD, EntryHead, GROUP_HEAD, GroupHead, SEGMENT_HEAD, SegmentHead};
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const PAGE: usize = 4096;
/// What a disk writes whole at least.
const SECTOR: usize = 512;

/// The newest segment of a node at work.
pub struct Later {
    name: OsString,
    bytes: Vec<u8>,
}

/// Where the whole groups of a segment end, and the position that follows.
struct End {
    offset: usize,
    next: u64,
}

impl Later {
    /// None: the node has just begun another one.
    pub fn see(data: &Path) -> Option<Later> {
        let path = newest(data)?;
        Some(Later { name: path.file_name()?.to_owned(), bytes: std::fs::read(path).ok()? })
    }

    /// Writes the group that the node wrote next behind those of the copy, but not all of its blocks. False: there is none
    /// in the same segment.
    pub fn tear(&self, data: &Path, dice: &mut Dice) -> bool {
        let Some(path) = newest(data).filter(|path| path.file_name() == Some(&self.name)) else { return false };
        let copy = std::fs::read(&path).unwrap();
        let (Some(end), Some(segment)) = (whole_groups(&copy), SegmentHead::decode(&self.bytes).ok()) else {
            return false;
        };
        // It says that everything before it was synced, and there everything before it is.
        let Some(group) = group_at(&self.bytes, end.offset, segment.nonce).filter(|group| group.first == end.next)
        else {
            return false;
        };
        assert_eq!(group.synced, end.next - 1);
        let until = end.offset + GROUP_HEAD + group.length as usize;
        let block = if until / PAGE > end.offset / PAGE + 1 { PAGE } else { SECTOR };
        let mut blocks = Vec::new();
        let mut from = end.offset;
        while from < until {
            let to = until.min((from / block + 1) * block);
            blocks.push(from..to);
            from = to;
        }
        let Some(last) = blocks.pop() else { return false };
        let lost = dice.below(blocks.len().max(1) as u64) as usize;
        let file = File::options().write(true).open(path).unwrap();
        for (n, block) in blocks.into_iter().enumerate() {
            if n != lost && dice.per_mille(500) {
                file.write_all_at(&self.bytes[block.clone()], block.start as u64).unwrap();
            }
        }
        file.write_all_at(&self.bytes[last.clone()], last.start as u64).unwrap();
        file.sync_all().unwrap();
        true
    }
}

fn newest(data: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(data.join("journal")).ok()?;
    let segments = entries.flatten().map(|entry| entry.path());
    segments.filter(|path| path.extension().is_some_and(|end| end == "segment")).max()
}

fn whole_groups(bytes: &[u8]) -> Option<End> {
    let segment = SegmentHead::decode(bytes).ok()?;
    let mut end = End { offset: SEGMENT_HEAD, next: segment.first };
    while let Some(group) = group_at(bytes, end.offset, segment.nonce) {
        end.offset += GROUP_HEAD + group.length as usize;
        end.next = group.first + u64::from(group.count);
    }
    Some(end)
}

/// The group that stands here with all its entries.
fn group_at(bytes: &[u8], offset: usize, nonce: u64) -> Option<GroupHead> {
    let group = GroupHead::decode(bytes.get(offset..)?).filter(|group| group.nonce == nonce)?;
    let until = offset + GROUP_HEAD + group.length as usize;
    let mut at = offset + GROUP_HEAD;
    while at < until {
        let entry = EntryHead::decode(bytes.get(at..)?, nonce)?;
        at += ENTRY_HEAD;
        let body = bytes.get(at..at + entry.length as usize)?;
        if !entry.is_body(body) {
            return None;
        }
        at += body.len();
    }
    Some(group)
}
