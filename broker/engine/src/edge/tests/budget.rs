//! What single connections hold: the greediest goes first, and pings cost what commands cost.

use super::bench::{Bench, JSON};
use crate::settings::Limits;
use rookery_protocol::command::Command;
use rookery_protocol::errors::DropReason;
use rookery_protocol::limits::REFUSALS_ABUSIVE;

#[test]
fn who_holds_most_goes_first_and_only_as_many_as_it_takes() {
    let mut bench = Bench::with(Limits { alone_bytes: 1000, ..Limits::default() });
    let [quiet, begun, greedy, greedier] = ["ann", "bob", "cid", "dan"].map(|user| bench.enter(user, JSON));
    for conn in [quiet, begun, greedy, greedier] {
        bench.read(conn);
    }
    assert_eq!(bench.edge.held_alone(), 0, "what was read is held no more");
    bench.edge.unfinished(begun, 300);
    // Replies that nobody reads.
    bench.ask(greedy, Command::Ping);
    let one = bench.edge.held_alone() - 300;
    while bench.edge.held_alone() < 700 {
        bench.ask(greedy, Command::Ping);
    }
    bench.edge.relieve(bench.now, &mut bench.out);
    let cut = |bench: &Bench| bench.edge.counters.dropped(DropReason::Greedy);
    assert_eq!(cut(&bench), 0, "there is room");
    bench.edge.unfinished(greedier, 900);
    bench.edge.unfinished(greedier, 800);
    bench.edge.relieve(bench.now, &mut bench.out);
    assert_eq!(cut(&bench), 1);
    // Its last words are held until they are out.
    assert!(bench.edge.held_alone() < 700 + one + 200);
    assert!(bench.edge.queued(greedier) > 0 && String::from_utf8_lossy(&bench.raw(greedier)).contains("greedy"));
    // What its reader still tells of it counts no more.
    bench.edge.unfinished(greedier, 5000);
    bench.edge.unfinished(begun, 700);
    bench.edge.relieve(bench.now, &mut bench.out);
    assert_eq!(cut(&bench), 2);
    assert!(String::from_utf8_lossy(&bench.raw(begun)).contains("greedy"));
    for conn in [quiet, begun, greedy, greedier] {
        bench.edge.closed(bench.now, conn, DropReason::Left, &mut bench.out);
    }
    assert_eq!(bench.edge.held_alone(), 0, "nothing is counted of those who are gone");
}

#[test]
fn pings_above_the_rate_are_not_answered_and_a_flood_of_them_ends() {
    let limits = Limits { commands_per_second: 10, commands_burst: 20, ..Limits::default() };
    let mut bench = Bench::with(limits);
    let conn = bench.enter("ann", JSON);
    bench.read(conn);
    let before = bench.edge.held_alone();
    for _ in 0..100 {
        bench.edge.pong(bench.now, conn, b"p", &mut bench.out);
    }
    // Two bytes of header and the payload; entering took a token.
    let answered = (bench.edge.held_alone() - before) / 3;
    assert!((19..=20).contains(&answered), "{answered}");
    for _ in 0..REFUSALS_ABUSIVE {
        bench.edge.pong(bench.now, conn, b"p", &mut bench.out);
    }
    assert_eq!(bench.edge.counters.dropped(DropReason::Abusive), 1);
}
