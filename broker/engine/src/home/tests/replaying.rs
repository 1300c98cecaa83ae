//! Pages of replay that are read from the store while the room goes on.

use super::*;
use crate::fanout::Chunk;
use rookery_protocol::command::RoomRef;

/// A room whose first messages are older than its recent log, on a store whose reads are late.
fn deep(reads: bool, writes: bool) -> (Bench, RoomHandle, Place) {
    let limits = Limits { recent_events: 4, replay_page_events: 4, ..Limits::default() };
    let mut bench = Bench::limited(RoomClass::default(), Late::default(), AckLevel::Durable, limits);
    let first = bench.post("ann", &general(), "as it was");
    for i in 0..12 {
        bench.post("ann", &general(), &format!("filler {i}"));
    }
    bench.ports.late = Late { fetch: reads, submit: writes, ..Late::default() };
    let handle = bench.attach("bob", &general(), Some(Place::START)).handle;
    bench.told.clear();
    (bench, handle, first)
}

fn edit(target: Place) -> Command {
    let body = b"as it is"[..].into();
    Command::Edit { room: RoomRef::Inbox, target, kind: None, body, metadata: None, ack: None }
}

fn text(answer: PageAnswer) -> String {
    let PageAnswer::Events(chunk) = answer else { panic!("{answer:?}") };
    let chunk: Arc<Chunk> = chunk;
    String::from_utf8_lossy(chunk.bytes()).into_owned()
}

#[test]
fn a_page_that_is_read_while_a_message_changes_shows_it_as_it_is() {
    let (mut bench, handle, first) = deep(true, false);
    bench.tell(ToHome::Pull { room: handle, lane: lane(Wants::default()), after: Place::START });
    bench.turn();
    // The store has answered, and the answer is under way.
    let before = bench.ports.facts.pop_front().unwrap();
    bench.ask(&ann(), &general(), edit(first));
    bench.turn();
    bench.facts();
    bench.fact(before);
    let page = text(bench.page());
    assert!(page.contains("as it is") && !page.contains("as it was"), "{page}");
}

#[test]
fn a_page_shows_a_change_that_is_delivered_and_not_stored_yet() {
    let (mut bench, handle, first) = deep(false, true);
    bench.ask(&ann(), &general(), edit(first));
    bench.turn();
    assert!(bench.heard().contains("as it is"), "delivered when placed");
    let page = text(bench.pull(handle, Place::START));
    assert!(page.contains("as it is") && !page.contains("as it was"), "{page}");
    // And so does the page that stays when the change is stored.
    bench.facts();
    assert!(!text(bench.pull(handle, Place::START)).contains("as it was"));
}

#[test]
fn a_store_that_forgot_is_asked_again_only_from_further_on() {
    let (mut bench, handle, _) = deep(true, false);
    bench.ports.store(&general()).replay_from = Place::new(100, 2);
    for after in [Place::START, Place::new(100, 3)] {
        bench.tell(ToHome::Pull { room: handle, lane: lane(Wants::default()), after });
    }
    bench.turn();
    bench.facts();
    assert!(matches!(bench.page(), PageAnswer::Gap { .. }));
    assert!(text(bench.page()).contains("filler"), "whoever stands above what was forgotten goes on");
    assert!(bench.ports.counts.fetches <= 5, "{:?}", bench.ports.counts);
}
