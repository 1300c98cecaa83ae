//! Sending twice is sending once.

use super::*;
use crate::ports::Fact;
use rookery_protocol::ids::Epoch;

fn free(key: &str) -> Option<DuplicateKey> {
    Some(DuplicateKey::Free(key.into()))
}

fn duplicate(reply: Option<Reply>) -> (Place, bool) {
    let Some(Reply::Placed { place, duplicate, .. }) = reply else { panic!("{reply:?}") };
    (place, duplicate)
}

#[test]
fn a_repeat_gets_the_first_answer() {
    for key in [stream(7, 3), free("order-1")] {
        let mut bench = Bench::new();
        let first = bench.placed(&ann(), &general(), post("x", key.clone()));
        let reply = bench.say(&ann(), &general(), post("x", key.clone()));
        assert_eq!(duplicate(Some(reply)), (first, true));
        // Another user's key is another key.
        let other = bench.say(&bob(), &general(), post("y", key.clone()));
        assert_eq!(duplicate(Some(other)), (Place::new(100, 2), false));
        bench.restart(RoomClass::default());
        let reply = bench.say(&ann(), &general(), post("x", key));
        assert_eq!(duplicate(Some(reply)), (first, true));
    }
}

#[test]
fn a_higher_number_is_not_looked_up() {
    let mut bench = Bench::new();
    for n in 1..=5 {
        bench.placed(&ann(), &general(), post("x", stream(1, n)));
    }
    assert_eq!(bench.ports.counts.fetches, 0);
    // Passed over is not given away.
    bench.placed(&ann(), &general(), post("x", stream(1, 9)));
    let late = bench.say(&ann(), &general(), post("x", stream(1, 7)));
    assert_eq!(duplicate(Some(late)), (Place::new(100, 7), false));
    assert_eq!(bench.ports.counts.fetches, 1);
    let again = bench.say(&ann(), &general(), post("x", stream(1, 7)));
    assert_eq!(duplicate(Some(again)), (Place::new(100, 7), true));
}

#[test]
fn a_repeat_in_flight_waits_for_the_first() {
    for key in [stream(7, 3), free("order-1")] {
        let mut bench = Bench::with(RoomClass::default(), Late { sequence: true, submit: true, ..Late::default() });
        let first = bench.ask(&ann(), &general(), post("x", key.clone()));
        bench.turn();
        let second = bench.ask(&ann(), &general(), post("x", key.clone()));
        bench.turn();
        assert!(bench.reply(first).is_none() && bench.reply(second).is_none());
        bench.facts();
        assert_eq!(duplicate(bench.reply(first)), (Place::new(100, 1), false));
        assert_eq!(duplicate(bench.reply(second)), (Place::new(100, 1), true));
        assert_eq!(bench.ports.store(&general()).messages, 1);
    }
}

#[test]
fn a_repeat_before_the_store_has_it_is_known() {
    for key in [stream(7, 3), free("order-1")] {
        let mut bench = Bench::with(RoomClass::default(), Late { submit: true, ..Late::default() });
        let first = bench.ask(&ann(), &general(), post("x", key.clone()));
        bench.turn();
        let second = bench.ask(&ann(), &general(), post("x", key));
        bench.turn();
        assert!(bench.reply(second).is_none(), "not before it is confirmed");
        bench.facts();
        assert_eq!(duplicate(bench.reply(first)), (Place::new(100, 1), false));
        assert_eq!(duplicate(bench.reply(second)), (Place::new(100, 1), true));
    }
}

#[test]
fn messages_of_a_stream_keep_their_order_while_one_is_looked_up() {
    let mut bench = Bench::with(RoomClass::default(), Late { fetch: true, ..Late::default() });
    bench.placed(&ann(), &general(), post("nine", stream(1, 9)));
    let five = bench.ask(&ann(), &general(), post("five", stream(1, 5)));
    let five_again = bench.ask(&ann(), &general(), post("five", stream(1, 5)));
    let ten = bench.ask(&ann(), &general(), post("ten", stream(1, 10)));
    let other = bench.ask(&bob(), &general(), post("bob's", stream(1, 1)));
    bench.turn();
    assert_eq!(duplicate(bench.reply(other)).0, Place::new(100, 2), "nobody else waits");
    bench.facts();
    assert_eq!(duplicate(bench.reply(five)), (Place::new(100, 3), false));
    assert_eq!(duplicate(bench.reply(five_again)), (Place::new(100, 3), true));
    assert_eq!(duplicate(bench.reply(ten)), (Place::new(100, 4), false));
}

#[test]
fn a_room_with_many_streams_looks_strange_ones_up_once() {
    let mut bench = Bench::new();
    for user in 0..4700u32 {
        let who = principal(&format!("u{user}"));
        bench.ask(&who, &general(), post("x", stream(1, 4)));
        if user % 200 == 0 {
            bench.turn();
        }
    }
    bench.turn();
    bench.told.clear();
    let fetches = bench.ports.counts.fetches;
    let reply = bench.say(&principal("u0"), &general(), post("x", stream(1, 4)));
    assert_eq!(duplicate(Some(reply)), (Place::new(100, 1), true));
    let reply = bench.say(&principal("u1"), &general(), post("y", stream(1, 5)));
    assert!(!duplicate(Some(reply)).1);
    assert_eq!(bench.ports.counts.fetches, fetches + 2);
    bench.placed(&principal("u1"), &general(), post("y", stream(1, 6)));
    assert_eq!(bench.ports.counts.fetches, fetches + 2, "from then on it is at hand");
}

#[test]
fn who_waits_behind_a_key_is_turned_away_with_the_one_that_looks() {
    let mut bench =
        Bench::with(RoomClass::default(), Late { fetch: true, load: true, submit: true, ..Late::default() });
    let first = bench.ask(&ann(), &general(), post("first", stream(1, 9)));
    bench.facts();
    bench.told.clear();
    let failing = bench.ask(&ann(), &general(), post("not stored", None));
    // One looks its number up, two wait behind it.
    let behind: Vec<u32> =
        [3, 4, 5].iter().map(|n| bench.ask(&ann(), &general(), post(&format!("n {n}"), stream(1, *n)))).collect();
    bench.turn();
    let found = bench.ports.facts.pop_front().unwrap();
    bench.ports.fail_writes = Some(Epoch(150));
    bench.ports.fail_reads = true;
    bench.ports.settle();
    while let Some(fact) = bench.ports.facts.pop_front() {
        if matches!(fact, Fact::Loaded { .. }) {
            // Found while the room is loading again, which fails.
            bench.ports.facts.push_front(fact);
            break;
        }
        bench.fact(fact);
    }
    bench.fact(found);
    bench.facts();
    for number in behind {
        assert!(matches!(bench.reply(number), Some(Reply::Refused(r)) if r.code == ErrorCode::Busy), "{number}");
    }
    assert!(bench.reply(failing).is_some() && bench.reply(first).is_none());
}

#[test]
fn a_number_that_was_placed_is_known_while_a_lower_one_is_in_flight() {
    let mut bench = Bench::new();
    bench.placed(&ann(), &general(), post("nine", stream(1, 9)));
    bench.ports.late.sequence = true;
    let five = bench.ask(&ann(), &general(), post("five", stream(1, 5)));
    let nine = bench.ask(&ann(), &general(), post("nine", stream(1, 9)));
    bench.turn();
    bench.facts();
    assert_eq!(duplicate(bench.reply(five)), (Place::new(100, 2), false));
    assert_eq!(duplicate(bench.reply(nine)), (Place::new(100, 1), true));
}
