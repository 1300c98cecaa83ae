//! What a class bounds goes: asked for by number and by time, and what belonged to it is forgotten.

use super::*;
use crate::ports::{Fetch, Fetched};
use crate::settings::Keep;

const HOUR: u64 = 3_600_000;

fn class() -> RoomClass {
    RoomClass { keep_messages: 80, keep_ms: 24 * HOUR, ..RoomClass::default() }
}

#[test]
fn a_class_says_what_is_kept() {
    let day = 24 * HOUR;
    let keep = RoomClass { resume_ms: 2 * day, ..class() }.keep(10 * day);
    assert_eq!(keep, Keep { messages: 80, messages_since: 9 * day, changes_since: 8 * day });
    let all = RoomClass { resume_ms: 0, ..RoomClass::default() }.keep(10 * day);
    assert_eq!(all, Keep { messages: u64::MAX, messages_since: 0, changes_since: 0 });
}

#[test]
fn a_room_that_grew_or_was_left_for_long_is_trimmed() {
    let mut bench = Bench::with(class(), Late::default());
    bench.post("ann", &general(), "first");
    assert_eq!(bench.ports.trims.len(), 0);
    bench.attach("bob", &general(), None);
    bench.pass(10_000);
    assert_eq!(bench.ports.trims.len(), 1, "soon after it was loaded");
    for n in 0..25 {
        bench.post("ann", &general(), &format!("message {n}"));
    }
    assert_eq!(bench.ports.trims.len(), 1);
    bench.post("ann", &general(), "one more");
    assert_eq!(bench.ports.trims.len(), 2, "an eighth of its number, and sixteen");
    bench.pass(HOUR);
    assert_eq!(bench.ports.trims.len(), 3, "every hour");
    let wall = at(0).wall;
    assert!(bench.ports.trims.iter().all(|keep| keep.messages == 80 && keep.messages_since >= wall - 24 * HOUR));
}

#[test]
fn a_room_without_bounds_is_left_to_others() {
    let mut bench = Bench::new();
    bench.attach("bob", &general(), None);
    for n in 0..100 {
        bench.post("ann", &general(), &format!("message {n}"));
    }
    bench.pass(3 * HOUR);
    assert_eq!(bench.ports.trims.len(), 0);
}

#[test]
fn pins_and_reactions_go_with_their_messages() {
    let mut bench = Bench::with(class(), Late { fetch: true, ..Late::default() });
    let old = bench.post("ann", &general(), "old");
    let new = bench.post("ann", &general(), "new");
    for target in [old, new] {
        bench.placed(&ann(), &general(), Command::Pin { room: ROOM, target });
        bench.placed(&bob(), &general(), Command::React { room: ROOM, target, reaction: Name::literal("+1") });
    }
    // The store has dropped the first.
    bench.ports.store(&general()).records.remove(&old);
    bench.attach("bob", &general(), None);
    bench.pass(10_000);
    bench.facts();
    let room = bench.home.rooms.get(bench.home_handle()).unwrap();
    assert_eq!(room.state.pins.iter().copied().collect::<Vec<_>>(), [new]);
    assert_eq!(room.state.reactions.keys().copied().collect::<Vec<_>>(), [new]);
    let number = bench.ask(&ann(), &general(), Command::Unpin { room: ROOM, target: old });
    bench.turn();
    bench.facts();
    assert!(matches!(bench.reply(number), Some(Reply::Placed { .. } | Reply::Done | Reply::Refused(_))));
    // A trim that fails changes nothing.
    bench.ports.fail_reads = true;
    bench.pass(HOUR);
    bench.facts();
    let room = bench.home.rooms.get(bench.home_handle()).unwrap();
    assert_eq!(room.state.pins.len(), 1);
    let none = Fetch::Trim { keep: class().keep(0), at: 0 };
    assert_eq!(bench.ports.store(&general()).fetch(&none), Fetched::Places(vec![new]));
}

#[test]
fn a_large_room_that_is_forgotten_goes_to_rest_once() {
    let mut bench = Bench::new();
    let large = room(RoomKind::Room, "large");
    bench.post("ann", &general(), "hello");
    for n in 0..70 {
        bench.placed(&principal(&format!("user-{n}")), &large, Command::Join { room: ROOM });
    }
    bench.pass(59_000);
    assert!(bench.ports.rests.is_empty());
    bench.pass(70_000);
    assert_eq!(bench.ports.rests, [large]);
}
