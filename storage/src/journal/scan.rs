//! Walks through the groups of a segment, and finds the next whole thing behind what is damaged.

use super::disk::{DiskFile, read_full};
use super::layout::{ENTRY_HEAD, EntryHead, GROUP_HEAD, GroupHead, SEGMENT_HEAD};
use bytes::Bytes;
use std::io;

/// Read from the file at a time.
const CHUNK: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Group(GroupHead),
    Entry {
        position: u64,
        body: Bytes,
    },
    /// The head is whole, the body is not.
    BadBody {
        position: u64,
    },
    /// Neither: to the next whole head, or the end.
    Strange,
}

pub struct Scan<'a> {
    file: &'a dyn DiskFile,
    nonce: u64,
    offset: u64,
    /// Nothing behind it is looked at.
    end: u64,
    chunk: Bytes,
    chunk_at: u64,
}

impl<'a> Scan<'a> {
    pub fn new(file: &'a dyn DiskFile, nonce: u64, offset: u64, end: u64) -> Scan<'a> {
        let offset = offset.max(SEGMENT_HEAD as u64);
        Scan { file, nonce, offset, end, chunk: Bytes::new(), chunk_at: 0 }
    }

    /// Where the next piece begins.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next piece and where it begins; None at the end.
    pub fn next(&mut self) -> io::Result<Option<(u64, Piece)>> {
        let at = self.offset;
        let ahead = self.peek(at, GROUP_HEAD)?;
        if ahead.len() < ENTRY_HEAD {
            return Ok(None);
        }
        if let Some(head) = GroupHead::decode(&ahead).filter(|head| head.nonce == self.nonce) {
            self.offset += GROUP_HEAD as u64;
            return Ok(Some((at, Piece::Group(head))));
        }
        if let Some(head) = EntryHead::decode(&ahead, self.nonce) {
            let (length, body_at) = (head.length as usize, at + ENTRY_HEAD as u64);
            let body = self.peek(body_at, length)?;
            // A body that ends with the file is a bad one; the search goes on behind its head.
            self.offset = if body.len() < length { body_at } else { body_at + length as u64 };
            let position = head.position;
            let piece = if head.is_body(&body) { Piece::Entry { position, body } } else { Piece::BadBody { position } };
            return Ok(Some((at, piece)));
        }
        self.offset = self.search(at + 1)?;
        Ok(Some((at, Piece::Strange)))
    }

    /// Where the next head of this segment begins, or the end.
    fn search(&mut self, from: u64) -> io::Result<u64> {
        let mut at = from;
        loop {
            let ahead = self.peek(at, CHUNK)?;
            if ahead.len() < ENTRY_HEAD {
                return Ok(self.end.max(at));
            }
            // The longer head may begin near the end of the chunk: it is then looked at again from there.
            let need = if ahead.len() < CHUNK { ENTRY_HEAD } else { GROUP_HEAD };
            let mut next = 0;
            while next + need <= ahead.len() {
                // No head begins with as many zeros as an entry's is long: what was never written is passed over.
                match ahead[next..].iter().position(|byte| *byte != 0) {
                    None => next = ahead.len() - need + 1,
                    Some(zeros) if zeros >= ENTRY_HEAD => next += zeros - ENTRY_HEAD + 1,
                    Some(_) => {
                        if self.is_head(&ahead[next..]) {
                            return Ok(at + next as u64);
                        }
                        next += 1;
                    }
                }
            }
            at += next as u64;
        }
    }

    fn is_head(&self, bytes: &[u8]) -> bool {
        EntryHead::decode(bytes, self.nonce).is_some()
            || GroupHead::decode(bytes).is_some_and(|head| head.nonce == self.nonce)
    }

    /// The bytes from here on, fewer than asked for only at the end.
    fn peek(&mut self, at: u64, length: usize) -> io::Result<Bytes> {
        let length = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX).min(length);
        if let Some(inside) = self.inside(at, length) {
            return Ok(inside);
        }
        let most = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX).min(length.max(CHUNK));
        let mut buffer = vec![0; most];
        let got = read_full(self.file, &mut buffer, at)?;
        buffer.truncate(got);
        self.chunk = buffer.into();
        self.chunk_at = at;
        if got < most {
            self.end = at + got as u64;
        }
        Ok(self.chunk.slice(..length.min(got)))
    }

    fn inside(&self, at: u64, length: usize) -> Option<Bytes> {
        let from = usize::try_from(at.checked_sub(self.chunk_at)?).ok()?;
        let to = from.checked_add(length)?;
        (to <= self.chunk.len()).then(|| self.chunk.slice(from..to))
    }
}

/// The first whole group of a file whose own head is lost, of whatever nonce.
pub fn first_group(file: &dyn DiskFile, end: u64) -> io::Result<Option<GroupHead>> {
    let mut scan = Scan::new(file, 0, 0, end);
    let mut at = scan.offset;
    loop {
        let ahead = scan.peek(at, CHUNK)?;
        if ahead.len() < GROUP_HEAD {
            return Ok(None);
        }
        let last = ahead.len() - GROUP_HEAD;
        if let Some(head) = (0..=last).find_map(|next| GroupHead::decode(&ahead[next..])) {
            return Ok(Some(head));
        }
        at += last as u64 + 1;
    }
}
