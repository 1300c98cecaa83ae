//! Ends: last words, silence, draining, and slots that are free again.

use super::super::AfterWrite;
use super::bench::*;
use crate::message::*;
use rookery_protocol::command::Command;
use rookery_protocol::errors::DropReason;

#[test]
fn a_silent_connection_is_pinged_and_then_closed() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.pass(24_999);
    assert!(bench.raw(conn).is_empty());
    bench.pass(1);
    assert_eq!(bench.raw(conn), [0x89, 0]);
    bench.read(conn);
    // A pong counts.
    bench.edge.heard(bench.now, conn);
    bench.pass(25_000);
    bench.pass(25_000);
    assert_eq!(bench.raw(conn), [0x89, 0, 0x89, 0]);
    bench.read(conn);
    bench.pass(9_999);
    assert_eq!(bench.edge.counters.dropped(DropReason::Silent), 0);
    bench.pass(1);
    assert_eq!(bench.edge.counters.dropped(DropReason::Silent), 1);
    assert_eq!(bench.read_some(conn, usize::MAX).1, AfterWrite::Close(DropReason::Silent));
}

#[test]
fn commands_keep_it_from_being_pinged() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    for _ in 0..10 {
        bench.pass(20_000);
        bench.ask(conn, Command::Ping);
        bench.read(conn);
    }
    assert_eq!(bench.edge.counters.pings, 0);
}

#[test]
fn what_was_queued_goes_out_before_the_last_words() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(0));
    bench.events(1, 1..=3);
    bench.edge.drain(bench.now, DropReason::Draining, &mut bench.out);
    bench.events(1, 4..=4);
    assert!(matches!(&bench.sent()[..], [ToHome::Detach(_), ToHome::SessionClosed { .. }]));
    // Nothing that is asked from here on is taken up.
    bench.ask(conn, Command::Ping);
    let (heard, after) = bench.read_some(conn, 100);
    assert_eq!((places(&heard), after), (vec![at(1)], AfterWrite::More));
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::More);
    let (heard, after) = bench.read_some(conn, usize::MAX);
    assert_eq!((places(&heard), after), (vec![at(2), at(3)], AfterWrite::Close(DropReason::Draining)));
    bench.edge.closed(bench.now, conn, DropReason::Left, &mut bench.out);
    assert_eq!(bench.edge.counters.dropped(DropReason::Draining), 1);
    assert_eq!(bench.edge.counters.dropped(DropReason::Left), 0);
    assert_eq!(bench.edge.size(), (0, 0));
}

#[test]
fn last_words_wait_only_so_long_for_a_socket() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.edge.close(bench.now, conn, DropReason::Draining, "", &mut bench.out);
    let mut dirty = Vec::new();
    bench.edge.take_dirty(&mut dirty);
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::More);
    bench.pass(9_999);
    assert!(!bench.edge.has_dirty());
    // A byte now and then buys no time.
    assert_eq!(bench.edge.wrote(bench.now, conn, 1, &mut bench.out), AfterWrite::More);
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::More);
    bench.pass(1);
    bench.edge.take_dirty(&mut dirty);
    assert_eq!(dirty, [conn, conn]);
    assert_eq!(bench.edge.blocked(bench.now, conn), AfterWrite::Close(DropReason::Draining));
}

#[test]
fn who_comes_while_the_node_drains_is_sent_on() {
    let mut bench = Bench::new();
    bench.edge.drain(bench.now, DropReason::Draining, &mut bench.out);
    let conn = bench.open(JSON);
    let close = bench.raw(conn);
    assert_eq!(u16::from_be_bytes([close[2], close[3]]), 4000);
}

#[test]
fn nothing_of_a_gone_connection_reaches_the_next_one_in_its_slot() {
    let mut bench = Bench::new();
    let gone = bench.enter("ann", JSON);
    bench.subscribe(gone, 1, at(0));
    bench.ask(gone, post(room_ref("x"), b"hi"));
    let envelope = bench.commands().pop().unwrap();
    bench.events(1, 1..=1);
    bench.edge.closed(bench.now, gone, DropReason::Left, &mut bench.out);
    let next = bench.enter("bob", JSON);
    assert_eq!(next.slot, gone.slot);
    bench.reply(envelope.reply_to, rookery_protocol::reply::Reply::Done);
    bench.events(1, 2..=2);
    assert!(bench.raw(next).is_empty() && bench.raw(gone).is_empty());
    assert_eq!(bench.edge.wrote(bench.now, gone, 5, &mut bench.out), AfterWrite::Empty);
    assert_eq!(bench.edge.blocked(bench.now, gone), AfterWrite::Empty);
    bench.edge.closed(bench.now, gone, DropReason::Left, &mut bench.out);
    assert_eq!(bench.edge.size().0, 1);
}
