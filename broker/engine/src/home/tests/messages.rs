//! Messages and what is done to them.

use super::*;
use rookery_protocol::command::{HistoryFrom, ReadMark};
use rookery_protocol::ids::Ordinal;

fn history(bench: &mut Bench, who: &Principal, from: HistoryFrom) -> rookery_protocol::reply::Page {
    let command = Command::History { room: ROOM, from, limit: 10, thread: None };
    let reply = bench.say(who, &general(), command);
    let Reply::History(page) = reply else { panic!("{reply:?}") };
    *page
}

#[test]
fn a_post_gets_the_next_place_and_its_ordinal() {
    let mut bench = Bench::new();
    let reply = bench.say(&ann(), &general(), post("one", None));
    let expected = Reply::Placed {
        place: Place::new(100, 1),
        ordinal: Some(1 as Ordinal),
        level: AckLevel::Durable,
        duplicate: false,
    };
    assert_eq!(reply, expected);
    assert_eq!(bench.post("bob", &general(), "two"), Place::new(100, 2));
    let page = history(&mut bench, &ann(), HistoryFrom::Newest);
    let bodies: Vec<_> = page.messages.iter().map(|m| String::from_utf8_lossy(&m.body).into_owned()).collect();
    assert_eq!(bodies, ["one", "two"]);
    assert_eq!(page.fence, Place::new(100, 2));
    assert_eq!(bench.ports.counts.loads, 1);
}

#[test]
fn an_event_is_heard_before_its_ack() {
    let mut bench = Bench::new();
    bench.attach("bob", &general(), None);
    bench.ask(&ann(), &general(), post("hello", None));
    bench.turn();
    let kinds: Vec<_> = bench.told.iter().map(|told| matches!(told, ToEdge::Chunk(_))).collect();
    assert_eq!(kinds, [true, false]);
    assert!(bench.heard().contains("hello"));
}

#[test]
fn levels_beyond_the_store_are_refused() {
    let mut bench = Bench::limited(RoomClass::default(), Late::default(), AckLevel::Accepted, Limits::default());
    let Command::Post(plain) = post("x", None) else { unreachable!() };
    let durable = Command::Post(Post { ack: Some(AckLevel::Durable), ..plain });
    assert_eq!(bench.refused(&ann(), &general(), durable), ErrorCode::LevelUnavailable);
    let reply = bench.say(&ann(), &general(), post("x", None));
    assert!(matches!(reply, Reply::Placed { level: AckLevel::Accepted, .. }), "{reply:?}");
}

#[test]
fn an_ack_waits_for_the_level_it_asked_for() {
    let late = Late { submit: true, ..Late::default() };
    let mut bench = Bench::with(RoomClass::default(), late);
    let durable = bench.ask(&ann(), &general(), post("one", None));
    let Command::Post(plain) = post("two", None) else { unreachable!() };
    let accepted = bench.ask(&ann(), &general(), Command::Post(Post { ack: Some(AckLevel::Accepted), ..plain }));
    bench.turn();
    assert!(bench.reply(durable).is_none());
    assert!(matches!(bench.reply(accepted), Some(Reply::Placed { level: AckLevel::Accepted, .. })));
    assert!(
        history(&mut bench, &ann(), HistoryFrom::Newest).messages.is_empty(),
        "history ends at the confirmed place"
    );
    bench.facts();
    assert!(matches!(bench.reply(durable), Some(Reply::Placed { level: AckLevel::Durable, .. })));
    assert_eq!(history(&mut bench, &ann(), HistoryFrom::Newest).messages.len(), 2);
}

#[test]
fn only_the_sender_edits_and_a_deleted_message_is_gone() {
    let mut bench = Bench::new();
    let target = bench.post("ann", &general(), "first");
    let edit = |body: &str| Command::Edit {
        room: ROOM,
        target,
        kind: None,
        body: body.as_bytes().into(),
        metadata: None,
        ack: None,
    };
    assert_eq!(bench.refused(&bob(), &general(), edit("mine now")), ErrorCode::NotAllowed);
    let version = bench.placed(&ann(), &general(), edit("second"));
    let page = history(&mut bench, &bob(), HistoryFrom::Newest);
    assert_eq!((&*page.messages[0].body, page.messages[0].version), (&b"second"[..], version));
    let delete = || Command::Delete { room: ROOM, target, ack: None };
    assert_eq!(bench.refused(&bob(), &general(), delete()), ErrorCode::NotAllowed);
    bench.placed(&ann(), &general(), delete());
    let page = history(&mut bench, &bob(), HistoryFrom::Newest);
    assert!(page.messages[0].is_deleted() && page.messages[0].body.is_empty());
    for command in [edit("again"), delete(), Command::Pin { room: ROOM, target }] {
        assert_eq!(bench.refused(&ann(), &general(), command), ErrorCode::NoSuchMessage);
    }
    let nowhere = Command::Delete { room: ROOM, target: Place::new(100, 77), ack: None };
    assert_eq!(bench.refused(&ann(), &general(), nowhere), ErrorCode::NoSuchMessage);
}

#[test]
fn a_message_that_is_not_at_hand_is_fetched() {
    let mut bench = Bench::new();
    let target = bench.post("ann", &general(), "old");
    bench.restart(RoomClass::default());
    bench.ports.late.fetch = true;
    let number = bench.ask(&ann(), &general(), Command::Pin { room: ROOM, target });
    let again = bench.ask(&bob(), &general(), Command::React { room: ROOM, target, reaction: Name::literal("+1") });
    bench.turn();
    assert_eq!(bench.ports.counts.fetches, 1, "one look-up for both");
    bench.facts();
    assert!(matches!(bench.reply(number), Some(Reply::Placed { place, .. }) if place == Place::new(200, 2)));
    assert!(matches!(bench.reply(again), Some(Reply::Placed { .. })));
    bench.ports.fail_reads = true;
    let number = bench.ask(&ann(), &general(), Command::Unpin { room: ROOM, target });
    bench.facts();
    assert!(
        matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::Busy && r.retry_after_ms > 0)
    );
}

#[test]
fn reactions_and_pins_are_counted_once() {
    let mut bench = Bench::new();
    let target = bench.post("ann", &general(), "nice");
    let react = || Command::React { room: ROOM, target, reaction: Name::literal("+1") };
    bench.placed(&ann(), &general(), react());
    bench.placed(&bob(), &general(), react());
    assert_eq!(bench.say(&bob(), &general(), react()), Reply::Done);
    let page = history(&mut bench, &ann(), HistoryFrom::Newest);
    assert_eq!((page.reactions[0].count, page.reactions[0].sample.len()), (2, 2));
    bench.placed(&bob(), &general(), Command::Unreact { room: ROOM, target, reaction: Name::literal("+1") });
    assert_eq!(history(&mut bench, &ann(), HistoryFrom::Newest).reactions[0].count, 1);
    bench.placed(&bob(), &general(), Command::Pin { room: ROOM, target });
    assert_eq!(bench.say(&ann(), &general(), Command::Pin { room: ROOM, target }), Reply::Done);
    bench.placed(&ann(), &general(), Command::Delete { room: ROOM, target, ack: None });
    let tables = bench.ports.store(&general());
    assert!(tables.reactions.is_empty() && tables.pins.is_empty(), "they go with their message");
}

#[test]
fn watermarks_only_rise() {
    let mut bench = Bench::new();
    let first = bench.post("ann", &general(), "1");
    let second = bench.post("ann", &general(), "2");
    let mark = |place, mark| Command::MarkRead { room: ROOM, place, mark };
    assert_eq!(bench.say(&bob(), &general(), mark(second, ReadMark::Read)), Reply::Done);
    assert_eq!(bench.say(&bob(), &general(), mark(first, ReadMark::Read)), Reply::Done);
    let subscribed = bench.attach("bob", &general(), None);
    assert_eq!((subscribed.read, subscribed.read_ordinal, subscribed.messages), (second, 2, 2));
    // What is read is delivered; what was never there is not to be read.
    let tables = bench.ports.store(&general());
    assert_eq!(tables.watermarks.len(), 2);
    let code = bench.refused(&bob(), &general(), mark(Place::new(999, 1), ReadMark::Read));
    assert_eq!(code, ErrorCode::NoSuchMessage);
    // Beyond the end of the epoch: clamped.
    bench.say(&ann(), &general(), mark(Place::new(100, 50), ReadMark::Delivered));
    assert_eq!(bench.attach("ann", &general(), None).read, Place::START);
}

#[test]
fn an_expired_message_is_shown_to_nobody_and_deleted() {
    let mut bench = Bench::new();
    let extra = PostExtra { expires_in_ms: Some(5000), ..PostExtra::default() };
    let target = bench.placed(&ann(), &general(), post_extra("for a while", extra));
    bench.pass(4999);
    assert_eq!(&*history(&mut bench, &ann(), HistoryFrom::Newest).messages[0].body, b"for a while");
    bench.pass(200);
    assert!(history(&mut bench, &ann(), HistoryFrom::Newest).messages[0].body.is_empty());
    bench.pass(2000);
    assert!(bench.ports.store(&general()).records[&target].is_deleted());
}

#[test]
fn what_is_too_large_is_refused() {
    let mut bench = Bench::new();
    let body = "x".repeat(61_441);
    assert_eq!(bench.refused(&ann(), &general(), post(&body, None)), ErrorCode::TooLarge);
    let extra = PostExtra { mentions: vec![Name::literal("bob"); 33], ..PostExtra::default() };
    assert_eq!(bench.refused(&ann(), &general(), post_extra("x", extra)), ErrorCode::TooLarge);
    let extra = PostExtra { on_behalf_of: Some(Name::literal("bob")), ..PostExtra::default() };
    assert_eq!(bench.refused(&ann(), &general(), post_extra("x", extra.clone())), ErrorCode::NotAllowed);
    bench.placed(&server(), &general(), post_extra("x", extra));
    assert_eq!(history(&mut bench, &ann(), HistoryFrom::Newest).messages[0].sender, Name::literal("bob"));
}

#[test]
fn a_room_takes_its_burst_and_says_when_there_is_room() {
    let class = RoomClass { events_per_second: 10, events_burst: 2, ..RoomClass::default() };
    let mut bench = Bench::with(class, Late::default());
    bench.post("ann", &general(), "1");
    bench.post("ann", &general(), "2");
    let Reply::Refused(refusal) = bench.say(&ann(), &general(), post("3", None)) else { panic!() };
    assert_eq!((refusal.code, refusal.retry_after_ms), (ErrorCode::RateLimited, 100));
    bench.pass(100);
    bench.post("ann", &general(), "3");
}

#[test]
fn expect_is_the_sequencers_to_judge() {
    let mut bench = Bench::new();
    let last = bench.post("ann", &general(), "1");
    let expect = |place| post_extra("next", PostExtra { expect: Some(place), ..PostExtra::default() });
    assert_eq!(bench.refused(&ann(), &general(), expect(Place::new(100, 9))), ErrorCode::Unexpected);
    bench.placed(&ann(), &general(), expect(last));
}

#[test]
fn large_batches_go_to_the_store_before_the_turn_ends() {
    let mut bench = Bench::new();
    let body = "x".repeat(60_000);
    for _ in 0..40 {
        bench.ask(&ann(), &general(), post(&body, None));
    }
    assert_eq!(bench.ports.counts.batches, 2);
    for _ in 0..600 {
        bench.ask(&ann(), &general(), post("small", None));
    }
    bench.turn();
    assert_eq!(bench.ports.counts.batches, 5);
    assert_eq!(bench.ports.store(&general()).messages, 640);
}

#[test]
fn where_the_node_itself_asks_nobody_is_answered() {
    let mut bench = Bench::new();
    let edit = Command::Edit {
        room: ROOM,
        target: Place::new(1, 1),
        kind: None,
        body: Arc::from(&b"refused"[..]),
        metadata: None,
        ack: None,
    };
    for command in [post("said again", None), edit] {
        let mut reply_to = bench.reply_to(1, command.kind());
        reply_to.to.conn = ConnId::NOBODY;
        let room = RoomAddress::Key(general());
        let envelope = Envelope { room, who: Arc::new(ann()), reply_to, at: 1, command };
        bench.tell(ToHome::Command(Box::new(envelope)));
        bench.turn();
    }
    // An edge would count it among the answers to what it has asked itself.
    let replies = bench.told.iter().filter(|told| matches!(told, ToEdge::Reply { .. }));
    assert_eq!(replies.count(), 0, "{:?}", bench.told);
    let page = history(&mut bench, &ann(), HistoryFrom::Newest);
    assert_eq!(page.messages.iter().map(|m| &m.body[..]).collect::<Vec<_>>(), [b"said again"]);
}
