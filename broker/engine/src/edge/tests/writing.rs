//! Outboxes as the shell sees them: what is dirty, which slices, what a partial write leaves.

use super::super::AfterWrite;
use super::bench::*;
use crate::message::*;
use rookery_protocol::command::Command;

fn slices(bench: &Bench, conn: ConnId) -> Vec<usize> {
    bench.edge.slices(conn).map(<[u8]>::len).collect()
}

#[test]
fn a_connection_is_dirty_once_in_the_order_of_its_first_byte() {
    let mut bench = Bench::new();
    let (one, two, three) = (bench.enter("a", JSON), bench.enter("b", JSON), bench.enter("c", JSON));
    bench.subscribe(two, 1, at(0));
    bench.subscribe(one, 1, at(0));
    bench.ask(three, Command::Ping);
    bench.events(1, 1..=1);
    bench.ask(three, Command::Ping);
    bench.events(1, 2..=2);
    let mut dirty = Vec::new();
    bench.edge.take_dirty(&mut dirty);
    assert_eq!(dirty, [three, two, one]);
    // Until it is empty it is the shell's, and not listed again.
    bench.events(1, 3..=3);
    dirty.clear();
    bench.edge.take_dirty(&mut dirty);
    assert!(dirty.is_empty());
    let queued = bench.edge.queued(one);
    assert_eq!(bench.edge.wrote(bench.now, one, queued, &mut bench.out), AfterWrite::Empty);
    bench.events(1, 4..=4);
    bench.edge.take_dirty(&mut dirty);
    assert_eq!(dirty, [one]);
}

#[test]
fn a_chunk_is_one_slice_and_the_acks_of_a_turn_are_another() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", JSON);
    bench.subscribe(conn, 1, at(0));
    bench.events(1, 1..=40);
    for _ in 0..30 {
        bench.ask(conn, Command::Ping);
    }
    assert_eq!(slices(&bench, conn).len(), 2);
    assert_eq!(replies(&bench.read(conn)).len(), 30);
    assert!(slices(&bench, conn).is_empty());
}

#[test]
fn neighbours_of_a_chunk_merge_and_others_do_not() {
    let mut bench = Bench::new();
    let conn = bench.enter("ann", OLDER);
    bench.subscribe(conn, 1, at(0));
    let own = |seq| Said { seq, origin: Some(conn), bytes: 10 };
    let mut said = seqs(1..=6);
    said[2] = own(3);
    let chunk = bench.chunk(1, lane_of(OLDER), at(0), at(6), &said);
    bench.give(ToEdge::Chunk(chunk));
    assert_eq!(slices(&bench, conn).len(), 2);
}

#[test]
fn any_split_of_writes_gives_the_same_bytes() {
    for step in [1, 2, 3, 7, 50, 1000] {
        let mut bench = Bench::new();
        let conn = bench.enter("ann", JSON);
        bench.subscribe(conn, 1, at(0));
        let (mut asked, mut answered, mut seen) = (0, 0, Vec::new());
        for turn in 0..30u64 {
            bench.events(1, turn * 3 + 1..=turn * 3 + 3);
            bench.ask(conn, Command::Ping);
            asked += 1;
            let (heard, _) = bench.read_some(conn, step * 20);
            seen.extend(places(&heard));
            answered += replies(&heard).len();
        }
        loop {
            let (heard, after) = bench.read_some(conn, step);
            seen.extend(places(&heard));
            answered += replies(&heard).len();
            if after == AfterWrite::Empty {
                break;
            }
        }
        assert_eq!(seen, (1..=90).map(at).collect::<Vec<_>>());
        assert_eq!(asked, answered);
        assert_eq!(bench.pinned.bytes(), 0);
    }
}

#[test]
fn a_buffer_that_never_runs_empty_does_not_grow() {
    let mut bench = Bench::with(crate::settings::Limits {
        commands_per_second: 0,
        user_commands_per_second: 0,
        ..Default::default()
    });
    let conn = bench.enter("ann", JSON);
    let mut answered = 0;
    for turn in 0..40_000 {
        bench.ask(conn, Command::Ping);
        if turn > 10 {
            let most = bench.edge.queued(conn) - 100;
            answered += replies(&bench.read_some(conn, most).0).len();
        }
    }
    answered += replies(&bench.read(conn)).len();
    assert_eq!(answered, 40_000);
}
