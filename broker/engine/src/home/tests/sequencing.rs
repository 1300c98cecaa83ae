//! Slow sequencers, answers out of order, events of other nodes.

use super::*;
use crate::ports::{Fact, Foreign, Sequenced};
use rookery_protocol::command::RoomSettings;
use rookery_protocol::event::{Event, EventBody};
use rookery_protocol::ids::Epoch;

fn slow() -> Bench {
    Bench::with(RoomClass::default(), Late { sequence: true, ..Late::default() })
}

fn foreign(bench: &mut Bench, by: &str, body: EventBody) -> Fact {
    let place = bench.ports.foreign_place(&general(), Epoch(100));
    let event = Event { place, at: 1, by: Name::new(by).unwrap(), body };
    let event = Box::new(Foreign { event, rows: Vec::new(), privileged: false });
    Fact::Foreign { room: general(), event }
}

fn create(access: rookery_protocol::command::Access) -> Command {
    let settings = RoomSettings { access: Some(access), ..RoomSettings::default() };
    Command::Create { room: ROOM, settings: Box::new(settings), members: Vec::new() }
}

#[test]
fn several_are_in_flight_and_applied_in_order() {
    let mut bench = slow();
    let numbers: Vec<_> = (0..4).map(|i| bench.ask(&ann(), &general(), post(&format!("{i}"), None))).collect();
    bench.turn();
    // The last answer first.
    let facts: Vec<_> = bench.ports.facts.drain(..).collect();
    for fact in facts.into_iter().rev() {
        bench.fact(fact);
    }
    for (i, number) in numbers.into_iter().enumerate() {
        let reply = bench.reply(number);
        assert!(matches!(reply, Some(Reply::Placed { place, .. }) if place.seq.0 == i as u64 + 1), "{reply:?}");
    }
}

#[test]
fn what_would_be_refused_waits_for_what_is_in_flight() {
    use rookery_protocol::command::Access;
    let mut bench = slow();
    let created = bench.ask(&ann(), &general(), create(Access::Members));
    bench.facts();
    assert!(matches!(bench.reply(created), Some(Reply::Placed { .. })));
    let invited = bench.ask(
        &ann(),
        &general(),
        Command::Invite { room: ROOM, user: Name::literal("bob"), role: Default::default() },
    );
    let posted = bench.ask(&bob(), &general(), post("pipelined", None));
    let refused = bench.ask(&principal("eve"), &general(), post("no", None));
    let history = bench.ask(&ann(), &general(), Command::Typing { room: ROOM, on: true });
    bench.turn();
    assert!(bench.reply(history).is_none(), "everything behind it waits in order");
    bench.facts();
    assert!(matches!(bench.reply(invited), Some(Reply::Placed { .. })));
    assert!(matches!(bench.reply(posted), Some(Reply::Placed { .. })));
    assert!(matches!(bench.reply(refused), Some(Reply::Refused(r)) if r.code == ErrorCode::NotAMember));
    assert_eq!(bench.reply(history), Some(Reply::Done));
}

#[test]
fn what_no_longer_holds_becomes_void() {
    let mut bench = slow();
    bench.attach("bob", &general(), None);
    let target = {
        let number = bench.ask(&ann(), &general(), post("first", None));
        bench.facts();
        let Some(Reply::Placed { place, .. }) = bench.reply(number) else { panic!() };
        place
    };
    let fact = foreign(&mut bench, "ann", EventBody::Deleted { target });
    let pin = bench.ask(&bob(), &general(), Command::Pin { room: ROOM, target });
    bench.turn();
    // Another node's deletion has the place before.
    bench.fact(fact);
    bench.facts();
    let reply = bench.reply(pin);
    assert!(matches!(&reply, Some(Reply::Refused(r)) if r.code == ErrorCode::Overtaken), "{reply:?}");
    let tables = bench.ports.store(&general());
    assert_eq!(tables.last, Place::new(100, 3));
    assert!(matches!(tables.events.values().last().unwrap().body, EventBody::Void));
}

#[test]
fn a_repeat_of_what_became_void_is_refused_as_the_first_was() {
    let mut bench = Bench::new();
    let first = bench.post("ann", &general(), "first");
    let fact = foreign(&mut bench, "eve", EventBody::Void);
    bench.fact(fact);
    let void = bench.home_end();
    assert_eq!(void, Place::new(100, 2));
    // The sequencer knows the key and its place, but not what became of it.
    bench.ports.sequencer_says.extend([Sequenced::Duplicate(void), Sequenced::Duplicate(first)]);
    assert_eq!(bench.refused(&ann(), &general(), post("second", stream(1, 1))), ErrorCode::Overtaken);
    let reply = bench.say(&ann(), &general(), post("first", stream(1, 1)));
    assert!(matches!(reply, Reply::Placed { place, duplicate: true, .. } if place == first));
}

#[test]
fn foreign_events_are_applied_in_order_of_their_places() {
    let mut bench = slow();
    let handle = bench.attach("bob", &general(), None).handle;
    let facts: Vec<_> =
        (0..3).map(|i| foreign(&mut bench, "eve", EventBody::Pinned { target: Place::new(100, i + 50) })).collect();
    for fact in facts.into_iter().rev() {
        bench.fact(fact);
    }
    assert_eq!(bench.replay(handle, Place::START), [1, 2, 3]);
    assert_eq!(bench.ports.store(&general()).pins.len(), 3);
    let number = bench.ask(&ann(), &general(), post("mine", None));
    bench.facts();
    assert!(matches!(bench.reply(number), Some(Reply::Placed { place, .. }) if place == Place::new(100, 4)));
}

#[test]
fn nobody_knows_is_said() {
    let mut bench = Bench::new();
    bench.ports.sequencer_says.extend([Sequenced::Unknown, Sequenced::Unexpected]);
    assert_eq!(bench.refused(&ann(), &general(), post("?", None)), ErrorCode::Unsure);
    assert_eq!(bench.refused(&ann(), &general(), post("?", None)), ErrorCode::Unexpected);
    let first = bench.post("ann", &general(), "1");
    bench.ports.sequencer_says.push_back(Sequenced::Duplicate(first));
    let reply = bench.say(&ann(), &general(), post("1", None));
    assert!(matches!(reply, Reply::Placed { place, duplicate: true, ordinal: Some(1), .. } if place == first));
}

#[test]
fn in_flight_is_bounded() {
    let limits = Limits { room_in_flight: 3, ..Limits::default() };
    let late = Late { sequence: true, ..Late::default() };
    let mut bench = Bench::limited(RoomClass::default(), late, AckLevel::Durable, limits);
    let numbers: Vec<_> = (0..4).map(|_| bench.ask(&ann(), &general(), post("x", None))).collect();
    bench.turn();
    assert!(
        matches!(bench.reply(numbers[3]), Some(Reply::Refused(r)) if r.code == ErrorCode::Busy && r.retry_after_ms > 0)
    );
    bench.facts();
    assert!(numbers[..3].iter().all(|n| bench.reply(*n).is_some()));
}

#[test]
fn a_run_opens_its_epoch_after_the_highest_place() {
    let mut bench = Bench::new();
    assert_eq!(bench.post("ann", &general(), "1"), Place::new(100, 1));
    bench.restart(RoomClass::default());
    assert_eq!(bench.post("ann", &general(), "2"), Place::new(200, 2));
    assert_eq!(bench.post("ann", &general(), "3"), Place::new(200, 3));
    assert_eq!(bench.ports.store(&general()).epochs.len(), 2);
}

#[test]
fn what_never_comes_is_not_waited_for_without_end() {
    let limits = Limits { room_in_flight: 4, ..Limits::default() };
    let late = Late { sequence: true, ..Late::default() };
    let mut bench = Bench::limited(RoomClass::default(), late, AckLevel::Durable, limits);
    bench.attach("bob", &general(), None);
    let lost = foreign(&mut bench, "eve", EventBody::Pinned { target: Place::new(100, 50) });
    let mine = bench.ask(&ann(), &general(), post("mine", None));
    bench.facts();
    for i in 0..4 {
        let fact = foreign(&mut bench, "eve", EventBody::Pinned { target: Place::new(100, 60 + i) });
        bench.fact(fact);
    }
    assert!(matches!(bench.reply(mine), Some(Reply::Refused(r)) if r.code == ErrorCode::Unsure));
    assert_eq!(bench.ports.counts.loads, 2);
    bench.fact(lost);
    assert_eq!(bench.home_end(), Place::new(100, 1));
}
