//! The heads: they come back, no flipped bit and no cut is overlooked, and the page of the layout says the truth.

use crate::journal::layout::{BadHead, ENTRY_BYTES, EntryHead, GroupHead, SegmentHead, VERSION};

const SEGMENT: SegmentHead = SegmentHead { number: 2, first: 7, nonce: 0x0807_0605_0403_0201 };
const GROUP: GroupHead = GroupHead { nonce: SEGMENT.nonce, first: 7, synced: 6, count: 2, length: 47 };

#[test]
fn heads_come_back() {
    assert_eq!(SegmentHead::decode(&SEGMENT.encode()), Ok(SEGMENT));
    assert_eq!(GroupHead::decode(&GROUP.encode()), Some(GROUP));
    let entry = EntryHead::new(7, b"hello");
    assert_eq!(EntryHead::decode(&entry.encode(5), 5), Some(entry));
    assert!(entry.is_body(b"hello") && !entry.is_body(b"hellp") && !entry.is_body(b"hell"));
}

#[test]
fn a_flipped_bit_or_a_cut_makes_it_none() {
    let (segment, group, entry) = (SEGMENT.encode(), GROUP.encode(), EntryHead::new(7, b"hello").encode(5));
    let is_head = |bytes: &[u8]| {
        SegmentHead::decode(bytes).is_ok()
            || GroupHead::decode(bytes).is_some()
            || EntryHead::decode(bytes, 5).is_some()
    };
    for head in [&segment[..], &group[..], &entry[..]] {
        assert!(is_head(head));
        for bit in 0..head.len() * 8 {
            let mut flipped = head.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_head(&flipped), "bit {bit} of {}", head.len());
        }
        for end in 0..head.len() {
            assert!(!is_head(&head[..end]), "cut at {end}");
        }
    }
}

#[test]
fn an_entry_belongs_to_its_segment_and_its_position() {
    let bytes = EntryHead::new(7, b"hello").encode(5);
    assert_eq!(EntryHead::decode(&bytes, 6), None, "of another segment");
    let mut moved = bytes;
    moved[8] = 8;
    assert_eq!(EntryHead::decode(&moved, 5), None, "at another position");
}

#[test]
fn the_impossible_is_refused_though_its_sum_fits() {
    assert_eq!(GroupHead::decode(&GroupHead { synced: 7, ..GROUP }.encode()), None);
    assert_eq!(GroupHead::decode(&GroupHead { first: 0, ..GROUP }.encode()), None);
    assert_eq!(SegmentHead::decode(&SegmentHead { first: 0, ..SEGMENT }.encode()), Err(BadHead::Damaged));
    let length = ENTRY_BYTES as u32 + 1;
    assert_eq!(EntryHead::decode(&EntryHead { length, position: 1, body_sum: 0 }.encode(5), 5), None);
    assert_eq!(EntryHead::decode(&EntryHead { length: 0, position: 0, body_sum: 0 }.encode(5), 5), None);
}

/// A head of the next layout, as the page promises it: its sum in the same place, over the same bytes.
pub fn newer_head() -> [u8; 64] {
    let mut bytes = SEGMENT.encode();
    bytes[8] = VERSION as u8 + 1;
    bytes[60] = 1;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..]);
    bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    bytes
}

#[test]
fn a_newer_layout_is_told_from_damage() {
    assert_eq!(SegmentHead::decode(&newer_head()), Err(BadHead::Newer(VERSION + 1)));
}

#[test]
fn bytes_are_as_documented() {
    let documented = include_str!("../../../../docs/storage/journal.md");
    let blocks = documented.split("```hex\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let want: Vec<String> = blocks
        .map(|block| {
            let digits = block.lines().flat_map(|line| line.split('|').next().unwrap().split_whitespace());
            digits.map(|two| format!("{two} ")).collect()
        })
        .collect();
    let mut group = GROUP.encode().to_vec();
    for (position, body) in [(7, &b"hello"[..]), (8, b"ok")] {
        group.extend_from_slice(&EntryHead::new(position, body).encode(SEGMENT.nonce));
        group.extend_from_slice(body);
    }
    let mark = GroupHead { first: 9, synced: 8, count: 0, length: 0, ..GROUP }.encode();
    let shown = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
    assert_eq!([shown(&SEGMENT.encode()), shown(&group), shown(&mark)], want[..]);
}
