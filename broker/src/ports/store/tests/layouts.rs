//! The four tests of a layout: it comes back, cut at every byte it is nothing, its bytes are those of the page that
//! describes it, and what is newer or impossible is told apart.

use super::super::codec::bytes::{Reader, Unreadable, put_number};
use super::super::codec::message::{NOBODY, message_of, put_message};
use super::super::codec::records::{event_of, record_of, rewrite_of};
use super::super::codec::{keys, values};
use super::*;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use rookery_engine::message::{Action, CauseEffect, EffectId};
use rookery_protocol::command::{Access, ReadMark, Role};
use rookery_protocol::event::{Departure, Fact as Decided, FactKind, Kind, Notice, NoticeKind, RoomInfo};
use rookery_protocol::ids::{DuplicateKey, MessageId};
use rookery_protocol::message::Attachment;
use rookery_protocol::principal::Profile;
use rookery_protocol::testing;
use rookery_protocol::words::Worded;
use rookery_storage::record::{Kind as RecordKind, State};
use rookery_storage::{Item, Record};

const EVENTS: [Kind; 14] = [
    Kind::Posted,
    Kind::Edited,
    Kind::Deleted,
    Kind::Reacted,
    Kind::Unreacted,
    Kind::Pinned,
    Kind::Unpinned,
    Kind::Joined,
    Kind::Left,
    Kind::RoleSet,
    Kind::Updated,
    Kind::Notified,
    Kind::Recorded,
    Kind::Void,
];

#[test]
fn every_kind_of_event_is_here() {
    assert!(EVENTS.iter().all(|kind| !kind.is_signal()));
    assert_eq!(EVENTS.len(), Kind::ALL.iter().filter(|kind| !kind.is_signal()).count());
}

/// An event of a kind, as a room would have placed it.
fn event_like(kind: Kind) -> impl Strategy<Value = Event> {
    testing::happening_of(kind).prop_map(|happening| {
        let testing::Happening::Event(mut event) = happening else { panic!("a signal is not kept") };
        if event.body == EventBody::Void {
            event.by = NOBODY;
        }
        event
    })
}

/// What replay would give: the record, and for an edit the message as it is now.
fn item_of(event: &Event) -> Item {
    let mut scratch = Vec::new();
    let record = record_of(event, &mut scratch);
    assert!(scratch.is_empty());
    let current = if let EventBody::Edited(message) = &event.body { Some(current_of(message)) } else { None };
    Item { record, current }
}

fn current_of(message: &Message) -> Record {
    let rewrite = rewrite_of(message, &mut Vec::new());
    let kind = RecordKind::Message {
        ordinal: message.ordinal,
        version: rewrite.version,
        state: if rewrite.deleted { State::Deleted } else { State::Present },
        expires: None,
        thread: message.thread(),
    };
    Record { place: rewrite.target, time: 1, kind, key: None, payload: rewrite.payload }
}

#[test]
fn events_of_every_kind_come_back() {
    let mut runner = TestRunner::deterministic();
    for kind in EVENTS {
        for _ in 0..300 {
            let event = event_like(kind).new_tree(&mut runner).unwrap().current();
            assert_eq!(event_of(&item_of(&event)), Ok(event));
        }
    }
}

#[test]
fn cut_at_every_byte_nothing_else_comes_back() {
    let mut runner = TestRunner::deterministic();
    for kind in EVENTS {
        for _ in 0..40 {
            let event = event_like(kind).new_tree(&mut runner).unwrap().current();
            let item = item_of(&event);
            for cut in 0..item.record.payload.len() {
                let record = Record { payload: item.record.payload.slice(..cut), ..item.record.clone() };
                if !record.is_message() {
                    let cut = Item { record, current: item.current.clone() };
                    assert_eq!(event_of(&cut), Err(Unreadable::Impossible));
                }
            }
            let payload = item.current.as_ref().unwrap_or(&item.record).payload.clone();
            for cut in 0..payload.len() {
                let mut item = item.clone();
                let record = item.current.as_mut().unwrap_or(&mut item.record);
                record.payload = payload.slice(..cut);
                // A body ends where its bytes end, so a cut one is another message; all else is refused.
                match event_of(&item) {
                    Ok(other) => {
                        assert!(body_of(&other).is_some_and(|body| body.len() < body_of(&event).unwrap().len()))
                    }
                    Err(why) => assert_eq!(why, Unreadable::Impossible),
                }
            }
        }
    }
}

fn body_of(event: &Event) -> Option<&[u8]> {
    if let EventBody::Posted(message) | EventBody::Edited(message) = &event.body { Some(&message.body) } else { None }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(payload in proptest::collection::vec(any::<u8>(), 0..80), version in any::<bool>()) {
        let mut payload = payload;
        if version && let Some(first) = payload.first_mut() {
            *first = 1;
        }
        let mut item = item_of(&posted(&message(at(1), 1, "ann", "x")));
        item.record.payload = payload.clone().into();
        let _ = event_of(&item);
        item.record.kind = RecordKind::Change { touches: rookery_storage::Touches::Marks(at(1)) };
        let _ = event_of(&item);
        let _ = Reader::value(&payload, values::take_info);
        let _ = Reader::value(&payload, values::take_effect);
        let _ = (keys::room_of(&payload), keys::reaction_of(&payload), keys::watermark_of(&payload));
        let _ = (keys::stream_of(&payload), keys::owner_of_duplicate(&payload));
    }

    #[test]
    fn messages_come_back_from_rewrites(message in testing::message()) {
        prop_assert_eq!(message_of(&current_of(&message)), Ok((message.clone(), message.sender.clone())));
    }

    #[test]
    fn keys_lead_back_and_order_as_what_they_stand_for(
        a in (testing::room_key(), testing::name(), testing::place()),
        b in (testing::room_key(), testing::name(), testing::place()),
    ) {
        let room = |(key, ..): &(RoomKey, Name, Place)| bytes(|out| keys::room(out, key));
        prop_assert_eq!(keys::room_of(&room(&a)), Some(a.0.clone()));
        prop_assert_eq!(room(&a).cmp(&room(&b)), a.0.cmp(&b.0));
        let reaction = |(key, name, place): &(RoomKey, Name, Place)| bytes(|out| keys::reaction(out, *place, &key.name, name));
        prop_assert_eq!(keys::reaction_of(&reaction(&a)), Some((a.2, a.0.name.clone(), a.1.clone())));
        let order = |(key, name, place): &(RoomKey, Name, Place)| (*place, key.name.clone(), name.clone());
        prop_assert_eq!(reaction(&a).cmp(&reaction(&b)), order(&a).cmp(&order(&b)));
        for mark in ReadMark::all() {
            prop_assert_eq!(keys::watermark_of(&bytes(|out| keys::watermark(out, &a.1, *mark))), Some((a.1.clone(), *mark)));
        }
        let stream = a.2.seq.0;
        prop_assert_eq!(keys::stream_of(&bytes(|out| keys::stream(out, &a.1, stream))), Some((a.1.clone(), stream)));
        prop_assert_eq!(keys::owner_of_duplicate(&bytes(|out| {
            keys::duplicate(out, &a.1, &DuplicateKey::Stream { stream, n: 0 });
        })), Some(a.1));
    }
}

fn bytes(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn value(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    bytes(|out| {
        out.push(1);
        write(out);
    })
}

#[test]
fn newer_and_impossible_values_are_told_apart() {
    let read = |bytes: &[u8]| Reader::value(bytes, Reader::number);
    assert_eq!(read(&[1, 7]), Ok(7));
    assert_eq!(read(&[2, 7]), Err(Unreadable::Newer(2)));
    assert_eq!(read(&[0, 7]), Err(Unreadable::Impossible));
    assert_eq!(read(&[]), Err(Unreadable::Impossible));
    assert_eq!(read(&[1, 7, 7]), Err(Unreadable::Impossible), "a byte is left over");
    let mut item = item_of(&event(at(3), "ann", EventBody::Joined { user: user("bob"), role: Role::Member }));
    item.record.payload = value(|out| out.extend_from_slice(&[99, 1, b'a'])).into();
    assert_eq!(event_of(&item), Err(Unreadable::Impossible), "an unknown kind");
    // A long list that is not there is not believed.
    let list = value(|out| put_number(out, u64::MAX));
    assert_eq!(Reader::value(&list, |from| from.list(Reader::name)), Err(Unreadable::Impossible));
}

#[test]
fn a_message_that_the_store_emptied_is_a_stub() {
    let mut record = current_of(&message(at(4), 9, "ann", "gone"));
    record.kind =
        RecordKind::Message { ordinal: 9, version: at(4), state: State::Expired, expires: Some(77), thread: None };
    record.payload = Bytes::new();
    let (stub, by) = message_of(&record).unwrap();
    assert!(stub.is_deleted() && stub.body.is_empty());
    assert_eq!((stub.place, stub.ordinal, stub.sender, by), (at(4), 9, NOBODY, NOBODY));
    record.key = Some(bytes(|out| keys::duplicate(out, &user("ann"), &DuplicateKey::Free("k".into()))).into());
    assert_eq!(message_of(&record).unwrap().0.sender, user("ann"));
}

fn full_message() -> Message {
    let plain = message(Place::new(5, 300), 12, "ann", "hi");
    let message = with(plain, |extra| {
        extra.id = Some(MessageId(*b"0123456789abcdef"));
        extra.profile = Profile { display: "Ann".into(), avatar: "a.png".into() };
        extra.thread = Some(at(2));
        extra.mentions = vec![user("bob"), user("eve")];
        let (name, media_type, url) = ("x".into(), "t/y".into(), "u".into());
        extra.attachments = vec![Attachment { name, media_type, url, bytes: 300 }];
        extra.metadata = "{}".into();
        extra.key = Some(DuplicateKey::Stream { stream: 258, n: 7 });
        extra.edited_at = Some(1);
        extra.deleted_at = Some(2);
        extra.expires_at = Some(300);
    });
    Message { posted_at: 5, kind: BodyKind::Markdown, ..message }
}

fn effect_id() -> EffectId {
    EffectId { cause: room(), place: at(300), index: 2 }
}

/// The values of the examples in the page of layouts, under its headings.
fn examples() -> Vec<(&'static str, Vec<u8>)> {
    let payload = |event: Event| record_of(&event, &mut Vec::new()).payload.to_vec();
    let change = |body| payload(event(at(9), "ann", body));
    let info = RoomInfo {
        title: "T".into(),
        topic: "o".into(),
        description: String::new(),
        access: Access::Members,
        listed: true,
        archived: false,
        deleted: false,
        creator: Some(user("ann")),
        created_at: 300,
        metadata: "{}".into(),
    };
    let notice = Notice { room: room(), place: at(3), kind: NoticeKind::MemberOf };
    let paired = Decided::DirectPaired { low: user("ann"), high: user("bob"), room: Name::literal("17") };
    let effect = |action| CauseEffect { id: effect_id(), target: room(), by: user("ann"), at: 300, action };
    let stream = DuplicateKey::Stream { stream: 258, n: 7 };
    vec![
        ("a message", payload(posted(&message(at(4), 1, "ann", "hello")))),
        ("a message for another", bytes(|out| put_message(out, &full_message(), Some((&user("bot"), 5))))),
        ("a rewritten message", bytes(|out| put_message(out, &message(at(4), 1, "ann", "hello"), None))),
        ("an edit", change(EventBody::Edited(Arc::new(message(at(4), 1, "ann", "x"))))),
        ("a deletion", change(EventBody::Deleted { target: at(4) })),
        ("a reaction", change(EventBody::Reacted { target: at(4), reaction: Name::literal("+1") })),
        ("a reaction taken back", change(EventBody::Unreacted { target: at(4), reaction: Name::literal("+1") })),
        ("a pin", change(EventBody::Pinned { target: at(4) })),
        ("a pin taken back", change(EventBody::Unpinned { target: at(4) })),
        ("a joining", change(EventBody::Joined { user: user("bob"), role: Role::Admin })),
        ("a leaving", change(EventBody::Left { user: user("bob"), why: Departure::Removed })),
        ("a role", change(EventBody::RoleSet { user: user("bob"), role: Role::Owner })),
        ("an update", change(EventBody::Updated(Arc::new(info.clone())))),
        ("a notice", change(EventBody::Notified(Box::new(notice.clone())))),
        ("a decision of a directory", change(EventBody::Recorded(Box::new(paired.clone())))),
        ("settings", value(|out| values::put_info(out, &info))),
        ("an effect that notifies", value(|out| values::put_effect(out, &effect(Action::Notify(notice.clone()))))),
        ("an effect that records", value(|out| values::put_effect(out, &effect(Action::Record(paired.clone()))))),
        (
            "an effect that begins a direct room",
            value(|out| {
                let (low, high) = (user("ann"), user("bob"));
                values::put_effect(out, &effect(Action::BeginDirect { low, high }));
            }),
        ),
        (
            "an effect that erases",
            value(|out| values::put_effect(out, &effect(Action::EraseUser { user: user("bob") }))),
        ),
        ("key of an effect", bytes(|out| keys::effect(out, &effect_id()))),
        ("key of a membership", bytes(|out| keys::room(out, &room()))),
        ("key of a reaction", bytes(|out| keys::reaction(out, at(4), &Name::literal("+1"), &user("ann")))),
        ("key of a watermark", bytes(|out| keys::watermark(out, &user("ann"), ReadMark::Read))),
        ("key of a stream", bytes(|out| keys::stream(out, &user("ann"), 258))),
        ("duplicate key of a stream", bytes(|out| keys::duplicate(out, &user("ann"), &stream))),
        (
            "duplicate key of any form",
            bytes(|out| keys::duplicate(out, &user("ann"), &DuplicateKey::Free("k1".into()))),
        ),
    ]
}

const PAGE: &str = include_str!("../../../../../docs/storage/events.md");

#[test]
fn the_page_of_layouts_has_these_bytes() {
    let mut told = Vec::new();
    for part in PAGE.split("\n#### ").skip(1) {
        let (heading, rest) = part.split_once('\n').unwrap();
        let hex = rest.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let columns = hex.lines().map(|line| line.split('|').next().unwrap());
        let bytes: Vec<u8> =
            columns.flat_map(str::split_whitespace).map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        told.push((heading, bytes));
    }
    let wanted = examples();
    for ((heading, bytes), (name, want)) in told.iter().zip(&wanted) {
        assert_eq!((*heading, show(bytes)), (*name, show(want)));
    }
    assert_eq!(told.len(), wanted.len());
}

fn show(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

/// Numbers of closed lists are on disk: none may get another meaning.
#[test]
fn numbers_of_closed_lists_are_pinned() {
    fn numbers<T: Worded>() -> String {
        T::all().iter().map(|one| format!("{}={} ", one.word(), one.number())).collect()
    }
    assert_eq!(numbers::<BodyKind>(), "text=0 markdown=1 code=2 image=3 file=4 system=5 binary=6 ");
    assert_eq!(numbers::<RoomKind>(), "room=0 direct=1 inbox=2 lobby=3 directory=4 ");
    assert_eq!(numbers::<Role>(), "member=0 admin=1 owner=2 ");
    assert_eq!(numbers::<Access>(), "open=0 claims=1 members=2 ");
    assert_eq!(numbers::<ReadMark>(), "delivered=0 read=1 ");
    assert_eq!(numbers::<Departure>(), "left=0 removed=1 room_deleted=2 erased=3 ");
    assert_eq!(numbers::<NoticeKind>(), "mentioned=0 member_of=1 no_longer_member=2 role_changed=3 ");
    assert_eq!(
        numbers::<FactKind>(),
        "room_listed=0 room_unlisted=1 name_taken=2 name_released=3 numbers_taken=4 direct_paired=5 user_seen=6 \
         user_erased=7 token_revoked=8 user_revoked=9 "
    );
}
