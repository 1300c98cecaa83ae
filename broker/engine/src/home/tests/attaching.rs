//! Attaching, resuming, pulling: where a subscription begins, and pages of replay.

use super::*;
use crate::message::ToEdge;
use rookery_protocol::command::Access;
use rookery_protocol::reply::{GapReason, Start};

fn filled(messages: u64) -> Bench {
    let mut bench = Bench::new();
    for i in 1..=messages {
        bench.ask(&ann(), &general(), post(&format!("message {i}"), None));
    }
    bench.turn();
    bench.told.clear();
    bench
}

#[test]
fn without_a_cursor_it_begins_when_it_was_let_in() {
    let mut bench = filled(2);
    let number = bench.attach_as(&bob(), &general(), Wants::default(), None);
    bench.ask(&bob(), &general(), post("right behind", None));
    bench.turn();
    let subscribed = bench.attached(number);
    assert_eq!(subscribed.start, Start::Live);
    assert_eq!((subscribed.from, subscribed.end), (Place::new(100, 2), Place::new(100, 3)));
    assert_eq!(bench.replay(subscribed.handle, subscribed.from), [3]);
}

#[test]
fn a_cursor_resumes_or_is_told_why_not() {
    let mut bench = filled(5);
    assert_eq!(bench.attach("bob", &general(), Some(Place::START)).start, Start::Resuming);
    let resumed = bench.attach("bob", &general(), Some(Place::new(100, 3)));
    assert_eq!((resumed.start, resumed.from), (Start::Resuming, Place::new(100, 3)));
    let beyond = bench.attach("bob", &general(), Some(Place::new(100, 9)));
    assert_eq!(beyond.start, Start::Retract { above: Place::new(100, 5) });
    let future = bench.attach("bob", &general(), Some(Place::new(300, 1)));
    assert_eq!((future.start, future.from), (Start::Gap(GapReason::UnknownPlace), Place::new(100, 5)));
    bench.restart(RoomClass::default());
    bench.ports.store(&general()).replay_from = Place::new(100, 4);
    bench.post("ann", &general(), "of the next run");
    let beyond = bench.attach("bob", &general(), Some(Place::new(100, 6)));
    assert_eq!((beyond.start, beyond.from), (Start::Retract { above: Place::new(100, 5) }, Place::new(100, 5)));
    let old = bench.attach("bob", &general(), Some(Place::new(100, 3)));
    assert_eq!(old.start, Start::Gap(GapReason::TooOld));
    let all = bench.attach("bob", &general(), Some(Place::START));
    assert_eq!((all.start, all.from), (Start::Resuming, Place::new(100, 4)));
}

#[test]
fn pages_have_fixed_boundaries_and_are_encoded_once() {
    let mut bench = filled(200);
    let handle = bench.attach("bob", &general(), Some(Place::START)).handle;
    let PageAnswer::Events(one) = bench.pull(handle, Place::new(100, 3)) else { panic!() };
    let PageAnswer::Events(two) = bench.pull(handle, Place::new(100, 60)) else { panic!() };
    assert_eq!((one.before, one.last), (Place::START, Place::new(100, 64)));
    assert!(Arc::ptr_eq(&one, &two));
    assert_eq!(bench.replay(handle, Place::START), (1..=200).collect::<Vec<_>>());
    // A change of what they show writes them anew.
    let edit = Command::Edit {
        room: ROOM,
        target: Place::new(100, 5),
        kind: None,
        body: b"edited"[..].into(),
        metadata: None,
        ack: None,
    };
    bench.placed(&ann(), &general(), edit);
    let PageAnswer::Events(three) = bench.pull(handle, Place::new(100, 3)) else { panic!() };
    let text = String::from_utf8_lossy(three.bytes()).into_owned();
    assert!(text.contains("edited") && !text.contains("message 5\""), "replay shows it as it is now");
    assert_eq!(bench.ports.counts.fetches, 0);
}

#[test]
fn older_pages_come_from_the_store_once_for_all_who_ask() {
    let mut bench = filled(300);
    bench.restart(RoomClass::default());
    bench.ports.store(&general()).recent = 10;
    let handle = bench.attach("bob", &general(), Some(Place::START)).handle;
    bench.ports.late.fetch = true;
    for after in [3, 17, 60] {
        bench.tell(ToHome::Pull { room: handle, lane: lane(Wants::default()), after: Place::new(100, after) });
    }
    bench.turn();
    assert_eq!(bench.ports.counts.fetches, 1);
    bench.facts();
    for _ in 0..3 {
        let PageAnswer::Events(chunk) = bench.page() else { panic!() };
        assert_eq!((chunk.before, chunk.last), (Place::START, Place::new(100, 64)));
    }
    bench.ports.late.fetch = false;
    bench.ports.fail_reads = true;
    assert!(matches!(bench.pull(handle, Place::new(100, 130)), PageAnswer::Later { .. }));
    bench.ports.fail_reads = false;
    assert_eq!(bench.replay(handle, Place::START), (1..=300).collect::<Vec<_>>());
}

#[test]
fn a_page_is_cut_where_a_chunk_is_full() {
    let mut bench = Bench::new();
    let body = "x".repeat(20_000);
    for _ in 0..10 {
        bench.post("ann", &general(), &body);
    }
    let handle = bench.attach("bob", &general(), Some(Place::START)).handle;
    let PageAnswer::Events(chunk) = bench.pull(handle, Place::START) else { panic!() };
    assert!(chunk.bytes().len() <= 65_536 && chunk.entries().len() == 3, "{}", chunk.entries().len());
    assert_eq!(bench.replay(handle, Place::START), (1..=10).collect::<Vec<_>>());
    // Live chunks are cut the same way.
    for _ in 0..10 {
        bench.ask(&ann(), &general(), post(&body, None));
    }
    bench.turn();
    let chunks = bench.chunks();
    assert!(chunks.iter().all(|chunk| chunk.bytes().len() <= 65_536));
    assert!(chunks.windows(2).all(|pair| pair[0].last == pair[1].before));
    assert_eq!(chunks.iter().map(|chunk| chunk.entries().len()).sum::<usize>(), 10);
}

#[test]
fn who_may_not_enter_is_refused() {
    let class = RoomClass { access: Access::Claims, ..RoomClass::default() };
    let mut bench = Bench::with(class, Late::default());
    let number = bench.attach_as(&ann(), &general(), Wants::default(), None);
    bench.turn();
    assert!(matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::NotAllowed));
    let claiming = Principal { claims: vec![Name::literal("general")], ..ann() };
    let number = bench.attach_as(&claiming, &general(), Wants::default(), None);
    bench.turn();
    assert_eq!(bench.attached(number).info.access, Access::Claims);
    let none = RoomClass { implicit: false, ..RoomClass::default() };
    let mut bench = Bench::with(none, Late::default());
    assert_eq!(bench.refused(&ann(), &general(), post("x", None)), ErrorCode::NoSuchRoom);
}

#[test]
fn interest_ends_with_the_last_subscription() {
    let mut bench = Bench::new();
    let handle = bench.attach("ann", &general(), None).handle;
    bench.attach("bob", &general(), None);
    // The edge says that its lane is empty, but another attach was on its way: the home counts for itself.
    bench.detach("ann", handle, Wants::default());
    bench.post("eve", &general(), "still heard");
    assert!(bench.heard().contains("still heard"));
    bench.detach("bob", handle, Wants::default());
    bench.post("eve", &general(), "by nobody");
    assert_eq!(bench.heard(), "");
}

#[test]
fn a_resting_room_is_forgotten_and_comes_back() {
    let mut bench = filled(3);
    let handle = bench.attach("bob", &general(), None).handle;
    bench.pass(200_000);
    assert!(bench.home.end_of(handle).is_some(), "somebody listens");
    bench.detach("bob", handle, Wants::default());
    bench.pass(200_000);
    assert!(bench.home.end_of(handle).is_none());
    assert!(bench.home.next_deadline().is_none(), "nothing of it is left");
    let again = bench.attach("bob", &general(), Some(Place::new(100, 2)));
    assert_ne!(again.handle, handle, "a handle is never given twice");
    assert_eq!((again.end, again.start), (Place::new(100, 3), Start::Resuming));
}

#[test]
fn commands_wait_while_the_room_is_loading() {
    let limits = Limits { room_waiting: 2, ..Limits::default() };
    let late = Late { load: true, ..Late::default() };
    let mut bench = Bench::limited(RoomClass::default(), late, AckLevel::Durable, limits);
    let numbers: Vec<_> = (0..3).map(|_| bench.ask(&ann(), &general(), post("x", None))).collect();
    bench.turn();
    assert!(matches!(bench.reply(numbers[2]), Some(Reply::Refused(r)) if r.code == ErrorCode::Busy));
    bench.facts();
    assert_eq!(bench.ports.counts.loads, 1);
    assert!(matches!(bench.reply(numbers[0]), Some(Reply::Placed { place, .. }) if place.seq.0 == 1));
    assert!(matches!(bench.reply(numbers[1]), Some(Reply::Placed { place, .. }) if place.seq.0 == 2));
}

#[test]
fn a_load_that_fails_is_made_again_on_the_next_touch() {
    let mut bench = Bench::with(RoomClass::default(), Late { load: true, ..Late::default() });
    bench.ports.fail_reads = true;
    let posted = bench.ask(&ann(), &general(), post("x", None));
    let attached = bench.attach_as(&bob(), &general(), Wants::default(), None);
    bench.facts();
    for number in [posted, attached] {
        assert!(matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::Busy));
    }
    bench.ports.fail_reads = false;
    bench.ports.late.load = false;
    bench.post("ann", &general(), "x");
}

#[test]
fn an_encoding_is_written_once_for_a_shard() {
    let mut bench = Bench::new();
    bench.attach("ann", &general(), None);
    bench.attach("bob", &general(), None);
    bench.post("eve", &general(), "x");
    assert_eq!(bench.chunks().len(), 1);
    let summary = Wants { summary_only: true, ..Wants::default() };
    let number = bench.attach_as(&principal("zoe"), &general(), summary, None);
    bench.turn();
    bench.attached(number);
    for i in 0..3 {
        bench.post("eve", &general(), &format!("line {i}"));
    }
    let lines = |bench: &mut Bench| {
        let told = bench.told.iter().filter(|told| matches!(told, ToEdge::Chunk(c) if c.lane.wants.summary_only));
        told.count()
    };
    assert_eq!(lines(&mut bench), 1, "one a second");
    bench.pass(1000);
    assert_eq!(lines(&mut bench), 2);
    assert!(bench.heard().contains("line 2"));
}
