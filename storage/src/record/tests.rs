//! The four tests of a layout (round trip, cut at every byte, size, pinned bytes), and that damage is told.

use super::layout::{BadRecord, VERSION};
use super::{Kind, Record, State, Touches};
use crate::Place;
use crate::limits::{KEY_BYTES, PAYLOAD_BYTES};
use bytes::Bytes;
use proptest::prelude::*;

fn encoded(record: &Record) -> Bytes {
    let mut out = Vec::new();
    record.encode(&mut out);
    out.into()
}

/// The bytes with a checksum that fits, as a program with a fault would write them.
fn sealed(body: &[u8]) -> Bytes {
    let mut out = crc32c::crc32c(body).to_le_bytes().to_vec();
    out.extend_from_slice(body);
    out.into()
}

fn plain(kind: Kind) -> Record {
    Record { place: Place::new(7, 300), time: 1_700_000_000_000, kind, key: None, payload: Bytes::new() }
}

fn posted() -> Kind {
    Kind::Message { ordinal: 200, version: Place::new(7, 300), state: State::Present, expires: None, thread: None }
}

/// One record of every shape.
fn samples() -> Vec<Record> {
    let rewritten = |state, expires| {
        let thread = Some(Place::new(2, 128));
        Kind::Message { ordinal: 1, version: Place::new(8, 301), state, expires, thread }
    };
    let mut samples = vec![
        plain(posted()),
        plain(rewritten(State::Present, Some(u64::MAX))),
        plain(rewritten(State::Deleted, None)),
        plain(rewritten(State::Expired, Some(0))),
        plain(Kind::Change { touches: Touches::Nothing }),
        plain(Kind::Change { touches: Touches::Marks(Place::new(6, 299)) }),
        plain(Kind::Change { touches: Touches::Rewrites(Place::new(1, 1)) }),
        plain(Kind::Void),
    ];
    let full =
        |record: &Record| Record { key: Some("ann\0key".into()), payload: "\u{1}words".into(), ..record.clone() };
    samples.extend(samples.iter().filter(|record| record.kind != Kind::Void).map(full).collect::<Vec<_>>());
    samples
}

#[test]
fn comes_back_and_has_the_size_it_says() {
    for record in samples() {
        let bytes = encoded(&record);
        assert_eq!(bytes.len(), record.encoded_size(), "{record:?}");
        assert_eq!(Record::decode(&bytes), Ok(record));
    }
}

#[test]
fn cut_at_every_byte_it_is_no_record() {
    for record in samples() {
        let bytes = encoded(&record);
        for end in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes.slice(..end)), Err(BadRecord::Damaged), "{record:?} cut at {end}");
            if end > 4 {
                let cut = sealed(&bytes[4..end]);
                assert_eq!(Record::decode(&cut), Err(BadRecord::Impossible), "{record:?} cut at {end}, summed anew");
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_seen() {
    for record in samples() {
        let bytes = encoded(&record);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::decode(&flipped.into()), Err(BadRecord::Damaged), "{record:?}, bit {bit}");
        }
    }
}

#[test]
fn a_newer_layout_is_told_from_damage() {
    let mut body = encoded(&samples()[0])[4..].to_vec();
    body[0] = VERSION + 1;
    body.extend_from_slice(b"and what it brings");
    assert_eq!(Record::decode(&sealed(&body)), Err(BadRecord::NewerVersion(VERSION + 1)));
}

#[test]
fn the_impossible_is_refused() {
    let body = |kind: u8, flags: u8, rest: &[u8]| [&[VERSION, kind, flags][..], rest].concat();
    // Epoch 1, seq 2, time 3, and what each kind brings.
    let impossible = [
        ("version 0", vec![0, 1, 0, 1, 2, 3, 1, 0]),
        ("kind 0", body(0, 0, &[1, 2, 3, 0])),
        ("kind 4", body(4, 0, &[1, 2, 3, 0])),
        ("state 3", body(0x31, 0, &[1, 2, 3, 1, 0])),
        ("a change with a state", body(0x12, 0, &[1, 2, 3, 0])),
        ("a change with an expiry", body(2, 2, &[1, 2, 3, 9, 0])),
        ("a change that does both", body(2, 24, &[1, 2, 3, 1, 1, 0])),
        ("a message that marks", body(1, 8, &[1, 2, 3, 1, 0])),
        ("a change in a thread", body(2, 32, &[1, 2, 3, 1, 1, 0])),
        ("a void with a key", body(3, 4, &[1, 2, 3, 1, 0, b'k'])),
        ("an unknown flag", body(1, 64, &[1, 2, 3, 1, 0])),
        ("its own version, spelled out", body(1, 1, &[1, 2, 3, 1, 1, 2, 0])),
        ("a number with a needless byte", body(2, 0, &[0x81, 0, 2, 3, 0])),
        ("a number of 65 bits", body(2, 0, &[255, 255, 255, 255, 255, 255, 255, 255, 255, 2, 2, 3, 0])),
        ("a number without end", body(2, 0, &[255; 20])),
        ("a payload longer than the record", body(2, 0, &[1, 2, 3, 1])),
        ("a payload of all the world", body(2, 0, &[1, 2, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])),
        ("a byte too many", body(2, 0, &[1, 2, 3, 0, 0])),
    ];
    for (what, body) in impossible {
        assert_eq!(Record::decode(&sealed(&body)), Err(BadRecord::Impossible), "{what}");
    }
    assert!(Record::decode(&sealed(&body(2, 0, &[1, 2, 3, 0]))).is_ok(), "the same without a fault");
}

#[test]
fn limits_hold_on_the_way_in() {
    for (key, payload, fits) in
        [(KEY_BYTES, PAYLOAD_BYTES, true), (KEY_BYTES + 1, 1, false), (1, PAYLOAD_BYTES + 1, false)]
    {
        let record =
            Record { key: Some(vec![b'k'; key].into()), payload: vec![b'p'; payload].into(), ..plain(posted()) };
        assert_eq!(Record::decode(&encoded(&record)).is_ok(), fits, "key of {key}, payload of {payload}");
    }
}

/// The examples of `docs/storage/records.md`, in its order: the page cannot drift from the code, nor the code from it.
#[test]
fn bytes_are_as_documented() {
    let documented = include_str!("../../../docs/storage/records.md");
    let blocks = documented.split("```hex\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let hex: Vec<Vec<u8>> = blocks
        .map(|block| {
            let digits = block.lines().flat_map(|line| line.split('|').next().unwrap().split_whitespace());
            digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
        })
        .collect();
    let (place, version, thread) = (Place::new(1, 5), Place::new(2, 9), Some(Place::new(1, 2)));
    let message = Kind::Message { ordinal: 3, version: place, state: State::Present, expires: None, thread: None };
    let stub = Kind::Message { ordinal: 3, version, state: State::Deleted, expires: Some(1000), thread };
    let touches = Touches::Rewrites(Place::new(1, 5));
    let record = |place, time, kind, payload: &'static str| Record {
        place,
        time,
        kind,
        key: None,
        payload: Bytes::from_static(payload.as_bytes()),
    };
    let examples = [
        Record { key: Some("k1".into()), ..record(Place::new(1, 5), 300, message, "\u{1}hello") },
        record(Place::new(1, 5), 300, stub, ""),
        record(Place::new(2, 9), 400, Kind::Change { touches }, "\u{1}"),
        record(Place::new(2, 10), 0, Kind::Void, ""),
    ];
    let shown = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
    let got: Vec<String> = examples.iter().map(|record| shown(&encoded(record))).collect();
    let want: Vec<String> = hex.iter().map(|bytes| shown(bytes)).collect();
    assert_eq!(got, want);
}

fn any_place() -> impl Strategy<Value = Place> {
    (any::<u64>(), any::<u64>()).prop_map(|(epoch, seq)| Place::new(epoch, seq))
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let state = prop_oneof![Just(State::Present), Just(State::Deleted), Just(State::Expired)];
    prop_oneof![
        (any::<u64>(), any_place(), state, any::<Option<u64>>(), prop::option::of(any_place())).prop_map(
            |(ordinal, version, state, expires, thread)| Kind::Message { ordinal, version, state, expires, thread }
        ),
        Just(Kind::Change { touches: Touches::Nothing }),
        any_place().prop_map(|target| Kind::Change { touches: Touches::Marks(target) }),
        any_place().prop_map(|target| Kind::Change { touches: Touches::Rewrites(target) }),
    ]
}

proptest! {
    #[test]
    fn any_record_comes_back(
        place in any_place(),
        time in any::<u64>(),
        kind in any_kind(),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let record = Record { place, time, kind, key: key.map(Bytes::from), payload: payload.into() };
        let bytes = encoded(&record);
        prop_assert_eq!(bytes.len(), record.encoded_size());
        prop_assert_eq!(Record::decode(&bytes), Ok(record));
    }

    /// What is read was written like this: bytes that decode encode to the same bytes.
    #[test]
    fn any_bytes_have_one_meaning_or_none(body in prop::collection::vec(any::<u8>(), 0..60), kind in 0u8..4, flags in 0u8..64) {
        let mut body = body;
        if body.len() > 3 {
            body[..3].copy_from_slice(&[VERSION, kind, flags]);
        }
        let bytes = sealed(&body);
        if let Ok(record) = Record::decode(&bytes) {
            prop_assert_eq!(encoded(&record), bytes);
        }
    }
}
