//! Subscriptions that pull: resume, skipped chunks, gaps, what was taken back, and endings on the way.

use super::bench::*;
use crate::message::*;
use rookery_protocol::command::Command;
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::DropReason;
use rookery_protocol::event::Signal;
use rookery_protocol::ids::{Place, RoomHandle};
use rookery_protocol::reply::{EndReason, GapReason, Mark, Start};

const ROOM: RoomHandle = RoomHandle(1);

/// Resuming from `cursor` in a room that ends at `end`.
fn resume(bench: &mut Bench, token: &str, cursor: Place, end: Place) -> ConnId {
    let conn = bench.enter(token, JSON);
    bench.ask(conn, Command::Subscribe { rooms: vec![wish("room-1", Some(cursor))] });
    let attach = bench.attaches().pop().unwrap();
    bench.attached(&attach, 1, Start::Resuming, cursor, end);
    conn
}

fn events(bench: &Bench, range: std::ops::RangeInclusive<u64>) -> PageAnswer {
    let (before, last) = (at(range.start() - 1), at(*range.end()));
    PageAnswer::Events(bench.chunk(1, lane_of(JSON), before, last, &seqs(range)))
}

#[test]
fn a_resume_pulls_page_by_page_and_says_when_it_is_complete() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(10), at(100));
    assert_eq!(bench.pulls(), [at(10)]);
    bench.events(1, 101..=101);
    let page = events(&bench, 1..=64);
    bench.page(1, lane_of(JSON), at(10), page, at(101));
    assert_eq!(bench.pulls(), [at(64)]);
    bench.events(1, 102..=103);
    let page = events(&bench, 65..=103);
    bench.page(1, lane_of(JSON), at(64), page, at(103));
    assert!(bench.sent().is_empty());
    bench.events(1, 104..=104);
    let heard = bench.read(conn);
    assert_eq!(places(&heard), (11..=104).map(at).collect::<Vec<_>>());
    assert_eq!(marks(&heard), [Mark::Resumed { room: ROOM, at: at(103) }]);
    let resumed = heard.iter().position(|f| matches!(f, ServerFrame::Mark(_))).unwrap();
    assert_eq!(places(&heard[resumed..]), [at(104)]);
}

#[test]
fn pulls_for_the_same_page_are_one() {
    let mut bench = Bench::new();
    let ann = resume(&mut bench, "ann", at(64), at(200));
    assert_eq!(bench.pulls(), [at(64)]);
    let bob = resume(&mut bench, "bob", at(64), at(200));
    let cid = resume(&mut bench, "cid", at(70), at(200));
    assert_eq!(bench.pulls(), [at(70)]);
    let page = events(&bench, 65..=128);
    bench.page(1, lane_of(JSON), at(64), page, at(200));
    assert_eq!(bench.pulls(), [at(128)]);
    let page = events(&bench, 65..=128);
    bench.page(1, lane_of(JSON), at(70), page, at(200));
    assert!(bench.pulls().is_empty());
    let page = events(&bench, 129..=200);
    bench.page(1, lane_of(JSON), at(128), page, at(200));
    assert!(bench.pulls().is_empty());
    assert_eq!((bench.edge.counters.pulls, bench.edge.counters.pulls_shared), (3, 3));
    for (conn, first) in [(ann, 65), (bob, 65), (cid, 71)] {
        assert_eq!(places(&bench.read(conn)), (first..=200).map(at).collect::<Vec<_>>());
    }
}

#[test]
fn skipped_chunks_turn_live_into_catching_up() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.events(1, 5..=5);
    // 6 to 8 were not sent to this shard.
    bench.events(1, 9..=9);
    assert_eq!(bench.pulls(), [at(5)]);
    bench.events(1, 10..=10);
    let page = events(&bench, 1..=10);
    bench.page(1, lane_of(JSON), at(5), page, at(10));
    bench.events(1, 11..=11);
    let heard = bench.read(conn);
    assert_eq!(places(&heard), (5..=11).map(at).collect::<Vec<_>>());
    // Nobody asked by a cursor: nobody is told.
    assert!(marks(&heard).is_empty());
    assert_eq!(bench.edge.counters.skipped, 1);
}

#[test]
fn behind_says_so_where_no_chunk_does() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.give(ToEdge::Behind { room: ROOM, end: at(6) });
    assert_eq!(bench.pulls(), [at(4)]);
    // A second word of what is known already changes nothing.
    bench.give(ToEdge::Behind { room: ROOM, end: at(6) });
    bench.events(1, 7..=7);
    let page = events(&bench, 1..=7);
    bench.page(1, lane_of(JSON), at(4), page, at(7));
    assert_eq!(places(&bench.read(conn)), [at(5), at(6), at(7)]);
}

#[test]
fn a_page_that_knows_of_more_than_the_chunks_did_reveals_what_was_skipped() {
    let mut bench = Bench::new();
    let live = bench.enter("ann", JSON);
    bench.subscribe(live, 1, at(4));
    let resuming = resume(&mut bench, "bob", at(2), at(4));
    bench.sent();
    let page = events(&bench, 1..=6);
    bench.page(1, lane_of(JSON), at(2), page, at(6));
    assert_eq!(bench.pulls(), [at(4)]);
    assert_eq!(places(&bench.read(resuming)), [at(3), at(4), at(5), at(6)]);
    let page = events(&bench, 1..=6);
    bench.page(1, lane_of(JSON), at(4), page, at(6));
    bench.events(1, 7..=7);
    assert_eq!(places(&bench.read(live)), [at(5), at(6), at(7)]);
    assert_eq!(places(&bench.read(resuming)), [at(7)]);
}

#[test]
fn a_gap_is_told_before_the_next_event() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(10), at(500));
    bench.sent();
    bench.page(1, lane_of(JSON), at(10), PageAnswer::Gap { reason: GapReason::TooOld, from: at(400) }, at(500));
    assert_eq!(bench.pulls(), [at(400)]);
    let page = events(&bench, 385..=500);
    bench.page(1, lane_of(JSON), at(400), page, at(500));
    let heard = bench.read(conn);
    assert_eq!(places(&heard), (401..=500).map(at).collect::<Vec<_>>());
    let gap = Mark::Gap { room: ROOM, reason: GapReason::TooOld, from: at(400) };
    assert_eq!(marks(&heard), [gap.clone(), Mark::Resumed { room: ROOM, at: at(500) }]);
    assert!(heard.iter().position(|f| *f == ServerFrame::Mark(gap.clone())) < Some(2));
}

#[test]
fn who_cannot_be_told_of_a_gap_is_closed() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", OLDER);
    bench.subscribe(conn, 1, at(4));
    bench.give(ToEdge::Behind { room: ROOM, end: at(900) });
    bench.page(1, lane_of(OLDER), at(4), PageAnswer::Gap { reason: GapReason::Lagged, from: at(800) }, at(900));
    assert_eq!(bench.edge.counters.dropped(DropReason::Lagged), 1);
    let close = bench.raw(conn);
    assert_eq!((close[0], u16::from_be_bytes([close[2], close[3]])), (0x88, 4003));
}

#[test]
fn what_was_taken_back_is_told_before_what_follows() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(100), Place::new(2, 97));
    bench.sent();
    let (above, next) = (at(95), Place::new(2, 96));
    bench.page(1, lane_of(JSON), at(100), PageAnswer::Retract { above, next }, Place::new(2, 97));
    assert_eq!(bench.pulls(), [at(95)]);
    let page = bench.chunk(1, lane_of(JSON), at(95), Place::new(2, 97), &seqs(96..=97));
    bench.page(1, lane_of(JSON), at(95), PageAnswer::Events(page), Place::new(2, 97));
    let heard = bench.read(conn);
    assert!(matches!(&heard[1], ServerFrame::Signal { signal: Signal::Retract { above: a, .. }, .. } if *a == above));
    assert_eq!(places(&heard), [Place::new(2, 96), Place::new(2, 97)]);
    assert_eq!(marks(&heard), [Mark::Resumed { room: ROOM, at: Place::new(2, 97) }]);
}

#[test]
fn a_live_retract_is_a_chunk_and_the_next_event_continues_it() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    bench.events(1, 5..=7);
    let retract = bench.chunk(1, lane_of(JSON), at(7), at(5), &[TYPING]);
    bench.give(ToEdge::Chunk(retract));
    let next = bench.chunk(1, lane_of(JSON), at(5), Place::new(2, 6), &seqs(6..=6));
    bench.give(ToEdge::Chunk(next));
    let heard = bench.read(conn);
    assert_eq!(places(&heard), [at(5), at(6), at(7), Place::new(2, 6)]);
    assert!(matches!(&heard[3], ServerFrame::Signal { signal: Signal::Retract { above, .. }, .. } if *above == at(5)));
    assert!(bench.sent().is_empty());
}

#[test]
fn a_retract_whose_chunk_was_skipped_is_found_by_pulling() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(7));
    bench.give(ToEdge::Behind { room: ROOM, end: at(5) });
    assert_eq!(bench.pulls(), [at(7)]);
    bench.page(1, lane_of(JSON), at(7), PageAnswer::Retract { above: at(5), next: Place::new(2, 6) }, at(5));
    let next = bench.chunk(1, lane_of(JSON), at(5), Place::new(2, 6), &seqs(6..=6));
    bench.give(ToEdge::Chunk(next));
    let heard = bench.read(conn);
    assert!(matches!(&heard[0], ServerFrame::Signal { signal: Signal::Retract { .. }, .. }));
    assert_eq!(places(&heard), [Place::new(2, 6)]);
}

#[test]
fn a_store_that_does_not_answer_is_asked_again_later() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(1), at(3));
    assert_eq!(bench.pulls(), [at(1)]);
    bench.page(1, lane_of(JSON), at(1), PageAnswer::Later { retry_after_ms: 200 }, at(3));
    bench.pass(199);
    assert!(bench.pulls().is_empty());
    bench.pass(1);
    assert_eq!(bench.pulls(), [at(1)]);
    let page = events(&bench, 1..=3);
    bench.page(1, lane_of(JSON), at(1), page, at(3));
    assert_eq!(places(&bench.read(conn)), [at(2), at(3)]);
}

#[test]
fn answers_that_bring_nothing_new_do_not_spin() {
    let mut bench = Bench::new();
    resume(&mut bench, "ann", at(5), at(9));
    bench.sent();
    for answer in [
        events(&bench, 1..=5),
        PageAnswer::AtEnd,
        PageAnswer::Gap { reason: GapReason::Lagged, from: at(5) },
        PageAnswer::Retract { above: at(5), next: at(6) },
    ] {
        bench.page(1, lane_of(JSON), at(5), answer, at(9));
        assert!(bench.pulls().is_empty());
        bench.pass(50);
        assert_eq!(bench.pulls(), [at(5)]);
    }
}

#[test]
fn who_is_removed_while_catching_up_is_fed_up_to_there_and_no_further() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(10), at(200));
    assert_eq!(bench.pulls(), [at(10)]);
    let (whom, reason) = (Whom::User(name("ann")), EndReason::Removed);
    bench.give(ToEdge::Ended { room: ROOM, whom, at: at(100), reason, close: Some(DropReason::Replaced) });
    // Its handle is good for nothing from here on.
    let asked = bench.ask(conn, post(rookery_protocol::command::RoomRef::Handle(ROOM), b"x"));
    let page = events(&bench, 1..=64);
    bench.page(1, lane_of(JSON), at(10), page, at(200));
    let page = events(&bench, 65..=128);
    bench.page(1, lane_of(JSON), at(64), page, at(200));
    let heard = bench.read(conn);
    assert_eq!(refusals(&heard), [(asked, rookery_protocol::errors::ErrorCode::NotSubscribed)]);
    assert_eq!(places(&heard), (11..=100).map(at).collect::<Vec<_>>());
    assert_eq!(marks(&heard), [Mark::Ended { room: ROOM, at: at(100), reason }]);
    assert_eq!(bench.edge.counters.dropped(DropReason::Replaced), 1);
}

#[test]
fn what_an_ended_one_cannot_be_fed_is_a_gap() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(10), at(200));
    let (whom, reason) = (Whom::All, EndReason::RoomDeleted);
    bench.give(ToEdge::Ended { room: ROOM, whom, at: at(200), reason, close: None });
    bench.page(1, lane_of(JSON), at(10), PageAnswer::Gap { reason: GapReason::Lagged, from: at(300) }, at(300));
    let gap = Mark::Gap { room: ROOM, reason: GapReason::Lagged, from: at(200) };
    assert_eq!(marks(&bench.read(conn)), [gap, Mark::Ended { room: ROOM, at: at(200), reason }]);
    assert!(matches!(bench.sent().last(), Some(ToHome::Detach(d)) if d.lane_empty));
}

#[test]
fn a_home_that_knows_the_room_no_more_ends_what_waits_for_its_end() {
    let mut bench = Bench::new();
    let conn = resume(&mut bench, "ann", at(10), at(200));
    let (whom, reason) = (Whom::All, EndReason::RoomDeleted);
    bench.give(ToEdge::Ended { room: ROOM, whom, at: at(200), reason, close: None });
    let nothing = PageAnswer::Gap { reason: GapReason::UnknownPlace, from: Place::START };
    bench.page(1, lane_of(JSON), at(10), nothing, Place::START);
    let gap = Mark::Gap { room: ROOM, reason: GapReason::UnknownPlace, from: at(200) };
    assert_eq!(marks(&bench.read(conn)), [gap, Mark::Ended { room: ROOM, at: at(200), reason }]);
}

#[test]
fn a_lane_that_stood_still_goes_on_where_home_stands() {
    let mut bench = Bench::new();
    let ended = resume(&mut bench, "ann", at(1), at(9));
    let (whom, reason) = (Whom::User(name("ann")), EndReason::Removed);
    bench.give(ToEdge::Ended { room: ROOM, whom, at: at(9), reason, close: None });
    bench.sent();
    // Home sent nothing here while it took back two events, because nobody listened.
    let next = resume(&mut bench, "bob", at(7), at(7));
    assert_eq!(marks(&bench.read(next)), [Mark::Resumed { room: ROOM, at: at(7) }]);
    let chunk = bench.chunk(1, lane_of(JSON), at(7), Place::new(2, 8), &seqs(8..=8));
    bench.give(ToEdge::Chunk(chunk));
    assert_eq!(places(&bench.read(next)), [Place::new(2, 8)]);
    assert!(places(&bench.read(ended)).is_empty());
}

#[test]
fn an_end_that_was_taken_back_meanwhile_is_where_the_rest_stands() {
    for answer in [PageAnswer::AtEnd, PageAnswer::Retract { above: at(10), next: Place::new(2, 11) }] {
        let mut bench = Bench::new();
        let cursor = if matches!(answer, PageAnswer::AtEnd) { at(10) } else { at(12) };
        let conn = resume(&mut bench, "ann", cursor, at(20));
        let (whom, reason) = (Whom::All, EndReason::Removed);
        bench.give(ToEdge::Ended { room: ROOM, whom, at: at(20), reason, close: None });
        bench.page(1, lane_of(JSON), cursor, answer, Place::new(2, 20));
        let page = bench.chunk(1, lane_of(JSON), at(10), Place::new(2, 20), &seqs(11..=20));
        bench.page(1, lane_of(JSON), at(10), PageAnswer::Events(page), Place::new(2, 20));
        let heard = bench.read(conn);
        assert!(places(&heard).is_empty());
        assert_eq!(marks(&heard), [Mark::Ended { room: ROOM, at: at(10), reason }]);
    }
}

#[test]
fn a_live_one_that_missed_chunks_is_fed_before_it_is_ended() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(4));
    let (whom, reason) = (Whom::Connection(conn), EndReason::Replaced);
    bench.give(ToEdge::Ended { room: ROOM, whom, at: at(6), reason, close: None });
    assert_eq!(bench.pulls(), [at(4)]);
    let page = events(&bench, 1..=9);
    bench.page(1, lane_of(JSON), at(4), page, at(9));
    let heard = bench.read(conn);
    assert_eq!(places(&heard), [at(5), at(6)]);
    assert_eq!(marks(&heard), [Mark::Ended { room: ROOM, at: at(6), reason }]);
}

#[test]
fn many_rooms_of_one_connection_are_fed_in_turn() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    let rooms: Vec<_> = (1..=5).map(|n| wish(&format!("room-{n}"), Some(at(0)))).collect();
    bench.ask(conn, Command::Subscribe { rooms });
    for (n, attach) in bench.attaches().iter().enumerate() {
        bench.attached(attach, n as u32 + 1, Start::Resuming, Place::START, at(200));
    }
    let (mut order, mut heard) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let pulls: Vec<_> = bench.sent();
        // At most two pages are under way at any time.
        assert!(pulls.len() <= 2);
        for pull in pulls {
            let ToHome::Pull { room, lane, after } = pull else { panic!("{pull:?}") };
            order.push(room.0);
            let last = (after.seq.0 + 64).min(200);
            let before = if after.seq.0 == 0 { Place::START } else { after };
            let chunk = bench.chunk(room.0, lane, before, at(last), &seqs(after.seq.0 + 1..=last));
            bench.page(room.0, lane, after, PageAnswer::Events(chunk), at(200));
        }
        heard.extend(bench.read(conn));
    }
    assert_eq!(order.len(), 20);
    // Nobody waits for another to be done.
    assert_eq!(order[..5], [1, 2, 3, 4, 5]);
    assert_eq!(places(&heard).len(), 1000);
    assert_eq!(marks(&heard).len(), 5);
}
