//! When the store fails: taken back or held, and the way back.

use super::*;
use crate::message::ToEdge;
use crate::ports::Fact;
use crate::settings::{Deliver, OnFailure};
use rookery_protocol::command::HistoryFrom;
use rookery_protocol::ids::Epoch;
use rookery_protocol::reply::Start;

fn late_store(class: RoomClass) -> Bench {
    let mut bench = Bench::with(class, Late { submit: true, ..Late::default() });
    bench.ask(&ann(), &general(), post("kept", None));
    bench.turn();
    bench.facts();
    bench.told.clear();
    bench
}

#[test]
fn what_was_not_stored_is_taken_back() {
    let mut bench = late_store(RoomClass::default());
    let handle = bench.attach("bob", &general(), None).handle;
    let lost = bench.ask(&ann(), &general(), post("lost", None));
    bench.turn();
    assert!(bench.heard().contains("lost"), "listeners have it already");
    bench.ports.fail_writes = Some(Epoch(150));
    bench.facts();
    assert!(matches!(bench.reply(lost), Some(Reply::Refused(r)) if r.code == ErrorCode::NotStored));
    let chunks = bench.chunks();
    let retract = chunks.iter().find(|chunk| chunk.is_retract()).expect("a retract");
    assert_eq!((retract.before, retract.last), (Place::new(100, 2), Place::new(100, 1)));
    let text = String::from_utf8_lossy(retract.bytes()).into_owned();
    assert!(text.contains("retract"), "{text}");
    // Readable meanwhile, not writable.
    assert_eq!(bench.refused(&ann(), &general(), post("x", None)), ErrorCode::ReadOnly);
    let answer = bench.pull(handle, Place::new(100, 2));
    let expected = (Place::new(100, 1), Place::new(150, 2));
    assert!(matches!(answer, PageAnswer::Retract { above, next } if (above, next) == expected), "{answer:?}");
    let history = Command::History { room: ROOM, from: HistoryFrom::Newest, limit: 0, thread: None };
    let Reply::History(page) = bench.say(&ann(), &general(), history) else { panic!() };
    assert_eq!(page.messages.len(), 1);
    let back = bench.attach("eve", &general(), Some(Place::new(100, 2)));
    assert_eq!((back.start, back.from), (Start::Retract { above: Place::new(100, 1) }, Place::new(100, 1)));
    // The store is back: what follows opens a new epoch.
    bench.ports.fail_writes = None;
    bench.fact(Fact::StoreBack);
    bench.facts();
    let number = bench.ask(&ann(), &general(), post("again", None));
    bench.turn();
    bench.facts();
    assert!(matches!(bench.reply(number), Some(Reply::Placed { place, .. }) if place == Place::new(150, 2)));
    assert!(bench.heard().contains("again"));
    assert_eq!(bench.replay(handle, Place::new(100, 1)), [2]);
}

#[test]
fn a_room_finds_back_by_itself() {
    let mut bench = Bench::new();
    bench.post("ann", &general(), "kept");
    bench.ports.fail_writes = Some(Epoch(150));
    assert_eq!(bench.refused(&ann(), &general(), post("lost", None)), ErrorCode::NotStored);
    bench.ports.fail_reads = true;
    bench.pass(60_000);
    assert_eq!(bench.refused(&ann(), &general(), post("x", None)), ErrorCode::ReadOnly);
    bench.ports.fail_reads = false;
    bench.ports.fail_writes = None;
    bench.pass(20_000);
    let again = bench.post("ann", &general(), "again");
    assert!(again.seq.0 == 2 && again.epoch > Epoch(150), "probes that failed took runs, too");
}

#[test]
fn a_lost_run_is_not_used_again_by_a_room_that_was_forgotten() {
    let mut bench = Bench::new();
    bench.post("ann", &general(), "kept");
    bench.ports.fail_writes = Some(Epoch(150));
    assert_eq!(bench.refused(&ann(), &general(), post("lost", None)), ErrorCode::NotStored);
    bench.ports.fail_writes = None;
    bench.pass(400_000);
    assert!(bench.home.end_of(bench.home_handle()).is_none());
    assert_eq!(bench.post("ann", &general(), "again"), Place::new(150, 2), "(100, 2) was seen");
}

#[test]
fn proposals_in_flight_are_lost_with_the_tail() {
    let mut bench = Bench::with(RoomClass::default(), Late { submit: true, sequence: true, ..Late::default() });
    let one = bench.ask(&ann(), &general(), post("one", None));
    bench.turn();
    let placed = bench.ports.facts.pop_front().unwrap();
    bench.fact(placed);
    let two = bench.ask(&ann(), &general(), post("two", None));
    bench.turn();
    let late = bench.ports.facts.pop_front().unwrap();
    bench.ports.fail_writes = Some(Epoch(150));
    bench.facts();
    for number in [one, two] {
        assert!(matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::NotStored));
    }
    // Its place comes when nobody waits for it any more.
    bench.fact(late);
    assert!(bench.reply(two).is_none());
    bench.ports.fail_writes = None;
    bench.pass(5000);
    bench.facts();
    let three = bench.ask(&ann(), &general(), post("three", None));
    bench.turn();
    bench.facts();
    assert!(matches!(bench.reply(three), Some(Reply::Placed { place, .. }) if place == Place::new(150, 1)));
}

#[test]
fn a_class_that_delivers_when_stored_tells_nobody_before() {
    let class = RoomClass { deliver: Deliver::Stored, ..RoomClass::default() };
    let mut bench = late_store(class);
    let handle = bench.attach("bob", &general(), None).handle;
    let number = bench.ask(&ann(), &general(), post("later", None));
    bench.turn();
    assert_eq!(bench.heard(), "");
    assert_eq!(bench.home_end(), Place::new(100, 1));
    assert!(matches!(bench.pull(handle, Place::new(100, 1)), PageAnswer::AtEnd));
    bench.facts();
    assert!(bench.heard().contains("later"));
    assert!(matches!(bench.reply(number), Some(Reply::Placed { .. })));
    bench.ask(&ann(), &general(), post("lost", None));
    bench.turn();
    bench.ports.fail_writes = Some(Epoch(150));
    bench.facts();
    assert_eq!(bench.heard(), "", "nobody saw it, so nothing is taken back");
}

#[test]
fn a_class_that_keeps_holds_and_submits_again() {
    let class = RoomClass { on_failure: OnFailure::Keep, ..RoomClass::default() };
    let mut bench = late_store(class);
    bench.attach("bob", &general(), None);
    bench.ports.fail_writes = Some(Epoch(150));
    let numbers: Vec<_> = (0..3)
        .map(|i| {
            let number = bench.ask(&ann(), &general(), post(&format!("held {i}"), None));
            bench.turn();
            number
        })
        .collect();
    bench.facts();
    let more = bench.ask(&ann(), &general(), post("behind", None));
    bench.turn();
    assert!(numbers.iter().all(|n| bench.reply(*n).is_none()));
    assert!(bench.heard().contains("behind"), "delivered when placed");
    bench.ports.fail_writes = None;
    bench.fact(Fact::StoreBack);
    bench.facts();
    for (i, number) in numbers.into_iter().chain([more]).enumerate() {
        let reply = bench.reply(number);
        assert!(
            matches!(reply, Some(Reply::Placed { place, .. }) if place == Place::new(100, 2 + i as u64)),
            "{reply:?}"
        );
    }
}

#[test]
fn what_is_held_is_bounded() {
    let class = RoomClass { on_failure: OnFailure::Keep, ..RoomClass::default() };
    let limits = Limits { room_in_flight: 2, ..Limits::default() };
    let mut bench = Bench::limited(class, Late::default(), AckLevel::Durable, limits);
    bench.ports.fail_writes = Some(Epoch(150));
    let numbers: Vec<_> = (0..2).map(|_| bench.ask(&ann(), &general(), post("x", None))).collect();
    bench.turn();
    assert_eq!(bench.refused(&ann(), &general(), post("x", None)), ErrorCode::Busy);
    bench.ports.fail_writes = None;
    bench.pass(20_000);
    assert!(numbers.iter().all(|n| matches!(bench.reply(*n), Some(Reply::Placed { .. }))));
    bench.post("ann", &general(), "x");
}

#[test]
fn whoever_attaches_to_a_room_in_trouble_is_answered() {
    let mut bench = late_store(RoomClass::default());
    bench.ask(&ann(), &general(), post("lost", None));
    bench.turn();
    bench.ports.fail_writes = Some(Epoch(150));
    bench.ports.late.load = true;
    bench.ports.settle();
    let stored = bench.ports.facts.pop_front().unwrap();
    let in_time = bench.attach_as(&bob(), &general(), Wants::default(), None);
    bench.home.fact(at(bench.ms), &mut bench.ports, stored, &mut bench.out);
    bench.turn();
    let late = bench.attach_as(&principal("eve"), &general(), Wants::default(), None);
    bench.turn();
    bench.facts();
    assert_eq!(bench.attached(in_time).from, Place::new(100, 1));
    assert_eq!(bench.attached(late).from, Place::new(100, 1));
    assert!(!bench.told.iter().any(|told| matches!(told, ToEdge::Behind { .. })));
}
