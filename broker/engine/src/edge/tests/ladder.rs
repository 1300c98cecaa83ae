//! The slow-client ladder, rung by rung: signals are shed, the subscription catches up, the connection is cut.

use super::super::AfterWrite;
use super::bench::*;
use crate::message::*;
use crate::settings::Limits;
use rookery_protocol::command::{Command, SubscribeRoom, Wants};
use rookery_protocol::dialect::speak::ServerFrame;
use rookery_protocol::errors::DropReason;
use rookery_protocol::event::Signal;
use rookery_protocol::ids::RoomHandle;
use rookery_protocol::reply::{Mark, Reply, Start};

fn small() -> Limits {
    Limits {
        outbox_low_bytes: 500,
        outbox_shed_bytes: 1000,
        outbox_high_bytes: 2000,
        outbox_cut_bytes: 4000,
        ..Limits::default()
    }
}

fn live(bench: &mut Bench) -> ConnId {
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(0));
    conn
}

/// One event whose frame is about that long.
fn event(bench: &mut Bench, seq: u64, bytes: usize) {
    let said = [Said { seq, origin: None, bytes }];
    let chunk = bench.chunk(1, lane_of(JSON), at(seq - 1), at(seq), &said);
    bench.give(ToEdge::Chunk(chunk));
}

fn typings(heard: &[ServerFrame]) -> usize {
    heard.iter().filter(|f| matches!(f, ServerFrame::Signal { signal: Signal::Typing { .. }, .. })).count()
}

#[test]
fn signals_are_shed_first_and_events_between_them_are_not() {
    let mut bench = Bench::with(small());
    let conn = live(&mut bench);
    event(&mut bench, 1, 1100);
    let said = [TYPING, seqs(2..=2)[0], TYPING, TYPING, seqs(3..=3)[0], seqs(4..=4)[0], TYPING];
    let chunk = bench.chunk(1, lane_of(JSON), at(1), at(4), &said);
    bench.give(ToEdge::Chunk(chunk));
    let only_signals = bench.chunk(1, lane_of(JSON), at(4), at(4), &[TYPING]);
    bench.give(ToEdge::Chunk(only_signals));
    let heard = bench.read(conn);
    assert_eq!(places(&heard), [at(1), at(2), at(3), at(4)]);
    assert_eq!(typings(&heard), 0);
    assert_eq!(bench.edge.counters.shed, 2);
    let chunk = bench.chunk(1, lane_of(JSON), at(4), at(5), &[TYPING, seqs(5..=5)[0]]);
    bench.give(ToEdge::Chunk(chunk));
    assert_eq!(typings(&bench.read(conn)), 1);
}

#[test]
fn a_retract_is_never_shed() {
    let mut bench = Bench::with(small());
    let conn = live(&mut bench);
    event(&mut bench, 1, 1500);
    let retract = bench.chunk(1, lane_of(JSON), at(1), at(0), &[TYPING]);
    bench.give(ToEdge::Chunk(retract));
    let heard = bench.read(conn);
    assert!(matches!(heard.last(), Some(ServerFrame::Signal { signal: Signal::Retract { .. }, .. })));
}

#[test]
fn above_the_high_mark_nothing_is_queued_and_nothing_lost() {
    let mut bench = Bench::with(small());
    let conn = live(&mut bench);
    let other = bench.enter("bob", JSON);
    bench.subscribe(other, 1, at(0));
    event(&mut bench, 1, 2100);
    bench.read(other);
    let full = bench.edge.queued(conn);
    for seq in 2..=50 {
        event(&mut bench, seq, 100);
        bench.read(other);
    }
    assert_eq!(bench.edge.queued(conn), full);
    assert_eq!(bench.edge.counters.lagged, 1);
    // Down to the low mark, and not a byte earlier, it pulls.
    bench.read_some(conn, full - 501);
    assert!(bench.pulls().is_empty());
    bench.read_some(conn, 1);
    assert_eq!(bench.pulls(), [at(1)]);
    let page = bench.chunk(1, lane_of(JSON), at(0), at(50), &seqs(1..=50));
    bench.page(1, lane_of(JSON), at(1), PageAnswer::Events(page), at(50));
    event(&mut bench, 51, 10);
    let heard = bench.read(conn);
    // It is above the high mark again with what the page brought; the last event is pulled as well.
    assert_eq!(places(&heard), (1..=50).map(at).collect::<Vec<_>>());
    assert_eq!(bench.pulls(), [at(50)]);
    let page = bench.chunk(1, lane_of(JSON), at(0), at(51), &seqs(1..=51));
    bench.page(1, lane_of(JSON), at(50), PageAnswer::Events(page), at(51));
    assert_eq!(places(&bench.read(conn)), [at(51)]);
    assert!(marks(&heard).is_empty());
}

#[test]
fn the_room_does_not_wait_for_its_slowest() {
    let mut bench = Bench::with(small());
    let slow = live(&mut bench);
    let quick = bench.enter("bob", JSON);
    bench.subscribe(quick, 1, at(0));
    for seq in 1..=100 {
        event(&mut bench, seq, 200);
        assert_eq!(places(&bench.read(quick)), [at(seq)]);
    }
    assert!(bench.edge.queued(slow) < 2500);
}

#[test]
fn presence_that_was_shed_is_told_again_as_a_whole() {
    let mut bench = Bench::with(small());
    let conn = bench.enter("ann", JSON);
    let wants = Wants { presence: true, ..Wants::default() };
    let rooms = vec![SubscribeRoom { room: room_ref("room-1"), cursor: None, wants }];
    bench.ask(conn, Command::Subscribe { rooms });
    let attach = bench.attaches().pop().unwrap();
    bench.attached(&attach, 1, Start::Live, at(0), at(0));
    // Home says by itself who is here.
    assert!(bench.sent().is_empty());
    let present = |users: &[&str]| ToEdge::Present {
        to: conn,
        room: RoomHandle(1),
        users: users.iter().map(|u| name(u)).collect(),
        count: users.len() as u64,
        complete: true,
    };
    bench.give(present(&["ann"]));
    assert_eq!(marks(&bench.read(conn)).len(), 1);
    let chunk = bench.chunk(1, attach.lane, at(0), at(1), &[Said { seq: 1, origin: None, bytes: 1100 }]);
    bench.give(ToEdge::Chunk(chunk));
    let signals = bench.chunk(1, attach.lane, at(1), at(1), &[TYPING]);
    bench.give(ToEdge::Chunk(signals.clone()));
    assert!(bench.sent().is_empty());
    bench.read(conn);
    let sent = bench.sent();
    assert!(matches!(&sent[..], [ToHome::Who { room: RoomHandle(1), to }] if to.conn == conn), "{sent:?}");
    bench.give(present(&["ann", "bob"]));
    bench.give(ToEdge::Chunk(signals));
    let heard = bench.read(conn);
    assert!(matches!(&marks(&heard)[..], [Mark::Present { users, .. }] if users.len() == 2));
    assert_eq!(heard.len(), 2);
    assert!(bench.sent().is_empty());
    // Chunks that never came may have told of somebody too.
    bench.give(ToEdge::Behind { room: RoomHandle(1), end: at(1) });
    assert!(matches!(&bench.sent()[..], [ToHome::Who { .. }]));
}

#[test]
fn presence_is_told_again_after_catching_up() {
    let mut bench = Bench::with(small());
    let conn = bench.enter("ann", JSON);
    let wants = Wants { presence: true, ..Wants::default() };
    let rooms = vec![SubscribeRoom { room: room_ref("room-1"), cursor: Some(at(0)), wants }];
    bench.ask(conn, Command::Subscribe { rooms });
    let attach = bench.attaches().pop().unwrap();
    bench.attached(&attach, 1, Start::Resuming, at(0), at(2));
    assert_eq!(bench.pulls(), [at(0)]);
    let page = bench.chunk(1, attach.lane, at(0), at(2), &seqs(1..=2));
    bench.page(1, attach.lane, at(0), PageAnswer::Events(page), at(2));
    assert!(matches!(&bench.sent()[..], [ToHome::Who { .. }]));
}

#[test]
fn a_socket_that_takes_nothing_is_cut_after_its_last_byte() {
    let mut bench = Bench::with(Limits { ping_ms: 0, silence_ms: 0, ..small() });
    let conn = live(&mut bench);
    event(&mut bench, 1, 300);
    assert_eq!(bench.read_some(conn, 10).1, AfterWrite::More);
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::More);
    bench.pass(9_000);
    bench.read_some(conn, 1);
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::More);
    bench.pass(9_999);
    assert_eq!(bench.edge.counters.dropped(DropReason::Slow), 0);
    bench.pass(1);
    assert_eq!(bench.edge.counters.dropped(DropReason::Slow), 1);
    // The frame that was begun is finished, if the socket takes it; then the last words.
    let mut dirty = Vec::new();
    bench.edge.take_dirty(&mut dirty);
    assert_eq!(dirty, [conn]);
    let rest = bench.raw(conn);
    assert!(rest.windows(2).any(|w| w == 4001u16.to_be_bytes()), "{rest:?}");
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::Close(DropReason::Slow));
    bench.edge.closed(bench.now, conn, DropReason::Slow, &mut bench.out);
    assert_eq!(bench.edge.counters.dropped(DropReason::Slow), 1);
    assert_eq!(bench.pinned.bytes(), 0);
}

#[test]
fn what_a_cut_drops_does_not_come_back_with_the_last_words() {
    let mut bench = Bench::with(Limits { ping_ms: 0, silence_ms: 0, ..small() });
    let conn = live(&mut bench);
    bench.ask(conn, Command::Ping);
    event(&mut bench, 1, 100);
    bench.ask(conn, Command::Ping);
    bench.read_some(conn, 3);
    bench.edge.close(bench.now, conn, DropReason::Slow, "", &mut bench.out);
    let heard = bench.read(conn);
    assert_eq!((heard.len(), replies(&heard).len()), (1, 1));
}

#[test]
fn a_slow_pace_is_no_standstill() {
    let mut bench = Bench::with(Limits { ping_ms: 0, silence_ms: 0, ..small() });
    let conn = live(&mut bench);
    event(&mut bench, 1, 300);
    for _ in 0..20 {
        bench.read_some(conn, 1);
        assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::More);
        bench.pass(9_999);
    }
    assert_eq!(bench.edge.counters.dropped(DropReason::Slow), 0);
}

#[test]
fn when_too_much_is_pinned_only_the_nearly_empty_are_pushed_to() {
    let mut bench = Bench::with(small());
    let (slow, quick) = (live(&mut bench), bench.enter("bob", JSON));
    bench.subscribe(quick, 1, at(0));
    event(&mut bench, 1, 600);
    bench.read(quick);
    // Never touched, but counted: somebody's chunks that nobody takes.
    let much = Vec::with_capacity(rookery_protocol::limits::PINNED_BYTES as usize + 1);
    let pinned = crate::fanout::Chunk::new(RoomHandle(9), lane_of(JSON), at(0), at(0), much, vec![], &bench.pinned);
    event(&mut bench, 2, 10);
    assert_eq!((places(&bench.read(quick)), bench.edge.counters.lagged), (vec![at(2)], 1));
    drop(pinned);
    event(&mut bench, 3, 10);
    assert_eq!(places(&bench.read(slow)), [at(1)]);
    assert_eq!(bench.pulls(), [at(1)]);
}

#[test]
fn replies_that_pile_up_cut_the_connection() {
    let mut bench = Bench::with(small());
    let conn = live(&mut bench);
    for _ in 0..1000 {
        bench.ask(conn, Command::Ping);
    }
    assert_eq!(bench.edge.counters.dropped(DropReason::Slow), 1);
    assert!(bench.edge.queued(conn) < 4000);
}

#[test]
fn one_large_reply_is_no_pile() {
    let mut bench = Bench::with(small());
    let conn = live(&mut bench);
    bench.ask(conn, Command::UnreadSummary { after: None, limit: 0 });
    let envelope = bench.commands().pop().unwrap();
    let users = (0..500).map(|n| rookery_protocol::reply::UserEntry {
        user: name(&format!("user-{n}")),
        display: "somebody".to_owned(),
        status: Default::default(),
    });
    bench.reply(envelope.reply_to, Reply::Users { users: users.collect(), more: false });
    assert!(bench.edge.queued(conn) > 4000);
    assert_eq!(replies(&bench.read(conn)).len(), 1);
}
