//! Which messages of a settled store lie in damaged blocks: found by the engine alone, key by key, and by the page that says
//! which bytes stand where (docs/storage/embedded.md).

use super::made::room_name;
use lsm_tree::{AbstractTree, AnyTree, Config, Guard, SeqNo, SequenceNumberCounter};
use rookery_protocol::ids::Seq;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const MESSAGES: u8 = 0;
const ROOMS: u8 = 3;
const RUNS: u8 = 5;
/// Before the second copy of a key.
const SECOND: [u8; 2] = [0, 0];
/// Before what a sealed value has: its checksum and its version.
const SEAL: usize = 5;

/// Every key of a tree that is whole, with its value.
pub struct Keys(BTreeMap<Vec<u8>, Vec<u8>>);

/// Keys that lie in blocks which the engine cannot read.
pub struct Unreadable<'a> {
    keys: &'a Keys,
    keys_of_blocks: BTreeSet<&'a [u8]>,
}

fn open(data: &Path) -> AnyTree {
    let (numbers, visible) = (SequenceNumberCounter::default(), SequenceNumberCounter::default());
    Config::new(data.join("store/tree"), numbers, visible).open().unwrap()
}

fn room_bytes(room: usize) -> Vec<u8> {
    [b"main\0\0", room_name(room).as_bytes(), b"\0"].concat()
}

fn key(space: u8, room: usize, seq: Option<Seq>) -> Vec<u8> {
    let mut key = [&[space][..], &room_bytes(room)].concat();
    key.extend(seq.iter().flat_map(|seq| seq.0.to_be_bytes()));
    key
}

/// Up to which seq a run goes that begins with `first`.
fn last_of_run(first: u64, value: &[u8]) -> u64 {
    let mut more = 0;
    for (n, byte) in value[SEAL..].iter().enumerate() {
        more |= u64::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            break;
        }
    }
    first + more
}

impl Keys {
    pub fn of(data: &Path) -> Keys {
        let pairs = open(data).iter(SeqNo::MAX, None).map(|guard| guard.into_inner().unwrap());
        Keys(pairs.map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }

    pub fn unreadable(&self, data: &Path) -> Unreadable<'_> {
        let tree = open(data);
        let bad = self.0.keys().filter(|key| tree.get(key, SeqNo::MAX).is_err());
        Unreadable { keys: self, keys_of_blocks: bad.map(Vec::as_slice).collect() }
    }
}

impl Unreadable<'_> {
    fn has(&self, key: &[u8]) -> bool {
        self.keys_of_blocks.contains(key)
    }

    /// Of what stands twice, both.
    fn has_both(&self, key: &[u8]) -> bool {
        self.has(key) && self.has(&[&SECOND[..], key].concat())
    }

    /// Whether the message itself lies in a damaged block, or everything that leads to it does.
    pub fn explains(&self, room: usize, seq: Seq) -> bool {
        let own = key(MESSAGES, room, Some(seq));
        let (from, to) = (key(RUNS, room, None), key(RUNS, room, Some(seq)));
        let run = self.keys.0.range(from..=to).next_back().filter(|(key, value)| {
            let first = u64::from_be_bytes(*key.last_chunk().unwrap());
            last_of_run(first, value) >= seq.0
        });
        self.has(&own) || run.is_some_and(|(run, _)| self.has_both(run)) || self.has_both(&key(ROOMS, room, None))
    }
}
