//! A batch as bytes: it comes back, cut anywhere it is none, and no damage makes a panic or a half.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use proptest::prelude::*;
use rookery_protocol::ids::{Name, RoomKind};
use rookery_storage::entry::{BadEntry, VERSION, decode, encode, events_in, events_of};
use rookery_storage::{Batch, Cut, Kind, Place, Record, Rewrite, RoomKey, RowWrite, State, Table, Touches};

fn encoded(batch: &Batch) -> Bytes {
    let mut out = Vec::new();
    encode(batch, &mut out);
    out.into()
}

fn room(kind: RoomKind, name: &str) -> RoomKey {
    RoomKey { realm: Name::new("home").unwrap(), kind, name: Name::new(name).unwrap() }
}

fn full() -> Batch {
    let message = |seq, ordinal| {
        let version = Place::new(3, seq);
        let kind = Kind::Message { ordinal, version, state: State::Present, expires: Some(9), thread: None };
        Record { place: version, time: 7, kind, key: Some("key".into()), payload: "\u{1}words".into() }
    };
    let kind = Kind::Change { touches: Touches::Rewrites(Place::new(3, 5)) };
    let change = Record { place: Place::new(3, 7), time: 7, kind, key: None, payload: "\u{1}".into() };
    let rewrite =
        Rewrite { target: Place::new(3, 5), version: Place::new(3, 7), deleted: true, payload: "stub".into() };
    let row = |value: Option<&'static str>| RowWrite {
        table: Table::Streams,
        key: "a".into(),
        value: value.map(Bytes::from),
    };
    Batch {
        room: room(RoomKind::Inbox, "größe"),
        cut: Cut::Above(Place::new(2, 4)),
        events: vec![message(5, 1), message(6, 2), change],
        rewrites: vec![rewrite],
        rows: vec![row(None), row(Some("")), row(Some("value"))],
    }
}

#[test]
fn comes_back() {
    let empty = Batch::new(room(RoomKind::Room, "r"));
    let gone = Batch { cut: Cut::Everything, ..empty.clone() };
    for batch in [full(), empty, gone] {
        assert_eq!(decode(&encoded(&batch)), Ok(batch));
    }
}

#[test]
fn cut_at_every_byte_it_is_none() {
    let bytes = encoded(&full());
    for end in 0..bytes.len() {
        assert!(decode(&bytes.slice(..end)).is_err(), "cut at {end}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(decode(&longer.into()), Err(BadEntry::Impossible));
}

/// The journal's checksum tells damage; here it must only be harmless, and what is read must be what is written.
#[test]
fn every_byte_flipped_is_refused_or_means_something_else() {
    let (batch, bytes) = (full(), encoded(&full()));
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            let flipped = Bytes::from(flipped);
            if let Ok(other) = decode(&flipped) {
                assert_ne!(other, batch, "byte {at}, bit {bit}");
                assert_eq!(encoded(&other), flipped, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn a_newer_layout_is_told_from_nonsense() {
    let mut bytes = encoded(&full()).to_vec();
    bytes[0] = VERSION + 1;
    assert_eq!(decode(&bytes.clone().into()), Err(BadEntry::NewerVersion(VERSION + 1)));
    bytes[0] = 0;
    assert_eq!(decode(&bytes.into()), Err(BadEntry::Impossible));
}

#[test]
fn a_count_of_all_the_world_costs_nothing() {
    let bytes = [&[VERSION, 4][..], b"home", &[0, 1], b"r", &[0, 0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    assert_eq!(decode(&bytes.into()), Err(BadEntry::Impossible));
}

/// The example of `docs/storage/journal.md`.
#[test]
fn bytes_are_as_documented() {
    let page = include_str!("../../docs/storage/journal.md");
    let block = page.split("```hex entry\n").nth(1).unwrap().split("```").next().unwrap();
    let digits = block.lines().flat_map(|line| line.split('|').next().unwrap().split_whitespace());
    let documented: Vec<u8> = digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect();
    let place = Place::new(1, 5);
    let kind = Kind::Message { ordinal: 3, version: place, state: State::Present, expires: None, thread: None };
    let record = Record { place, time: 300, kind, key: Some("k1".into()), payload: "\u{1}hello".into() };
    let row = RowWrite { table: Table::Streams, key: "s".into(), value: None };
    let batch = Batch { events: vec![record], rows: vec![row], ..Batch::new(room(RoomKind::Room, "r")) };
    assert_eq!(format!("{:02x?}", &encoded(&batch)[..]), format!("{documented:02x?}"));
}

fn any_rows() -> impl Strategy<Value = Vec<RowWrite>> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 16..most).prop_map(Bytes::from);
    let row = (0..Table::ALL.len(), bytes(40), prop::option::of(bytes(300)));
    prop::collection::vec(row.prop_map(|(table, key, value)| RowWrite { table: Table::ALL[table], key, value }), 0..5)
}

fn any_events() -> impl Strategy<Value = Vec<Record>> {
    let payloads = prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..6);
    (1u64..1 << 40, 1u64..1 << 40, payloads).prop_map(|(epoch, seq, payloads)| {
        let one = |(place, payload): (Place, Vec<u8>)| Record {
            place,
            time: place.seq.0,
            kind: Kind::Change { touches: Touches::Nothing },
            key: (payload.len() % 2 == 1).then(|| payload[..1].to_vec().into()),
            payload: payload.into(),
        };
        (seq..).map(|seq| Place::new(epoch, seq)).zip(payloads).map(one).collect()
    })
}

proptest! {
    #[test]
    fn any_batch_comes_back(events in any_events(), rows in any_rows(), kind in 0u64..5, cut in any::<bool>()) {
        let kind = RoomKind::from_number(kind).unwrap();
        let cut = if cut { Cut::Everything } else { Cut::Nothing };
        let batch = Batch { cut, events, rows, ..Batch::new(room(kind, "any")) };
        prop_assert_eq!(batch.check(), Ok(()));
        prop_assert_eq!(decode(&encoded(&batch)), Ok(batch));
    }

    #[test]
    fn any_bytes_have_one_meaning_or_none(mut bytes in prop::collection::vec(any::<u8>(), 1..80)) {
        bytes[0] = VERSION;
        let bytes = Bytes::from(bytes);
        if let Ok(batch) = decode(&bytes) {
            prop_assert_eq!(encoded(&batch), bytes);
        }
    }
}

/// Whoever knows where a batch lies finds its events without reading the rest.
fn finds_events(batch: &Batch) {
    let bytes = encoded(batch);
    let events: Vec<_> = events_of(&bytes.slice(events_in(batch))).collect::<Result<_, _>>().unwrap();
    assert_eq!(events, batch.events);
    for end in events_in(batch) {
        let cut: Vec<_> = events_of(&bytes.slice(events_in(batch).start..end)).collect();
        let whole = cut.iter().take_while(|record| record.is_ok()).count();
        assert!(whole < batch.events.len() && cut.len() <= whole + 1, "cut at {end}");
    }
}

#[test]
fn events_are_found_where_the_batch_lies() {
    let batch = full();
    finds_events(&batch);
    finds_events(&Batch { cut: Cut::Above(Place::new(300, 70_000)), ..batch.clone() });
    finds_events(&Batch { cut: Cut::Everything, ..batch.clone() });
    finds_events(&Batch { events: Vec::new(), ..batch });
}
